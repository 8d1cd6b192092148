# SPDX-License-Identifier: Apache-2.0
"""What etcd and the watch caches hold: objects, their versions, and what happened since when.

    store = Store()
    store.put(service)              # created or replaced; nothing happens when nothing differs
    store.remove(service)
    store.change("services", "default", "web", lambda s: s["spec"].update(clusterIP="10.96.0.9"))

Several servers may share one store, as those of one control plane do. Objects are encoded when they come in, so
that a list of 10,000 is a join of bytes. Any thread may call; listeners are told after each change.
"""
import bisect
import copy
import datetime
import json
import threading
import uuid

from kube import encode, resources


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Version:
    """An object as it is from one change to the next. item: how it stands in a list."""

    __slots__ = ("key", "obj", "item")

    def __init__(self, obj, item=None):
        self.key, self.obj = resources.key_of(obj), obj
        self.item = item or encode.compact({k: v for k, v in obj.items() if k not in ("kind", "apiVersion")})

    @property
    def number(self):
        return int(self.obj["metadata"]["resourceVersion"])

    def at(self, number):
        """The same under another resourceVersion."""
        return Version({**self.obj, "metadata": {**self.obj["metadata"], "resourceVersion": str(number)}})


class Change:
    """old is None: it came; new is None: it went, and last is what it was, with the change's version."""

    __slots__ = ("number", "old", "new", "last")

    def __init__(self, number, old, new):
        self.number, self.old, self.new = number, old, new
        self.last = None if new else old.at(number)


class Table:
    """The objects of one resource. oldest: changes up to here are forgotten."""

    def __init__(self, number):
        self.items, self.changes, self.numbers = {}, [], []
        self.oldest = self.latest = number
        self.sorted = ()

    def add(self, change):
        key = (change.new or change.old).key
        if change.new:
            self.items[key] = change.new
        else:
            del self.items[key]
        self.changes.append(change)
        self.numbers.append(change.number)
        self.latest, self.sorted = change.number, None

    def now(self):
        if self.sorted is None:
            self.sorted = tuple(self.items[key] for key in sorted(self.items))
        return self.sorted

    def since(self, number):
        return self.changes[bisect.bisect_right(self.numbers, number):]

    def at(self, number):
        """As it was then."""
        later = self.since(number)
        if not later:
            return self.now()
        items = dict(self.items)
        for change in reversed(later):
            if change.old:
                items[change.old.key] = change.old
            else:
                items.pop(change.new.key, None)
        return tuple(items[key] for key in sorted(items))

    def rewind(self, number):
        self.items = {version.key: version for version in self.at(number)}
        at = bisect.bisect_right(self.numbers, number)
        del self.changes[at:], self.numbers[at:]
        self.oldest, self.latest, self.sorted = min(self.oldest, number), min(self.latest, number), None

    def forget(self, number):
        at = bisect.bisect_right(self.numbers, number)
        del self.changes[:at], self.numbers[:at]
        self.oldest = max(self.oldest, number)


class Store:
    def __init__(self, version=1000):
        self.lock = threading.RLock()
        self.version = self.compacted = version
        self.tables = {r: Table(version) for r in resources.RESOURCES}
        self.listeners = []

    # -- for tests

    def put(self, *manifests):
        for manifest in manifests:
            self.set(resources.of(manifest), manifest)

    def remove(self, *manifests):
        for manifest in manifests:
            self.delete(resources.of(manifest), resources.key_of(manifest))

    def replace(self, old, new):
        """What is in old and not in new goes."""
        self.put(*new)
        kept = {(resources.of(m), resources.key_of(m)) for m in new}
        self.remove(*(m for m in old if (resources.of(m), resources.key_of(m)) not in kept))

    def get(self, resource, namespace, name):
        """A copy of the object, or None."""
        with self.lock:
            found = self.table(resource).items.get((namespace or "", name))
            return copy.deepcopy(found.obj) if found else None

    def all(self, resource):
        with self.lock:
            return [copy.deepcopy(v.obj) for v in self.table(resource).now()]

    def change(self, resource, namespace, name, edit):
        obj = self.get(resource, namespace, name)
        edit(obj)
        self.put(obj)

    def put_bytes(self, manifest, item):
        """An object that lists and watches show as these bytes, whatever they are; %d in them is its version."""
        with self.lock:
            number = self.version + 1
            version = Version(self.complete(manifest, None, number), item.replace(b"%d", b"%d" % number))
            self.record(resources.of(manifest), version)
        self.tell()

    def compact(self):
        """Forgets all that was before now."""
        with self.lock:
            self.compacted = self.version
            for table in self.tables.values():
                table.forget(self.version)

    def rewind(self, number):
        """As from a backup of then: what came later never was, and versions are given out again."""
        with self.lock:
            for table in self.tables.values():
                table.rewind(number)
            self.version, self.compacted = number, min(self.compacted, number)
        self.tell()

    def clear(self):
        for resource, table in self.tables.items():
            for key in list(table.items):
                self.delete(resource, key)

    # -- for the server

    def table(self, resource):
        return self.tables[resources.SHORT[resource] if isinstance(resource, str) else resource]

    @staticmethod
    def complete(manifest, old, number):
        """As the server keeps it: kind first, metadata with what only the server knows."""
        was = old.obj["metadata"] if old else {}
        meta = {k: v for k, v in manifest["metadata"].items() if v is not None}
        meta.setdefault("uid", was.get("uid") or str(uuid.uuid4()))
        meta.setdefault("creationTimestamp", was.get("creationTimestamp") or now())
        meta["resourceVersion"] = str(number)
        rest = {k: v for k, v in manifest.items() if k not in ("kind", "apiVersion", "metadata")}
        return {"kind": manifest["kind"], "apiVersion": manifest["apiVersion"], "metadata": meta, **rest}

    @staticmethod
    def same(a, b):
        def bare(obj):
            return {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}}
        return bare(a) == bare(b)

    def record(self, resource, new):
        """new: of the next version."""
        table = self.table(resource)
        self.version = new.number
        table.add(Change(new.number, table.items.get(new.key), new))

    def set(self, resource, manifest):
        """Creates or replaces; the object as it is then."""
        manifest = copy.deepcopy(manifest)
        with self.lock:
            old = self.table(resource).items.get(resources.key_of(manifest))
            obj = self.complete(manifest, old, self.version + 1)
            if old and self.same(old.obj, obj):
                return old.obj
            self.record(resource, Version(obj))
        self.tell()
        return obj

    def delete(self, resource, key):
        """The object as it was, with the version of its end; None: there is none."""
        with self.lock:
            old = self.table(resource).items.get(key)
            if not old:
                return None
            self.version += 1
            change = Change(self.version, old, None)
            self.table(resource).add(change)
        self.tell()
        return change.last.obj

    def tell(self):
        for listener in list(self.listeners):
            listener()

    # -- recordings

    def load_list(self, body):
        """A recorded list, with the versions that its objects had."""
        listed = json.loads(body)
        kind, api_version = listed["kind"].removesuffix("List"), listed["apiVersion"]
        table = self.table(resources.BY_KIND[api_version, kind])
        with self.lock:
            for item in listed["items"]:
                version = Version({"kind": kind, "apiVersion": api_version, **item})
                table.items[version.key] = version
            self.version = self.compacted = int(listed["metadata"]["resourceVersion"])
            for each in self.tables.values():
                each.forget(self.version)
                each.latest, each.sorted = self.version, None
        self.tell()

    def load_event(self, line):
        """A recorded event of a watch; bookmarks change nothing but the version."""
        event = json.loads(line)
        number = int(event["object"]["metadata"]["resourceVersion"])
        with self.lock:
            self.version = max(self.version, number)
            if event["type"] != "BOOKMARK":
                version = Version(event["object"])
                table = self.table(resources.of(event["object"]))
                gone = event["type"] == "DELETED"
                change = Change(number, table.items.get(version.key), None if gone else version)
                change.last = version if gone else None
                table.add(change)
        self.tell()
