# SPDX-License-Identifier: Apache-2.0
"""What the node pays: `change`, `sync`, `memory` and `grow`. One pass for each size, which they share."""
import functools
import json
import os
import re
import time
from pathlib import Path

import fleet
import kernel
import peers
from bed import BedError, run
from lab import TOOLS, Lane, Node
from stats import percentile, table

SIZES = (1, 1000, 10000, 30000)
CHANGES, CHANGES_S = 100, 20  # as many as fit in that time
EVENTS, EVENT_SERVICES = 200, 1000000  # of so many Services in all
NFT_CHANGES, IPT_CHANGES = 10, 3
NODE = "node-a"
MIB = 1 << 20
TICKS = os.sysconf("SC_CLK_TCK")


class Agent:
    """A real agent with n Services: what its start cost, what it holds, how long a change takes."""

    def __init__(self, n):
        self.services = fleet.fleet(n)
        with Node() as node:
            node.serve_fleet(self.services)
            pid = node.agent.pid
            self.start_s = node.cpu_ns() / 1e9
            user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[11:13]
            self.user_s, self.system_s = int(user) / TICKS, int(system) / TICKS
            status = Path(f"/proc/{pid}/status").read_text()
            self.rss, self.peak, self.anon, self.file = (
                int(re.search(rf"{field}:\s+(\d+)", status)[1]) << 10
                for field in ("VmRSS", "VmHWM", "RssAnon", "RssFile"))
            self.tables, self.maps = kernel.mapped_tables(pid), kernel.maps_memlock(pid)
            self.changes, self.change_cpu = zip(*self.change(node))

    def change(self, node):
        """[(milliseconds from the rename of a manifest, in which one Service has lost or got an endpoint, until
        its frontend in the kernel is another; CPU time until the agent rests), ...]"""
        frontends, took = kernel.Frontends(node.dir / "bpffs"), []
        end = time.monotonic() + CHANGES_S
        for i in range(CHANGES):
            service = self.services[-2 - i % (len(self.services) - 1)]
            have = fleet.BACKENDS - i // (len(self.services) - 1) % 2
            text = fleet.file_text(self.services, service, fleet.BACKENDS * 2 - 1 - have)
            used = node.cpu_ns()
            ms = self.change_one(node, frontends.watch(service, fleet.PORT), fleet.file_name(service), text)
            node.settle()
            took.append((ms, (node.cpu_ns() - used) / 1e6))
            if time.monotonic() > end:
                break
        frontends.close()
        return took

    @staticmethod
    def change_one(node, look, name, text):
        path = node.dir / "manifests" / name
        path.with_name(".next").write_text(text)
        was, began = look(), time.monotonic_ns()
        os.rename(path.with_name(".next"), path)
        while look() == was:
            if time.monotonic_ns() - began > 60e9:
                raise BedError(f"{name}: its change does not reach the kernel")
        return (time.monotonic_ns() - began) / 1e6


class Steps:
    """The same by the product's functions in one process, step by step (tables.c)."""

    def __init__(self, n):
        services = fleet.fleet(n)
        with Node() as node:
            manifests = node.dir / "manifests"
            fleet.write(manifests, services)
            changed = fleet.spread(services, min(EVENTS, EVENT_SERVICES // n))
            events = "".join(json.dumps(s.slice(fleet.BACKENDS - 1)) + "\n" for s in changed)
            out = run("nsenter", f"--net=/run/netns/{node.node}", str(TOOLS / "tables"), str(node.dir / "bpffs"),
                      str(node.cgroup), str(manifests), NODE, input=events).stdout
        got = json.loads(out)
        self.sync, self.still = ({k: ns / 1e6 for k, ns in got[part].items()} for part in ("sync", "still"))
        self.events = {k: [e[k] / 1e6 for e in got["events"]] for k in got["events"][0]}
        self.event = self.events.pop("wall")
        self.objects, self.table = got["heap"]["objects"], got["heap"]["table"]
        self.round = sum(self.sync[k] for k in ("actual", "observe", "plan", "apply"))


agent, steps = functools.cache(Agent), functools.cache(Steps)


def p(values, percent):
    return f"{percentile(values, percent):.1f}"


# ---- One endpoint changes

def change():
    print("\n## change: one endpoint comes or goes, ms")
    table(["Services", "changes", "manifest to kernel p50", "p99", "CPU of the agent p50", "event to kernel p50",
           "p99", "CPU p50: decode", "translate", "quick change", "the round that follows"],
          ([n, len(agent(n).changes), p(agent(n).changes, 50), p(agent(n).changes, 99), p(agent(n).change_cpu, 50),
            p(steps(n).event, 50), p(steps(n).event, 99),
            *(p(steps(n).events[k], 50) for k in ("decode", "translate", "sync", "round"))] for n in (1000, 10000)))
    print("\nThe same as a transaction of kube-proxy's rules alone, by their tools")
    table(["Services", "nft p50", "iptables p50"], (peers_change(n) for n in (1000, 10000)))


def peers_change(n):
    services = fleet.fleet(n)
    with Lane() as lane:
        lane.load_nft(services)
        nft = [lane.transact(peers.nft_change(s, s.endpoints[1:]), "nft", "-f", "-").wall_s * 1000
               for s in fleet.spread(services, NFT_CHANGES)]
    with Lane() as lane:
        lane.load_ipt(services)
        ipt = [lane.transact(peers.ipt_change(services, s, s.endpoints[1:]), "iptables-legacy-restore", "-w",
                             "--noflush").wall_s * 1000 for s in fleet.spread(services, IPT_CHANGES)]
    return n, p(nft, 50), p(ipt, 50)


# ---- A full sync

def sync():
    n = 10000
    print(f"\n## sync: {n} Services of {fleet.BACKENDS} backends into an empty kernel, CPU time in ms")
    a, s, services = agent(n), steps(n), fleet.fleet(n)
    with Lane() as lane:
        nft = lane.load_nft(services).cpu_s * 1000
    with Lane() as lane:
        ipt = lane.load_ipt(services).cpu_s * 1000
    rows = [["agent, from its start until it rests", a.start_s * 1000],
            ["of it in user space", a.user_s * 1000], ["of it in the kernel", a.system_s * 1000],
            ["the planner's round (svc_sync)", s.round], ["nft's transaction", nft], ["iptables' transaction", ipt]]
    table(["what", "CPU, ms", "of nft's"], ([what, f"{ms:.0f}", f"{ms / nft:.4f}"] for what, ms in rows))
    print("\nStep by step, CPU time in ms")
    table(["round", *s.sync], [["first", *(f"{ms:.1f}" for ms in s.sync.values())],
                               ["nothing changed", "", "", "", *(f"{ms:.1f}" for ms in s.still.values())]])


# ---- Memory

def memory():
    n = 10000
    a, s = agent(n), steps(n)
    print(f"\n## memory: the agent with {n} Services and {n * fleet.BACKENDS} endpoints, MiB")
    table(["resident", "at its peak", "of it heap and stack", "program and libraries", "tables, mapped",
           "heap that objects need", "and the table", "maps in the kernel"],
          [[f"{v / MIB:.1f}" for v in (a.rss, a.peak, a.anon, a.file - a.tables, a.tables, s.objects, s.table,
                                       a.maps)]])


# ---- All against N

def grow():
    print("\n## grow: time and memory against the number of Services")
    table(["Services", "start, CPU s", "svc_sync, CPU ms", "nothing changed, CPU ms", "manifest to kernel p50, ms",
           "event to kernel p50, ms", "resident, MiB", "maps, MiB"],
          ([n, f"{agent(n).start_s:.2f}", f"{steps(n).round:.1f}", f"{sum(steps(n).still.values()):.1f}",
            p(agent(n).changes, 50), p(steps(n).event, 50), f"{agent(n).rss / MIB:.1f}", f"{agent(n).maps / MIB:.1f}"]
           for n in SIZES))
