# SPDX-License-Identifier: Apache-2.0
"""What is told of connections to Services while they are open: those that a pod's socket made, and those
that packets from outside made on their way. Others of the cluster may be told as well: the node
remembers a connection of packets for a while."""
import json
import subprocess

import pytest
from bed import run, wait_for

HOLD = """
import socket, sys
kind, addr, port = sys.argv[1:4]
family = socket.AF_INET6 if ":" in addr else socket.AF_INET
s = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.settimeout(5)
s.connect((addr, int(port)))
s.send(b"x")
s.recv(100)
print(*s.getsockname()[:2], flush=True)
sys.stdin.read()
"""
FIELDS = {"path", "protocol", "client", "vip", "vipPort", "backend", "backendPort", "source", "node", "service",
          "state", "draining", "ageSeconds", "idleSeconds", "cgroup_id"}


def address(endpoint):
    return endpoint.rpartition(":")[0].strip("[]")


class Held:
    """A connection that was answered once and stays open as long as the block."""

    def __init__(self, case, by, to, kind):
        self.case, self.kind = case, kind
        self.vip, self.port = case.frontend(to)
        self.process = case.bed.places[by].popen("/usr/bin/python3", "-c", HOLD, kind, self.vip, str(self.port),
                                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        addr, port = self.process.stdout.readline().split()
        self.client = f"[{addr}]:{port}" if ":" in addr else f"{addr}:{port}"
        return self

    def __exit__(self, *exc):
        self.process.communicate("", timeout=10)

    def flows(self, *service):
        return [f for f in self.case.bed.weir("flow", "show", *service) if f["client"] == self.client]

    def flow(self):
        """The one there is; what is the same of all is looked at here."""
        flow, = self.flows(f"default/{self.case.name}")
        assert set(flow) == FIELDS
        assert (flow["protocol"], flow["vip"], flow["vipPort"]) == (self.kind.upper(), self.vip, self.port)
        assert flow["backend"] in {self.case.ip(pod) for pod in ("l1", "r2a")} and flow["backendPort"] == 8080
        assert (flow["service"], flow["state"]) == (f"default/{self.case.name}", "established")
        assert 0 <= flow["ageSeconds"] < 60
        return flow


@pytest.fixture
def held(case):
    """Makes one, of a Service with a backend on this node and one on another."""
    case.serve("l1", "r2a", type="NodePort")
    wait_for("the Service is applied",
             lambda: case.name in case.shown() and case.bed.weir("datapath", "check") == [])

    def make(by="c1", to="vip", kind="tcp"):
        return Held(case, by, to, kind)
    return make


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_pods_socket_is_a_flow_until_it_is_closed(case, held, kind):
    with held(kind=kind) as connection:
        flow = connection.flow()
        assert (flow["path"], flow["draining"]) == ("socket", False)
        assert (flow["source"], flow["idleSeconds"]) == (None, None)
        assert flow["cgroup_id"] == case.bed.places["c1"].cgroup.stat().st_ino
    wait_for("it is a flow no more", lambda: not connection.flows())


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_connection_from_outside_is_a_flow_and_has_what_stands_for_the_client(case, held, kind):
    with held("ext", "node", kind) as connection:
        flow = connection.flow()
        assert (flow["path"], flow["draining"], flow["cgroup_id"]) == ("packet", False, None)
        assert address(flow["source"]) in case.node_ips()
        assert 0 <= flow["idleSeconds"] <= flow["ageSeconds"] + 1
    if kind == "tcp":
        wait_for("both ends have closed it", lambda: connection.flows()[0]["state"] == "closed")


def test_flows_are_told_while_the_agent_is_dead(case, held):
    def told():
        return [(f["path"], f["backend"], f["service"]) for c in (inside, outside) for f in c.flows()]

    with held() as inside, held("ext", "node", "udp") as outside:
        before = told()
        case.bed.kill_agent()
        try:
            assert told() == before
            plain = case.bed.cli("flow", "show", f"default/{case.name}").stdout
        finally:
            case.bed.start()
    assert [path for path, *_ in before] == ["socket", "packet"]
    assert plain.startswith("PATH  ") and inside.client in plain and outside.client in plain


def test_a_flow_whose_backend_serves_no_more_is_draining(case, held):
    with held() as connection:
        backend = connection.flow()["backend"]
        other = "r2a" if backend == case.ip("l1") else "l1"
        case.serve(other, type="NodePort")
        wait_for("it is draining", lambda: connection.flow()["draining"])
        assert connection.flow()["backend"] == backend
        serving = {b["address"]: b["serving"] for b in case.bed.weir("backend", "show") if b["protocol"] == "TCP"}
        assert not serving[backend] and serving[case.ip(other)]


def test_a_flow_outlives_its_service_and_loses_its_name(case, held):
    with held() as connection:
        assert connection.flow()
        case.remove()
        wait_for("it has no name", lambda: connection.flows()[0]["service"] is None)
        done = case.bed.cli("flow", "show", f"default/{case.name}", check=False)
        assert done.returncode == 1 and f"no Service default/{case.name}" in done.stderr


def test_the_programs_of_devices_are_shown(cluster):
    def shown(status):
        return [(p["name"], p["ifindex"], p["device"]) for p in status["programs"] if p["ifindex"]]

    links = json.loads(run("ip", "-n", cluster.node, "-j", "link", "show").stdout)
    index = {link["ifname"]: link["ifindex"] for link in links}
    # who directs stands on what leads somewhere, who counts on what has its other end in another namespace
    want = [(f"weir_{what}_{way}", link["ifname"]) for link in sorted(links, key=lambda l: l["ifindex"])
            for what, stands in (("tc", link["ifname"] in ("br0", "eth0", "eth1")), ("veth", "link_netnsid" in link))
            if stands for way in ("in", "out")]
    assert len(want) > 12
    # elsewhere an index is another device's, or nobody's
    assert shown(cluster.weir("datapath", "status")) == [(prog, index[dev], None) for prog, dev in want]
    there = cluster.host.run(cluster.bin, "-c", str(cluster.config), "-j", "datapath", "status")
    assert shown(json.loads(there)) == [(prog, index[dev], dev) for prog, dev in want]
