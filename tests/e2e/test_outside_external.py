# SPDX-License-Identifier: Apache-2.0
"""Node ports and external addresses, seen from outside: cases A19 to A32."""
import contextlib
import json

import pytest
from bed import ip, run
from bed.case import NO_ANSWER, NODE_PORT, PORT, PORTS
from bed.objects import DYING

ALL = {"l1", "r2a", "r3a"}
KINDS = pytest.mark.parametrize("kind", ["tcp", "udpc"])
EXT = {"by": "ext", "to": "node"}

# argv: an interface, the MAC address at its other end, source and destination. Sends one SYN to port
# 30080 by hand, and prints from where a segment came back to its port within a second, if one did.
SYN = """
import select, socket, struct, sys, time
def summed(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    return ~(total + (total >> 16)) & 0xffff
dev, mac, source, to = sys.argv[1:]
addrs = socket.inet_aton(source) + socket.inet_aton(to)
def tcp(check):
    return struct.pack(">HHIIBBHHH", 40000, 30080, 1, 0, 0x50, 2, 1024, check, 0)
def header(check):
    return struct.pack(">BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, check) + addrs
segment = tcp(summed(addrs + struct.pack(">HH", 6, 20) + tcp(0)))
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800))
s.bind((dev, 0x800))
s.sendto(header(summed(header(0))) + segment, (dev, 0x800, 0, 0, bytes.fromhex(mac.replace(":", ""))))
end = time.monotonic() + 1
while select.select([s], [], [], max(0, end - time.monotonic()))[0]:
    packet, peer = s.recvfrom(2048)
    if peer[2] != socket.PACKET_OUTGOING and packet[9] == 6 and packet[22:24] == struct.pack(">H", 40000):
        print(socket.inet_ntoa(packet[12:16]))
        break
"""


def segments_in(place):
    """TCP segments that came to a place so far."""
    names, values = [line.split() for line in place.run("cat", "/proc/net/snmp").splitlines()
                     if line.startswith("Tcp:")]
    return int(values[names.index("InSegs")])


def test_a19_a_packet_to_the_nodes_localhost_is_neither_answered_nor_forwarded(dual):
    """The same packet to the node's address is both."""
    ext, r2a = dual.bed.places["ext"], dual.bed.places["r2a"]
    mac = json.loads(run("ip", "-n", dual.bed.node, "-j", "link", "show", "eth1").stdout)[0]["address"]
    dual.serve("r2a", type="NodePort")
    dual.settles("r2a", by="host", to=("127.0.0.1", 30080))
    dual.settles("r2a", **EXT)
    before = segments_in(r2a)
    assert ext.run("/usr/bin/python3", "-c", SYN, "eth0", mac, ext.ip, "127.0.0.1") == ""
    assert segments_in(r2a) == before
    assert ext.run("/usr/bin/python3", "-c", SYN, "eth0", mac, ext.ip, "192.168.77.1") == "192.168.77.1\n"
    assert segments_in(r2a) > before


@KINDS
def test_a20_a_node_port_is_load_balanced_and_the_client_is_seen_as_the_node(case, kind):
    """Also by a local endpoint. Endpoints change under load."""
    case.serve("r2a", "r3a", type="NodePort")
    got = case.settles("r2a", "r3a", n=60, kind=kind, **EXT)
    assert got.sources <= case.node_ips()
    with case.load(kind=kind, **EXT):
        case.serve("l1", "r3a", type="NodePort")
        case.settles("l1", "r3a", kind=kind, **EXT)
        case.serve("l1", type="NodePort")
        got = case.settles("l1", kind=kind, **EXT)
    assert got.sources <= case.node_ips()


@KINDS
def test_a21_the_local_policy_keeps_to_local_endpoints_and_keeps_the_source(case, kind):
    """At a port that no other case's flows were at: a flow goes on as it began, and clients' ports come again."""
    local = {"ports": [(name, proto, PORT + 21) for name, proto, _ in PORTS], "type": "NodePort",
             "externalTrafficPolicy": "Local"}
    here = {"kind": kind, "port": NODE_PORT + 21, **EXT}
    case.serve("l1", "r2a", **local)
    assert case.settles("l1", n=100, **here).sources == {case.ip("ext")}
    with case.load(**here) as load:
        case.serve("l2", "r2a", **local)
        case.settles("l2", **here)
    assert load.order == ["l1", "l2"]


def test_a22_the_local_policy_without_a_local_endpoint_drops(case):
    """The last local endpoint goes under load."""
    local = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    case.serve("l1", "r2a", **local)
    case.settles("l1", **EXT)
    with case.load(may_fail=True, timeout=0.5, **EXT) as load:
        case.serve("r2a", **local)
        case.dropped(EXT, {"kind": "udpc", **EXT}, {"by": "ext", "to": "ingress"})
    assert load.order == ["l1", NO_ANSWER]
    case.serve("l1", "r2a", **local)
    case.settles("l1", **EXT)


def test_a23_clients_on_the_node_are_no_outside_clients(case):
    """While those have no endpoint by policy Local, these have all."""
    case.serve("r2a", "r3a", type="LoadBalancer", externalTrafficPolicy="Local")
    for to in ("node", "ingress"):
        got = case.settles("r2a", "r3a", to=to)
        assert got.sources == {case.ip("c1")}
        case.settles("r2a", "r3a", by="host", to=to)
    case.dropped(EXT, {"by": "ext", "to": "ingress"})


@KINDS
def test_a25_an_external_ip_is_load_balanced_for_clients_outside(case, kind):
    """It is no interface's, but routed to the node."""
    case.serve(*ALL, externalIPs=[case.address("external")])
    got = case.settles(*ALL, by="ext", to="external", kind=kind)
    assert got.sources <= case.node_ips()


def test_a26_a_load_balancers_address_is_served_to_clients_outside(case):
    """An endpoint goes under load."""
    case.serve(*ALL, type="LoadBalancer")
    got = case.settles(*ALL, by="ext", to="ingress")
    assert got.sources <= case.node_ips()
    with case.load(by="ext", to="ingress"):
        case.serve("r2a", type="LoadBalancer")
        case.settles("r2a", by="ext", to="ingress")


def test_a28_source_ranges_guard_the_load_balancers_address_alone(case):
    """They are widened under load. A pod is dropped, too: at the socket that is EHOSTUNREACH at once."""
    ranges, wide = ["198.51.100.0/24", "2001:db8::/64"], ["203.0.113.0/24", "2001:db8:113::/64"]
    case.serve(*ALL, type="LoadBalancer", loadBalancerSourceRanges=ranges)
    case.settles(*ALL, by="ext", to="ingress")
    case.dropped({"by": "ext2", "to": "ingress"}, {"by": "ext2", "to": "ingress", "kind": "udpc"})
    case.fails(["EHOSTUNREACH", NO_ANSWER], by="c1", to="ingress")
    for by in ("ext", "ext2", "c1"):
        for to in ("node", "vip"):
            case.settles(*ALL, by=by, to=to)
    with case.load(by="ext", to="ingress"):
        case.serve(*ALL, type="LoadBalancer", loadBalancerSourceRanges=ranges + wide)
        case.settles(*ALL, by="ext2", to="ingress")


@pytest.mark.parametrize("ranges", [["0.0.0.0/0", "::/0"], "the other family's"], ids=["everybody", "another"])
def test_source_ranges_of_everybody_or_of_the_other_family_let_all_in(case, ranges):
    if ranges == "the other family's":
        ranges = ["2001:db8::/64"] if case.families == ["IPv4"] else ["198.51.100.0/24"]
    case.serve(*ALL, type="LoadBalancer", loadBalancerSourceRanges=ranges)
    for by in ("ext", "ext2", "c1"):
        case.settles(*ALL, by=by, to="ingress")


@pytest.mark.parametrize("bound", [False, True], ids=["elsewhere", "here"])
def test_the_node_in_a_source_range_is_let_in_by_any_address(case, bound):
    """Where the load balancer's address is one of the node's own, the node would speak by it, which no range
    has; kube-proxy lets that in if it lets in the node."""
    bits = 32 if case.families == ["IPv4"] else 128
    address = f"{case.address('ingress')}/{bits}"
    others, node = (f"{case.ip(name)}/{bits}" for name in ("ext", "host"))
    if bound:
        ip(case.bed.node, f"addr add {address} dev lo")
    try:
        case.serve(*ALL, type="LoadBalancer", loadBalancerSourceRanges=[others, node])
        for by in ("host", "ext"):
            case.settles(*ALL, by=by, to="ingress")
        case.serve(*ALL, type="LoadBalancer", loadBalancerSourceRanges=[others])
        case.fails(["EHOSTUNREACH"], by="host", to="ingress")
        case.settles(*ALL, by="ext", to="ingress")
    finally:
        if bound:
            ip(case.bed.node, f"addr del {address} dev lo")


def test_a30_the_only_local_endpoint_serves_on_while_it_terminates(case):
    """What the health check says then is another test's."""
    local = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    case.serve("l1", "r2a", **local)
    case.settles("l1", **EXT)
    with case.load(**EXT) as load:
        case.serve(case.ep("l1", DYING), "r2a", **local)
        case.knows(l1="serving-terminating", r2a="ready")
        got = case.settles("l1", **EXT)
    assert load.order == ["l1"]
    assert got.sources == {case.ip("ext")}


def test_a31_a_load_balancer_without_node_port_is_served_at_its_address(case):
    case.serve(*ALL, type="LoadBalancer", allocateLoadBalancerNodePorts=False)
    case.settles(*ALL, by="ext", to="ingress")
    case.refused(**EXT)


def test_a32_the_external_policy_of_a_live_service_changes(case):
    """Under load, and connections outlive each change. What the health check says is another test's."""
    case.serve("l1", "r2a", type="LoadBalancer")
    case.settles("l1", "r2a", **EXT)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(case.load(kind="held", hertz=10, by="ext", to=to))
                for to in ("node", "node", "ingress", "ingress")]
        stack.enter_context(case.load(**EXT))
        for policy, names, sources in (("Local", ["l1"], {case.ip("ext")}),
                                       ("Cluster", ["l1", "r2a"], case.node_ips())):
            case.serve("l1", "r2a", type="LoadBalancer", externalTrafficPolicy=policy)
            for to in ("node", "ingress"):
                assert case.settles(*names, by="ext", to=to).sources <= sources
    assert [len(load.order) for load in held] == [1] * 4
