# SPDX-License-Identifier: Apache-2.0
"""Kubernetes objects in the API's shape, as a manifest or a watch would have them."""
import ipaddress

READY = {"ready": True, "serving": True, "terminating": False}
NOT_READY = {"ready": False, "serving": False, "terminating": False}
DYING = {"ready": False, "serving": True, "terminating": True}
DEAD = {"ready": False, "serving": False, "terminating": True}


def family_of(address):
    return f"IPv{ipaddress.ip_address(address).version}"


def node(name, number, zone=None, addresses=None):
    """number: of its pods' network. addresses: its own; else the gateway of its pods."""
    addresses = addresses or (f"10.244.{number}.1", f"fd10:244:{number}::1")
    return {"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone} if zone else {}},
            "spec": {"podCIDRs": [f"10.244.{number}.0/24", f"fd10:244:{number}::/64"]},
            "status": {"addresses": [{"type": "InternalIP", "address": a} for a in addresses]}}


def pod(name, node_name, cgroup=None, lease=None, addresses=(), **spec):
    """cgroup: below the bed's."""
    meta = {"name": name, "namespace": "default", "uid": f"uid-{name}"}
    if cgroup:
        meta["annotations"] = {"weir.dev/cgroup": cgroup}
    if lease:
        meta["labels"] = {"weir.dev/lease": lease}
    status = {"phase": "Running"}
    if addresses:
        status.update(podIP=addresses[0], podIPs=[{"ip": ip} for ip in addresses])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta,
            "spec": {"nodeName": node_name, "containers": [{"name": "c", "image": "none"}], **spec}, "status": status}


def service_cidr(*cidrs):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
            "metadata": {"name": "kubernetes"}, "spec": {"cidrs": list(cidrs)}}


def service(name, vips, ports, labels=None, status=None, **spec):
    """ports: of a Service's spec. spec: what differs from a plain one; None: the field is not there."""
    spec = {"type": "ClusterIP", "clusterIP": vips[0], "clusterIPs": vips,
            "ipFamilies": [family_of(vip) for vip in vips],
            "ipFamilyPolicy": "SingleStack" if len(vips) == 1 else "RequireDualStack",
            "internalTrafficPolicy": "Cluster", "selector": {"app": name}, "sessionAffinity": "None",
            "ports": ports, **spec}
    return {"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}", "labels": labels or {}},
            "spec": {k: v for k, v in spec.items() if v is not None},
            "status": status or {"loadBalancer": {}}}


def endpoint(pod, family, conditions=READY, **more):
    return {"addresses": [pod.ip if family == "IPv4" else pod.ip6], "conditions": conditions,
            "nodeName": pod.node,
            "targetRef": {"kind": "Pod", "namespace": "default", "name": pod.name, "uid": f"uid-{pod.name}"},
            **more}


def endpoint_slice(service, suffix, family, endpoints, ports, labels=None):
    """ports: (name, protocol, number) each. labels: instead of those that make it the Service's."""
    own = {"kubernetes.io/service-name": service,
           "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": f"{service}-{suffix}", "generateName": f"{service}-",
                         "namespace": "default", "labels": own if labels is None else labels},
            "addressType": family, "endpoints": endpoints,
            "ports": [{"name": n, "protocol": p, "port": port} for n, p, port in ports]}


def hints(nodes=(), zones=()):
    return {"forNodes": [{"name": n} for n in nodes], "forZones": [{"name": z} for z in zones]}
