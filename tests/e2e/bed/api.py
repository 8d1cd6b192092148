# SPDX-License-Identifier: Apache-2.0
"""A node whose agent has its objects from an API server (tests/fakes), which is another machine:

     node ── api0 ──────── eth0 ── control plane: 192.168.70.11, .12, .13, one store
    fresh ── api0 ─────────┘ (192.168.71.0/24)

    with ApiBed() as bed:
        web = bed.pod("web")
        bed.service("web", 80, [web], 8080)     # into the store
        bed.start()
        bed.server.fault("watch", "services", cut=100)

What a bed writes goes into the store, so everything made of manifests works here as well.
"""
import contextlib
import json
import re
import sys

from bed import cluster, traffic
from bed.node import Bed
from bed.tools import TOP, BedError, ip, run, wait_for

sys.path.insert(0, str(TOP / "tests" / "fakes"))

import kube  # noqa: E402

ADDRESSES = ("192.168.70.11", "192.168.70.12", "192.168.70.13")
PORT = 6443
VIP = "10.96.0.1"
TOKEN = "token-of-the-agent"
USER = "system:serviceaccount:weir-system:weir"


class ControlPlane:
    """Servers of one store in a network namespace of their own."""

    def __init__(self, bed, servers=1):
        self.store, self.plugged = kube.Store(), 0
        self.netns, self.folder = bed.add_netns("api"), bed.dir / "api"
        self.ca = kube.Authority(self.folder)
        self.token_file = self.folder / "token"
        self.servers = [self.server(address) for address in ADDRESSES[:servers]]
        self.give_token(TOKEN)

    def server(self, address):
        return kube.Server(self.store, self.ca, address, PORT, self.netns)

    def start(self):
        for server in self.servers:
            server.start()

    def stop(self):
        for server in self.servers:
            server.stop()

    def announce(self):
        """As every control plane does: the Service `kubernetes` and where its servers are."""
        self.store.put(
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kubernetes", "namespace": "default"},
             "spec": {"clusterIP": VIP, "clusterIPs": [VIP], "type": "ClusterIP", "ipFamilies": ["IPv4"],
                      "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster", "sessionAffinity": "None",
                      "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": PORT}]},
             "status": {"loadBalancer": {}}},
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
             "metadata": {"name": "kubernetes", "namespace": "default",
                          "labels": {"kubernetes.io/service-name": "kubernetes"}},
             "addressType": "IPv4", "ports": [{"name": "https", "port": PORT, "protocol": "TCP"}],
             "endpoints": [{"addresses": [s.address], "conditions": {"ready": True}} for s in self.servers]})

    def plug(self, netns):
        """A link between the namespace and the control plane."""
        n, self.plugged = self.plugged, self.plugged + 1
        ip(netns, f"link add api0 type veth peer name eth{n} netns {self.netns}", f"addr add 192.168.{70 + n}.1/24 dev api0",
           "link set api0 up")
        ip(self.netns, f"addr add 192.168.{70 + n}.2/24 dev eth{n}",
           *(f"addr add {a}/24 dev eth{n}" for a in ADDRESSES if n == 0), f"link set eth{n} up")
        if n:
            ip(netns, f"route add 192.168.70.0/24 via 192.168.{70 + n}.2")

    def give_token(self, token):
        """To the agent, and the only one that servers know of it."""
        self.token_file.with_suffix(".new").write_text(token)
        self.token_file.with_suffix(".new").rename(self.token_file)
        for server in self.servers:
            server.tokens = {kube.ADMIN_TOKEN: "kubernetes-admin", token: USER}

    def kubeconfig(self, path, server=None):
        """JSON is YAML as well."""
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "weir",
            "clusters": [{"name": "c", "cluster": {"server": f"https://{server or ADDRESSES[0]}:{PORT}",
                                                   "certificate-authority": str(self.ca.cert)}}],
            "users": [{"name": "u", "user": {"tokenFile": str(self.token_file)}}],
            "contexts": [{"name": "weir", "context": {"cluster": "c", "user": "u"}}]}))
        return path

    @contextlib.contextmanager
    def unplugged(self):
        """The cable is cut: nothing says so to anybody."""
        links = [f"eth{n}" for n in range(self.plugged)]
        ip(self.netns, *(f"link set {link} down" for link in links))
        try:
            yield
        finally:
            ip(self.netns, *(f"link set {link} up" for link in links))


def differences(have, want, path=""):
    """Lines that say where two values of JSON differ."""
    if type(have) is type(want) is dict and have.keys() == want.keys():
        return [line for k in have for line in differences(have[k], want[k], f"{path}/{k}")]
    if type(have) is type(want) is list and len(have) == len(want):
        return [line for n, pair in enumerate(zip(have, want)) for line in differences(*pair, f"{path}/{n}")]
    return [] if have == want else [f"{path}: have {json.dumps(have)[:500]}, want {json.dumps(want)[:500]}"]


class FromApi:
    """Mixed into a Bed. control: of another bed, whose objects this one sees too."""

    server_count = 1
    announces = True  # the Service `kubernetes`

    def __init__(self, *args, control=None, **kw):
        super().__init__(*args, **kw)
        self.control, self.own_control, self.files = control, control is None, {}

    @property
    def store(self):
        return self.control.store

    @property
    def server(self):
        return self.control.servers[0]

    def add_netns(self, name):
        netns = super().add_netns(name)
        if name == "node":  # before the first object is written
            self.control = self.control or ControlPlane(self, self.server_count)
            self.control.plug(netns)
            if self.own_control:
                self.control.start()
                if self.announces:
                    self.control.announce()
        return netns

    def close(self):
        try:
            super().close()
        finally:
            if self.own_control and self.control:
                self.control.stop()

    def write(self, name, *manifests):
        if self.own_control:
            self.store.replace(self.files.get(name, ()), manifests)
            self.files[name] = manifests

    def remove(self, name):
        self.store.remove(*self.files.pop(name))

    def cgroup_of(self, name):
        """Where a kubelet puts it."""
        return f"poduid-{name}"

    def source(self):
        return {"kind": "kubernetes", "kubeconfig": str(self.control.kubeconfig(self.dir / "kubeconfig")),
                "servers": [s.url for s in self.control.servers]}


    def log_of(self, at):
        """What the agent's log has about the API server behind that place: (level, message) each."""
        return re.findall(r'level=(\w+) mod=api msg="([^"]*)"', self.agent_log()[at:])

    def states_of(self, at):
        """The same of the server's state alone: "warn" is away, "info" back."""
        return [level for level, message in self.log_of(at) if "API server" in message]


class ApiBed(FromApi, Bed):
    """A Service `web` of two pods, and a client."""

    datapath = {"nodePortAddresses": ["10.244.1.0/24", "fd10:244:1::/64"]}  # the same on a fresh one

    def shop(self):
        self.web = [self.pod(f"web-{i}", lease="shop") for i in range(2)]
        for pod in self.web:
            pod.serve(8080)
        self.client = self.pod("client")
        self.vips = self.service("web", 80, self.web, 8080)
        return self

    def serve(self, *pods):
        self.service("web", 80, pods, 8080, vips=self.vips)

    def answered_by(self):
        return set(self.client.ask("count", "tcp", self.vips[0], 80, 20)["answers"])

    def follows(self, timeout=60):
        """What is changed now is seen."""
        for pods in (self.web[1:], self.web):
            self.serve(*pods)
            wait_for(f"{[p.name for p in pods]} answer", lambda: self.answered_by() == {p.name for p in pods}, timeout)

    @contextlib.contextmanager
    def undisturbed(self):
        """Requests to the Service go on meanwhile, and all are answered."""
        with traffic.load(self.client, "tcp", self.vips[0], 80, 50, 5) as load:
            yield load
        assert load.failed == [], load.failed[:5]

    def tables(self):
        """All that directs, without what differs from one start to the next."""
        backends = [{k: v for k, v in b.items() if k != "id"} for b in self.weir("backend", "show") if b["frontends"]]
        pin = next((self.dir / "bpffs").glob("weir/*/maps/weir_svc"))
        frontends = {}
        for entry in json.loads(run("bpftool", "-j", "map", "dump", "pinned", str(pin)).stdout):
            value = entry["formatted"]["value"]
            frontends[json.dumps(entry["formatted"]["key"])] = [value[k] for k in ("count", "flags", "affinity_s")]
        return {"services": self.weir("service", "show"), "frontends": frontends,
                "backends": sorted(backends, key=json.dumps)}

    def is_as_fresh(self, timeout=60):
        """Waits until the tables are those of an agent that sees these objects for the first time."""
        with ApiBed(control=self.control) as fresh:
            fresh.start()
            wait_for("the fresh one is in order", lambda: fresh.weir("datapath", "check") == [])
            want = fresh.tables()

        def so():
            have = self.tables()
            if have != want:
                raise BedError("\n".join(differences(have, want)))
            return self.weir("datapath", "check") == []
        wait_for("the tables are as those of a fresh start", so, timeout)


class ApiCluster(FromApi, cluster.Cluster):
    """The cluster of the cases, which count its Services."""

    announces = False
