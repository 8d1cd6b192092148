# SPDX-License-Identifier: Apache-2.0
"""Where a pod's bytes went: this node, the cluster, outside. By the address that they really went to, and as
the cluster's configuration has it."""
from datetime import datetime, timezone

import pytest
from bed import BedError, Place, objects, wait_for
from bed.case import on
from bed.cluster import Cluster
from conftest import made

CLASSES = ("local", "cluster", "external")
N = 20


@pytest.fixture(scope="module")
def cluster():
    """Windows as short as can be: each step waits for one."""
    with made(lambda: Cluster(window="200ms", sample="100ms")) as c:
        c.start()
        yield c


def classes(bed, name):
    """All that is recorded of the pod: {"rx_local": bytes, ...}."""
    rows = [r for r in bed.weir("usage", "show") if r["name"] == name]
    return {f"{d}_{c}": sum(r[f"{d}_bytes_{c}"] for r in rows) for d in ("rx", "tx") for c in CLASSES}


def settled(bed, name):
    """... when a window that ends behind this moment is in the ledger."""
    now = datetime.now(timezone.utc)
    wait_for("a window closes", lambda: datetime.fromisoformat(bed.weir("agent", "status")["window_to"] or "") > now)
    return classes(bed, name)


def goes(case, name, want, **how):
    """These requests are the pod's bytes of this class, both ways, and of no other."""
    before = settled(case.bed, name)
    got = case.ask(N, by=name, **how)
    assert not got.failed
    now = settled(case.bed, name)
    grown = {k for k in now if now[k] != before[k]}
    assert grown == ({f"rx_{want}", f"tx_{want}"} if want else set()), f"{before} -> {now}"
    if want:
        assert now[f"tx_{want}"] - before[f"tx_{want}"] >= N * 28


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_the_class_is_that_of_the_backend_not_of_the_service(case, kind):
    case.serve("l1")
    case.settles("l1", by="c1", kind=kind)
    goes(case, "c1", "local", kind=kind)
    case.serve("r2a")
    case.settles("r2a", by="c1", kind=kind)
    goes(case, "c1", "cluster", kind=kind)
    goes(case, "c1", "external", kind=kind, to=(case.ip("ext"), 80))


def test_the_table_follows_the_objects(case):
    """A pod that is no longer this node's is the cluster's; an address outside becomes a node's."""
    goes(case, "c1", "local", kind="udp", to=(case.ip("l3"), 8080))
    family = case.families[0]
    node = objects.node("n9", 9, "z1", [case.ip("ext", f) for f in ("IPv4", "IPv6")])
    case.put(node, file="n9.json")
    case.serve("l1")
    case.settles("l1")  # it is behind the node in the directory
    goes(case, "c1", "cluster", kind="udp", to=(case.ip("ext", family), 80))
    case.remove("n9.json")
    case.serve("l2")
    case.settles("l2")
    goes(case, "c1", "external", kind="udp", to=(case.ip("ext", family), 80))


def test_loopback_and_the_pods_own_address_are_not_billed(case):
    own = "127.0.0.1" if case.families == ["IPv4"] else "::1"
    goes(case, "l1", None, kind="tcp", to=(own, 8080))
    goes(case, "l1", None, kind="udp", to=(case.ip("l1"), 8080))


@pytest.fixture
def hostnet(cluster):
    """A pod in the node's own network namespace: its cgroup is all it has of its own."""
    place = Place(cluster, "hostnet", cluster.node, (cluster.host.ip, cluster.host.ip6), "pods/hostnet")
    place.make_cgroup()
    cluster.write("pod-hostnet.json", objects.pod("hostnet", cluster.node_name, "pods/hostnet", addresses=(place.ip,),
                                                  hostNetwork=True))
    yield place
    place.kill()
    cluster.remove("pod-hostnet.json")
    del cluster.places["hostnet"]


def test_a_pod_on_the_hosts_network_is_counted_by_its_cgroup(cluster, hostnet):
    with on(cluster, ["IPv4"], "hostnet") as case:
        case.ask(1, by="hostnet", kind="udp", to=(case.ip("l1"), 8080))  # so that it is in the books
        wait_for("it is in the books", lambda: classes(cluster, "hostnet")["tx_local"])
        goes(case, "hostnet", "local", kind="tcp", to=(case.ip("l1"), 8080))
        goes(case, "hostnet", "cluster", kind="tcp", to=(case.ip("r2a"), 8080))
        goes(case, "hostnet", "external", kind="tcp", to=(case.ip("ext"), 80))
        # the same from the node's own processes is nobody's
        was = settled(cluster, "hostnet")
        case.ask(N, by="host", kind="tcp", to=(case.ip("l1"), 8080))
        assert settled(cluster, "hostnet") == was
