# SPDX-License-Identifier: Apache-2.0
"""A case: a Service on the cluster, and what its clients see.

Places are named as on the cluster (l1, r2a, c1, host, ext, ...), frontends by ADDRESSES: the cluster
IP ("vip"), the node port at n1's addresses ("node", "node2"), an externalIP ("external"), the ingress
address of a load balancer ("ingress"). A family may be said where a Service has both.

    case.serve("l1", "r2a", type="NodePort", externalTrafficPolicy="Local")
    got = case.settles("l1", n=100, by="ext", to="node")
    assert got.sources == {case.ip("ext")}
"""
import contextlib
import time

from bed import cluster, objects, traffic
from bed.objects import READY
from bed.tools import BedError, wait_for
from bed.traffic import NO_ANSWER

PORT, NODE_PORT = 80, 30080
TARGETS = (("http", "TCP", 8080), ("udp", "UDP", 8080))
PORTS = (("http", "TCP", PORT), ("udp", "UDP", PORT))
CLIENTS = ("c1", "ext")  # where requests to a cluster IP come from
T1 = 1.0  # seconds within which a change is seen
TOOK = []  # seconds that changes took to be seen
REFUSAL = 1.0  # ... that a refusal may take
SILENCE = 3.0  # ... without an answer that mean: dropped
ADDRESSES = {
    "IPv4": {"vip": "10.96.0.10", "node": cluster.N1[0], "node2": cluster.N1_SECOND, "external": "203.0.113.7",
             "ingress": "203.0.113.50", "proxied": cluster.PROXIED[0]},
    "IPv6": {"vip": "fd10:96::10", "node": cluster.N1[1], "external": "2001:db8:113::7",
             "ingress": "2001:db8:113::50", "proxied": cluster.PROXIED[1]},
}
# What a client outside may get where nobody serves; kube-proxy leaves it to the routes.
NOBODY = ("ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", NO_ANSWER)


class Case:
    def __init__(self, bed, families, name):
        self.bed, self.families, self.name = bed, families, name
        self.vips = [self.address("vip", family) for family in families]
        self.files = set()
        self.expected_error = None  # in a line of the agent's log

    # -- names

    def address(self, what, family=None):
        return ADDRESSES[family or self.families[0]][what]

    def ip(self, place, family=None):
        place = self.bed.places[place]
        return place.ip if (family or self.families[0]) == "IPv4" else place.ip6

    def node_ips(self, family=None):
        """All addresses that n1 may show itself by."""
        known = ADDRESSES[family or self.families[0]]
        return {self.ip("host", family), *(known[what] for what in ("node", "node2") if what in known)}

    def frontend(self, to, port=None, family=None):
        node = to in ("node", "node2")
        return self.address(to, family), port or (NODE_PORT if node else PORT)

    # -- objects

    def service(self, ports=PORTS, name=None, ingress=None, **spec):
        """As the API server would complete it. ports: (name, protocol, number) each. ingress: of the
        load balancer's status, instead of its one address in each family."""
        kind = spec.get("type", "ClusterIP")
        numbered = kind == "NodePort" or (kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True))
        if kind in ("NodePort", "LoadBalancer"):
            spec.setdefault("externalTrafficPolicy", "Cluster")
        if kind == "LoadBalancer":
            if spec["externalTrafficPolicy"] == "Local":
                spec.setdefault("healthCheckNodePort", 32000)
            ingress = ingress or [{"ip": self.address("ingress", family)} for family in self.families]
        return objects.service(
            name or self.name, self.vips,
            [{"name": n, "protocol": p, "port": port, "targetPort": n,
              **({"nodePort": port + NODE_PORT - PORT} if numbered else {})} for n, p, port in ports],
            status={"loadBalancer": {"ingress": ingress} if ingress else {}}, **spec)

    def slice(self, *eps, ports=TARGETS, suffix="a", family=None, service=None, labels=None):
        """eps: names of pods that are ready, (name, conditions), and endpoints."""
        family = family or self.families[0]
        eps = [(e,) if isinstance(e, str) else e for e in eps]
        eps = [self.ep(*e, family=family) if isinstance(e, tuple) else e for e in eps]
        return objects.endpoint_slice(service or self.name, suffix, family, eps, ports, labels)

    def ep(self, pod, conditions=READY, family=None, **more):
        pod = self.bed.places[pod]
        return objects.endpoint(pod, family or self.families[0], conditions, zone=cluster.ZONES[pod.node], **more)

    def put(self, *manifests, file=None):
        """Returns when, by time.monotonic()."""
        file = file or f"{self.name}.json"
        self.files.add(file)
        self.bed.write(file, *manifests)
        return time.monotonic()

    def serve(self, *eps, **spec):
        """The Service of both protocols with these endpoints, in each family. Returns when."""
        return self.put(self.service(**spec), *(
            self.slice(*eps, suffix=family.lower(), family=family) for family in self.families))

    def remove(self, file=None):
        file = file or f"{self.name}.json"
        self.files.discard(file)
        self.bed.remove(file)

    # -- traffic

    def how(self, by="c1", to="vip", kind="tcp", n=1, timeout=5, **which):
        addr, port = to if isinstance(to, tuple) else self.frontend(to, **which)
        return self.bed.places[by], kind, addr, port, n, timeout

    def ask_all(self, *hows):
        """Requests of all of them at once."""
        return traffic.ask_all([self.how(**how) for how in hows])

    def ask(self, n=1, **how):
        return self.ask_all({"n": n, **how})[0]

    def settles(self, *names, n=100, **how):
        """Waits until just these answer; then n requests are all answered, by each of them. A datagram
        may belong to a flow of before; for T1 those may go on."""
        def so():
            got = self.ask(20, **{"timeout": 1, **how})
            if got.failed or got.names != set(names):
                raise BedError(got)
            return True
        wait_for(f"{self.name} answers {how} as {names}", so)
        strict_from = time.monotonic() + (T1 if "udp" in how.get("kind", "tcp") else 0)
        while True:
            strict = time.monotonic() >= strict_from
            got = self.ask(n, **how)
            assert not got.failed and (got.names == set(names) or not strict), got
            if got.names == set(names):
                return got

    def fails(self, errors, *hows, timeout=REFUSAL, n=3, **how):
        """Waits until each of these, or this one, fails with one of the errors; then they keep to them,
        all at once."""
        hows = hows or [how]

        def are_so(timeout, n):
            got = self.ask_all(*({"timeout": timeout, "n": n, **how} for how in hows))
            if any(g.names or not g.errors <= set(errors) for g in got):
                raise BedError(f"{self.name}: {hows} should fail with {errors}: {got}")
            return True
        wait_for(f"they fail with {errors}", lambda: are_so(min(timeout, 0.3), 1))
        are_so(timeout, n)

    def refused(self, *hows, **how):
        self.fails(["ECONNREFUSED"], *hows, **how)

    def dropped(self, *hows, **how):
        """No answer of any kind, for SILENCE."""
        self.fails([NO_ANSWER], *hows, timeout=SILENCE, n=1, **how)

    def unserved(self, by="c1", **how):
        """Nobody answers: on the node a Service address is refused, outside that is left open."""
        if by.startswith("ext"):
            self.fails(NOBODY, timeout=0.3, by=by, **how)
        else:
            self.refused(by=by, **how)

    @contextlib.contextmanager
    def load(self, hertz=100, may_fail=False, **how):
        """Requests of a client that go on; all are answered."""
        place, kind, addr, port, _, timeout = self.how(**how)
        with traffic.load(place, kind, addr, port, hertz, timeout) as running:
            yield running
        assert may_fail or not running.failed, (how, running.failed[:5])

    @staticmethod
    def in_time(seconds):
        """Was a change seen within T1? What it took is told at the end of the run."""
        TOOK.append(seconds)
        return seconds < T1

    # -- what the node says

    def shows(self, **fields):
        """Waits until the node says so of the Service: then the kernel does it."""
        wait_for(f"{self.name} is shown with {fields}", lambda: fields.items() <= self.bed.weir(
            "service", "show", f"default/{self.name}")[0].items())

    def knows(self, **states):
        """As shows(), of the endpoints that the Service has: their pods' names and states."""
        def so():
            service, = self.bed.weir("service", "show", f"default/{self.name}")
            return all({b["pod"]: b["state"] for b in port["backends"]} == states for port in service["ports"])
        wait_for(f"{self.name} is shown with {states}", so)

    def shown(self):
        """The names of the Services that the node serves."""
        return {s["name"] for s in self.bed.weir("service", "show")}


@contextlib.contextmanager
def on(bed, families, name):
    """A case that leaves the cluster as it was. The agent makes no error of anything in it."""
    if bed.agent is None:  # a case that failed before may have left it dead
        bed.start()
    at = len(bed.agent_log())
    case = Case(bed, families, name)
    yield case
    for file in list(case.files):
        case.remove(file)
    assert bed.agent and bed.agent.poll() is None, "the agent has ended"
    wait_for("its Services are gone", lambda: not case.shown())
    errors = [line for line in bed.agent_log()[at:].splitlines() if "level=error" in line]
    assert [e for e in errors if not case.expected_error or case.expected_error not in e] == []
