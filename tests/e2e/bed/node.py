# SPDX-License-Identifier: Apache-2.0
"""The node under test: its namespace, cgroups, manifests, and the agent."""
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from bed import objects
from bed.place import Place, Pod, PodNetwork
from bed.tools import WEIR, BedError, cgroup2_mount, ip, own_mounts, run, wait_for


class Bed:
    node_name = "node-a"
    datapath = {}  # keys of the configuration
    pod_cgroup = "pods"  # meter.podCgroup
    labels = []  # meter.labels
    environ = {}  # the agent's, beside this process's
    workload = {}  # keys of the configuration

    def __init__(self, window="1s", sample="200ms", weir=WEIR):
        self.tag = secrets.token_hex(3)
        self.name = f"weir-{self.tag}"
        self.node = f"{self.name}-node"  # its network namespace
        self.window, self.sample, self.bin = window, sample, weir
        self.namespaces, self.places, self.pods, self.services = [], {}, [], 0
        self.agent = self.log = self.dir = self.cgroup = self.host = None

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

    def make_folders(self):
        own_mounts()
        self.dir = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.cgroup = cgroup2_mount() / self.name
        for path in (self.cgroup, self.cgroup / "pods", self.cgroup / "host"):
            path.mkdir()
        for name in ("bpffs", "manifests", "state", "run"):
            (self.dir / name).mkdir(mode=0o700)
        run("mount", "-t", "bpf", "bpf", str(self.dir / "bpffs"))
        self.config = self.dir / "weir.yaml"

    def make(self):
        self.make_folders()
        self.add_netns("node")
        self.network = PodNetwork(self.node, self.node_name, 1)
        self.host = Place(self, "host", self.node, self.network.ips(1), "host")
        self.write("node.json", objects.node(self.node_name, 1))
        self.configure(**self.datapath)

    def add_netns(self, name):
        """A network namespace of the bed's own. Addresses of a link can be used at once there."""
        netns = f"{self.name}-{name}"
        run("ip", "netns", "add", netns)
        self.namespaces.append(netns)
        self.sysctl(netns, "net.ipv6.conf.default.accept_dad=0")
        ip(netns, "link set lo up")
        return netns

    def sysctl(self, netns, *settings):
        run("nsenter", f"--net=/run/netns/{netns}", "sysctl", "-qw", *settings)

    def close(self):
        """Leaves nothing behind: every step is taken, also when one before it failed. Last step first."""
        with contextlib.ExitStack() as steps:
            if self.dir:
                steps.callback(shutil.rmtree, self.dir, ignore_errors=True)
            if self.cgroup:
                steps.callback(self.remove_cgroups)
            for netns in self.namespaces:
                steps.callback(run, "ip", "netns", "del", netns, check=False)
            if self.dir:
                steps.callback(run, "umount", str(self.dir / "bpffs"), check=False)
                steps.callback(run, self.bin, "-c", str(self.dir / "weir.yaml"), "datapath", "detach", check=False)
                steps.callback(self.stop_workloads)
            for place in self.places.values():
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

    def write(self, name, *manifests):
        """A manifest file, replaced in one step as editors and kubelets do it."""
        path = self.dir / "manifests" / name
        text = "\n---\n".join(json.dumps(o, indent=1) for o in manifests)
        tmp = path.with_name(f".{name}.tmp")
        tmp.write_text(text + "\n")
        tmp.rename(path)

    def remove(self, name):
        (self.dir / "manifests" / name).unlink()

    def pod(self, name, lease=None, cgroup=True, host=None):
        """host: the last part of its addresses; else the next one."""
        pod = Pod(self, name, self.network, host or 11 + len(self.pods), f"pods/{self.cgroup_of(name)}", lease)
        if cgroup:
            pod.make_cgroup()
        return self.add_pod(pod)

    def cgroup_of(self, name):
        """A pod's, below pods/; its manifest says it."""
        return name

    def add_pod(self, pod):
        self.pods.append(pod)
        self.write(f"pod-{pod.name}.json", pod.manifest())
        return pod

    def service(self, name, port, pods, target, protocols=("TCP", "UDP"), vips=None, **spec):
        """A dual-stack Service; returns its two cluster IPs. spec: as objects.service()."""
        if vips is None:
            self.services += 1
            vips = [f"10.96.0.{9 + self.services}", f"fd10:96::{9 + self.services:x}"]
        ports = [(p.lower(), p, target) for p in protocols]
        self.write(f"service-{name}.json", objects.service(name, vips, [
            {"name": p.lower(), "protocol": p, "port": port, "targetPort": target} for p in protocols],
            **spec), *(objects.endpoint_slice(name, family.lower(), family,
                                     [objects.endpoint(pod, family) for pod in pods], ports)
              for family in map(objects.family_of, vips)))
        return vips

    # -- the agent and the command line

    def configure(self, **datapath):
        """For the next start. JSON is YAML as well."""
        self.config.write_text(f"""\
node: {{name: {self.node_name}}}
source: {{{", ".join(f"{k}: {v if isinstance(v, str) else json.dumps(v)}" for k, v in self.source().items())}}}
paths: {{cgroup: {self.cgroup}, bpffs: {self.dir}/bpffs, state: {self.dir}/state, run: {self.dir}/run}}
meter: {{sample: {self.sample}, window: {self.window}, clusterCIDRs: [10.244.0.0/16, "fd10:244::/32"], podCgroup: {self.pod_cgroup}, labels: {json.dumps(self.labels)}}}
datapath: {json.dumps(datapath)}
workload: {json.dumps(self.workload)}
""")

    def source(self):
        """Where the agent has objects from: keys of the configuration."""
        return {"kind": "files", "path": f"{self.dir}/manifests"}

    def start(self, wait=True):
        self.log = self.log or open(self.dir / "agent.log", "a")
        self.agent = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{self.node}", self.bin, "agent", "run", "-c", str(self.config)],
            stdout=self.log, stderr=self.log, env={**os.environ, **self.environ})
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
        path = self.dir / "agent.log"
        return path.read_text() if path.exists() else ""

    def cli(self, *argv, **kw):
        return run(self.bin, "-c", str(self.config), *argv, **kw)

    def weir(self, *argv, check=True):
        """A command's JSON."""
        done = self.cli("-j", *argv, check=False)
        if check and done.returncode:
            raise BedError(f"weir {' '.join(argv)}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)
