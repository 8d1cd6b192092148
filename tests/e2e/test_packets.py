# SPDX-License-Identifier: Apache-2.0
"""Packets that come through the node from a client without a socket hook: what devices, links and sizes
do to them. ext is that client, and `guest`, a pod of the node that none of its cgroups has."""
import contextlib

import pytest
from bed import ip, run, wait_for
from bed.objects import READY
from bed.packets import ECHO_PORTS, bulk, checksum_errors, counted, echo, offload
from bed.place import Pod

NODE_PORT = 30080
BYTES = 3_000_000
BACKENDS = pytest.mark.parametrize("backend", ["l1", "r2a"])


@pytest.fixture(scope="module")
def echoing(cluster):
    """Servers that send back what they are sent."""
    guest = Pod(cluster, "guest", cluster.network, 31)
    cluster.add_pod(guest)
    for name in ("l1", "r2a", "guest", "host"):
        echo(cluster.places[name])
    return cluster


def serve(case, *eps, **spec):
    case.put(case.service(type="NodePort", externalIPs=[case.address("external")], **spec),
             case.slice(*eps, ports=ECHO_PORTS))
    case.shows(pending=[])


def host(case):
    """An endpoint in the node's own network namespace."""
    return {"addresses": [case.address("node")], "conditions": READY, "nodeName": "n1"}


# ---- Checksums ----------------------------------------------------------------------------------

@BACKENDS
@pytest.mark.parametrize("tx_off", [(), ("node",), ("ext",), ("ext", "node")], ids=lambda off: "+".join(off) or "none")
def test_checksums_are_right_whoever_completes_them(echoing, case, backend, tx_off):
    """Where the client leaves them to its device and the node's completes them, what stands for the pseudo
    header must have been translated alone: nothing else would show that it was not."""
    places = [echoing.places[name].netns for name in ("ext", backend)]
    serve(case, backend)
    with offload(echoing, {f"{echoing.name}-{name}" for name in tx_off}):
        before = [checksum_errors(netns) for netns in places]
        bulk(case, "tcp", BYTES)
        for size in (1, 1400, 9001):
            assert bulk(case, "udp", size)["tries"] == 1
        assert bulk(case, "udp", 8000, 1000)["tries"] == 1
        assert [checksum_errors(netns) for netns in places] == before


# ---- Sizes --------------------------------------------------------------------------------------

@BACKENDS
def test_datagrams_of_any_size_come_through(echoing, case, backend):
    """In fragments, of which the first alone has ports; or in segments that the kernel cuts late."""
    serve(case, backend)
    for size in (1, 1472, 1473, 4000, 60000):
        assert bulk(case, "udp", size) == {"tries": 1, "errors": []}
    for size, segment in ((8000, 1000), (60000, 1400)):
        assert bulk(case, "udp", size, segment) == {"tries": 1, "errors": []}
    bulk(case, "tcp", BYTES)


def forget(bed):
    """What paths take, as it was learnt."""
    for name in ("ext", "r2a"):
        for family in ("-4", "-6"):
            run("ip", "-n", bed.places[name].netns, family, "route", "flush", "cache")


@contextlib.contextmanager
def mtu(bed, *devices):
    try:
        for netns, dev in devices:
            ip(netns, f"link set {dev} mtu 1400")
        yield
    finally:
        for netns, dev in devices:
            ip(netns, f"link set {dev} mtu 1500")
        forget(bed)


@pytest.mark.parametrize("where", ["next", "beyond"])
def test_senders_are_told_that_a_smaller_link_follows(echoing, case, where):
    """The next link is the node's own: it answers itself. Of one beyond a router says so, to the address
    that the node spoke by. The datagram that did not fit is lost, those behind it fit. TCP's ends have no
    smaller link in the first case: nothing of it is known when the connection begins."""
    n2 = f"{echoing.name}-n2"
    devices = [(echoing.node, "eth0"), (n2, "eth0")]
    if where == "beyond":
        devices = [(n2, "br0"), (n2, "v11"), (echoing.places["r2a"].netns, "eth0")]
    serve(case, "r2a")
    with mtu(echoing, *devices), counted(echoing, "pkt_too_big" if where == "next" else "pkt_icmp"):
        bulk(case, "tcp", BYTES)
        forget(echoing)
        got = bulk(case, "udp", 1450)  # in one packet, which is not to be cut
        assert got["tries"] > 1
        assert set(got["errors"]) <= {"timed out", "EMSGSIZE"}
        for size in (1450, 4000, 60000):
            assert bulk(case, "udp", size) == {"tries": 1, "errors": []}


# ---- Devices ------------------------------------------------------------------------------------

@contextlib.contextmanager
def tagged(bed):
    """A link between ext and the node by VLAN 100."""
    ext = bed.places["ext"].netns
    if run("ip", "-n", ext, "link", "add", "link", "eth0", "name", "probe", "type", "vlan", "id", "1",
           check=False).returncode:
        pytest.skip("this kernel has no VLAN devices")
    ip(ext, "link del probe")
    try:
        for netns, dev, host in ((bed.node, "eth1", 1), (ext, "eth0", 2)):
            ip(netns, f"link add link {dev} name vlan100 type vlan id 100", f"addr add 192.168.79.{host}/24 dev vlan100",
               f"addr add fd79::{host}/64 dev vlan100 nodad", "link set vlan100 up")
        yield {"IPv4": "192.168.79.1", "IPv6": "fd79::1"}
    finally:
        for netns in (bed.node, ext):
            run("ip", "-n", netns, "link", "del", "vlan100", check=False)


def test_a_tagged_link_is_one_like_others(echoing, case):
    """The frame comes twice, with its tag and without."""
    serve(case, "l1", "r2a")
    with tagged(echoing) as addrs:
        to = (addrs[case.families[0]], NODE_PORT)
        wait_for("the node port is served there", lambda: bulk(case, "tcp", 1, to=to))
        assert bulk(case, "udp", 4000, to=to)["tries"] == 1
        bulk(case, "tcp", BYTES, to=to)


# ---- Pods without a socket hook -----------------------------------------------------------------

def test_a_guest_reaches_itself(echoing, case):
    serve(case, "guest")
    for to in ("vip", "node", "external"):
        assert bulk(case, "udp", 4000, by="guest", to=to)["tries"] == 1
        bulk(case, "tcp", BYTES, by="guest", to=to)


@pytest.mark.parametrize("backend", ["l1", "r2a", "host"])
def test_a_guest_reaches_every_backend(echoing, case, backend):
    """l1 is on the same bridge: it must not answer past the node. The host's own sockets answer by the bridge."""
    serve(case, host(case) if backend == "host" else backend)
    for to in ("vip", "node", "external"):
        assert bulk(case, "udp", 4000, by="guest", to=to)["tries"] == 1
        bulk(case, "tcp", BYTES, by="guest", to=to)


def test_clients_outside_reach_the_hosts_own_sockets(echoing, case):
    serve(case, host(case))
    for to in ("node", "external"):
        assert bulk(case, "udp", 4000, to=to)["tries"] == 1
        bulk(case, "tcp", BYTES, to=to)


# ---- Refusals -----------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["tcp", "udpc"])
def test_nobody_waits_where_there_is_no_endpoint(cluster, case, kind):
    """Each request hears it, before anything would be sent again."""
    case.serve(type="NodePort", externalIPs=[case.address("external")])
    for to in ("node", "external", "vip"):
        case.refused(by="ext", to=to, kind=kind)
        got = case.ask(10, by="ext", to=to, kind=kind, timeout=0.9)
        assert not got.names and got.errors == {"ECONNREFUSED"}, got


def test_nobody_waits_at_a_service_address_that_no_service_has(cluster, case):
    case.serve("l1")
    for kind in ("tcp", "udpc"):
        case.refused(by="ext", to="vip", port=81, kind=kind)


def test_the_node_is_a_hop_on_the_way(echoing, case):
    serve(case, "l1")
    with counted(echoing, "pkt_hops"):
        assert bulk(case, "short")["errors"] == ["EHOSTUNREACH", "EHOSTUNREACH"]
