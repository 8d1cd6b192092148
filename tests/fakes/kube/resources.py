# SPDX-License-Identifier: Apache-2.0
"""The resources that the server knows, and what differs between them."""
import dataclasses
import re

NODE_INFO = ("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion",
             "kubeletVersion", "kubeProxyVersion", "operatingSystem", "architecture")


@dataclasses.dataclass(frozen=True, eq=False)
class Resource:
    group: str
    version: str
    name: str  # plural, as in URLs
    kind: str
    namespaced: bool
    zero: dict  # what a bookmark's object has beside its metadata: the zero value of the type
    fields: tuple = ()  # field selectors beside metadata.name and metadata.namespace

    @property
    def api_version(self):
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def head(self):
        """How its objects begin, but not as items of a list."""
        return f'{{"kind":"{self.kind}","apiVersion":"{self.api_version}",'.encode()


RESOURCES = (
    Resource("", "v1", "services", "Service", True, {"spec": {}, "status": {"loadBalancer": {}}},
             ("spec.clusterIP", "spec.type")),
    Resource("", "v1", "pods", "Pod", True, {"spec": {"containers": None}, "status": {}},
             ("spec.nodeName", "spec.restartPolicy", "status.phase", "status.podIP")),
    Resource("", "v1", "nodes", "Node", False, {"spec": {}, "status": {
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}, "nodeInfo": {name: "" for name in NODE_INFO}}},
        ("spec.unschedulable",)),
    Resource("", "v1", "namespaces", "Namespace", False, {"spec": {}, "status": {}}, ("status.phase",)),
    Resource("", "v1", "persistentvolumes", "PersistentVolume", False, {"spec": {}, "status": {}}),
    Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", True, {"spec": {}, "status": {}}),
    Resource("", "v1", "events", "Event", True, {"involvedObject": {}, "reason": "", "source": {}, "type": ""},
             ("involvedObject.kind", "involvedObject.name", "reason", "type")),
    Resource("", "v1", "configmaps", "ConfigMap", True, {}),
    Resource("", "v1", "secrets", "Secret", True, {}, ("type",)),
    Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", True,
             {"addressType": "", "endpoints": None, "ports": None}),
    Resource("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", False, {"spec": {}, "status": {}}),
    Resource("events.k8s.io", "v1", "events", "Event", True, {"eventTime": None},
             ("reason", "regarding.kind", "regarding.name", "type")),
    Resource("coordination.k8s.io", "v1", "leases", "Lease", True, {"spec": {}}),
)
BY_NAME = {(r.group, r.name): r for r in RESOURCES}
BY_KIND = {(r.api_version, r.kind): r for r in RESOURCES}
SHORT = {r.name: r for r in reversed(RESOURCES)}  # "events" is the core group's

PATH = re.compile(r"/(?:api/(?P<core>[^/]+)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
                  r"(?:/namespaces/(?P<namespace>[^/]+)(?=/))?/(?P<resource>[^/]+)"
                  r"(?:/(?P<name>[^/]+))?(?:/(?P<subresource>[^/]+))?/?$")


def of(manifest):
    return BY_KIND[manifest["apiVersion"], manifest["kind"]]


def key_of(manifest):
    """Where it lies: (namespace, name); in etcd's order."""
    meta = manifest["metadata"]
    return meta.get("namespace", ""), meta["name"]
