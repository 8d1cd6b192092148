# SPDX-License-Identifier: Apache-2.0
"""A node among others: the bed of the cases that every Service proxy must pass.

                     l1 l2 l3 c1 c2                    r2a r2b        r3a
                          |br0                            |br0          |br0
    ext ──┐            ┌──┴──┐                         ┌──┴──┐       ┌──┴──┐
          ├─ wan ─ eth1│ n1  │eth0 ─────── lan ──── eth0 n2  │  eth0 │ n3  │
    ext2 ─┘            └─────┘                    │    └─────┘   │   └─────┘
                                                  └──────────────┘

n1 is the node under test; n2 and n3 are plain routers, and with their pods, ext and ext2 no part of
its cgroup. `host` is a process of n1 itself. ext and ext2 have nothing but n1 to route by, and n1 no
default route: what it doesn't translate goes nowhere. ext answers for one more address, `proxied`.
"""
import contextlib

from bed import objects
from bed.node import Bed
from bed.place import Place, Pod, PodNetwork
from bed.tools import ip

SERVICE_CIDRS = ("10.96.0.0/16", "fd10:96::/112")
N1, N2, N3 = (f"192.168.77.{n} fd77::{n}".split() for n in (1, 2, 3))
N1_SECOND = "192.168.78.1"
EXT, EXT2 = ("198.51.100.10", "2001:db8::10"), ("203.0.113.99", "2001:db8:113::99")
PROXIED = ("203.0.113.51", "2001:db8:113::51")
ZONES = {"n1": "z1", "n2": "z1", "n3": "z2"}


class Cluster(Bed):
    node_name = "n1"
    datapath = {"devices": ["eth0", "eth1"]}

    def make(self):
        super().make()
        self.write("node.json", objects.node("n1", 1, ZONES["n1"], N1), objects.node("n2", 2, ZONES["n2"], N2),
                   objects.node("n3", 3, ZONES["n3"], N3))
        self.write("cidr.json", objects.service_cidr(*SERVICE_CIDRS))
        self.wire = self.add_netns("wire")
        ip(self.wire, *(line for switch in ("lan", "wan") for line in (
            f"link add {switch} type bridge mcast_snooping 0", f"link set {switch} up")))
        self.make_routers()
        self.make_outside()
        for name, host in (("l1", 11), ("l2", 12), ("l3", 13), ("c1", 21), ("c2", 22)):
            self.pod(name, host=host)
        for name in ("l1", "l2", "l3", "r2a", "r2b", "r3a"):
            self.places[name].serve(8080, 9090)
        self.places["ext"].serve(80)

    def plug(self, switch, netns, dev, *addresses):
        """An interface of the namespace at a switch."""
        port = netns.removeprefix(f"{self.name}-")
        ip(self.wire, f"link add {port}-{switch} type veth peer name {dev} netns {netns}",
           f"link set {port}-{switch} master {switch} up")
        ip(netns, f"link set {dev} up", *(f"addr add {a} dev {dev}" for a in addresses))

    def route_on(self, netns):
        self.sysctl(netns, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")

    def make_routers(self):
        self.plug("lan", self.node, "eth0", f"{N1[0]}/24", f"{N1[1]}/64")
        self.route_on(self.node)
        # refusals at the rate that tests dial at
        self.sysctl(self.node, "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
        for name, addresses, number, pods in (("n2", N2, 2, ("r2a", "r2b")), ("n3", N3, 3, ("r3a",))):
            netns = self.add_netns(name)
            network = PodNetwork(netns, name, number)
            self.plug("lan", netns, "eth0", f"{addresses[0]}/24", f"{addresses[1]}/64")
            self.route_on(netns)
            ip(netns, *(f"route add default via {via}" for via in N1))
            ip(self.node, f"route add 10.244.{number}.0/24 via {addresses[0]}",
               f"route add fd10:244:{number}::/64 via {addresses[1]}")
            for host, pod in enumerate(pods, 11):
                self.add_pod(Pod(self, pod, network, host))

    def make_outside(self):
        self.plug("wan", self.node, "eth1", f"{N1_SECOND}/24", "fe80::1/64")
        for name, ips in (("ext", EXT), ("ext2", EXT2)):
            netns = self.add_netns(name)
            Place(self, name, netns, ips)
            self.plug("wan", netns, "eth0", f"{ips[0]}/32", f"{ips[1]}/128")
            ip(netns, f"route add default via {N1_SECOND} dev eth0 onlink", "route add default via fe80::1 dev eth0")
            ip(self.node, f"route add {ips[0]} dev eth1", f"route add {ips[1]} dev eth1")
        for via, addr in zip(EXT, PROXIED):
            ip(self.places["ext"].netns, f"addr add {addr} dev lo")
            ip(self.node, f"route add {addr} via {via} dev eth1")

    @contextlib.contextmanager
    def restarted(self, **datapath):
        """With an agent of this configuration; afterwards with one as before."""
        try:
            self.restart(**datapath)
            yield
        finally:
            self.restart()

    def restart(self, **datapath):
        self.kill_agent()
        self.configure(**{**self.datapath, **datapath})
        self.start()
