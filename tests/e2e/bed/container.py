# SPDX-License-Identifier: Apache-2.0
"""The agent as a kubelet runs it: a container of a DaemonSet's pod, by runc, on the bed's node.

    class Shipped(InContainer, Bed): pass
    with Shipped(pod=daemonset["spec"]["template"]["spec"], image=image.unpack(folder), config=text) as bed:

What the pod says is what the container gets, as the container runtime would translate it: capabilities, a
read-only root, the system calls it may make, its mounts, arguments and variables. Its volumes are folders of the bed, its network is that of
the bed's node. Objects come from the bed's files; with InPod from its API server, as its service account may read them.
"""
import json
import signal
import subprocess

import yaml
from bed import api
from bed.tools import TOP, BedError, run, wait_for

SECCOMP = TOP / "tests/vectors/k8s/seccomp-containerd-1.6.20.json"  # RuntimeDefault of these capabilities

# of containerd's, for a container that is not privileged
MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
]
PROPAGATION = {None: "rprivate", "HostToContainer": "rslave"}


def bundle(pod, container, image, volumes, netns, cgroup, env, drop=()):
    """What the runtime is told to run a container of the pod. volumes: where each is on the host."""
    root, own = image
    security = container["securityContext"]
    capabilities = [f"CAP_{c}" for c in security["capabilities"]["add"] if c not in drop]
    namespaces = [{"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network", "path": netns}]
    if not pod.get("hostPID"):
        namespaces.append({"type": "pid"})
    spec = {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": security["runAsUser"], "gid": 0}, "cwd": "/", "args": [own["args"][0], *container["args"]],
            "env": [*own["env"], *(f"{e['name']}={e['value']}" for e in container["env"] if "value" in e), *env],
            "capabilities": {kind: capabilities for kind in ("bounding", "effective", "permitted")},
            "noNewPrivileges": not security["allowPrivilegeEscalation"],
        },
        "root": {"path": str(root), "readonly": security["readOnlyRootFilesystem"]},
        "mounts": MOUNTS + [
            {"destination": m["mountPath"], "type": "bind", "source": str(volumes[m["name"]]),
             "options": ["rbind", PROPAGATION[m.get("mountPropagation")], "ro" if m.get("readOnly") else "rw"]}
            for m in container["volumeMounts"]],
        "linux": {"namespaces": namespaces, "cgroupsPath": cgroup, "maskedPaths": MASKED, "readonlyPaths": READ_ONLY,
                  "resources": {"devices": [{"allow": False, "access": "rwm"}]}},
    }
    if pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault":
        kind = "directing" if "CAP_SYS_ADMIN" in capabilities else "measuring"
        spec["linux"]["seccomp"] = json.loads(SECCOMP.read_text())[kind]
    return spec


class InContainer:
    """To be put before a bed among a class's bases. image: (root, process), as Image.unpack() gives it.
    config: the text of weir.yaml in the pod's ConfigMap."""

    def __init__(self, pod, image, config, drop=(), **kw):
        super().__init__(**kw)
        self.spec, self.image, self.pod_config, self.drop = pod, image, config, drop
        self.runs = 0
        self.container = None

    def make(self):
        super().make()
        for name in ("etc", "bundle", "runc"):
            (self.dir / name).mkdir()

    def variables(self):
        """Of the bed's, what weir.yaml can't know. Variables go before what the file says."""
        mine = yaml.safe_load(self.config.read_text())
        return [f"WEIR_NODE_NAME={self.node_name}",
                f"WEIR_METER_SAMPLE={self.sample}", f"WEIR_METER_WINDOW={self.window}", "WEIR_METER_POD_CGROUP=pods",
                f"WEIR_METER_CLUSTER_CIDRS={','.join(mine['meter']['clusterCIDRs'])}",
                *(f"WEIR_DATAPATH_DEVICES={','.join(v)}" for k, v in mine["datapath"].items() if k == "devices")]

    def objects(self):
        """Where they come from: variables; the folder and where the container has it."""
        return ["WEIR_SOURCE_KIND=files", "WEIR_SOURCE_PATH=/manifests"], self.dir / "manifests", "/manifests"

    def write_bundle(self, container):
        volumes = {"config": self.dir / "etc", "bpffs": self.dir / "bpffs", "cgroup": self.cgroup,
                   "state": self.dir / "state", "run": self.dir / "run", "netns": "/run/netns"}
        (self.dir / "etc" / "weir.yaml").write_text(self.pod_config)
        self.runs += 1
        variables, folder, place = self.objects()
        spec = bundle(self.spec, container, self.image, volumes, f"/run/netns/{self.node}",
                      f"/{self.name}/run-{self.runs}", [*self.variables(), *variables], self.drop)
        spec["mounts"].append({"destination": place, "type": "bind", "source": str(folder), "options": ["rbind", "ro"]})
        (self.dir / "bundle" / "config.json").write_text(json.dumps(spec))

    def runc(self, *argv, **kw):
        return run("runc", "--root", str(self.dir / "runc"), *argv, **kw)

    def start(self, wait=True):
        self.log = self.log or open(self.dir / "agent.log", "a")
        self.write_bundle(self.spec["containers"][0])
        self.container = f"{self.name}-{self.runs}"
        self.agent = subprocess.Popen(
            ["runc", "--root", str(self.dir / "runc"), "run", "--bundle", str(self.dir / "bundle"), self.container],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        if wait:
            wait_for("the agent answers", self.answers)

    def kill_agent(self, sig=signal.SIGKILL):
        """As a kubelet stops it when sig is SIGTERM."""
        self.runc("kill", self.container, str(int(sig)), check=False)
        code = self.agent.wait(timeout=20)
        self.runc("delete", "--force", self.container, check=False)
        self.agent = None
        return code

    def run_once(self, container):
        """An init container: its end."""
        self.write_bundle(container)
        return self.runc("run", "--bundle", str(self.dir / "bundle"), f"{self.name}-{self.runs}", check=False)

    def process(self):
        """What the kernel says of the agent: /proc/PID/status."""
        pid = json.loads(self.runc("state", self.container).stdout)["pid"]
        return dict(line.split(":\t", 1) for line in open(f"/proc/{pid}/status", encoding="utf-8").read().splitlines())

    def exec(self, *argv, check=True):
        """As `kubectl exec`."""
        done = self.runc("exec", self.container, *argv, check=False)
        if check and done.returncode:
            raise BedError(f"{argv}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout


class InPod(InContainer):
    """To be put before a bed that has an API server: what a kubelet gives a pod of its service account."""

    def objects(self):
        account = self.dir / "account"
        if not account.is_dir():
            account.mkdir()
            (account / "ca.crt").write_bytes(self.control.ca.cert.read_bytes())
            (account / "namespace").write_text("kube-system")
            self.control.token_file = account / "token"
            self.control.give_token(api.TOKEN)
        servers = ",".join(s.url for s in self.control.servers)
        return ([f"KUBERNETES_SERVICE_HOST={api.VIP}", "KUBERNETES_SERVICE_PORT=443", f"WEIR_SOURCE_SERVERS={servers}"],
                account, "/var/run/secrets/kubernetes.io/serviceaccount")
