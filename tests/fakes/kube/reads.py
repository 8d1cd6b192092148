# SPDX-License-Identifier: Apache-2.0
"""GET of one object, lists and their pages."""
import base64
import json

from kube import encode, selectors
from kube.encode import Failure

PARTIAL = "PartialObjectMetadata"


def partial(version):
    """What a client gets that asked for metadata only."""
    return {"kind": PARTIAL, "apiVersion": "meta.k8s.io/v1", "metadata": version.obj["metadata"]}


def whole(resource, version):
    return resource.head + version.item[1:]


def shown(ask, version):
    return encode.compact(partial(version)) if ask.partial else whole(ask.resource, version)


def number_of(ask, failure):
    """The query's resourceVersion; None without one."""
    text = ask.query.get("resourceVersion", "")
    if not text:
        return None
    if not text.isdigit():
        raise failure(f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text)


def chosen(ask, versions):
    wanted = selectors.selector(ask.resource, ask.namespace, ask.query.get("labelSelector", ""),
                                ask.query.get("fieldSelector", ""))
    if ask.name:  # a watch of one object
        versions = [v for v in versions if v.obj["metadata"]["name"] == ask.name]
    return [v for v in versions if wanted(v.obj)] if wanted else versions


def get(store, ask):
    found = store.table(ask.resource).items.get((ask.namespace or "", ask.name))
    if not found:
        raise encode.not_found(ask.resource, ask.name)
    return shown(ask, found) + b"\n"


class Token:
    """Where a list goes on. number -1: at whatever is there now. start: behind this key."""

    def __init__(self, number, start):
        self.number, self.start = number, start

    @classmethod
    def read(cls, text):
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError as e:
            raise encode.bad_request(f"invalid continue token: continue key is not valid: {e}") from e
        try:
            token = json.loads(raw.decode())
            return cls(token["rv"], tuple(token["start"].strip("/").removesuffix("\0").rpartition("/")[::2]))
        except (ValueError, KeyError) as e:
            first = raw.decode("latin-1")[:1]
            raise encode.bad_request(
                f"invalid continue token: continue key is not valid: invalid character "
                f"'\\u{ord(first):04x}' looking for beginning of value") from e

    def text(self):
        # the one that follows an expired one has no slash in front
        start = ("" if self.number < 0 else "/") + "/".join(part for part in self.start if part) + "\0"
        value = {"v": "meta.k8s.io/v1", "rv": self.number, "start": start}
        return base64.urlsafe_b64encode(encode.compact(value)).decode().rstrip("=")


def snapshot(store, ask):
    """(version, versions of objects) that a list shows, or as Failure says."""
    table = store.table(ask.resource)
    number = number_of(ask, lambda text: encode.bad_request(f"invalid resource version: {text}"))
    if text := ask.query.get("continue"):
        token = Token.read(text)
        if token.number < 0:
            number = store.version
        elif token.number < store.compacted:
            raise encode.expired_list(Token(-1, token.start).text())
        else:
            number = token.number
        return number, [v for v in table.at(number) if v.key > token.start]
    if number and ask.query.get("resourceVersionMatch") == "Exact":
        if number < store.compacted:
            raise encode.expired_list()
        return number, table.at(number)
    if number and number > store.version:
        raise FutureVersion(encode.future_list(number, store.version))
    return store.version, table.now()


class FutureVersion(Failure):
    """The answer that comes when the version does not, in time."""

    def __init__(self, failure):
        super().__init__(failure.code, failure.status["reason"], str(failure), failure.status["details"],
                         headers=failure.headers)


def list_body(store, ask, page_max=None):
    """The list, or the page of it that is asked for; of page_max at most where pages are asked for."""
    with store.lock:
        number, versions = snapshot(store, ask)
        versions = chosen(ask, versions)
        meta = {"resourceVersion": str(number)}
        limit = int(ask.query.get("limit") or 0)
        if limit and page_max:
            limit = min(limit, page_max)
        if limit and len(versions) > limit:
            meta["continue"] = Token(number, versions[limit - 1].key).text()
            if not ask.selects:
                meta["remainingItemCount"] = len(versions) - limit
            versions = versions[:limit]
    kind, api_version = (PARTIAL, "meta.k8s.io/v1") if ask.partial else (ask.resource.kind, ask.resource.api_version)
    items = (encode.compact(partial(v)) for v in versions) if ask.partial else (v.item for v in versions)
    return b'{"kind":"%sList","apiVersion":"%s","metadata":%s,"items":[%s]}\n' % (
        kind.encode(), api_version.encode(), encode.compact(meta), b",".join(items))
