# SPDX-License-Identifier: Apache-2.0
"""Server-side apply: who owns which field, what conflicts, and what goes because nobody wants it any more.

A path is a tuple of elements as fieldsV1 spells them: "f:name" of an object, 'k:{"port":80}' of a list whose
items have keys, and "." behind it for the item itself. Other lists are one value.
"""
import copy
import json

from kube import encode
from kube.store import now

# Lists whose items are told apart by these fields; "ports" of a container and of a Service differ.
KEYS = {"containers": ("name",), "initContainers": ("name",), "volumes": ("name",), "env": ("name",),
        "volumeMounts": ("mountPath",), "imagePullSecrets": ("name",), "ownerReferences": ("uid",),
        "ports": ("port", "protocol")}
CONTAINER_PORTS = ("containerPort", "protocol")
DEFAULTS = {"protocol": "TCP"}
NOT_OWNED = {("f:apiVersion",), ("f:kind",), ("f:metadata", "f:name"), ("f:metadata", "f:namespace")}


def keys_of(name, items):
    keys = CONTAINER_PORTS if name == "ports" and any("containerPort" in i for i in items) else KEYS.get(name)
    if not keys or not all(isinstance(i, dict) for i in items):
        return None
    return keys


def item_key(item, keys):
    return "k:" + encode.compact({k: item.get(k, DEFAULTS.get(k)) for k in sorted(keys)}).decode()


def leaves(value, path=(), name=None):
    """{path: value} of all that is no object and no list with keys."""
    if isinstance(value, dict) and value:
        return {p: v for k, child in value.items() for p, v in leaves(child, (*path, f"f:{k}"), k).items()}
    if isinstance(value, list) and value and (keys := keys_of(name, value)):
        below = [(*path, item_key(item, keys)) for item in value]
        return {**{(*p, "."): None for p in below},
                **{p: v for at, item in zip(below, value) for p, v in leaves(item, at).items()}}
    return {path: value}


def tree(paths):
    """As fieldsV1."""
    root = {}
    for path in sorted(paths):
        at = root
        for element in path:
            at = at.setdefault(element, {})
    return root


def paths_of(fields, path=()):
    if not fields:
        return {path}
    return {p for element, below in fields.items() for p in paths_of(below, (*path, element))}


def merge(live, wanted, name=None):
    if isinstance(live, dict) and isinstance(wanted, dict):
        merged = dict(live)
        for key, value in wanted.items():
            merged[key] = merge(live[key], value, key) if key in live else copy.deepcopy(value)
        return merged
    if isinstance(live, list) and isinstance(wanted, list) and (keys := keys_of(name, live + wanted)):
        merged, places = list(live), {item_key(item, keys): n for n, item in enumerate(live)}
        for item in wanted:
            n = places.get(item_key(item, keys))
            if n is None:
                merged.append(copy.deepcopy(item))
            else:
                merged[n] = merge(merged[n], item)
        return merged
    return copy.deepcopy(wanted)


def drop(obj, path, name=None):
    """Takes the field out, and what is empty without it."""
    element, rest = path[0], path[1:]
    if isinstance(obj, list):
        keys = keys_of(name, obj) or ()
        for item in [i for i in obj if item_key(i, keys) == element]:
            if rest == (".",):
                obj.remove(item)
            else:
                drop(item, rest)
        return
    key = element[2:]
    if key not in obj:
        return
    if rest and isinstance(obj[key], (dict, list)):
        drop(obj[key], rest, key)
    if not rest or obj[key] in ({}, []):
        del obj[key]


def owned(entry):
    return paths_of(entry["fieldsV1"])


def conflicts(live, wanted, others):
    """[(manager, path), ...] of fields that others own and have otherwise."""
    have = leaves(live)
    return [(entry["manager"], path) for entry in others for path in owned(entry)
            if path in wanted and path in have and have[path] != wanted[path]]


def refuse(found):
    causes = [{"reason": "FieldManagerConflict", "message": f'conflict with "{manager}"',
               "field": "." + ".".join(e[2:] for e in path)} for manager, path in found]
    raise encode.Failure(409, "Conflict", f"Apply failed with {len(causes)} conflict{'s' * (len(causes) > 1)}: "
                         + "\n".join(f"{c['message']}: {c['field']}" for c in causes), {"causes": causes})


def apply(live, config, manager, force):
    """The object as it is with this configuration of manager's; live is None: there is none yet."""
    config = copy.deepcopy(config)
    if config.get("metadata", {}).get("managedFields"):
        raise encode.bad_request("metadata.managedFields must be nil")
    wanted = {p: v for p, v in leaves(config).items() if p not in NOT_OWNED}
    entries = (live or {}).get("metadata", {}).get("managedFields", [])
    mine = [e for e in entries if (e["manager"], e["operation"]) == (manager, "Apply")]
    others = [e for e in entries if e not in mine]
    found = conflicts(live or {}, wanted, others)
    if found and not force:
        refuse(found)
    lost = {path for _, path in found}
    others = [{**e, "fieldsV1": tree(owned(e) - lost)} for e in others if owned(e) - lost]
    merged = merge(live, config) if live else config
    gone = {p for e in mine for p in owned(e)} - set(wanted) - {p for e in others for p in owned(e)}
    for path in sorted(gone):  # an item (".") before its parts: its key is one of them
        drop(merged, path)
    entry = {"manager": manager, "operation": "Apply", "apiVersion": config["apiVersion"], "time": now(),
             "fieldsType": "FieldsV1", "fieldsV1": tree(wanted)}
    if mine and mine[0]["fieldsV1"] == entry["fieldsV1"]:
        entry["time"] = mine[0]["time"]  # so that what changes nothing is no change
    merged["metadata"]["managedFields"] = [*others, entry]
    return merged


def strategic(live, patch):
    """A JSON merge patch; a strategic one of what has no lists."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(live) if isinstance(live, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = strategic(merged.get(key), value)
    return merged


def json_patch(live, operations):
    obj = copy.deepcopy(live)
    for operation in operations:
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        at = obj
        for part in way:
            at = at[int(part)] if isinstance(at, list) else at[part]
        where = last if isinstance(at, dict) else len(at) if last == "-" else int(last)
        kind = operation["op"]
        if kind == "test" and at[where] != operation["value"]:
            raise encode.Failure(422, "Invalid", f"testing path {operation['path']}: {json.dumps(at[where])}")
        if kind in ("remove", "replace"):
            del at[where]
        if kind in ("add", "replace"):
            if isinstance(at, list):
                at.insert(where, operation["value"])
            else:
                at[where] = operation["value"]
    return obj
