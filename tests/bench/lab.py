# SPDX-License-Identifier: Apache-2.0
"""Where the loads run: client - node - backend, three network namespaces in a row, routed, with no way out.

    with Lane(POD) as lane:
        lane.load_nft(services)
        way = Way("nft", lane.client, cluster_ip)
        way.load("connect", 1000, to=services)

A Lane is a Bed (tests/e2e/bed.py) whose node stands between a client and a backend. All endpoints of a fleet are
the backend's own: its namespace answers at each of their addresses. What serves the Services is in the node.
"""
import json
import resource
import subprocess
import time
from pathlib import Path

import fleet
import peers
from bed import WEIR, Bed, BedError, Place, ip, run, wait_for

TOOLS = Path(WEIR).resolve().parent / "tests" / "bench"
CLIENT_CPU, SERVER_CPU = "0", "1"  # packets are worked through where the client sends
POD = ("10.128.0.2", "10.128.0.1")  # a client's address and its gateway: a pod of the node,
OUTSIDE = ("192.0.2.2", "192.0.2.1")  # and somebody outside of the cluster
BACKEND, BACKEND_GATEWAY = "10.9.1.2", "10.9.1.1"
LIMIT_S = 180  # of one step
REST_NS = 2_000_000  # of CPU time in 100 ms: an agent that has nothing to do


class Node(Bed):
    """A node whose agent is measured."""

    def __init__(self):
        super().__init__(window="1h", sample="1h")

    def serve_fleet(self, services):
        fleet.write(self.dir / "manifests", services)
        self.start(wait=False)
        wait_for("the agent answers", self.answers, timeout=LIMIT_S)
        self.settle()

    def cpu_ns(self):
        """What the agent's threads have used so far."""
        return sum(int(p.read_text().split()[0]) for p in Path(f"/proc/{self.agent.pid}/task").glob("*/schedstat"))

    def settle(self):
        """Waits until the agent has nothing to do."""
        def rests():
            before = self.cpu_ns()
            time.sleep(0.1)
            return self.cpu_ns() - before < REST_NS
        wait_for("the agent rests", rests, timeout=LIMIT_S)

    def stop(self):
        """Ends the agent and takes its programs out of the kernel."""
        self.kill_agent()
        self.cli("datapath", "detach")


class Cost:
    """Of a transaction, the process of the peer's own tool included."""

    def __init__(self, fn):
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        fn()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.wall_s = time.monotonic() - began
        self.cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


class Lane(Node):
    datapath = {"devices": ["c0", "b0"]}

    def __init__(self, side=POD):
        super().__init__()
        self.side = side

    def make(self):
        super().make()
        address, gateway = self.side
        client, backend = self.behind("client", "c0", gateway, address), self.behind("backend", "b0", BACKEND_GATEWAY,
                                                                                     BACKEND)
        self.client = Place(self, "client", client, rel="client" if self.side is POD else None)
        self.pod = Place(self, "pod", client, rel="pods/client")
        self.backend = Place(self, "backend", backend)
        ip(self.node, f"route add {fleet.ENDPOINT_CIDR} via {BACKEND}")
        ip(backend, f"route add local {fleet.ENDPOINT_CIDR} dev lo")
        self.sysctl(self.node, "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0",
                    *(f"net.ipv4.conf.{device}.rp_filter=0" for device in self.datapath["devices"]))
        self.sysctl(client, "net.ipv4.ip_local_port_range=1024 65535")
        server = self.backend.popen("taskset", "-c", SERVER_CPU, str(TOOLS / "serve"), str(fleet.TARGET),
                                    stdout=subprocess.PIPE)
        if server.stdout.readline() != "up\n":
            raise BedError("the backend does not serve")

    def behind(self, name, device, gateway, address):
        """A namespace behind a device of the node."""
        netns = self.add_netns(name)
        ip(self.node, f"link add {device} type veth peer name eth0 netns {netns}",
           f"addr add {gateway}/24 dev {device}", f"link set {device} up")
        ip(netns, f"addr add {address}/24 dev eth0", "link set eth0 up", f"route add default via {gateway}")
        return netns

    def load_nft(self, services):
        return self.transact(peers.nft_rules(services, self.side[1]), "nft", "-f", "-")

    def load_ipt(self, services):
        return self.transact(peers.ipt_rules(services), "iptables-legacy-restore", "-w", "--noflush")

    def transact(self, lines, *argv, netns=None):
        rules = "\n".join(lines) + "\n"
        return Cost(lambda: run("nsenter", f"--net=/run/netns/{netns or self.node}", *argv, input=rules))

    def sink(self, netns, device, port):
        """Counts the datagrams that come in there for port, and drops them: the end of a flood."""
        rules = ["add table netdev sink",
                 f"add chain netdev sink in {{ type filter hook ingress device {device} priority 0 ; }}",
                 f"add rule netdev sink in udp dport {port} counter drop"]
        self.transact(rules, "nft", "-f", "-", netns=netns)

        def count():
            out = run("nsenter", f"--net=/run/netns/{netns}", "nft", "-j", "list", "chain", "netdev", "sink", "in")
            rule = next(o["rule"] for o in json.loads(out.stdout)["nftables"] if "rule" in o)
            return next(e["counter"]["packets"] for e in rule["expr"] if "counter" in e)
        return count


def endpoints(service):
    return [f"{e}:{fleet.TARGET}" for e in service.endpoints]


def cluster_ip(service):
    return [f"{service.vip}:{fleet.PORT}"]


def node_port(service):
    return [f"{OUTSIDE[1]}:{service.node_port}"]


class Way:
    """One way to reach a Service, from one place; before() and after() surround its turn."""

    def __init__(self, name, place, addresses, before=None, after=None):
        self.name, self.place, self.addresses = name, place, addresses
        self.before, self.after = before, after

    def load(self, kind, *numbers, to):
        """Runs one load, pinned; its result."""
        argv = ["taskset", "-c", CLIENT_CPU, str(TOOLS / "load"), kind, *map(str, numbers),
                *(a for s in to for a in self.addresses(s))]
        return json.loads(self.place.run(*argv, timeout=LIMIT_S))
