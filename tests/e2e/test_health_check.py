# SPDX-License-Identifier: Apache-2.0
"""Health check ports of load balancers (cases A29, A30 and A32), asked from the node and from a pod of it.
Expectations are kube-proxy 1.36's."""
import contextlib
import json

from bed import BedError, cgroup2_mount, run, wait_for
from cluster import DYING, PIPE, bed, case, cluster, dual  # noqa: F401 (fixtures)

PORT, NODE_PORT = 32000, 30080
NODE = {"IPv4": "10.244.1.1", "IPv6": "fd10:244:1::1"}
VIP = {"IPv4": "203.0.113.50", "IPv6": "2001:db8::50"}
LISTEN = "import socket, sys; s = socket.create_server(('0.0.0.0', int(sys.argv[1]))); print('up', flush=True); s.accept()"


def balanced(case, *endpoints, policy="Local", node_port=NODE_PORT):  # noqa: F811
    more = {"healthCheckNodePort": PORT} if policy == "Local" else {}
    service = case.service(type="LoadBalancer", externalTrafficPolicy=policy, **more,
                           status={"loadBalancer": {"ingress": [{"ip": VIP[f]} for f in case.families]}})
    service["spec"]["ports"][0]["nodePort"] = node_port
    slices = [case.slice([case.ep(*e, family=f) for e in endpoints], suffix=f.lower(), family=f)
              for f in case.families]
    case.put(service, *slices)


def probe(case, place=None, addr=None, path="/"):  # noqa: F811
    """As a load balancer asks: (status, weight, what the body says); None when nobody listens."""
    addr = addr or NODE[case.families[0]]
    host = f"[{addr}]" if ":" in addr else addr
    p = (place or case.bed.host).popen("curl", "-gsSi", "-m", "5", f"http://{host}:{PORT}{path}",
                                        stdout=PIPE, stderr=PIPE)
    out, why = p.communicate(timeout=20)
    if p.returncode == 7:  # refused
        return None
    if p.returncode:  # closed meanwhile, or no HTTP
        raise BedError(f"curl: exit {p.returncode} {why}{out}")
    head, body = out.split("\n\n", 1)
    headers = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:])
    assert headers["content-type"] == "application/json"
    return int(head.split()[1]), int(headers["x-load-balancing-endpoint-weight"]), json.loads(body)


def says(case, status, endpoints):  # noqa: F811
    """Waits until it says so; then it does at any path, to the node and to a pod."""
    body = {"service": {"namespace": "default", "name": case.name}, "localEndpoints": endpoints,
            "serviceProxyHealthy": True}
    wait_for(f"the port says {status}", lambda: probe(case) == (status, endpoints, body))
    for place in (case.bed.host, case.c1):
        assert probe(case, place, path="/anything?x") == (status, endpoints, body)


def is_closed(case):  # noqa: F811
    wait_for("the port is closed", lambda: probe(case) is None)


def test_a29_ready_endpoints_on_the_node_are_counted(case):
    balanced(case, [case.l1], [case.c1], [case.r2a])
    says(case, 200, 2)
    balanced(case, [case.r2a])
    says(case, 503, 0)
    case.remove()
    is_closed(case)


def test_a29_a_pod_with_two_addresses_counts_once(dual):
    balanced(dual, [dual.l1], [dual.r2a])
    says(dual, 200, 1)
    assert probe(dual, addr=NODE["IPv4"]) == probe(dual, addr=NODE["IPv6"])


def test_a30_the_balancer_is_sent_away_while_the_last_endpoint_still_serves(case):
    node, vip = NODE[case.families[0]], VIP[case.families[0]]
    balanced(case, [case.l1])
    says(case, 200, 1)
    with case.load(vip=vip) as load:
        balanced(case, [case.l1, DYING])
        says(case, 503, 0)
        for place in (case.bed.host, case.c1):
            case.settles("l1", place=place, vip=node, port=NODE_PORT)
    assert load.order == ["l1"]


def test_a32_health_check_port_follows_the_policy(case):
    vip, endpoints = VIP[case.families[0]], ([case.l1], [case.r2a])
    balanced(case, *endpoints, policy="Cluster")
    case.settles("l1", "r2a", vip=vip)
    assert probe(case) is None
    with case.load("held", 50, vip=vip) as held, case.load(vip=vip) as dials:
        balanced(case, *endpoints)
        says(case, 200, 1)
        balanced(case, *endpoints, policy="Cluster")
        is_closed(case)
    assert len(held.order) == 1
    assert set(dials.order) == {"l1", "r2a"}


def told(case, text):  # noqa: F811
    return case.bed.agent_log().count(text)


def test_a_taken_port_is_told_once_and_served_when_it_is_free(case):
    text = f"Service default/{case.name}: healthCheckNodePort: can't listen on [::]:{PORT}: Address already in use"
    case.expected_error = "Address already in use"
    taker = case.bed.host.popen("/usr/bin/python3", "-c", LISTEN, str(PORT), stdout=PIPE)
    assert taker.stdout.readline() == "up\n"
    balanced(case, [case.l1])
    wait_for("it is told", lambda: told(case, text))
    case.settles("l1")  # all else is served
    balanced(case, [case.l1], [case.r2a])
    case.settles("l1", "r2a")
    taker.kill()
    taker.communicate()
    says(case, 200, 1)
    assert told(case, text) == 1


@contextlib.contextmanager
def inside(bed, pid):  # noqa: F811
    """The process is in the node's cgroup, as an agent on a real node is."""
    line, = (entry for entry in run("cat", f"/proc/{pid}/cgroup").stdout.splitlines() if entry.startswith("0::"))
    home = cgroup2_mount() / line.removeprefix("0::/") / "cgroup.procs"
    (bed.host.cgroup / "cgroup.procs").write_text(str(pid))
    try:
        yield
    finally:
        home.write_text(str(pid))


def test_a_node_port_is_no_health_check_port(case):
    case.expected_error = "is a node port of some Service"
    with inside(case.bed, case.bed.agent.pid):
        balanced(case, [case.l1], node_port=PORT)
        text = f"Service default/{case.name}: healthCheckNodePort: {PORT} is a node port of some Service; use another"
        wait_for("it is told", lambda: told(case, text))
        case.settles("l1", place=case.bed.host, vip=NODE[case.families[0]], port=PORT)
        balanced(case, [case.l1])
        says(case, 200, 1)


@contextlib.contextmanager
def configured(bed, line):  # noqa: F811
    """The agent with one more line of configuration."""
    text = bed.config.read_text()
    try:
        for now in (text + line, text):
            bed.kill_agent()
            bed.config.write_text(now)
            bed.start()
            if now != text:
                yield
    finally:
        bed.config.write_text(text)


def test_it_is_served_where_node_ports_are(dual):
    with configured(dual.bed, "datapath: {nodePortAddresses: [10.0.0.0/8, 192.0.2.0/24]}\n"):
        balanced(dual, [dual.l1])
        says(dual, 200, 1)
        assert probe(dual, addr=NODE["IPv6"]) is None
        assert probe(dual, addr="127.0.0.1") is None
        run("ip", "-n", dual.bed.node, "addr", "add", "192.0.2.77/32", "dev", "lo")
        wait_for("the new address answers", lambda: probe(dual, addr="192.0.2.77"), timeout=2)
        run("ip", "-n", dual.bed.node, "addr", "del", "192.0.2.77/32", "dev", "lo")
    wait_for("all answer", lambda: probe(dual, addr=NODE["IPv6"]) and probe(dual, addr="127.0.0.1"))
