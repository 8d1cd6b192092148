# SPDX-License-Identifier: Apache-2.0
"""`api`: the agent with an API server, as kube-proxy was measured: from a PATCH to the first answer of the new
backend, and from the start to the first answer. The server is tests/fakes, which answers from bytes that lie ready."""
import contextlib
import json
import re
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import fleet
from bed import BedError, objects, wait_for
from bed.api import FromApi
from client import Client
from kube import ADMIN_TOKEN, recordings
from kube.server import enter
from lab import LIMIT_S, Node
from stats import percentile, table

SIZES, CHANGES = (100, 1000, 5000), 10  # of kube-proxy's figures
MANY, MANY_CHANGES = 10000, 200
ROUND_S = 10  # within which the whole round that follows quick changes has been, and the table is saved
HERTZ = 1000  # of the client that waits for an answer
REFUSAL_S = 0.02  # a refusal may never come: the kernel tells only so many a second
PROBE = "probe"
VIP = "10.111.0.1"
MIB = 1 << 20
KUBE_PROXY = {"nftables": {100: (0.65, 65, 19, 17), 1000: (0.75, 93, 118, 128), 5000: (3.3, 195, 926, 956)},
              "iptables": {100: (0.60, 61, 33, 22), 1000: (0.92, 76, 62, 60), 5000: (6.9, 145, 264, 296)}}


def managed_fields(name):
    """Who owns which field, as a real server says it: two fifths of what it sends."""
    return json.loads(recordings.big(name))["items"][1]["metadata"]["managedFields"]


def first_of(runs, name, since):
    """When this one answered first."""
    return min(first for outcome, _, first, _ in runs if outcome == name and first >= since)


class ApiNode(FromApi, Node):
    """n Services of so many endpoints each in the store, one of one endpoint more that two pods can answer for."""

    def __init__(self, n, endpoints):
        super().__init__()
        self.n, self.endpoints = n, endpoints

    def make(self):
        super().make()
        self.pair = [self.pod(name) for name in ("a", "b")]
        for pod in self.pair:
            pod.serve(8080)
        self.client = self.pod("client")
        fields = managed_fields("services-5000"), managed_fields("endpointslices-5000")
        made = []
        for service in fleet.fleet(self.n)[:-1]:
            for manifest, owned in zip((service.manifest(), service.slice(self.endpoints)), fields):
                manifest["metadata"]["managedFields"] = owned
                made.append(manifest)
        self.store.put(objects.service_cidr(fleet.SERVICE_CIDR), *made)
        self.point_at(self.pair[0])

    def probe(self, pod):
        return objects.endpoint_slice(PROBE, "x", "IPv4", [objects.endpoint(pod, "IPv4")], [("", "TCP", 8080)])

    def point_at(self, pod):
        self.store.put(objects.service(PROBE, [VIP], [{"protocol": "TCP", "port": 80, "targetPort": 8080}]),
                       self.probe(pod))

    def peak(self):
        return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.agent.pid}/status").read_text())[1]) << 10

    @contextlib.contextmanager
    def dialled(self, timeout):
        """A client that asks all the time; got is what it heard: [[outcome, n, first, last], ...]."""
        running = self.client.begin("watch", "tcp", VIP, 80, HERTZ, timeout)
        running.up()
        got = []
        yield got
        running.say()
        got += running.result()["runs"]

    def started(self):
        """Seconds from the start to the first answer."""
        with self.dialled(REFUSAL_S) as got:
            began = time.monotonic()
            self.start(wait=False)
            wait_for("the agent answers", self.answers, timeout=LIMIT_S)
            time.sleep(0.1)  # one more answer, at least
        return first_of(got, "a", began) - began


class Patcher(threading.Thread):
    """Changes the slice by the API, as its controller does, from the control plane's namespace."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.wanted, self.began, self.go, self.done = node, None, 0.0, threading.Event(), threading.Event()
        self.start()

    def run(self):
        enter(self.node.control.netns)
        with Client(self.node.server, ADMIN_TOKEN) as client:
            while True:
                self.go.wait()
                self.go.clear()
                body = json.dumps({"endpoints": self.wanted["endpoints"]}).encode()
                self.began = time.monotonic()
                client.ask("PATCH", f"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/{PROBE}-x", body,
                           [("Content-Type", "application/merge-patch+json")])
                self.done.set()

    def point_at(self, pod):
        """When the request began."""
        self.wanted = self.node.probe(pod)
        self.done.clear()
        self.go.set()
        if not self.done.wait(10):
            raise BedError("the PATCH is not answered")
        return self.began


def measured(n, endpoints):
    """(seconds to working, peak RSS, [ms of a change], CPU ms of one)"""
    with ApiNode(n, endpoints) as node:
        node.started()  # so that the server has its lists ready
        node.settle()
        node.stop()
        start = node.started()
        node.settle()
        patcher, began = Patcher(node), []
        used = node.cpu_ns()
        with node.dialled(LIMIT_S) as got:
            for i in range(CHANGES):
                began.append(patcher.point_at(node.pair[(i + 1) % 2]))
                time.sleep(0.2)
        time.sleep(ROUND_S)
        used = node.cpu_ns() - used
        took = [(first_of(got, node.pair[(i + 1) % 2].name, at) - at) * 1000 for i, at in enumerate(began)]
        return start, node.peak(), took, used / CHANGES / 1e6


class Observer:
    """Tells when the kernel's frontend changes, from a process of its own: it must not wait for this one."""

    def __init__(self, node):
        self.process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("kernel.py")),
                                         str(node.dir / "bpffs"), VIP, "80"], stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def changed(self):
        return int(self.process.stdout.readline()) / 1e9

    def close(self):
        self.process.kill()
        self.process.wait()


def many():
    """(CPU seconds to the end of the first sync, of them in the kernel, peak RSS, [ms from an event to the kernel])"""
    with ApiNode(MANY, fleet.BACKENDS) as node:
        node.started()
        node.settle()
        node.stop()
        start = node.started()
        node.settle()
        cpu, peak = node.cpu_ns() / 1e9, node.peak()
        observer, took = Observer(node), []
        for i in range(MANY_CHANGES):
            began = time.monotonic()
            node.store.put(node.probe(node.pair[(i + 1) % 2]))
            took.append((observer.changed() - began) * 1000)
            time.sleep(0.02)
        observer.close()
        return start, cpu, peak, took


def api():
    print("\n## api: from the API server to the kernel")
    rows = []
    for n in SIZES:
        start, peak, took, cpu = measured(n, 2)
        rows.append([n, f"{start:.2f}", f"{peak / MIB:.0f}", f"{statistics.median(took):.1f}", f"{max(took):.1f}",
                     f"{cpu:.1f}", *(f"{v}" for v in KUBE_PROXY["nftables"][n])])
    table(["Services x 2", "start to working, s", "peak RSS, MiB", f"one endpoint, ms: median of {CHANGES}", "worst",
           "CPU, ms", "kube-proxy (nftables): start, s", "peak, MB", "one endpoint, ms", "CPU, ms"], rows)
    start, cpu, peak, took = many()
    table([f"{MANY} Services, {MANY} slices x {fleet.BACKENDS}", "start to working, s", "CPU of the first sync, s",
           "peak RSS, MiB", f"event to kernel, ms: p50 of {MANY_CHANGES}", "p99", "worst"],
          [["", f"{start:.2f}", f"{cpu:.2f}", f"{peak / MIB:.1f}", f"{percentile(took, 50):.2f}",
            f"{percentile(took, 99):.2f}", f"{max(took):.2f}"]])
