# SPDX-License-Identifier: Apache-2.0
"""N Services of 4 endpoints each (and one over UDP), one and the same for all that serve them: as manifests for Weir, as numbers
for the rules of peers.py.

Service i has the cluster IP 10.96.0.0/12 + 10 + i and port 80; with node_ports also one each. Endpoints listen
at 8080, each at an address of its own in 10.129.0.0/16 as long as Weir's table has room (POOL), then shared.
"""
import ipaddress
import json

BACKENDS = 4
POOL = 60000  # WEIR_MAX_BACKENDS is 65,536
PORT, TARGET = 80, 8080
NODE_PORTS = range(30000, 32768)
SERVICE_CIDR, POD_CIDR, ENDPOINT_CIDR = "10.96.0.0/12", "10.128.0.0/9", "10.129.0.0/16"
VIP0 = int(ipaddress.ip_address("10.96.0.10"))
POD0 = int(ipaddress.ip_address("10.129.0.0"))
FILE_SERVICES = 500  # in a manifest: far below the limits of a file


def ip(number):
    return str(ipaddress.ip_address(number))


class Service:
    """What each way of serving it has to know."""

    def __init__(self, number, protocol="TCP", node_port=0):
        self.number, self.protocol, self.node_port = number, protocol, node_port
        self.ns, self.name, self.port_name = "bench", f"svc-{number:05}", "web"
        self.vip = ip(VIP0 + number)
        self.endpoints = [ip(POD0 + (number * BACKENDS + k) % POOL) for k in range(BACKENDS)]

    def manifest(self):
        port = {"name": self.port_name, "protocol": self.protocol, "port": PORT, "targetPort": TARGET}
        if self.node_port:
            port["nodePort"] = self.node_port
        return {"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": self.name, "namespace": self.ns, "uid": f"5e0c1f7e-{self.number:012}",
                             "resourceVersion": f"{1000 + self.number}", "labels": {"app": self.name}},
                "spec": {"type": "NodePort" if self.node_port else "ClusterIP", "clusterIP": self.vip,
                         "clusterIPs": [self.vip], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
                         "internalTrafficPolicy": "Cluster", "sessionAffinity": "None",
                         "selector": {"app": self.name}, "ports": [port]},
                "status": {"loadBalancer": {}}}

    def endpoint(self, k):
        return {"addresses": [self.endpoints[k]], "nodeName": f"node-{k}", "zone": "z1",
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "targetRef": {"kind": "Pod", "namespace": self.ns, "name": f"{self.name}-{k}",
                              "uid": f"9ad1-{self.number:08}-{k}"}}

    def slice(self, n=BACKENDS):
        return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {"name": f"{self.name}-abcde", "namespace": self.ns,
                             "uid": f"51ce-{self.number:012}", "resourceVersion": f"{9000 + self.number}",
                             "labels": {"kubernetes.io/service-name": self.name,
                                        "endpointslice.kubernetes.io/managed-by":
                                            "endpointslice-controller.k8s.io"}},
                "addressType": "IPv4", "endpoints": [self.endpoint(k) for k in range(n)],
                "ports": [{"name": self.port_name, "protocol": self.protocol, "port": TARGET}]}


def fleet(n, node_ports=False):
    """n Services over TCP, and behind them one over UDP."""
    return [Service(i, "UDP" if i == n else "TCP", NODE_PORTS[i % len(NODE_PORTS)] if node_ports else 0)
            for i in range(n + 1)]


def spread(services, n):
    """At most n of those over TCP, evenly over the whole, the last among them."""
    tcp = services[-2::-1]
    return tcp[::max(1, len(tcp) // n)][:n]


def text(*objects):
    return "\n---\n".join(json.dumps(o, separators=(",", ":")) for o in objects) + "\n"


def file_name(service):
    return f"fleet-{service.number // FILE_SERVICES:03}.json"


def file_text(services, service, endpoints=BACKENDS):
    """The manifest that holds service, which has that many endpoints and the others all."""
    first = service.number // FILE_SERVICES * FILE_SERVICES
    return text(*(o for s in services[first:first + FILE_SERVICES]
                  for o in (s.manifest(), s.slice(endpoints if s is service else BACKENDS))))


def write(folder, services):
    (folder / "cidr.json").write_text(text({"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
                                            "metadata": {"name": "kubernetes"},
                                            "spec": {"cidrs": [SERVICE_CIDR]}}))
    for service in services[::FILE_SERVICES]:
        (folder / file_name(service)).write_text(file_text(services, service))
