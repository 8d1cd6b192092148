# SPDX-License-Identifier: Apache-2.0
"""What measuring costs: a pass over all pods, a context switch, traffic, and the agent."""
import contextlib
import json
import time

import fleet
from bed import Bed, objects, run, wait_for
from lab import CLIENT_CPU, LIMIT_S, TOOLS, Lane, Node, Way, endpoints
from stats import Ratio, median, rounds, table

PODS = 500
PASSES = 30
AGENT_S = 130  # two windows of a minute
P50 = 1  # in what a load prints


def meter():
    passes()
    switches()
    traffic()
    agent()


def passes():
    print(f"\n## meter: one pass over {PODS} pods, CPU time")
    with Bed() as bed:
        got = json.loads(run("nsenter", f"--net=/run/netns/{bed.node}", str(TOOLS / "passes"), str(bed.dir / "bpffs"),
                             str(bed.cgroup), str(PODS), str(PASSES), timeout=LIMIT_S).stdout)
    names = {"walk": "walk, one flush", "open": f"open, read, close cpu.stat and {got['file']}",
             "kept": "the same two by open descriptors"}
    table(["way", "ms", "ratio"], ([name, f"{median(got[key]) / 1e6:.3f}", Ratio(got[key], got["walk"])]
                                   for key, name in names.items()))


def switches():
    print("\n## meter: a context switch in a pod, with the agent and with nothing of it in the kernel")
    with Lane() as lane:
        lane.start()

        def start():
            lane.start()
            lane.settle()
        ways = [Way("without", lane.pod, None, lane.stop, start), Way("with the agent", lane.pod, None)]

        def measure(_):
            return min(json.loads(lane.pod.run("taskset", "-c", CLIENT_CPU, str(TOOLS / "switches"), "20000"))["ns"]
                       for _ in range(3))
        got = rounds(9, ways, measure)
    table(["way", "CPU, ns", "ratio"], ([name, f"{median(v):.0f}", Ratio(v, got["without"])] for name, v in got.items()))


def traffic():
    """Straight to the peer, so that nothing is directed: what differs is that bytes are counted."""
    print("\n## meter: traffic of a pod whose bytes are counted, and of one outside of the pods")
    services = fleet.fleet(1)
    with contextlib.ExitStack() as stack:
        none, weir = (stack.enter_context(Lane()) for _ in range(2))
        weir.start()
        weir.settle()

        def straight(service):
            return endpoints(service)[:1]
        ways = [Way("no agent", none.client, straight), Way("not counted", weir.client, straight),
                Way("counted", weir.pod, straight)]

        def measure(way):
            bulk = way.load("bulk", 300, to=services[:1])
            return way.load("held", 2000, to=services[:1])["held"][P50], bulk["bytes"] / bulk["ns"] * 8
        got = {name: list(zip(*values)) for name, values in rounds(16, ways, measure).items()}
    base = got["no agent"]
    table(["way", "request and answer p50, us", "as fast as none", "bulk, Gbit/s", "as fast as none"],
          ([name, f"{median(v[0]) / 1000:.1f}", Ratio(base[0], v[0]), f"{median(v[1]):.1f}", Ratio(v[1], base[1])]
           for name, v in got.items()))


class Many(Node):
    """PODS pods that live, and do nothing."""

    def __init__(self):
        Bed.__init__(self, window="60s", sample="1s")

    def make(self):
        super().make()
        pods = []
        for i in range(PODS):
            (self.cgroup / "pods" / f"p{i}" / "c").mkdir(parents=True)
            pods.append(objects.pod(f"p{i}", self.node_name, f"pods/p{i}"))
        self.write("pods.json", *pods)


def agent():
    print(f"\n## meter: the agent with {PODS} pods, a sample a second, a window a minute, for {AGENT_S} s")
    with Many() as node:
        node.start(wait=False)
        wait_for("the agent answers", node.answers, timeout=LIMIT_S)
        wait_for("the pods are in the books", lambda: len(node.weir("usage", "show")) == PODS, timeout=LIMIT_S)
        seconds, began, first = [], time.monotonic(), node.cpu_ns()
        last = first
        while time.monotonic() - began < AGENT_S:
            time.sleep(1)
            now = node.cpu_ns()
            seconds.append(now - last)
            last = now
        took = time.monotonic() - began
    table(["CPU of one core, all", "in the median second", "in the second of a window"],
          [[f"{(last - first) / took / 1e7:.2f} %", f"{median(seconds) / 1e7:.2f} %", f"{max(seconds) / 1e6:.0f} ms"]])
