# SPDX-License-Identifier: Apache-2.0
"""What traffic pays: `connect`, `established` and `northsouth`."""
import contextlib
from pathlib import Path

import fleet
from bed import BedError
from lab import CLIENT_CPU, OUTSIDE, Lane, Way, cluster_ip, endpoints, node_port
from stats import Ratio, median, rounds, table

SIZES = (1, 1000, 10000, 30000)
DIALLED = 64  # Services that take turns, over the whole fleet
LOAD_LIMIT_S = 60  # a peer that would need longer to load its rules is left out, and that is said
P01, P50 = 0, 1  # in what a load prints


class Loader:
    """Loads a peer's rules, size after size, while that is bearable; from 1,000 Services on the time is taken to
    grow with the square, which is less than nft's does."""

    def __init__(self, name, load):
        self.name, self.load, self.last = name, load, None

    def __call__(self, lane, services):
        n = len(services)
        expected = self.last[1] * (n / self.last[0]) ** 2 if self.last and self.last[0] > 1000 else 0
        if expected > LOAD_LIMIT_S:
            print(f"\n{self.name}: left out at {n - 1} Services, its rules would take about {expected:.0f} s of CPU "
                  f"to load ({self.last[1]:.1f} s at {self.last[0] - 1})")
            return False
        self.last = (n, self.load(lane, services).cpu_s)
        return True


def peers_ways(stack, services, addresses, side, loaders):
    ways = []
    for loader in loaders:
        lane = stack.enter_context(Lane(side))
        if loader(lane, services):
            ways.append(Way(loader.name, lane.client, addresses))
    return ways


def loaders():
    return [Loader("nft", Lane.load_nft), Loader("iptables", Lane.load_ipt)]


# ---- Through a cluster IP, from a pod of the node

def connect():
    print("\n## connect: connect() through a cluster IP")
    load = loaders()
    for n in SIZES:
        with contextlib.ExitStack() as stack:
            connect_at(stack, fleet.fleet(n), load)


def east_west(stack, services, load):
    direct, weir = (stack.enter_context(Lane()) for _ in range(2))
    weir.serve_fleet(services)
    ways = [Way("direct", direct.client, endpoints), Way("weir", weir.client, cluster_ip),
            Way("weir, from a metered pod", weir.pod, cluster_ip)]
    return weir, ways + peers_ways(stack, services, cluster_ip, direct.side, load)


def connect_at(stack, services, load):
    n, to = len(services) - 1, fleet.spread(services, DIALLED)
    weir, ways = east_west(stack, services, load)
    ways.insert(3, Way("weir, no Service's address", weir.client, endpoints))
    if n == 1:  # here an agent starts in no time, and the baseline can be held against an empty kernel

        def start():
            weir.start()
            weir.settle()
        ways.insert(0, Way("direct, no BPF loaded", ways[0].place, endpoints, weir.stop, start))

    def measure(way):
        tcp = way.load("connect", 1000, to=to)
        udp = way.load("dial", 3000, to=services[-1:])
        return tcp["connect"][P50], tcp["connect"][P01], tcp["cpu"], udp["cpu"]

    got = {name: list(zip(*values)) for name, values in rounds(20, ways, measure).items()}
    base = got[ways[0].name]
    print(f"\n{n} Service{'s' if n > 1 else ''}")
    table(["way", "connect() p50, us", "ratio", "ratio of p01", "CPU a connection, us", "ratio",
           "CPU a UDP dial, us", "ratio"],
          ([name, *(cell for i, show in enumerate((True, False, True, True))
                    for cell in ([f"{median(v[i]) / 1000:.2f}"] if show else []) + [Ratio(v[i], base[i])])]
           for name, v in got.items()))


def established():
    print("\n## established: a connection through a cluster IP, 1,000 Services")
    services = fleet.fleet(1000)
    to = services[:1]
    one = {"direct": lambda s: endpoints(s)[:1]}
    with contextlib.ExitStack() as stack:
        _, ways = east_west(stack, services, loaders())
        for way in ways:
            way.addresses = one.get(way.name, way.addresses)

        def measure(way):
            bulk = way.load("bulk", 300, to=to)
            return way.load("held", 2000, to=to)["held"][P50], bulk["bytes"] / bulk["ns"] * 8

        got = {name: list(zip(*values)) for name, values in rounds(16, ways, measure).items()}
    base = got["direct"]
    table(["way", "request and answer p50, us", "ratio", "bulk, Gbit/s", "ratio"],
          ([name, f"{median(v[0]) / 1000:.1f}", Ratio(v[0], base[0]), f"{median(v[1]):.1f}", Ratio(v[1], base[1])]
           for name, v in got.items()))


# ---- Through a node port, from outside

PACKETS = 200000
FLOWS = (1, 1000)
SENDER = "sender alone"  # dropped at the node's first device: what all ways have in common


def softirq_ns():
    """What the kernel's own thread has done of it so far, where the sender's process did not."""
    name = f"ksoftirqd/{CLIENT_CPU}\n"
    thread = next(p.parent for p in Path("/proc").glob("[0-9]*/comm") if p.read_text() == name)
    return int((thread / "schedstat").read_text().split()[0])


class Flood:
    """Datagrams to one Service, counted where they end."""

    def __init__(self, services):
        self.tcp, self.service, self.count = services[0], services[-1], {}

    def end_at(self, way, netns, device, port):
        self.count[way.name] = way.place.bed.sink(netns, device, port)

    def __call__(self, way, flows, packets=PACKETS):
        """(thousands a second that come through, CPU time of one in ns, percentage lost)"""
        before, softirq = self.count[way.name](), softirq_ns()
        sent = way.load("flood", flows, packets, to=[self.service])
        softirq = softirq_ns() - softirq
        came = self.count[way.name]() - before - sent["ahead"]
        return came / sent["ns"] * 1e6, sent["cpu"] + softirq / sent["sent"], 100 - 100 * came / sent["sent"]

    def is_served(self, way):
        """Does the first datagram come through, and does the first request get its answer?"""
        try:
            way.load("ask", 1, to=[self.tcp])
            lost = self(way, 1, 1)[2]
        except BedError as e:
            lost = str(e).rsplit("load: ", 1)[-1].split("\n")[0]
        if lost:
            print(f"\n{way.name}: not served ({lost if isinstance(lost, str) else 'a datagram got lost'})")
        return not lost


def first_endpoint(service):
    return endpoints(service)[:1]


def north_south(stack, services, flood):
    plain, alone, weir = (stack.enter_context(Lane(OUTSIDE)) for _ in range(3))
    weir.serve_fleet(services)
    ways = [Way("plain forwarding", plain.client, first_endpoint), Way("weir", weir.client, node_port)]
    ways += peers_ways(stack, services, node_port, OUTSIDE, loaders())
    for way in ways:
        flood.end_at(way, way.place.bed.backend.netns, "eth0", fleet.TARGET)
    ways = [way for way in ways if flood.is_served(way)]
    sender = Way(SENDER, alone.client, first_endpoint)
    flood.end_at(sender, alone.node, "c0", fleet.TARGET)
    return sender, ways


def northsouth():
    print("\n## northsouth: node ports with masquerade, 1,000 Services")
    services = fleet.fleet(1000, node_ports=True)
    flood = Flood(services)
    with contextlib.ExitStack() as stack:
        sender, ways = north_south(stack, services, flood)
        for flows in FLOWS:
            show_packets(flows, rounds(9, [sender] + ways, lambda way, flows=flows: flood(way, flows)))
        show_asked(rounds(12, ways, lambda way: way.load("ask", 300, to=fleet.spread(services, DIALLED))))


def show_packets(flows, got):
    kpps, cpu, lost = ({name: [v[i] for v in values] for name, values in got.items()} for i in range(3))
    plain = "plain forwarding"
    print(f"\nUDP, 64 bytes, {flows} flow{'s' if flows > 1 else ''}")
    table(["way", "kpps", "of plain", "of nft", "CPU a packet, ns", "of plain", "over plain, ns", "lost, %"],
          ([name, f"{median(kpps[name]):.0f}", Ratio(kpps[name], kpps[plain]), Ratio(kpps[name], kpps["nft"]),
            f"{median(cpu[name]):.0f}", Ratio(cpu[name], cpu[plain]),
            f"{median([c - p for c, p in zip(cpu[name], cpu[plain])]):+.0f}", f"{max(lost[name]):.1f}"]
           for name in got))


def show_asked(got):
    v = {name: [[a["connect"][P50] for a in asks], [a["whole"][P50] for a in asks]] for name, asks in got.items()}
    base = v["plain forwarding"]
    table(["way", "connect() p50, us", "ratio", "with request, answer, close p50, us", "ratio"],
          ([name, f"{median(c) / 1000:.1f}", Ratio(c, base[0]), f"{median(w) / 1000:.1f}", Ratio(w, base[1])]
           for name, (c, w) in v.items()))
