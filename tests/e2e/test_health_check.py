# SPDX-License-Identifier: Apache-2.0
"""Health check ports of load balancers (cases A29, A30 and A32), asked from the node and from a pod of it.
Expectations are kube-proxy 1.36's."""
import contextlib
import json

from bed import BedError, cgroup2_mount, run, wait_for
from bed.case import NODE_PORT
from bed.objects import DYING

PORT = 32000
PIPE = -1
LISTEN = "import socket, sys; s = socket.create_server(('0.0.0.0', int(sys.argv[1]))); print('up', flush=True); s.accept()"


def balanced(case, *endpoints, policy="Local", **more):
    case.serve(*endpoints, type="LoadBalancer", externalTrafficPolicy=policy, **more)


def probe(case, by="host", addr=None, path="/"):
    """As a load balancer asks: (status, weight, what the body says); None when nobody listens."""
    addr = addr or case.address("node")
    host = f"[{addr}]" if ":" in addr else addr
    p = case.bed.places[by].popen("curl", "-gsSi", "-m", "5", f"http://{host}:{PORT}{path}",
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


def says(case, status, endpoints):
    """Waits until it says so; then it does at any path, to the node and to a pod."""
    body = {"service": {"namespace": "default", "name": case.name}, "localEndpoints": endpoints,
            "serviceProxyHealthy": True}
    wait_for(f"the port says {status}", lambda: probe(case) == (status, endpoints, body))
    for by in ("host", "c1"):
        assert probe(case, by, path="/anything?x") == (status, endpoints, body)


def is_closed(case):
    wait_for("the port is closed", lambda: probe(case) is None)


def test_a29_ready_endpoints_on_the_node_are_counted(case):
    balanced(case, "l1", "c1", "r2a")
    says(case, 200, 2)
    balanced(case, "r2a")
    says(case, 503, 0)
    case.remove()
    is_closed(case)


def test_a29_a_pod_with_two_addresses_counts_once(dual):
    balanced(dual, "l1", "r2a")
    says(dual, 200, 1)
    assert probe(dual) == probe(dual, addr=dual.address("node", "IPv6"))


def test_a30_the_balancer_is_sent_away_while_the_last_endpoint_still_serves(case):
    balanced(case, "l1")
    says(case, 200, 1)
    with case.load(to="ingress") as load:
        balanced(case, case.ep("l1", DYING))
        says(case, 503, 0)
        for by in ("host", "c1"):
            case.settles("l1", by=by, to="node")
    assert load.order == ["l1"]


def test_a32_health_check_port_follows_the_policy(case):
    endpoints = ("l1", "r2a")
    balanced(case, *endpoints, policy="Cluster")
    case.settles("l1", "r2a", to="ingress")
    assert probe(case) is None
    with case.load(kind="held", hertz=50, to="ingress") as held, case.load(to="ingress") as dials:
        balanced(case, *endpoints)
        says(case, 200, 1)
        balanced(case, *endpoints, policy="Cluster")
        is_closed(case)
    assert len(held.order) == 1
    assert set(dials.order) == {"l1", "r2a"}


def told(case, text):
    return case.bed.agent_log().count(text)


def test_a_taken_port_is_told_once_and_served_when_it_is_free(case):
    text = f"Service default/{case.name}: healthCheckNodePort: can't listen on [::]:{PORT}: Address already in use"
    case.expected_error = "Address already in use"
    taker = case.bed.host.popen("/usr/bin/python3", "-c", LISTEN, str(PORT), stdout=PIPE)
    assert taker.stdout.readline() == "up\n"
    balanced(case, "l1")
    wait_for("it is told", lambda: told(case, text))
    case.settles("l1")  # all else is served
    balanced(case, "l1", "r2a")
    case.settles("l1", "r2a")
    taker.kill()
    taker.communicate()
    says(case, 200, 1)
    assert told(case, text) == 1


@contextlib.contextmanager
def inside(bed, pid):
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
        balanced(case, "l1", healthCheckNodePort=NODE_PORT)
        text = f"Service default/{case.name}: healthCheckNodePort: {NODE_PORT} is a node port of some Service; use another"
        wait_for("it is told", lambda: told(case, text))
        case.settles("l1", by="host", to="node")
        balanced(case, "l1")
        says(case, 200, 1)


def test_it_is_served_where_node_ports_are(dual):
    with dual.bed.restarted(nodePortAddresses=["192.168.0.0/16", "192.0.2.0/24", "2001:db8:99::/64"]):
        balanced(dual, "l1")
        says(dual, 200, 1)
        assert probe(dual, addr=dual.address("node", "IPv6")) is None
        assert probe(dual, addr="127.0.0.1") is None
        run("ip", "-n", dual.bed.node, "addr", "add", "192.0.2.77/32", "dev", "lo")
        wait_for("the new address answers", lambda: probe(dual, addr="192.0.2.77"), timeout=2)
        run("ip", "-n", dual.bed.node, "addr", "del", "192.0.2.77/32", "dev", "lo")
    wait_for("all answer", lambda: probe(dual, addr=dual.address("node", "IPv6")) and probe(dual, addr="127.0.0.1"))
