# SPDX-License-Identifier: Apache-2.0
"""Conformance: which Services are served, by which endpoints (cases A01 to A18, as far as they
concern cluster IPs and clients on the node). Expectations are kube-proxy 1.36's."""
import json

import pytest
from bed import run, wait_for
from cluster import NOT_READY, PIPE, bed, case, cluster, dual  # noqa: F401 (fixtures)

NODE = {"IPv4": "10.244.1.1", "IPv6": "fd10:244:1::1"}


def test_dials_are_shared_evenly_and_show_the_client_and_the_service_as_they_are(case):
    """A01. The client checks getpeername() at each dial. Uniform: chi-square of 600 dials over three
    endpoints; p > 1e-9 rather than the case's p > 0.001, which an exact product fails once in 1000."""
    case.put_eps(case.ep(case.l1), case.ep(case.r2a), case.ep(case.r3a))
    got = case.settles("l1", "r2a", "r3a", n=600)
    assert sum((n - 200) ** 2 / 200 for n in got.count.values()) < 41.4, got
    assert got.sources == {case.c1.ip if case.families == ["IPv4"] else case.c1.ip6}


def test_the_node_itself_reaches_all_endpoints(case):
    """A02. 60 dials miss one of three with a probability of 8e-11."""
    case.put_eps(case.ep(case.l1), case.ep(case.r2a), case.ep(case.r3a))
    got = case.settles("l1", "r2a", "r3a", n=60, place=case.bed.host)
    assert got.sources == {NODE[case.families[0]]}


def test_each_port_reaches_its_own_target(case):
    """A04."""
    case.put(case.service([("http", "TCP", 80), ("alt", "TCP", 81)]),
             case.slice([case.ep(case.l1)], [("http", "TCP", 8080), ("alt", "TCP", 9090)]))
    assert case.settles("l1", port=80).ports == {("l1", 8080)}
    assert case.settles("l1", port=81).ports == {("l1", 9090)}


def test_ports_are_joined_by_name(case):
    """A05."""
    case.put(case.service([("http", "TCP", 80), ("alt", "TCP", 81)]),
             case.slice([case.ep(case.l1)], [("http", "TCP", 8080), ("other", "TCP", 9090)]))
    assert case.settles("l1").ports == {("l1", 8080)}
    case.refused(port=81)


def test_a_named_target_port_may_be_another_number_in_each_slice(case):
    """A06."""
    case.put(case.service(),
             case.slice([case.ep(case.l1)], [("http", "TCP", 8080)], "a"),
             case.slice([case.ep(case.r2a)], [("http", "TCP", 9090)], "b"))
    assert case.settles("l1", "r2a").ports == {("l1", 8080), ("r2a", 9090)}


def test_all_slices_of_a_service_count(case):
    """A07. Its change is made under load."""
    case.put(case.service([("http", "TCP", 80), ("alt", "TCP", 81)]),
             case.slice([case.ep(case.l1)], [("http", "TCP", 8080)], "a"),
             case.slice([case.ep(case.l1)], [("alt", "TCP", 9090)], "b"))
    assert case.settles("l1").ports == {("l1", 8080)}
    assert case.settles("l1", port=81).ports == {("l1", 9090)}
    with case.load():
        case.put(case.service(), case.slice([case.ep(case.l1)], suffix="a"),
                 case.slice([case.ep(case.r2a)], suffix="b"))
        case.settles("l1", "r2a")
    case.refused(port=81)


def test_protocols_of_one_port_number_are_independent(case):
    """A08. TCP is under load while UDP goes."""
    both = [("tcp", "TCP", 80), ("udp", "UDP", 80)]
    to = [("tcp", "TCP", 8080), ("udp", "UDP", 9090)]
    case.put(case.service(both), case.slice([case.ep(case.l1)], to))
    assert case.settles("l1").ports == {("l1", 8080)}
    for kind in ("udp", "udpc"):
        assert case.settles("l1", kind=kind).ports == {("l1", 9090)}
    with case.load():
        case.put(case.service(both[:1]), case.slice([case.ep(case.l1)], to[:1]))
        for kind in ("udp", "udpc"):
            case.refused(kind=kind)
    assert case.settles("l1").ports == {("l1", 8080)}


@pytest.mark.parametrize("kind", ["tcp", "udp", "udpc"])
def test_a_pod_reaches_itself_through_its_service(case, kind):
    """A09."""
    case.put(case.service([("tcp", "TCP", 80), ("udp", "UDP", 80)]),
             case.slice([case.ep(case.l1)], [("tcp", "TCP", 8080), ("udp", "UDP", 8080)]))
    case.settles("l1", place=case.l1, kind=kind)


def test_without_endpoints_pods_and_node_are_refused(case):
    """A10. A connected UDP socket learns it from connect() already, an unconnected one from sendto()."""
    ports = [("tcp", "TCP", 80), ("udp", "UDP", 80)]
    to = [("tcp", "TCP", 8080), ("udp", "UDP", 8080)]
    for objects in ([case.slice([], to)], []):
        case.put(case.service(ports), case.slice([case.ep(case.l1)], to))
        case.settles("l1", kind="udp")
        case.put(case.service(ports), *objects)
        for place in (case.c1, case.bed.host):
            for kind in ("tcp", "udpc", "udp"):
                case.refused(place=place, kind=kind)


def test_an_endpoint_that_is_not_ready_gets_nothing_until_it_is(case):
    """A11."""
    case.put_eps(case.ep(case.l1, NOT_READY))
    case.refused()
    case.put_eps(case.ep(case.l1))
    case.settles("l1")
    case.put_eps(case.ep(case.l1, NOT_READY))
    case.refused()


def test_conditions_that_are_not_told_mean_ready(case):
    """A12."""
    case.put_eps(case.ep(case.l1, {}))
    case.settles("l1")
    case.put_eps(case.ep(case.r2a, {"ready": None, "serving": None, "terminating": None}))
    case.settles("r2a")


def test_services_without_an_address_are_nothing_to_serve(case):
    """A13. That nobody calls it an error is what `case` checks of every test."""
    def unaddressed(suffix, **spec):
        s = case.service(name=f"{case.name}-{suffix}", **spec)
        s["spec"] = {k: v for k, v in s["spec"].items() if v is not None}
        return s
    case.put(unaddressed("headless", clusterIP="None", clusterIPs=["None"]),
             unaddressed("alias", type="ExternalName", externalName="example.com", clusterIP=None,
                         clusterIPs=None),
             unaddressed("early", clusterIP="", clusterIPs=None), file="unaddressed.json")
    case.put_eps(case.ep(case.l1))
    case.settles("l1")
    wait_for("the table is saved", lambda: case.name in case.shown())
    assert not [s for s in case.shown() if s.startswith(f"{case.name}-")]


def test_a_service_of_another_proxy_is_left_to_it(case):
    """A14. The address is in the service range: with nobody to serve it, a dial is refused."""
    label = {"service.kubernetes.io/service-proxy-name": "foo"}
    other = case.service(name=f"{case.name}-other", labels=label, clusterIP=None)
    other["spec"]["clusterIP"] = "10.96.9.9" if case.families == ["IPv4"] else "fd10:96::909"
    other["spec"]["clusterIPs"] = [other["spec"]["clusterIP"]]
    case.put(other, case.slice([case.ep(case.l1)], service=other["metadata"]["name"]), file="other.json")
    for _ in range(2):
        case.put_eps(case.ep(case.l1))
        case.settles("l1")
        assert case.ask(vip=other["spec"]["clusterIP"]).error == "ECONNREFUSED"
        case.put_eps(case.ep(case.l1), labels=label)
        case.refused()


def test_a_service_is_served_while_it_has_a_cluster_ip(case):
    """A15, of the cluster IP."""
    alias = case.service(type="ExternalName", externalName="example.com")
    for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        del alias["spec"][key]
    eps = case.slice([case.ep(case.l1)])
    node_port = case.service(type="NodePort", externalTrafficPolicy="Cluster")
    node_port["spec"]["ports"][0]["nodePort"] = 30000 + case.number
    for _ in range(2):
        case.put(alias, eps)
        case.refused()
        case.put(case.service(), eps)
        case.settles("l1")
        with case.load():
            case.put(node_port, eps)
            wait_for("the type is known", lambda: case.bed.weir(
                "service", "show", f"default/{case.name}")[0]["type"] == "NodePort")
            case.settles("l1")


def test_slices_that_are_not_the_services_add_nothing(case):
    """A16. Headless, of no Service, of names, and of the other family."""
    of = {"kubernetes.io/service-name": case.name}
    other = "IPv6" if case.families == ["IPv4"] else "IPv4"
    names = case.slice([{"addresses": ["pod.example.com"], "conditions": {}}], suffix="d", family="FQDN")
    case.put(case.service(),
             case.slice([case.ep(case.r2a)], suffix="a", labels={"service.kubernetes.io/headless": "", **of}),
             case.slice([case.ep(case.r2a)], suffix="b", labels={}),
             names,
             case.slice([case.ep(case.r3a, family=other)], suffix="e", family=other),
             case.slice([case.ep(case.l1)], suffix="f"))
    case.settles("l1", n=200)


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
def crowd(cluster):  # noqa: F811
    """A pod that has all addresses of two networks, and c1's routes to it."""
    pod = cluster.pod("crowd", node="node-b")
    c1 = cluster.named[3]
    run("ip", "-n", pod.netns, "route", "add", "local", "10.245.0.0/16", "dev", "lo")
    run("ip", "-n", pod.netns, "-6", "route", "add", "local", "fd10:245::/64", "dev", "lo")
    run("ip", "-n", c1.netns, "route", "add", "10.245.0.0/16", "via", pod.ip)
    run("ip", "-n", c1.netns, "-6", "route", "add", "fd10:245::/64", "via", pod.ip6)
    return pod


def test_three_thousand_endpoints_are_all_used(case, crowd):
    """A17. Of 3000 endpoints 45,000 uniform dials miss 3000 * (1 - 1/3000)^45000 = 9e-4 on average;
    that they miss two or more has a probability of 4e-7. So 2,999 must be seen."""
    def address(i):
        return f"10.245.{i // 250}.{i % 250 + 1}" if case.families == ["IPv4"] else f"fd10:245::{i + 1:x}"
    eps = [{**case.ep(crowd), "addresses": [address(i)]} for i in range(3000)]
    case.put(case.service(), *(case.slice(eps[i:i + 100], suffix=f"{i:04}") for i in range(0, 3000, 100)))
    wait_for("all endpoints are known", lambda: len(case.bed.weir(
        "service", "show", f"default/{case.name}")[0]["ports"][0]["backends"]) == 3000)
    server = crowd.popen("/usr/bin/python3", "-c", CROWD, str(DIALS), stdout=PIPE)
    try:
        assert server.stdout.readline() == "up\n"
        case.c1.run("/usr/bin/python3", "-c", DIAL, case.vips[0], str(DIALS))
        seen = set(json.loads(server.communicate(timeout=10)[0]))
    finally:
        server.kill()
    prefix = "::ffff:" if case.families == ["IPv4"] else ""
    assert seen <= {prefix + address(i) for i in range(3000)}
    assert len(seen) >= 2999


def test_a_service_made_anew_with_the_same_address_has_the_new_endpoints_only(case):
    """A18. A dial every 5 ms; in between it may be refused."""
    first = f"{case.name}-first.json"
    case.put(case.service(name=f"{case.name}-first"),
             case.slice([case.ep(case.l1)], service=f"{case.name}-first"), file=first)
    case.settles("l1")
    with case.load(hertz=200, may_fail=True) as load:
        case.remove(first)
        case.put_eps(case.ep(case.r2a))
        case.settles("r2a")
    assert [o for o in load.order if "refused" not in o] == ["l1", "r2a"], load.order


def test_a_service_past_all_limits_keeps_no_other_from_changing(dual):  # noqa: F811
    """Not of the list. 66,000 endpoints are more than one port may have, and the 65,536 of them more
    than there is room for beside another Service's. Both are told; the other goes on and changes."""
    dual.put_eps(dual.ep(dual.l1))
    dual.settles("l1")
    huge, at = f"{dual.name}-huge", len(dual.bed.agent_log())
    eps = [{"addresses": [f"10.{i // 62500 + 246}.{i // 250 % 250}.{i % 250 + 1}"]} for i in range(66000)]
    dual.put(dual.service(name=huge, clusterIP="10.96.8.8", clusterIPs=["10.96.8.8"]),
             *(dual.slice(eps[i:i + 1000], suffix=f"{i:05}", service=huge)
               for i in range(0, 66000, 1000)), file="huge.json")
    dual.expected_error = "a table is full"
    wait_for("what finds no room is told", lambda: dual.expected_error in dual.bed.agent_log()[at:])
    with dual.load():
        dual.put_eps(dual.ep(dual.r2a))
        dual.settles("r2a")
    told = [line for line in dual.bed.agent_log()[at:].splitlines() if "left out" in line]
    assert len(told) == 1 and f'of="Service default/{huge}" items=464 ' in told[0], told
