# SPDX-License-Identifier: Apache-2.0
"""Direct server return: ext comes to n1, and n2, which has the backends, answers it past n1. n3 has pods, but
nobody there who would take packets that are sent on."""
import contextlib
import json

import conftest
import pytest
from bed import ip, run, wait_for
from bed.cluster import N2, Cluster
from bed.objects import READY
from bed.packets import ECHO_PORTS, bulk, checksum_errors, counted, echo, offload, reasons
from bed.peer import Peer
from bed.place import Place
from bed.traffic import NO_ANSWER

BYTES = 3_000_000
LITTLE = 100_000  # bytes of neighbours' talk
TO = pytest.mark.parametrize("to", ["node", "external", "ingress"])
# Dials again and again by one port; the end is a reset, so that the port is free for the next.
SAME_PORT = """
import socket, struct, sys
addr, port, own = sys.argv[1], int(sys.argv[2]), None
for n in range(40):
    s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.settimeout(5)
    s.bind(("", own or 0))
    own = s.getsockname()[1]
    s.connect((addr, port))
    s.sendall(b"?")
    print(s.recv(100).decode().split()[0])
    s.close()
"""
# Asks, and is gone before the answer comes.
DEAF = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"?", (sys.argv[1], int(sys.argv[2])))
s.close()
"""


class DirectCluster(Cluster):
    datapath = {**Cluster.datapath, "mode": "dsr"}


@pytest.fixture(scope="module")
def cluster():
    with conftest.made(DirectCluster) as c, Peer(c) as c.peer:
        Place(c, "h2", c.peer.node, N2)
        for name in ("r2a", "l1", "h2"):
            echo(c.places[name])
        for name in ("ext", "n3"):  # they say so at the rate that tests ask
            c.sysctl(f"{c.name}-{name}", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
        c.peer.start()
        c.start()
        yield c


def serve(case, *eps, ports=None, **spec):
    case.put(case.service(type="LoadBalancer", externalIPs=[case.address("external")], **spec),
             case.slice(*eps, **({"ports": ports} if ports else {})))
    case.shows(pending=[])


def echoes(case, *eps):
    serve(case, *eps, ports=ECHO_PORTS)
    wait_for("it is served", lambda: bulk(case, "tcp", 1))


def script(case, text, to="external"):
    return case.bed.places["ext"].run("/usr/bin/python3", "-c", text, *map(str, case.frontend(to))).split()


def answered(bed):
    """Bytes that left to the clients outside, by n1 and by n2."""
    def sent(netns):
        link, = json.loads(run("ip", "-n", netns, "-j", "-s", "link", "show", "dev", "eth1").stdout)
        return link["stats64"]["tx"]["bytes"]
    return sent(bed.node), sent(bed.peer.node)


def flows(bed):
    return [f for f in bed.weir("flow", "show") if f["path"] == "packet"]


# ---- The way of answers, and who is seen --------------------------------------------------------

@TO
@pytest.mark.parametrize("kind", ["tcp", "udp", "udpc"])
def test_backends_of_the_other_node_see_the_client(cluster, case, to, kind):
    serve(case, "r2a")
    with counted(cluster, "pkt_away"):
        got = case.settles("r2a", n=20, by="ext", to=to, kind=kind)
    assert got.sources == {case.ip("ext")}


@TO
def test_answers_do_not_pass_the_node_that_was_asked(cluster, case, to):
    echoes(case, "r2a")
    before = answered(cluster)
    bulk(case, "tcp", BYTES, to=to)
    for size in (1, 1400, 60000):
        bulk(case, "udp", size, to=to)
    after = answered(cluster)
    assert after[0] - before[0] < LITTLE
    assert after[1] - before[1] > BYTES


def test_all_backends_have_their_share_and_see_the_client(cluster, case):
    """Also those of the node itself; but a pod that dials a node port shows itself as the node where its packets
    are translated on their way, and as itself where its socket was."""
    serve(case, "l1", "r2a", "r2b")
    for to in ("node", "external"):
        got = case.settles("l1", "r2a", "r2b", by="ext", to=to)
        assert got.sources == {case.ip("ext")}
        assert case.settles("l1", "r2a", "r2b", by="c1", to=to).sources == {case.ip("c1")}


def test_the_other_nodes_own_sockets_are_backends_too(cluster, case):
    addr = N2[case.families[0] == "IPv6"]
    echoes(case, {"addresses": [addr], "conditions": READY, "nodeName": "n2"})
    before = answered(cluster)
    bulk(case, "tcp", BYTES)
    for size in (1, 4000):
        bulk(case, "udp", size)
    after = answered(cluster)
    assert after[0] - before[0] < LITTLE < after[1] - before[1]


def test_policy_local_stays_local(cluster, case):
    serve(case, "l1", "r2a", externalTrafficPolicy="Local")
    assert case.settles("l1", n=20, by="ext", to="external").sources == {case.ip("ext")}


def test_cluster_ips_are_answered_by_the_node_that_was_asked(cluster, case):
    serve(case, "r2a")
    assert case.settles("r2a", n=5, by="ext", to="vip").sources <= case.node_ips()


def test_a_client_keeps_its_backend_by_affinity(cluster, case):
    serve(case, "r2a", "r2b", sessionAffinity="ClientIP")
    case.settles(*case.ask(1, by="ext", to="external").names, n=30, by="ext", to="external")


def test_source_ranges_are_about_the_client(cluster, case):
    serve(case, "r2a", loadBalancerSourceRanges=[f"{case.ip('ext')}/{32 if case.families[0] == 'IPv4' else 128}"])
    case.settles("r2a", n=5, by="ext", to="ingress")
    case.dropped(by="ext2", to="ingress")


def test_both_nodes_show_the_flow(cluster, case):
    serve(case, "r2a")
    place, _, addr, port, *_ = case.how(by="ext", to="external")
    client = place.begin("hold", "held", addr, port, 1, 5)
    client.up()
    for bed, node in ((cluster, N2[case.families[0] == "IPv6"]), (cluster.peer, None)):
        want = {"vip": addr, "protocol": "TCP", "backend": case.ip("r2a"), "source": None, "state": "established",
                "service": f"default/{case.name}", "draining": False, "node": node}
        wait_for(f"{want} is shown", lambda b=bed, w=want: any(w.items() <= f.items() for f in flows(b)))
    client.say()
    assert not client.result()["failed"]


# ---- Sizes and checksums ------------------------------------------------------------------------

def forget(bed):
    """What paths take, as it was learnt."""
    for name in ("ext", "r2a"):
        for family in ("-4", "-6"):
            run("ip", "-n", bed.places[name].netns, family, "route", "flush", "cache")


def test_segments_of_connections_fit_from_the_start(cluster, case):
    """The answer to the client's SYN says what fits, so nobody has to be told by ICMP."""
    echoes(case, "r2a")
    before = reasons(cluster)["pkt_too_big"]
    bulk(case, "tcp", BYTES)
    assert reasons(cluster)["pkt_too_big"] == before


def test_virtual_links_pass_large_segments_on_whole(cluster, case):
    echoes(case, "r2a")
    try:
        cluster.peer.unwired()
        wait_for("the other way is learnt", lambda: bulk(case, "tcp", 1))
        bulk(case, "tcp", BYTES)
        assert bulk(case, "udp", 4000)["tries"] <= 2
    finally:
        cluster.peer.wired()


def test_senders_of_datagrams_are_told_what_fits(cluster, case):
    echoes(case, "r2a")
    forget(cluster)
    with counted(cluster, "pkt_too_big"):
        got = bulk(case, "udp", 1450)  # in one packet, which is not to be cut
    assert got["tries"] > 1 and set(got["errors"]) <= {"timed out", "EMSGSIZE"}
    for size in (1450, 4000, 60000):
        assert bulk(case, "udp", size) == {"tries": 1, "errors": []}
    for size, segment in ((8000, 1000), (60000, 1300)):
        assert bulk(case, "udp", size, segment) == {"tries": 1, "errors": []}
    forget(cluster)


@pytest.mark.parametrize("to", ["node", "external"])
def test_the_other_node_tells_of_a_smaller_link_behind_it(cluster, case, to):
    """In the name of the address that was asked, be it n1's own: the client must hear it all the same."""
    n2, pod = cluster.peer.node, cluster.places["r2a"].netns
    links = [(n2, "br0"), (n2, "v11"), (pod, "eth0")]
    echoes(case, "r2a")
    try:
        for netns, dev in links:
            ip(netns, f"link set {dev} mtu 1300")
        forget(cluster)
        with counted(cluster.peer, "pkt_too_big"):
            assert bulk(case, "udp", 1350, to=to)["tries"] > 1
        assert bulk(case, "udp", 1350, to=to)["tries"] == 1
        bulk(case, "tcp", BYTES, to=to)
    finally:
        for netns, dev in links:
            ip(netns, f"link set {dev} mtu 1500")
        forget(cluster)


@pytest.mark.parametrize("tx_off", [(), ("node",), ("ext",), ("ext", "node", "n2")], ids=lambda off: "+".join(off) or "none")
def test_checksums_are_right_whoever_completes_them(cluster, case, tx_off):
    places = [cluster.places[name].netns for name in ("ext", "r2a")]
    echoes(case, "r2a")
    with offload(cluster, {f"{cluster.name}-{name}" for name in tx_off}):
        bulk(case, "udp", 1450)  # what fits is learnt
        before = [checksum_errors(netns) for netns in places]
        bulk(case, "tcp", BYTES)
        for size in (1, 1300, 9001):
            assert bulk(case, "udp", size)["tries"] == 1
        assert bulk(case, "udp", 8000, 1000)["tries"] == 1
        assert [checksum_errors(netns) for netns in places] == before


@pytest.mark.parametrize("to", ["node", "external"])
def test_what_the_client_says_of_an_answer_reaches_the_backend(cluster, case, to):
    """To n1's own address, say, where nobody but n2 knows the backend."""
    serve(case, "r2a")
    case.settles("r2a", n=1, by="ext", to=to)
    before = reasons(cluster.peer)["pkt_icmp"]

    def is_told():
        script(case, DEAF, to)
        return reasons(cluster.peer)["pkt_icmp"] > before
    wait_for("the other node hears that nobody is there", is_told)


# ---- Over time ----------------------------------------------------------------------------------

def test_one_port_begins_many_connections(cluster, case):
    serve(case, "r2a")
    case.settles("r2a", n=1, by="ext", to="external")
    assert script(case, SAME_PORT) == ["r2a"] * 40


@pytest.mark.parametrize("old, new", [("r2a", "r2b"), ("r2a", "l1"), ("l1", "r2a")])
def test_datagrams_go_elsewhere_when_their_backend_is_gone(cluster, case, old, new):
    how = {"by": "ext", "to": "external"}
    serve(case, old)
    case.settles(old, n=5, kind="udp", **how)
    with contextlib.ExitStack() as stack:
        loads = [stack.enter_context(case.load(kind=kind, hertz=50, timeout=0.5, may_fail=True, **how))
                 for kind in ("udp", "kept")]
        serve(case, new)
        wait_for("what is sent now goes to the new one", lambda: all(
            f["backend"] == case.ip(new) for f in flows(cluster)
            if f["protocol"] == "UDP" and f["vip"] == case.address("external") and f["idleSeconds"] == 0))
    for load in loads:
        assert [o for o in load.order if o != NO_ANSWER] == [old, new] and len(load.failed) <= 1, load.order


def test_a_connection_outlives_its_endpoint_and_the_agents(cluster, case):
    serve(case, "r2a")
    place, _, addr, port, *_ = case.how(by="ext", to="external")
    client = place.begin("hold", "held", addr, port, 1, 5)
    client.up()
    serve(case, "r2b")
    case.settles("r2b", n=5, by="ext", to="external")
    for bed in (cluster, cluster.peer):
        bed.kill_agent()
        bed.start()
    client.say()
    assert client.result()["answers"] == {"r2a": 1}


def test_connections_outlive_a_change_of_the_mode(cluster, case):
    """And new ones go as it says."""
    how = {"by": "ext", "to": "external"}
    serve(case, "r2a")
    place, _, addr, port, *_ = case.how(**how)
    direct = place.begin("hold", "held", addr, port, 1, 5)
    direct.up()
    with cluster.restarted(mode="snat"):
        assert case.settles("r2a", n=5, **how).sources <= case.node_ips()
        masked = place.begin("hold", "held", addr, port, 1, 5)
        masked.up()
        direct.say()
        assert direct.result()["answers"] == {"r2a": 1}
    assert case.settles("r2a", n=5, **how).sources == {case.ip("ext")}
    masked.say()
    assert masked.result()["answers"] == {"r2a": 1}


@pytest.mark.parametrize("kind", ["tcp", "udpc"])
def test_a_node_without_weir_is_sent_masked_clients(cluster, case, kind):
    """n3 says that nobody there takes what is sent on, which costs the first client a try."""
    serve(case, "r3a")
    got = case.settles("r3a", n=20, by="ext", to="external", kind=kind)
    assert got.sources <= case.node_ips()
    assert reasons(cluster)["peer_refused"] > 0


def test_the_kernel_does_what_the_manifests_say(cluster, case):
    serve(case, "l1", "r2a")
    case.settles("l1", "r2a", by="ext", to="external")
    for bed in (cluster, cluster.peer):
        wait_for("tables are as they should be", lambda b=bed: b.weir("datapath", "check", check=False) == [])
