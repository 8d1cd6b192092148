# SPDX-License-Identifier: Apache-2.0
"""A node of one's own: the bed of the end-to-end tests and of the demo.

    with Bed() as bed:
        web = bed.pod("web-0", lease="shop")
        bed.service("web", 80, [web], 8080)
        bed.start()
        bed.weir("service", "show")

Everything is the bed's own and vanishes with it, also when this process is killed: a mount
namespace (with a bpffs, and a tmpfs on /run/netns), network namespaces for the node and each pod,
cgroups below one that carries the bed's name, a temporary folder. The node's namespace has no way
out, so a service address that is not translated goes nowhere.
"""

import contextlib
import ctypes
import ipaddress
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
WEIR = str(TOP / "build" / "weir")
CLONE_NEWNS = 0x00020000


class BedError(Exception):
    """What is missing on this machine, or what went wrong in the bed."""


def run(*argv, check=True, **kw):
    """Runs a command; its output is in the error when it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, **kw)
    if check and done.returncode:
        raise BedError(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr}{done.stdout}")
    return done


def cgroup2_mount():
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, after = line.split(" - ", 1)
        if after.split()[0] == "cgroup2":
            return Path(before.split()[4])
    return None


def missing():
    """Why no bed can be made here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.access("/sys/kernel/btf/vmlinux", os.R_OK):
        return "needs a kernel with BTF"
    if cgroup2_mount() is None:
        return "needs a mounted cgroup2"
    if not os.access(WEIR, os.X_OK):
        return "needs build/weir; run make"
    return None


_private = False


def own_mounts():
    """A private mount namespace for this process, once."""
    global _private
    if _private:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):
        raise BedError(f"unshare: {os.strerror(ctypes.get_errno())}")
    run("mount", "--make-rprivate", "/")
    os.makedirs("/run/netns", exist_ok=True)
    run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
    _private = True


def wait_for(what, fn, timeout=15.0, every=0.02):
    """Polls fn until it gives something true; the last value or error is in the failure."""
    end = time.monotonic() + timeout
    last = None
    while time.monotonic() < end:
        try:
            last = fn()
            if last:
                return last
        except (BedError, OSError, ValueError, KeyError, IndexError) as e:
            last = e
        time.sleep(every)
    raise BedError(f"{what}: not within {timeout} s; last: {last}")


class Place:
    """Where processes run: a network namespace and a cgroup."""

    def __init__(self, bed, name, netns, rel):
        self.bed, self.name, self.netns, self.rel = bed, name, netns, rel
        self.cgroup = bed.cgroup / rel
        self.procs = []

    def make_cgroup(self):
        self.cgroup.mkdir(exist_ok=True)

    def popen(self, *argv, **kw):
        """Starts a command inside the cgroup and network namespace."""
        self.make_cgroup()
        enter = f'echo $$ > {self.cgroup}/cgroup.procs && exec nsenter --net=/run/netns/{self.netns} "$@"'
        p = subprocess.Popen(["sh", "-c", enter, "sh", *argv], text=True, **kw)
        self.procs.append(p)
        return p

    def run(self, *argv, timeout=60, check=True):
        p = self.popen(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, errout = p.communicate(timeout=timeout)
        if check and p.returncode:
            raise BedError(f"{self.name}: {' '.join(argv)[:200]}: exit {p.returncode}: {errout}{out}")
        return out

    def kill(self):
        for p in self.procs:
            if p.poll() is None:
                p.kill()
            p.wait()
        self.procs.clear()


class Pod(Place):
    """A pod: its namespace hangs on the bed's bridge, also when another node is said to run it."""

    def __init__(self, bed, name, index, lease, node):
        super().__init__(bed, name, f"{bed.name}-{name}", f"pods/{name}")
        self.lease, self.node = lease, node
        self.ip = f"10.244.1.{10 + index}"
        self.ip6 = f"fd10:244:1::{10 + index:x}"
        self.veth = f"v{bed.tag}{index}"
        run("ip", "netns", "add", self.netns)
        run("ip", "-n", bed.node, "link", "add", self.veth, "type", "veth", "peer", "name",
            "eth0", "netns", self.netns)
        run("ip", "-n", bed.node, "link", "set", self.veth, "master", "br0", "up")
        for batch in (f"link set lo up\nlink set eth0 up\naddr add {self.ip}/24 dev eth0\n"
                      f"addr add {self.ip6}/64 dev eth0 nodad\nroute add default via 10.244.1.1\n"
                      f"-6 route add default via fd10:244:1::1\n",):
            for line in batch.splitlines():
                run("ip", "-n", self.netns, *line.split())

    def serve(self, *ports):
        """An echo server that answers with the pod's name; over TCP one request a connection."""
        ports = [str(p) for p in ports or (8080,)]
        self.popen("/usr/bin/python3", str(TOP / "tests/e2e/echo.py"), self.name, *ports,
                   stdout=subprocess.DEVNULL)
        check = f"import socket;socket.create_connection(('127.0.0.1',{ports[-1]}),1)"
        wait_for(f"{self.name} serves",
                 lambda: run("nsenter", f"--net=/run/netns/{self.netns}", "/usr/bin/python3", "-c",
                             check, check=False).returncode == 0)

    def counters(self):
        """The pod's interface: {rx_bytes, rx_packets, tx_bytes, tx_packets} seen from the pod."""
        out = run("ip", "-n", self.netns, "-j", "-s", "link", "show", "dev", "eth0").stdout
        stats = json.loads(out)[0]["stats64"]
        return {f"{d}_{k}": stats[d][k] for d in ("rx", "tx") for k in ("bytes", "packets")}

    def cpu_us(self):
        return int((self.cgroup / "cpu.stat").read_text().split()[1])

    def manifest(self):
        meta = {"name": self.name, "namespace": "default", "uid": f"uid-{self.name}",
                "annotations": {"weir.dev/cgroup": self.rel}}
        if self.lease:
            meta["labels"] = {"weir.dev/lease": self.lease}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": meta,
                "spec": {"nodeName": self.node, "containers": [{"name": "c", "image": "none"}]},
                "status": {"phase": "Running", "podIP": self.ip,
                           "podIPs": [{"ip": self.ip}, {"ip": self.ip6}]}}


def node_manifest(name, number, zone=None):
    return {"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone} if zone else {}},
            "spec": {"podCIDRs": [f"10.244.{number}.0/24", f"fd10:244:{number}::/64"]},
            "status": {"addresses": [{"type": "InternalIP", "address": f"10.244.{number}.1"},
                                     {"type": "InternalIP", "address": f"fd10:244:{number}::1"}]}}


class Bed:
    def __init__(self, window="1s", sample="200ms", weir=WEIR):
        self.tag = secrets.token_hex(3)
        self.name = f"weir-{self.tag}"
        self.node = f"{self.name}-node"
        self.window, self.sample, self.bin = window, sample, weir
        self.pods, self.services, self.agent, self.log = [], 0, None, None
        self.dir = self.cgroup = self.host = None

    # -- life

    def __enter__(self):
        try:
            self.make()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc):
        self.close()

    def make(self):
        own_mounts()
        self.dir = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.cgroup = cgroup2_mount() / self.name
        for path in (self.cgroup, self.cgroup / "pods", self.cgroup / "host"):
            path.mkdir()
        self.host = Place(self, "host", self.node, "host")
        for name in ("bpffs", "manifests", "state", "run"):
            (self.dir / name).mkdir(mode=0o700)
        run("mount", "-t", "bpf", "bpf", str(self.dir / "bpffs"))
        run("ip", "netns", "add", self.node)
        for line in ("link set lo up", "link add br0 type bridge mcast_snooping 0", "link set br0 up",
                     "addr add 10.244.1.1/24 dev br0", "addr add fd10:244:1::1/64 dev br0 nodad"):
            run("ip", "-n", self.node, *line.split())
        self.write("node.json", node_manifest("node-a", 1))
        self.config = self.dir / "weir.yaml"
        self.config.write_text(f"""\
node: {{name: node-a}}
source: {{kind: files, path: {self.dir}/manifests}}
paths: {{cgroup: {self.cgroup}, bpffs: {self.dir}/bpffs, state: {self.dir}/state, run: {self.dir}/run}}
meter: {{sample: {self.sample}, window: {self.window}, clusterCIDRs: [10.244.0.0/16, "fd10:244::/32"], podCgroup: pods}}
""")

    def close(self):
        """Leaves nothing behind: every step is taken, also when one before it failed. Last step first."""
        with contextlib.ExitStack() as steps:
            if self.dir:
                steps.callback(shutil.rmtree, self.dir, ignore_errors=True)
            if self.cgroup:
                steps.callback(self.remove_cgroups)
            for netns in (self.node, *(pod.netns for pod in self.pods)):
                steps.callback(run, "ip", "netns", "del", netns, check=False)
            if self.dir:
                steps.callback(run, "umount", str(self.dir / "bpffs"), check=False)
                steps.callback(run, self.bin, "-c", str(self.dir / "weir.yaml"), "datapath", "detach", check=False)
                steps.callback(self.stop_workloads)
            for place in (*self.pods, *filter(None, [self.host])):
                steps.callback(place.kill)
            if self.log:
                steps.callback(self.log.close)
            if self.agent:
                steps.callback(self.kill_agent)

    def stop_workloads(self):
        runc = self.dir / "state" / "runc"
        if runc.is_dir():
            for name in os.listdir(runc):
                run("runc", "--root", str(runc), "delete", "--force", name, check=False)

    def remove_cgroups(self):
        """The bed's own folder in every hierarchy (runc makes it in those of v1 as well)."""
        mounts = [line.split(" - ", 1) for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        tops = [Path(b.split()[4]) / self.name for b, a in mounts if a.split()[0] in ("cgroup", "cgroup2")]
        end = time.monotonic() + 5
        while time.monotonic() < end:
            left = [d for top in tops if top.is_dir()
                    for d, _, _ in os.walk(top, topdown=False)]
            for d in left:
                try:
                    os.rmdir(d)
                except OSError:
                    pass
            if not left:
                return
            time.sleep(0.05)
        raise BedError(f"cgroups that can't be removed: {left}")

    # -- what the node is told

    def write(self, name, *objects):
        """A manifest file, replaced in one step as editors and kubelets do it."""
        path = self.dir / "manifests" / name
        text = "\n---\n".join(json.dumps(o, indent=1) for o in objects)
        tmp = path.with_name(f".{name}.tmp")
        tmp.write_text(text + "\n")
        tmp.rename(path)

    def remove(self, name):
        (self.dir / "manifests" / name).unlink()

    def pod(self, name, lease=None, cgroup=True, node="node-a"):
        pod = Pod(self, name, len(self.pods) + 1, lease, node)
        self.pods.append(pod)
        if cgroup:
            pod.make_cgroup()
        self.write(f"pod-{name}.json", pod.manifest())
        return pod

    def service(self, name, port, pods, target, protocols=("TCP", "UDP"), vips=None, **more):
        """A dual-stack Service; returns its two cluster IPs. more: further fields of its spec, and
        status; nodePorts is {protocol: number}."""
        if vips is None:
            self.services += 1
            vips = [f"10.96.0.{9 + self.services}", f"fd10:96::{9 + self.services:x}"]
        ports = [{"name": p.lower(), "protocol": p, "port": port, "targetPort": target} for p in protocols]
        status, node_ports = more.pop("status", {}), more.pop("nodePorts", {})
        for p in ports:
            if p["protocol"] in node_ports:
                p["nodePort"] = node_ports[p["protocol"]]
        objects = [{"apiVersion": "v1", "kind": "Service",
                    "metadata": {"name": name, "namespace": "default"},
                    "spec": {"type": "ClusterIP", "clusterIP": vips[0], "clusterIPs": vips,
                             "ipFamilies": ["IPv4", "IPv6"][:len(vips)], "ports": ports, **more},
                    "status": status}]
        for vip in vips:
            version = ipaddress.ip_address(vip).version
            objects.append({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {"name": f"{name}-v{version}", "namespace": "default",
                             "labels": {"kubernetes.io/service-name": name}},
                "addressType": f"IPv{version}",
                "endpoints": [{"addresses": [p.ip if version == 4 else p.ip6],
                               "conditions": {"ready": True, "serving": True, "terminating": False},
                               "nodeName": "node-a",
                               "targetRef": {"kind": "Pod", "namespace": "default", "name": p.name}}
                              for p in pods],
                "ports": [{"name": p.lower(), "protocol": p, "port": target} for p in protocols]})
        self.write(f"service-{name}.json", *objects)
        return vips

    # -- the agent and the command line

    def start(self, wait=True):
        self.log = self.log or open(self.dir / "agent.log", "a")
        self.agent = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{self.node}", self.bin, "agent", "run", "-c", str(self.config)],
            stdout=self.log, stderr=self.log)
        if wait:
            wait_for("the agent answers", self.answers)

    def answers(self):
        if self.agent.poll() is not None:
            raise AssertionError(f"the agent ended with {self.agent.returncode}:\n{self.agent_log()}")
        status = self.weir("agent", "status", check=False)
        return isinstance(status, dict) and status.get("synced") and status

    def kill_agent(self, sig=signal.SIGKILL):
        self.agent.send_signal(sig)
        code = self.agent.wait(timeout=20)
        self.agent = None
        return code

    def agent_log(self):
        return (self.dir / "agent.log").read_text()

    def cli(self, *argv, **kw):
        return run(self.bin, "-c", str(self.config), *argv, **kw)

    def weir(self, *argv, check=True):
        """A command's JSON."""
        done = self.cli("-j", *argv, check=False)
        if check and done.returncode:
            raise BedError(f"weir {' '.join(argv)}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)
