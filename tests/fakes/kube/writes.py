# SPDX-License-Identifier: Apache-2.0
"""POST, PUT, PATCH and DELETE."""
import ipaddress
import json
import random
import string

import yaml

from kube import apply, encode, podsecurity, reads, resources
from kube.store import now

ENFORCE = "pod-security.kubernetes.io/enforce"
SERVICE_NET = ipaddress.ip_network("10.96.0.0/16")


def body_of(ask):
    try:
        obj = yaml.safe_load(ask.body) if "yaml" in ask.content_type else json.loads(ask.body)
    except (ValueError, yaml.YAMLError) as e:
        raise encode.bad_request(f"the object provided is unrecognized (must be of type {ask.resource.kind}): {e}") \
            from e
    if not isinstance(obj, (dict, list)):
        raise encode.bad_request("the body is no object")
    return obj


def check_identity(ask, obj, name=None):
    resource = ask.resource
    got = (obj.get("apiVersion"), obj.get("kind"))
    if got != (resource.api_version, resource.kind):
        raise encode.bad_request(f"{got[1]} in version {got[0]!r} cannot be handled as a {resource.kind}")
    meta = obj.setdefault("metadata", {})
    if name and meta.setdefault("name", name) != name:
        raise encode.bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({name})")
    if ask.namespace and meta.setdefault("namespace", ask.namespace) != ask.namespace:
        raise encode.bad_request(f"the namespace of the provided object does not match the namespace sent on the "
                                 f"request: {meta['namespace']} {ask.namespace}")


def admit(store, ask, obj):
    """What admission says to a new object."""
    if not ask.namespace:
        return
    space = store.table("namespaces").items.get(("", ask.namespace))
    if not space:
        raise encode.not_found(resources.SHORT["namespaces"], ask.namespace)
    level = (space.obj["metadata"].get("labels") or {}).get(ENFORCE)
    if ask.resource.name == "pods" and level == "restricted" and (found := podsecurity.violations(obj["spec"])):
        name = obj["metadata"].get("name", "")
        raise encode.Failure(403, "Forbidden", f'pods "{name}" is forbidden: violates PodSecurity "restricted:latest": '
                             + ", ".join(found), {"name": name, "kind": "pods"})


def complete(store, resource, obj):
    """Fields that the server fills in."""
    if resource.name == "pods":
        obj.setdefault("status", {"phase": "Pending", "qosClass": "BestEffort"})
    if resource.name == "services":
        spec = obj.setdefault("spec", {})
        kind = spec.setdefault("type", "ClusterIP")
        if kind != "ExternalName" and not spec.get("clusterIP"):
            taken = {v.obj.get("spec", {}).get("clusterIP") for v in store.table("services").now()}
            spec["clusterIP"] = next(str(a) for a in SERVICE_NET.hosts() if str(a) not in taken)
        if kind != "ExternalName":
            spec.setdefault("clusterIPs", [spec["clusterIP"]])
            spec.setdefault("ipFamilies", ["IPv4"])
            spec.setdefault("ipFamilyPolicy", "SingleStack")
            spec.setdefault("internalTrafficPolicy", "Cluster")
        spec.setdefault("sessionAffinity", "None")
        for port in spec.get("ports", []):
            port.setdefault("protocol", "TCP")
            port.setdefault("targetPort", port["port"])
        obj.setdefault("status", {"loadBalancer": {}})


def managed(obj, ask, old=None):
    """What is written otherwise than by apply belongs to its writer as well."""
    manager = ask.query.get("fieldManager") or ask.agent.partition("/")[0]
    before = apply.leaves(old) if old else {}
    changed = {p for p, v in apply.leaves({k: v for k, v in obj.items() if k != "metadata"}).items()
               if p not in apply.NOT_OWNED and before.get(p) != v}
    entries = [e for e in (obj["metadata"].get("managedFields") or [])
               if (e["manager"], e["operation"]) != (manager, "Update")]
    if changed:
        obj["metadata"]["managedFields"] = [*entries, {
            "manager": manager, "operation": "Update", "apiVersion": obj["apiVersion"], "time": now(),
            "fieldsType": "FieldsV1", "fieldsV1": apply.tree(changed)}]


def create(store, ask):
    obj = body_of(ask)
    check_identity(ask, obj)
    meta = obj["metadata"]
    if "name" not in meta:
        if "generateName" not in meta:
            raise encode.Failure(422, "Invalid", f'{ask.resource.kind} "" is invalid: metadata.name: Required value: '
                                 "name or generateName is required")
        meta["name"] = meta["generateName"] + "".join(random.choices(string.ascii_lowercase + string.digits, k=5))
    with store.lock:
        if resources.key_of(obj) in store.table(ask.resource).items:
            raise encode.exists(ask.resource, meta["name"])
        admit(store, ask, obj)
        complete(store, ask.resource, obj)
        managed(obj, ask)
        return 201, saved(store, ask, obj)


def saved(store, ask, obj):
    if ask.query.get("dryRun") == "All":
        return encode.compact(store.complete(obj, None, 0)) + b"\n"
    obj = store.set(ask.resource, obj)
    return reads.whole(ask.resource, store.table(ask.resource).items[resources.key_of(obj)]) + b"\n"


def live_of(store, ask):
    found = store.table(ask.resource).items.get((ask.namespace or "", ask.name))
    return found.obj if found else None


def check_version(ask, obj, live):
    version = obj.get("metadata", {}).get("resourceVersion")
    if version and version != live["metadata"]["resourceVersion"]:
        raise encode.conflict(ask.resource, ask.name, "the object has been modified; please apply your changes to the "
                              "latest version and try again")


def update(store, ask):
    obj = body_of(ask)
    check_identity(ask, obj, ask.name)
    with store.lock:
        live = live_of(store, ask)
        if not live:
            raise encode.not_found(ask.resource, ask.name)
        check_version(ask, obj, live)
        if ask.subresource == "status":
            obj = {**live, "status": obj.get("status", {})}
        managed(obj, ask, live)
        return 200, saved(store, ask, obj)


def patch(store, ask):
    kind = ask.content_type.partition(";")[0]
    change = body_of(ask)
    with store.lock:
        live = live_of(store, ask)
        if kind == "application/apply-patch+yaml":
            return apply_patch(store, ask, change, live)
        if not live:
            raise encode.not_found(ask.resource, ask.name)
        if kind in ("application/merge-patch+json", "application/strategic-merge-patch+json"):
            check_version(ask, change, live)
            obj = apply.strategic(live, change)
        elif kind == "application/json-patch+json":
            obj = apply.json_patch(live, change)
        else:
            raise encode.Failure(415, "UnsupportedMediaType", f"the body of the request was in an unknown format - "
                                 f"accepted media types include: application/json-patch+json, "
                                 f"application/merge-patch+json, application/apply-patch+yaml")
        managed(obj, ask, live)
        return 200, saved(store, ask, obj)


def apply_patch(store, ask, config, live):
    manager = ask.query.get("fieldManager")
    if not manager:
        raise encode.Failure(422, "Invalid", "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: "
                             "is required for apply patch")
    check_identity(ask, config, ask.name)
    if live:
        check_version(ask, config, live)
        if config["metadata"].get("uid", live["metadata"]["uid"]) != live["metadata"]["uid"]:
            raise encode.conflict(ask.resource, ask.name, "uid mismatch")
    obj = apply.apply(live, config, manager, ask.query.get("force") == "true")
    if not live:
        ask.may_create()
        admit(store, ask, obj)
        complete(store, ask.resource, obj)
    return (200 if live else 201), saved(store, ask, obj)


def delete(store, ask):
    options = body_of(ask) if ask.body else {}
    with store.lock:
        live = live_of(store, ask)
        if not live:
            raise encode.not_found(ask.resource, ask.name)
        for field, wanted in (options.get("preconditions") or {}).items():
            if live["metadata"][field] != wanted:
                raise encode.conflict(ask.resource, ask.name, f"Precondition failed: {field} in precondition: {wanted}, "
                                      f"{field} in object meta: {live['metadata'][field]}")
        grace = ask.query.get("gracePeriodSeconds", options.get("gracePeriodSeconds"))
        if ask.resource.name == "pods" and live["spec"].get("nodeName") and grace not in (0, "0"):
            return dying(store, ask, live, 30 if grace is None else int(grace))
        gone = store.delete(ask.resource, resources.key_of(live))
    if ask.resource.name == "pods":
        return 200, encode.compact(gone) + b"\n"
    return 200, encode.compact({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": {
        "name": ask.name, "kind": ask.resource.name, "uid": live["metadata"]["uid"]}}) + b"\n"


def dying(store, ask, live, grace):
    """A Pod that has a node is marked; it goes when the kubelet says so (Server.kubelet_finishes())."""
    if "deletionTimestamp" not in live["metadata"]:
        meta = {**live["metadata"], "deletionTimestamp": now(), "deletionGracePeriodSeconds": grace}
        live = store.set(ask.resource, {**live, "metadata": meta})
    return 200, encode.compact(live) + b"\n"
