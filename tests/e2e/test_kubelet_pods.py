# SPDX-License-Identifier: Apache-2.0
"""Pods where a kubelet puts them: joined by UID, under both cgroup drivers, in every class, also static ones."""
import hashlib
import subprocess
import uuid

import pytest
from bed import Bed, missing, wait_for

CLASSES = ("", "burstable", "besteffort")
SPIN = "import time\nwhile time.process_time() < 0.05: pass"


def cgroupfs(root, qos, uid):
    return "/".join(filter(None, (root, qos, f"pod{uid}")))


def systemd(root, qos, uid):
    """Each slice carries the names of those above it; '-' would be a level."""
    names = [*root.split("/"), *([qos] if qos else []), f"pod{uid.replace('-', '_')}"]
    return "/".join(f"{'-'.join(names[:n])}.slice" for n in range(1, len(names) + 1))


class KubeletPod:
    def __init__(self, bed, name, path, uid, static_hash=None):
        self.name, self.dir = name, bed.cgroup / path
        annotations = {"kubernetes.io/config.mirror": static_hash, "kubernetes.io/config.hash": static_hash,
                       "kubernetes.io/config.source": "file"} if static_hash else {}
        bed.write(f"pod-{name}.json", {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "default", "uid": uid, "annotations": annotations},
            "spec": {"nodeName": bed.node_name, "containers": [{"name": "c", "image": "none"}]},
            "status": {"phase": "Running"}})

    def start(self):
        """Its container, in a cgroup below the pod's."""
        container = self.dir / "container"
        container.mkdir(parents=True)
        subprocess.run(["sh", "-c", f'echo $$ > {container}/cgroup.procs && exec /usr/bin/python3 -c "$0"', SPIN], check=True)

    def cpu_us(self):
        return int((self.dir / "cpu.stat").read_text().split()[1])


@pytest.mark.parametrize("root", ["kubepods", "kubelet/kubepods"], ids=["plain", "rooted"])
@pytest.mark.parametrize("driver", [cgroupfs, systemd])
def test_pods_are_found_by_uid_in_every_class(driver, root):
    if missing():
        pytest.skip(missing())
    bed = Bed()
    bed.pod_cgroup = root
    with bed:
        pods = []
        for qos in CLASSES:
            for static in (False, True):
                uid = str(uuid.uuid4())
                own = hashlib.md5(uid.encode()).hexdigest() if static else uid
                pods.append(KubeletPod(bed, f"{qos or 'guaranteed'}-{'static' if static else 'pod'}", driver(root, qos, own),
                                       uid, own if static else None))
                pods[-1].uid = uid
        (bed.cgroup / driver(root, "", "x")).parent.mkdir(parents=True)  # the kubelet's own, before any pod
        bed.start()
        for pod in pods:
            pod.start()

        def found():
            rows = bed.weir("usage", "show", "--window", "7d", "--by", "pod")
            return {(r["pod"], r["uid"]): int(r["cpu_ns"]) // 1000 for r in rows}
        wait_for("all are billed", lambda: found() == {(f"default/{p.name}", p.uid): p.cpu_us() for p in pods})
