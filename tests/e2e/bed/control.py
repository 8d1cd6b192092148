# SPDX-License-Identifier: Apache-2.0
"""A bed whose objects come from a scripted API server (../../fakes), which is in the node's namespace.

    with ControlBed() as bed:
        bed.store.put(service)
        bed.start()
"""
import io
import json
import sys
import tarfile

from bed import objects
from bed.node import Bed
from bed.tools import TOP, wait_for

sys.path.insert(0, str(TOP / "tests" / "fakes"))

from kube import ADMIN_TOKEN, Authority, Rules, Server, Store, encode, rights  # noqa: E402, F401

WORKLOADS = "weir-workloads"
NAMESPACES = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}} for name, labels in (
    ("default", {}), (WORKLOADS, {"pod-security.kubernetes.io/enforce": "restricted"}))]


class ControlBed(Bed):
    pod_cgroup = "kubepods"
    labels = ["weir.dev/workload", "absent"]
    token = ADMIN_TOKEN

    def make(self):
        super().make()
        (self.cgroup / "kubepods").mkdir()
        self.ca, self.store = Authority(self.dir / "pki"), Store()
        self.store.put(objects.node(self.node_name, 1), *NAMESPACES)
        self.server = Server(self.store, self.ca, netns=self.node)
        self.server.start()
        self.configure()

    def close(self):
        if getattr(self, "server", None):
            self.server.stop()
        super().close()

    def kubeconfig(self):
        """With the way to the server that is there now."""
        path = self.dir / "kubeconfig"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": self.server.url, "certificate-authority": str(self.ca.cert)}}],
            "users": [{"name": "u", "user": {"token": self.token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}))
        return path

    def configure(self, **datapath):
        super().configure(**datapath)
        if getattr(self, "server", None):
            text = self.config.read_text()
            files = f"source: {{kind: files, path: {self.dir}/manifests}}"
            assert files in text
            self.config.write_text(text.replace(files, f"source: {{kind: kubernetes, kubeconfig: {self.kubeconfig()}}}"))

    def restart(self):
        self.kill_agent()
        self.start()

    def package(self, name="app", text="require('http')"):
        """An npm tarball; its path."""
        path = self.dir / f"{name}.tgz"
        with tarfile.open(path, "w:gz") as tar:
            for file, content in (("package/package.json", json.dumps({"name": name, "version": "1.0.0", "main": "server.js"})),
                                  ("package/server.js", text)):
                info = tarfile.TarInfo(file)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content.encode()))
        return path

    def has(self, resource, name, namespace=WORKLOADS):
        return self.store.get(resource, namespace, name)

    def comes(self, resource, name, namespace=WORKLOADS):
        return wait_for(f"{resource} {name} is there", lambda: self.has(resource, name, namespace))

    def goes(self, resource, name, namespace=WORKLOADS):
        wait_for(f"{resource} {name} is gone", lambda: not self.has(resource, name, namespace))
