# SPDX-License-Identifier: Apache-2.0
"""Which addresses of the node answer node ports, and when that changes: case A24 and what goes with it."""
import pytest
from bed import objects, run, wait_for
from bed.cluster import N1

PRIMARY = {"192.168.77.1", "fd77::1"}
OTHERS = {"192.168.78.1", "10.244.1.1", "192.0.2.77", "2001:db8:77::77"}
NEW = (("192.0.2.77", "192.0.2.77/32"), ("2001:db8:77::77", "2001:db8:77::77/128"))


def address(bed, verb, prefix):
    run("ip", "-n", bed.node, "addr", verb, prefix, "dev", "eth0", *(["nodad"] if ":" in prefix else []))


@pytest.fixture
def more(dual):
    """The node has one more address of each family."""
    for _, prefix in NEW:
        address(dual.bed, "add", prefix)
    yield dual
    for _, prefix in NEW:
        address(dual.bed, "del", prefix)


def answers(case, addr, by="host"):
    return not case.ask(by=by, to=(addr, 30080), timeout=1).failed


@pytest.mark.parametrize("asked, served", [
    (["192.168.77.0/24", "fd77::/64"], PRIMARY),
    (["192.168.77.0/24"], PRIMARY | {"2001:db8:77::77"}),  # says nothing of IPv6
    (["primary"], PRIMARY),
    (["primary", "192.0.2.0/24"], PRIMARY | {"192.0.2.77"})])
def test_a24_only_the_addresses_asked_for_answer(more, asked, served):
    """Seen from the node, a pod and outside."""
    with more.bed.restarted(nodePortAddresses=asked):
        more.serve("l1", type="NodePort")
        for addr in sorted(served):
            for by in ("host", "c1", "ext"):
                more.settles("l1", by=by, to=(addr, 30080), n=20)
        for addr in sorted((PRIMARY | OTHERS) - served) + ["127.0.0.1"]:
            more.refused(by="host", to=(addr, 30080))
            if addr != "127.0.0.1":
                assert not answers(more, addr, "ext")


def test_a24_primary_follows_the_node_object(dual):
    nodes = [objects.node(name, i, z, a) for name, i, z, a in (
        ("n1", 1, "z1", ["192.168.78.1"]), ("n2", 2, "z1", ["192.168.77.2"]), ("n3", 3, "z2", ["192.168.77.3"]))]
    text = (dual.bed.dir / "manifests" / "node.json").read_text()
    with dual.bed.restarted(nodePortAddresses=["primary"]):
        dual.serve("l1", type="NodePort")
        dual.settles("l1", by="ext", to=(N1[0], 30080))
        try:
            dual.bed.write("node.json", *nodes)
            dual.settles("l1", by="ext", to=("192.168.78.1", 30080))
            dual.refused(by="host", to=(N1[0], 30080))
        finally:
            (dual.bed.dir / "manifests" / "node.json").write_text(text)
            dual.settles("l1", by="ext", to=(N1[0], 30080))


def test_an_address_answers_as_long_as_the_node_has_it(dual):
    """The agent hears of it from the kernel: no manifest changes, nothing is started anew."""
    dual.serve("l1", type="NodePort")
    dual.settles("l1", by="host", to=(N1[0], 30080))
    for addr, prefix in NEW:
        assert "ECONNREFUSED" not in dual.ask(by="host", to=(addr, 30080), timeout=1).errors  # nobody has it
        address(dual.bed, "add", prefix)
        wait_for(f"{addr} answers", lambda a=addr: answers(dual, a), timeout=1)
        for by in ("host", "c1", "ext"):
            dual.settles("l1", by=by, to=(addr, 30080), n=20)
        address(dual.bed, "del", prefix)
        wait_for(f"{addr} is silent", lambda a=addr: not answers(dual, a), timeout=2)
    wait_for("the kernel does it", lambda: dual.bed.weir("datapath", "check") == [])


def test_a_wish_that_no_address_meets_is_told_once(dual):
    said = 'msg="no node port is served"'
    before = dual.bed.agent_log().count(said)
    with dual.bed.restarted(nodePortAddresses=["203.0.113.200/32", "2001:db8:99::/64"]):
        dual.serve("l1", type="NodePort")
        dual.settles("l1")
        dual.serve("r2a", type="NodePort")
        dual.settles("r2a")
        assert dual.bed.agent_log().count(said) == before + 1
        address(dual.bed, "add", "203.0.113.200/32")
        wait_for("the address answers", lambda: answers(dual, "203.0.113.200"))
        address(dual.bed, "del", "203.0.113.200/32")
