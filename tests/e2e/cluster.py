# SPDX-License-Identifier: Apache-2.0
"""The bed of the conformance tests: a node with pods of its own and of two others, a Service a test.

Imported by test_conformance_*.py for its fixtures: `case` is a Service of one family at a time,
`dual` one of both. Nodes: node-a, under test, and node-b in zone z1, node-c in z2. Pods: l1 and the
client c1 on node-a, r2a on node-b, r3a on node-c; all but c1 answer at 8080 and 9090, over TCP and
UDP. Objects are shaped as the API's. The agent must make no error of anything here.
"""
import contextlib
import errno
import itertools
import json
import re

import bed as beds
import pytest
from bed import TOP, BedError, node_manifest, wait_for

CLIENT = ("/usr/bin/python3", str(TOP / "tests/e2e/client.py"))
PIPE = -1
CIDRS = {"IPv4": "10.96.0.0/16", "IPv6": "fd10:96::/112"}

READY = {"ready": True, "serving": True, "terminating": False}
NOT_READY = {"ready": False, "serving": False, "terminating": False}
DYING = {"ready": False, "serving": True, "terminating": True}
DEAD = {"ready": False, "serving": False, "terminating": True}

HTTP = ("http", "TCP", 80)


def hints(nodes=(), zones=()):
    return {"forNodes": [{"name": n} for n in nodes], "forZones": [{"name": z} for z in zones]}


class Answers:
    """What a client got: who answered, as whom it saw the client, at which port; and what failed."""

    def __init__(self, result):
        self.failed = result["failed"]
        self.count, self.sources, self.ports = {}, set(), set()
        for answer, n in result["answers"].items():
            name, source, port = answer.split()
            self.count[name] = self.count.get(name, 0) + n
            self.sources.add(source)
            self.ports.add((name, int(port)))

    @property
    def names(self):
        return set(self.count)

    @property
    def error(self):
        """The errno's name of the first failure, or its text; None when there is none."""
        if not self.failed:
            return None
        number = re.search(r"\[Errno (\d+)\]", self.failed[0])
        return errno.errorcode[int(number[1])] if number else self.failed[0]

    def __repr__(self):
        return f"answers {self.count} failed {self.failed[:3]}"


class Load:
    """Requests that go on while something changes; `result` when it has ended."""

    def __init__(self, process):
        self.process, self.result = process, None
        line = process.stdout.readline()
        assert line == "up\n", line

    def end(self):
        self.result = json.loads(self.process.communicate(timeout=30)[0])

    @property
    def order(self):
        """The outcomes in the order of time, repetitions left out."""
        return [outcome for outcome, _ in self.result["runs"]]


class Case:
    """A Service of its own and its EndpointSlices, in one manifest, and how it answers."""

    numbers = itertools.count(10)

    def __init__(self, bed, families):
        self.number = next(Case.numbers)
        self.bed, self.families, self.name = bed, families, f"case-{self.number}"
        self.l1, self.r2a, self.r3a, self.c1 = bed.named
        ips = {"IPv4": f"10.96.0.{self.number}", "IPv6": f"fd10:96::{self.number:x}"}
        self.vips = [ips[f] for f in families]
        self.files = set()
        self.expected_error = None  # in a line of the agent's log

    # -- objects

    def service(self, ports=(HTTP,), name=None, labels=None, status=None, **spec):
        return {"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": name or self.name, "namespace": "default",
                             "uid": f"uid-{name or self.name}", "labels": labels or {}},
                "spec": {"type": "ClusterIP", "clusterIP": self.vips[0], "clusterIPs": self.vips,
                         "ipFamilies": self.families, "internalTrafficPolicy": "Cluster",
                         "ipFamilyPolicy": "SingleStack" if len(self.vips) == 1 else "RequireDualStack",
                         "selector": {"app": self.name}, "sessionAffinity": "None",
                         "ports": [{"name": n, "protocol": p, "port": port, "targetPort": n or port}
                                   for n, p, port in ports], **spec},
                "status": status or {"loadBalancer": {}}}

    def slice(self, endpoints, ports=(("http", "TCP", 8080),), suffix="a", family=None, service=None,
              labels=None, **more):
        service = service or self.name
        own = {"kubernetes.io/service-name": service,
               "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
        return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {"name": f"{service}-{suffix}", "generateName": f"{service}-",
                             "namespace": "default", "labels": own if labels is None else labels},
                "addressType": family or self.families[0], "endpoints": endpoints,
                "ports": [{"name": n, "protocol": p, "port": port} for n, p, port in ports], **more}

    def ep(self, pod, conditions=READY, family=None, **more):
        address = pod.ip if (family or self.families[0]) == "IPv4" else pod.ip6
        return {"addresses": [address], "conditions": conditions, "nodeName": pod.node,
                "zone": "z2" if pod.node == "node-c" else "z1",
                "targetRef": {"kind": "Pod", "namespace": "default", "name": pod.name,
                              "uid": f"uid-{pod.name}"}, **more}

    def put(self, *objects, file=None):
        file = file or f"{self.name}.json"
        self.files.add(file)
        self.bed.write(file, *objects)

    def put_eps(self, *endpoints, **spec):
        """The default Service with these endpoints."""
        self.put(self.service(**spec), self.slice(list(endpoints)))

    def remove(self, file=None):
        file = file or f"{self.name}.json"
        self.files.discard(file)
        self.bed.remove(file)

    # -- traffic

    def ask(self, n=1, place=None, kind="tcp", port=80, vip=None):
        out = (place or self.c1).run(*CLIENT, "who", kind, vip or self.vips[0], str(port), str(n))
        return Answers(json.loads(out))

    def settles(self, *names, n=100, **how):
        """Waits until just these answer; then n requests are all answered, by each of them."""
        def so():
            got = self.ask(20, **how)
            if got.failed or got.names != set(names):
                raise BedError(got)
            return True
        wait_for(f"{self.name} answers as {names}", so)
        got = self.ask(n, **how)
        assert not got.failed and got.names == set(names), got
        return got

    def fails(self, *errors, **how):
        """Waits until a dial fails with one of these errors; then it keeps to them."""
        def so():
            got = self.ask(1, **how)
            if got.error not in errors:
                raise BedError(got)
            return True
        wait_for(f"{self.name} fails with {errors}", so)
        for _ in range(3):
            got = self.ask(1, **how)
            assert got.error in errors, got

    def refused(self, **how):
        self.fails("ECONNREFUSED", **how)

    @contextlib.contextmanager
    def load(self, kind="tcp", hertz=100, place=None, port=80, vip=None, may_fail=False):
        process = (place or self.c1).popen(*CLIENT, "watch", kind, vip or self.vips[0], str(port),
                                           str(hertz), stdin=PIPE, stdout=PIPE)
        try:
            load = Load(process)
            yield load
            load.end()
        finally:
            if process.poll() is None:
                process.kill()
        assert may_fail or not load.result["failed"], load.result["failed"][:5]

    def shown(self):
        """The names of the Services that the node serves."""
        return {s["name"] for s in self.bed.weir("service", "show")}


@pytest.fixture(scope="module")
def cluster():
    why = beds.missing()
    if why:
        pytest.skip(why)
    with beds.Bed() as bed:
        bed.write("node.json", node_manifest("node-a", 1, "z1"), node_manifest("node-b", 2, "z1"),
                  node_manifest("node-c", 3, "z2"))
        bed.write("cidr.json", {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
                                "metadata": {"name": "kubernetes"},
                                "spec": {"cidrs": list(CIDRS.values())}})
        bed.named = [bed.pod("l1"), bed.pod("r2a", node="node-b"), bed.pod("r3a", node="node-c"),
                     bed.pod("c1")]
        for pod in bed.named[:3]:
            pod.serve(8080, 9090)
        bed.start()
        yield bed


@contextlib.contextmanager
def one_case(bed, families):
    at = len(bed.agent_log())
    case = Case(bed, families)
    yield case
    for file in list(case.files):
        case.remove(file)
    assert bed.agent and bed.agent.poll() is None, "the agent has ended"
    errors = [line for line in bed.agent_log()[at:].splitlines() if "level=error" in line]
    assert [e for e in errors if not case.expected_error or case.expected_error not in e] == []


# conftest.py shows the agent's log of a failed test's `bed`.
@pytest.fixture
def bed(cluster):
    return cluster


@pytest.fixture(params=["IPv4", "IPv6"])
def case(bed, request):
    with one_case(bed, [request.param]) as c:
        yield c


@pytest.fixture
def dual(bed):
    with one_case(bed, ["IPv4", "IPv6"]) as c:
        yield c
