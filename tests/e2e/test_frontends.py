# SPDX-License-Identifier: Apache-2.0
"""Session affinity, external addresses and node ports, seen from the pods and the processes of one node. The
case numbers are those of the conformance list of Service behaviours."""
import json
import time

import pytest
from bed import TOP, node_manifest, run, wait_for

CLIENT = str(TOP / "tests/e2e/client.py")
DAY = {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86400}}}


def ask(pod, addr, port, n, kind="tcp"):
    return json.loads(pod.run("/usr/bin/python3", CLIENT, "count", kind, addr, str(port), str(n)))


def answers(who, addr, port, n=60, kind="tcp"):
    """The names that answered; a failed request fails the test."""
    result = ask(who, addr, port, n, kind)
    assert result["failed"] == []
    return set(result["answers"])


def refused(who, addr, port, kind="tcp"):
    """How the one request failed; lower case."""
    result = ask(who, addr, port, 1, kind)
    assert len(result["failed"]) == 1
    return result["failed"][0].lower()


def ingress(addr, **more):
    return {"type": "LoadBalancer", "status": {"loadBalancer": {"ingress": [{"ip": addr, **more}]}}}


@pytest.fixture
def shop(bed):
    """Three replicas, a client pod, and a running agent."""
    bed.web = [bed.pod(f"web-{i}") for i in range(3)]
    bed.names = {pod.name for pod in bed.web}
    for pod in bed.web:
        pod.serve(8080)
    bed.client = bed.pod("client")
    bed.other = bed.pod("other")
    bed.start()
    return bed


def serve(shop, pods=None, **more):
    """Makes the Service what is said and waits until the kernel has it; returns its cluster IPs."""
    pods = shop.web if pods is None else pods
    shop.vips = shop.service("web", 80, pods, 8080, vips=getattr(shop, "vips", None), **more)

    def applied():
        service, = shop.weir("service", "show", "default/web")
        chosen = {b["pod"] for p in service["ports"] for b in p["backends"] if b["chosen"]}
        return (chosen == {p.name for p in pods}
                and service["sessionAffinity"] == more.get("sessionAffinity", "None")
                and shop.weir("datapath", "check") == [])
    wait_for("the Service is applied", applied)
    return shop.vips


@pytest.mark.parametrize("kind", ["tcp", "udp", "udpc"])
def test_a45_affinity_goes_on_off_and_on(shop, kind):
    vip = serve(shop, **DAY)[0]
    assert len(answers(shop.client, vip, 80, 50, kind)) == 1
    serve(shop)
    assert answers(shop.client, vip, 80, 100, kind) == shop.names
    serve(shop, **DAY)
    assert len(answers(shop.client, vip, 80, 50, kind)) == 1


def test_a46_the_timer_restarts_with_each_connection_and_ends_when_idle(shop):
    vip = serve(shop, sessionAffinity="ClientIP",
                sessionAffinityConfig={"clientIP": {"timeoutSeconds": 2}})[0]
    kept = set()
    for _ in range(6):
        kept |= answers(shop.client, vip, 80, 1)
        time.sleep(1)
    assert len(kept) == 1
    later = set()
    for _ in range(8):  # all alike: one in two thousand; then a few rounds more
        time.sleep(2.2)
        later |= answers(shop.client, vip, 80, 1)
        if len(later) > 1:
            break
    assert len(later) > 1


def test_a47_a_removed_endpoint_is_replaced_by_one_other(shop):
    vip = serve(shop, **DAY)[0]
    first, = answers(shop.client, vip, 80, 10)
    serve(shop, [p for p in shop.web if p.name != first], **DAY)
    second, = answers(shop.client, vip, 80, 20)
    assert second != first


def test_affinity_outlives_the_agent(shop):
    vip = serve(shop, **DAY)[0]
    first = answers(shop.client, vip, 80, 10)
    shop.kill_agent()
    assert answers(shop.client, vip, 80, 20) == first
    shop.start()
    assert answers(shop.client, vip, 80, 20) == first


@pytest.mark.parametrize("kind", ["tcp", "udp", "udpc"])
def test_a25_an_external_ip_is_load_balanced(shop, kind):
    serve(shop, externalIPs=["203.0.113.7", "2001:db8::7"])
    for who in (shop.client, shop.host):
        assert answers(who, "203.0.113.7", 80, kind=kind) == shop.names
        assert answers(who, "2001:db8::7", 80, kind=kind) == shop.names
    assert "refused" not in refused(shop.client, "203.0.113.7", 81)  # left alone, as kube-proxy does


@pytest.mark.parametrize("policy", ["Cluster", "Local"])
def test_a23_a26_a_load_balancer_address_is_served_on_the_node(shop, policy):
    serve(shop, **ingress("203.0.113.50"), externalTrafficPolicy=policy)
    for who in (shop.client, shop.host):
        assert answers(who, "203.0.113.50", 80) == shop.names


def test_a27_an_address_of_mode_proxy_is_left_alone(shop):
    """The bed answers for it elsewhere: in another pod, by a route."""
    run("ip", "-n", shop.other.netns, "addr", "add", "203.0.113.51/32", "dev", "lo")
    run("ip", "-n", shop.node, "route", "add", "203.0.113.51", "via", shop.other.ip)
    shop.host.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
    shop.other.serve(80)
    serve(shop, **ingress("203.0.113.51", ipMode="Proxy"))
    for who in (shop.client, shop.host):
        assert answers(who, "203.0.113.51", 80, 10) == {"other"}


def test_a31_a_load_balancer_without_node_port(shop):
    serve(shop, **ingress("203.0.113.50"), allocateLoadBalancerNodePorts=False)
    assert answers(shop.client, "203.0.113.50", 80) == shop.names
    assert "refused" in refused(shop.host, "10.244.1.1", 30080)


def test_all_addresses_of_a_port_remember_the_same_backend(shop):
    vip = serve(shop, externalIPs=["203.0.113.7"], **DAY)[0]
    assert answers(shop.client, vip, 80, 10) == answers(shop.client, "203.0.113.7", 80, 10)


def test_what_is_served_is_shown(shop):
    serve(shop, externalIPs=["203.0.113.7"], internalTrafficPolicy="Local")
    service, = shop.weir("service", "show", "default/web")
    entry = next(p for p in service["ports"] if p["vip"] == shop.vips[0])
    assert entry["external"] == [{"kind": "externalIP", "address": "203.0.113.7", "port": 80,
                                  "result": "serving", "outside": "serving"}]
    assert service["pending"] == []


NODE = {"type": "NodePort", "nodePorts": {"TCP": 30080, "UDP": 30080}}
NODE_ADDRESSES = ("10.244.1.1", "fd10:244:1::1")


@pytest.mark.parametrize("kind", ["tcp", "udp", "udpc"])
@pytest.mark.parametrize("policy", ["Cluster", "Local"])
def test_a23_a_node_port_is_served_at_every_address_of_the_node(shop, kind, policy):
    serve(shop, **NODE, externalTrafficPolicy=policy)
    for who in (shop.client, shop.host):
        for addr in NODE_ADDRESSES:
            assert answers(who, addr, 30080, 40, kind) == shop.names


@pytest.mark.parametrize("kind", ["tcp", "udp", "udpc"])
def test_a19_a_node_port_on_localhost_is_the_nodes_own(shop, kind):
    serve(shop, **NODE)
    assert answers(shop.host, "127.0.0.1", 30080, 40, kind) == shop.names
    assert "refused" in refused(shop.host, "::1", 30080, kind if kind != "udp" else "udpc")
    # a pod's 127.0.0.1 is its own affair
    shop.client.serve(30080)
    assert answers(shop.client, "127.0.0.1", 30080, 10, kind) == {"client"}


@pytest.mark.parametrize("asked, served", [("10.0.0.0/8", NODE_ADDRESSES[:1]), ("primary", NODE_ADDRESSES),
                                           ("primary, 192.0.2.0/24", (*NODE_ADDRESSES, "192.0.2.77"))])
def test_a19_a24_only_the_addresses_asked_for_answer(shop, asked, served):
    """The node has a second address of each family; its Node object names the first ones alone."""
    others = ("192.0.2.77", "2001:db8::77")
    for addr in others:
        run("ip", "-n", shop.node, "addr", "add", addr, "dev", "lo")
    shop.kill_agent()
    shop.config.write_text(shop.config.read_text() + f"datapath: {{nodePortAddresses: [{asked}]}}\n")
    shop.start()
    serve(shop, **NODE)
    for addr in ("127.0.0.1", *NODE_ADDRESSES, *others):
        for who in (shop.client, shop.host) if addr != "127.0.0.1" else (shop.host,):
            if addr in served:
                assert answers(who, addr, 30080) == shop.names
            else:
                assert "refused" in refused(who, addr, 30080)


def test_a24_primary_follows_the_node_object(shop):
    run("ip", "-n", shop.node, "addr", "add", "192.0.2.77/32", "dev", "lo")
    shop.kill_agent()
    shop.config.write_text(shop.config.read_text() + "datapath: {nodePortAddresses: [primary]}\n")
    shop.start()
    serve(shop, **NODE)
    assert answers(shop.client, "10.244.1.1", 30080) == shop.names
    node = node_manifest("node-a", 1)
    node["status"]["addresses"] = [{"type": "InternalIP", "address": "192.0.2.77"}]
    shop.write("node.json", node)
    wait_for("the new address answers", lambda: ask(shop.client, "192.0.2.77", 30080, 1)["answers"])
    assert "refused" in refused(shop.client, "10.244.1.1", 30080)


def test_an_address_answers_node_ports_as_long_as_the_node_has_it(shop):
    """The agent hears of it from the kernel: no manifest changes, nothing is started anew."""
    serve(shop, **NODE)
    for addr, *prefix in (("192.0.2.77", "192.0.2.77/32"), ("2001:db8::77", "2001:db8::77/128", "nodad")):
        assert "refused" not in refused(shop.host, addr, 30080)  # nobody has it
        run("ip", "-n", shop.node, "addr", "add", *prefix, "dev", "br0")
        wait_for(f"{addr} answers", lambda a=addr: ask(shop.host, a, 30080, 1)["failed"] == [], timeout=1)
        for who in (shop.client, shop.host):
            assert answers(who, addr, 30080) == shop.names
        run("ip", "-n", shop.node, "addr", "del", prefix[0], "dev", "br0")
        wait_for(f"{addr} is silent", lambda a=addr: ask(shop.host, a, 30080, 1)["answers"] == {}, timeout=1)
    assert shop.weir("datapath", "check") == []


def test_a_wish_that_no_address_meets_is_told_once(shop):
    shop.kill_agent()
    shop.config.write_text(shop.config.read_text() + "datapath: {nodePortAddresses: [203.0.113.0/24]}\n")
    shop.start()
    serve(shop, **NODE)
    serve(shop, **NODE, **DAY)
    assert shop.agent_log().count('msg="no node port is served"') == 1
    run("ip", "-n", shop.node, "addr", "add", "203.0.113.1/32", "dev", "lo")
    wait_for("the address answers", lambda: ask(shop.host, "203.0.113.1", 30080, 1)["answers"])
    assert shop.agent_log().count('msg="no node port is served"') == 1


def test_a_node_port_elsewhere_is_left_alone(shop):
    """The same number at an address of another machine: here another pod's."""
    serve(shop, **NODE)
    shop.other.serve(30080)
    assert answers(shop.client, shop.other.ip, 30080, 10) == {"other"}


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


def test_nobody_on_the_node_takes_a_node_port(shop):
    serve(shop, **NODE)
    binds = [f"{a}/{k}" for a in ("0.0.0.0", "::", "127.0.0.1", *NODE_ADDRESSES) for k in ("tcp", "udp")]
    before = shop.weir("datapath", "stats")
    assert shop.host.run("/usr/bin/python3", "-c", BIND, "30080", *binds).split() == ["refused"] * 10
    assert before != shop.weir("datapath", "stats")
    # other ports are free, automatic ones too, and a pod's are its own
    assert shop.host.run("/usr/bin/python3", "-c", BIND, "30081", *binds[:2]).split() == ["bound"] * 2
    assert shop.host.run("/usr/bin/python3", "-c", BIND, "0", *binds).split() == ["bound"] * 10
    assert shop.client.run("/usr/bin/python3", "-c", BIND, "30080", *binds[:2]).split() == ["bound"] * 2
    serve(shop)
    wait_for("the node port is free again", lambda: shop.host.run(
        "/usr/bin/python3", "-c", BIND, "30080", *binds[:2]).split() == ["bound"] * 2)
