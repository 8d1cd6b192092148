# SPDX-License-Identifier: Apache-2.0
"""Which Services are served, by which endpoints: cases A01 to A18."""
import json

import pytest
from bed import ip, wait_for
from bed.objects import NOT_READY

HTTP, ALT = ("http", "TCP", 80), ("alt", "TCP", 81)
HTTP_AT, ALT_AT = ("http", "TCP", 8080), ("alt", "TCP", 9090)


def uniform(count):
    """Chi-square of dials over three endpoints: p > 1e-9 rather than p > 0.001, which an exact product
    fails once in 1000."""
    mean = sum(count.values()) / 3
    return sum((n - mean) ** 2 / mean for n in count.values()) < 41.4


def test_a01_dials_are_shared_evenly_and_show_client_and_service_as_they_are(case):
    """The client checks getpeername() at each dial."""
    case.serve("l1", "r2a", "r3a")
    got = case.settles("l1", "r2a", "r3a", n=600)
    assert uniform(got.count), got
    assert got.sources == {case.ip("c1")}


def test_a02_the_node_itself_reaches_all_endpoints(case):
    """60 dials miss one of three with a probability of 8e-11."""
    case.serve("l1", "r2a", "r3a")
    got = case.settles("l1", "r2a", "r3a", n=60, by="host")
    assert got.sources <= case.node_ips()


def test_a04_each_port_reaches_its_own_target(case, client):
    case.put(case.service([HTTP, ALT]), case.slice("l1", ports=[HTTP_AT, ALT_AT]))
    assert case.settles("l1", by=client).ports == {("l1", 8080)}
    assert case.settles("l1", by=client, port=81).ports == {("l1", 9090)}


def test_a05_ports_are_joined_by_name(case, client):
    case.put(case.service([HTTP, ALT]), case.slice("l1", ports=[HTTP_AT, ("other", "TCP", 9090)]))
    assert case.settles("l1", by=client).ports == {("l1", 8080)}
    case.refused(by=client, port=81)


def test_a06_a_named_target_port_may_be_another_number_in_each_slice(case, client):
    case.put(case.service([HTTP]), case.slice("l1", ports=[HTTP_AT]),
             case.slice("r2a", ports=[("http", "TCP", 9090)], suffix="b"))
    assert case.settles("l1", "r2a", by=client).ports == {("l1", 8080), ("r2a", 9090)}


def test_a07_all_slices_of_a_service_count(case, client):
    """A slice for each port; then, under load, one for each endpoint."""
    case.put(case.service([HTTP, ALT]), case.slice("l1", ports=[HTTP_AT]),
             case.slice("l1", ports=[ALT_AT], suffix="b"))
    assert case.settles("l1", by=client).ports == {("l1", 8080)}
    assert case.settles("l1", by=client, port=81).ports == {("l1", 9090)}
    with case.load(by=client):
        case.put(case.service([HTTP]), case.slice("l1"), case.slice("r2a", suffix="b"))
        case.settles("l1", "r2a", by=client)
    case.unserved(by=client, port=81)


def test_a08_protocols_of_one_port_number_are_independent(case, client):
    """TCP is under load while UDP goes."""
    tcp, udp = ("tcp", "TCP", 80), ("udp", "UDP", 80)
    to = [("tcp", "TCP", 8080), ("udp", "UDP", 9090)]
    case.put(case.service([tcp, udp]), case.slice("l1", ports=to))
    assert case.settles("l1", by=client).ports == {("l1", 8080)}
    for kind in ("udp", "udpc"):
        assert case.settles("l1", by=client, kind=kind).ports == {("l1", 9090)}
    with case.load(by=client):
        case.put(case.service([tcp]), case.slice("l1", ports=to[:1]))
        case.unserved(by=client, kind="udpc")
    assert case.settles("l1", by=client).ports == {("l1", 8080)}


@pytest.mark.parametrize("kind", ["tcp", "udp", "udpc"])
def test_a09_a_pod_reaches_itself_through_its_service(case, kind):
    case.serve("l1")
    case.settles("l1", by="l1", kind=kind)


@pytest.mark.parametrize("slices", ["an empty slice", "no slice"])
def test_a10_without_endpoints_pods_and_node_are_refused(case, slices):
    """A connected UDP socket learns it from connect() already, an unconnected one from sendto()."""
    case.serve("l1")
    case.settles("l1", kind="udp")
    case.put(case.service(), *([case.slice()] if slices == "an empty slice" else []))
    case.refused(*({"by": by, "kind": kind} for by in ("c1", "host") for kind in ("tcp", "udpc", "udp")))


def test_a11_an_endpoint_that_is_not_ready_gets_nothing_until_it_is(case, client):
    case.serve(case.ep("l1", NOT_READY))
    case.refused(by=client)
    with case.load(by=client, may_fail=True) as load:
        ready = case.serve("l1")
        case.settles("l1", by=client)
        unready = case.serve(case.ep("l1", NOT_READY))
        case.refused(by=client)
    assert load.order[1:2] == ["l1"] and len(load.order) == 3, load.order
    assert case.in_time(load.first("l1") - ready)
    assert case.in_time(load.last("l1") - unready)


def test_a12_conditions_that_are_not_told_mean_ready(case, client):
    case.serve(case.ep("l1", {}))
    case.settles("l1", by=client)
    case.serve(case.ep("r2a", {"ready": None, "serving": None, "terminating": None}))
    case.settles("r2a", by=client)


def test_a13_services_without_an_address_are_nothing_to_serve(case):
    """That nobody calls it an error is what `case` checks of every test."""
    case.put(case.service(name="headless", clusterIP="None", clusterIPs=["None"]),
             case.service(name="alias", type="ExternalName", externalName="example.com", clusterIP=None,
                          clusterIPs=None),
             case.service(name="early", clusterIP="", clusterIPs=None), file="unaddressed.json")
    case.serve("l1")
    case.settles("l1")
    wait_for("the table is saved", lambda: case.shown() == {case.name})


def test_a14_a_service_of_another_proxy_is_left_to_it(case, client):
    label = {"service.kubernetes.io/service-proxy-name": "foo"}
    others = "10.96.9.9" if case.families == ["IPv4"] else "fd10:96::909"
    case.put(case.service(name="other", labels=label, clusterIP=others, clusterIPs=[others]),
             case.slice("l1", service="other"), file="other.json")
    for _ in range(2):
        case.serve("l1")
        case.settles("l1", by=client)
        case.unserved(by=client, to=(others, 80))
        with case.load(by=client, may_fail=True, timeout=0.3) as load:
            labelled = case.serve("l1", labels=label)
            case.unserved(by=client)
        assert case.in_time(load.last("l1") - labelled)


def test_a15_a_service_is_served_while_it_has_a_cluster_ip(case, client):
    """From ClusterIP to NodePort under load."""
    alias = case.service(type="ExternalName", externalName="example.com", clusterIP=None, clusterIPs=None,
                         ipFamilies=None, ipFamilyPolicy=None)
    for _ in range(2):
        case.put(alias, case.slice("l1"))
        case.unserved(by=client)
        case.serve("l1")
        case.settles("l1", by=client)
        with case.load(by=client):
            case.serve("l1", type="NodePort")
            case.settles("l1", by="host", to="node")
            case.settles("l1", by=client)
    case.put(alias, case.slice("l1"))
    case.refused(by="host", to="node")


def test_a16_slices_that_are_not_the_services_add_nothing(case, client):
    """Headless, of no Service, of names, and of the other family."""
    of = {"kubernetes.io/service-name": case.name}
    other = "IPv6" if case.families == ["IPv4"] else "IPv4"
    names = {"addresses": ["pod.example.com"], "conditions": {}}
    case.put(case.service(), case.slice("r2a", labels={"service.kubernetes.io/headless": "", **of}),
             case.slice("r2a", suffix="b", labels={}), case.slice(names, suffix="d", family="FQDN"),
             case.slice("r3a", suffix="e", family=other), case.slice("l1", suffix="f"))
    case.settles("l1", n=200, by=client)


# A connection each: the server notes the address it came to and lets the client go, whose reset
# leaves nothing behind to run out of.
CROWD = """
import json, socket, sys
s = socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024)
print("up", flush=True)
seen = set()
for _ in range(int(sys.argv[1])):
    c, _ = s.accept()
    seen.add(c.getsockname()[0])
    c.send(b"x")
    c.close()
print(json.dumps(sorted(seen)))
"""
DIAL = """
import socket, struct, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
for _ in range(int(sys.argv[2])):
    with socket.socket(family) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.connect((sys.argv[1], 80))
        assert s.recv(1) == b"x"
"""
DIALS = 45000


@pytest.fixture(scope="module")
def crowd(cluster):
    """A pod that has all addresses of two networks, and c1's routes to it."""
    pod = cluster.pod("crowd", host=40)
    ip(pod.netns, "route add local 10.245.0.0/16 dev lo", "route add local fd10:245::/64 dev lo")
    ip(cluster.places["c1"].netns, f"route add 10.245.0.0/16 via {pod.ip}", f"route add fd10:245::/64 via {pod.ip6}")
    return pod


def test_a17_three_thousand_endpoints_are_all_used(case, crowd):
    """Of 3000 endpoints 45,000 uniform dials miss 3000 * (1 - 1/3000)^45000 = 9e-4 on average; that
    they miss two or more has a probability of 4e-7. So 2,999 must be seen."""
    def address(i):
        return f"10.245.{i // 250}.{i % 250 + 1}" if case.families == ["IPv4"] else f"fd10:245::{i + 1:x}"
    eps = [{**case.ep("crowd"), "addresses": [address(i)]} for i in range(3000)]
    case.put(case.service(), *(case.slice(*eps[i:i + 100], suffix=f"{i:04}") for i in range(0, 3000, 100)))
    wait_for("all endpoints are known", lambda: len(case.bed.weir(
        "service", "show", f"default/{case.name}")[0]["ports"][0]["backends"]) == 3000)
    server = crowd.popen("/usr/bin/python3", "-c", CROWD, str(DIALS), stdout=-1)
    try:
        assert server.stdout.readline() == "up\n"
        case.bed.places["c1"].run("/usr/bin/python3", "-c", DIAL, case.vips[0], str(DIALS))
        seen = set(json.loads(server.communicate(timeout=10)[0]))
    finally:
        server.kill()
    prefix = "::ffff:" if case.families == ["IPv4"] else ""
    assert seen <= {prefix + address(i) for i in range(3000)}
    assert len(seen) >= 2999


def test_a18_a_service_made_anew_with_the_same_address_has_the_new_endpoints_only(case, client):
    """A dial every 5 ms; in between it may be refused."""
    case.put(case.service(name="first"), case.slice("l1", service="first"), file="first.json")
    case.settles("l1", by=client)
    with case.load(hertz=200, by=client, may_fail=True, timeout=0.5) as load:
        case.remove("first.json")
        anew = case.serve("r2a")
        case.settles("r2a", by=client)
    assert [o for o in load.order if o in ("l1", "r2a")] == ["l1", "r2a"], load.order
    assert case.in_time(load.first("r2a") - anew)


def test_a_service_past_all_limits_keeps_no_other_from_changing(dual):
    """66,000 endpoints are more than one port may have, and 65,536 of two Services more than there is
    room for beside another's. Both are told; the other goes on and changes."""
    def put(pod):
        dual.serve(pod)
        dual.settles(pod)
    put("l1")
    at = len(dual.bed.agent_log())
    for net, name, vip in ((246, "huge", "10.96.8.8"), (248, "huger", "10.96.8.9")):
        eps = [{"addresses": [f"10.{i // 62500 + net}.{i // 250 % 250}.{i % 250 + 1}"]} for i in range(66000)]
        dual.put(dual.service([HTTP], name=name, clusterIP=vip, clusterIPs=[vip]),
                 *(dual.slice(*eps[i:i + 1000], ports=[HTTP_AT], suffix=f"{i:05}", service=name)
                   for i in range(0, 66000, 1000)),
                 file=f"{name}.json")
    dual.expected_error = "a table is full"
    wait_for("what finds no room is told", lambda: dual.expected_error in dual.bed.agent_log()[at:])
    with dual.load():
        put("r2a")
    told = [line for line in dual.bed.agent_log()[at:].splitlines() if "left out" in line]
    assert len(told) == 2 and all(" items=464 " in line for line in told), told
