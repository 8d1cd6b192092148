# SPDX-License-Identifier: Apache-2.0
"""Node ports and external addresses, seen from the node's own pods and processes: cases A19 to A32."""
import pytest
from bed import wait_for

ALL = {"l1", "r2a", "r3a"}
KINDS = pytest.mark.parametrize("kind", ["tcp", "udp", "udpc"])


@KINDS
def test_a19_a_node_port_on_localhost_is_the_nodes_own(case, kind):
    """IPv4 alone, by default; a pod's localhost is its own affair."""
    localhost = ("127.0.0.1", 30080) if case.families == ["IPv4"] else ("::1", 30080)
    case.serve(*ALL, type="NodePort")
    case.settles(*ALL, by="host", to="node", kind=kind)
    if case.families == ["IPv4"]:
        case.settles(*ALL, by="host", to=localhost, kind=kind)
    else:
        case.refused(by="host", to=localhost, kind="udpc" if kind == "udp" else kind)
    case.refused(by="c1", to=localhost, kind="udpc" if kind == "udp" else kind)


@KINDS
@pytest.mark.parametrize("policy", ["Cluster", "Local"])
def test_a23_the_nodes_clients_reach_all_endpoints_by_every_external_address(case, kind, policy):
    """Also by policy Local: on the node itself it is short-circuited, and the source is kept."""
    case.serve("l1", "r2a", type="LoadBalancer", externalTrafficPolicy=policy)
    for to in ("node", "ingress"):
        got = case.settles("l1", "r2a", to=to, kind=kind)
        assert got.sources == {case.ip("c1")}
        case.settles("l1", "r2a", by="host", to=to, kind=kind)


def test_a23_a_node_port_is_served_at_every_address_of_the_node(case):
    case.serve("l1", "r2a", type="NodePort")
    for addr in case.node_ips():
        for by in ("c1", "host"):
            case.settles("l1", "r2a", by=by, to=(addr, 30080))


@KINDS
def test_a25_an_external_ip_is_load_balanced(case, kind):
    """Its other ports are left alone, as kube-proxy does: here nothing is there."""
    case.serve(*ALL, externalIPs=[case.address("external")])
    for by in ("c1", "host"):
        case.settles(*ALL, by=by, to="external", kind=kind)
    assert not case.ask(to="external", port=81, timeout=0.3).errors & {"ECONNREFUSED", "EPERM"}


def test_a26_a_load_balancers_address_is_served_on_the_node(case):
    case.serve(*ALL, type="LoadBalancer")
    for by in ("c1", "host"):
        case.settles(*ALL, by=by, to="ingress")


def test_a27_an_address_of_mode_proxy_is_left_alone(case):
    """It is ext's. That packets come there unchanged is what the address says that ext was asked at."""
    case.serve(*ALL, type="LoadBalancer", ingress=[{"ip": case.address("proxied"), "ipMode": "Proxy"}])
    case.settles(*ALL, by="host", to="node")
    for by in ("c1", "host"):
        got = case.settles("ext", by=by, to="proxied")
        addr = case.address("proxied")
        assert got.locals == {("ext", f"[{addr}]:80" if ":" in addr else f"{addr}:80")}


def test_a31_a_load_balancer_without_node_port(case):
    case.serve(*ALL, type="LoadBalancer", allocateLoadBalancerNodePorts=False)
    case.settles(*ALL, to="ingress")
    case.refused(by="host", to="node")


def test_what_is_served_is_shown(case):
    external = case.address("external")
    case.serve(*ALL, externalIPs=[external], internalTrafficPolicy="Local")
    case.shows(type="ClusterIP", pending=[])
    service, = case.bed.weir("service", "show", f"default/{case.name}")
    assert [p["external"] for p in service["ports"]] == [
        [{"kind": "externalIP", "address": external, "port": 80, "result": "serving",
          "outside": "serving"}]] * 2


def test_a_node_port_elsewhere_is_left_alone(dual):
    """The same number at an address of another machine."""
    dual.bed.places["ext2"].serve(30080)
    dual.serve(*ALL, type="NodePort")
    for family in dual.families:
        dual.settles(*ALL, to="node", family=family)
        dual.settles("ext2", to=(dual.ip("ext2", family), 30080))


BIND = """
import socket, sys
for addr, kind in (a.split("/") for a in sys.argv[2:]):
    s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET,
                      socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    try:
        s.bind((addr, int(sys.argv[1])))
        print("bound")
    except PermissionError:
        print("refused")
"""


def test_nobody_on_the_node_takes_a_node_port(dual):
    def binds(place, port, *where):
        return dual.bed.places[place].run("/usr/bin/python3", "-c", BIND, str(port), *where).split()
    dual.serve(*ALL, type="NodePort")
    dual.settles(*ALL, to="node")
    anywhere = [f"{a}/{k}" for a in ("0.0.0.0", "::") for k in ("tcp", "udp")]
    where = anywhere + [f"{a}/{k}" for a in ("127.0.0.1", "192.168.77.1", "fd77::1") for k in ("tcp", "udp")]
    before = dual.bed.weir("datapath", "stats")
    assert binds("host", 30080, *where) == ["refused"] * 10
    assert before != dual.bed.weir("datapath", "stats")
    # other ports are free, automatic ones too, and a pod's are its own
    assert binds("host", 30081, *anywhere[:2]) == ["bound"] * 2
    assert binds("host", 0, *where) == ["bound"] * 10
    assert binds("c1", 30080, *anywhere[:2]) == ["bound"] * 2
    dual.serve(*ALL)
    wait_for("the node port is free again", lambda: binds("host", 30080, *anywhere[:2]) == ["bound"] * 2)
