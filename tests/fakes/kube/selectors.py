# SPDX-License-Identifier: Apache-2.0
"""Label and field selectors: functions from an object to bool."""
import re

from kube.encode import bad_request

SET_BASED = re.compile(r"^\s*(\S+)\s+(in|notin)\s+\(([^)]*)\)\s*$")
EQUALITY = re.compile(r"^\s*([^=!\s]+)\s*(==|=|!=)\s*([^=!\s]*)\s*$")
PRESENCE = re.compile(r"^\s*(!?)\s*([^=!\s]+)\s*$")


def split(text):
    """At commas that are in no parentheses."""
    return [part for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def label_term(text):
    if m := SET_BASED.match(text):
        key, values = m[1], {v.strip() for v in m[3].split(",")}
        if m[2] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if m := EQUALITY.match(text):
        key, value = m[1], m[3]
        if m[2] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if m := PRESENCE.match(text):
        key, absent = m[2], bool(m[1])
        return lambda labels: (key in labels) != absent
    raise bad_request(f"unable to parse requirement: {text}")


def field_value(obj, path):
    for name in path.split("."):
        obj = obj.get(name) if isinstance(obj, dict) else None
    return "" if obj is None else str(obj)


def field_term(resource, text):
    m = EQUALITY.match(text)
    if not m:
        raise bad_request(f"invalid selector: '{text}'; can't understand '{text}'")
    path, value, equal = m[1], m[3], m[2] != "!="
    known = ("metadata.name", *(("metadata.namespace",) if resource.namespaced else ()), *resource.fields)
    if path not in known:
        raise bad_request(f'Unable to find "{resource.group}/{resource.version}, Resource={resource.name}" that match '
                          f'label selector "", field selector "{text}": field label not supported: {path}')
    return lambda obj: (field_value(obj, path) == value) == equal


def selector(resource, namespace, labels, fields):
    """None: everything."""
    terms = []
    if namespace:
        terms.append(lambda obj: obj["metadata"].get("namespace") == namespace)
    for term in map(label_term, split(labels)):
        terms.append(lambda obj, term=term: term(obj["metadata"].get("labels") or {}))
    terms += [field_term(resource, text) for text in split(fields)]
    if not terms:
        return None
    return lambda obj: all(term(obj) for term in terms)
