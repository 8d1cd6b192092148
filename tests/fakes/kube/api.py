# SPDX-License-Identifier: Apache-2.0
"""From a request to its answer, in the order of the real server: who, may he, what."""
import asyncio
import functools
import gzip
import time
import urllib.parse
import uuid

from kube import encode, reads, resources, watch, writes
from kube.encode import Failure
from kube.recordings import Recording

GZIP_FROM = 128 << 10
PLAIN_MAX = 2048  # longer answers are chunked, as Go does it
FUTURE_WAIT_S = 3
PRETTY_AGENTS = ("curl", "Wget", "Mozilla/5.0")
# Priority and fairness tell administrators from all others; these were the recorded ones'.
FLOWS = {True: ("921d3f43-42fc-4600-8a6e-b0acf217804e", "ee702810-e39a-438a-9410-90826c18f80e"),
         False: ("3644c2a3-a6b1-4003-8c3a-7004c04b98b2", "8fda2bda-ef35-43b9-9edc-ed71eb49bb55")}
VERSION = """{
  "major": "1",
  "minor": "36",
  "emulationMajor": "1",
  "emulationMinor": "36",
  "minCompatibilityMajor": "1",
  "minCompatibilityMinor": "35",
  "gitVersion": "v1.36.2",
  "gitCommit": "$Format:%H$",
  "gitTreeState": "clean",
  "buildDate": "1970-01-01T00:00:00Z",
  "goVersion": "go1.26.10",
  "compiler": "gc",
  "platform": "linux/amd64"
}"""
OTHERS = {"/readyz": "ok", "/livez": "ok", "/healthz": "ok", "/version": VERSION}


class Ask:
    """A request, understood. resource None: it is for something else, or nothing."""

    def __init__(self, exchange):
        self.method, self.target, self.headers = exchange.method, exchange.target, exchange.headers
        self.body, self.http = exchange.body, exchange.http
        self.path, _, query = exchange.target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.agent, self.content_type = self.headers.get("user-agent", ""), self.headers.get("content-type", "")
        self.accept = self.headers.get("accept", "*/*")
        self.resource = self.namespace = self.name = self.subresource = None
        if m := resources.PATH.match(self.path):
            found = resources.BY_NAME.get((m["group"] or "", m["resource"]))
            if found and found.version == (m["core"] or m["version"]):
                self.resource, self.namespace = found, m["namespace"]
                self.name, self.subresource = m["name"], m["subresource"]
        self.verb, self.may_create = self.verb_of(), None
        self.partial = reads.PARTIAL in self.accept

    def verb_of(self):
        if self.resource is None:
            return self.method.lower()
        if self.method == "GET":
            if self.query.get("watch") in ("true", "1"):
                return "watch"
            return "get" if self.name else "list"
        return {"POST": "create", "PUT": "update", "PATCH": "patch",
                "DELETE": "delete" if self.name else "deletecollection"}.get(self.method, self.method.lower())

    @property
    def selects(self):
        return bool(self.query.get("labelSelector") or self.query.get("fieldSelector"))

    @property
    def scope(self):
        """What it is about, whatever the version."""
        return (self.resource, self.namespace, self.name, self.partial, self.query.get("labelSelector"),
                self.query.get("fieldSelector"), self.query.get("limit"), self.query.get("continue"))

    @property
    def pretty(self):
        if "pretty" in self.query:
            return self.query["pretty"] not in ("false", "0")
        return self.agent.startswith(PRETTY_AGENTS)


def user_of(server, exchange):
    kind, _, token = exchange.headers.get("authorization", "").partition(" ")
    if kind == "Bearer":
        if token not in server.tokens:
            raise encode.unauthorized()
        return server.tokens[token]
    return exchange.connection.peer_name or "system:anonymous"


def check_rights(server, user, ask, verb=None):
    if user in server.tokens.values() and user not in server.rules:
        return
    rules = server.rules.get(user)
    if ask.resource is None:
        return
    if rules is None or not rules.allow(ask, verb or ask.verb):
        raise encode.forbidden(user, verb or ask.verb, ask.resource.name + (f"/{ask.subresource}" if ask.subresource else ""),
                               ask.resource.group, ask.namespace, ask.name)


class Answer:
    """Writes an answer with the headers that every one has."""

    def __init__(self, exchange, ask):
        self.exchange, self.ask, self.user, self.request, self.privileged = exchange, ask, None, None, True

    def headers(self, own, end):
        flow = FLOWS[self.privileged] if self.user else None
        fixed = [("Audit-Id", str(uuid.uuid4())), ("Cache-Control", "no-cache, private"), *own]
        if flow:
            fixed += [("X-Kubernetes-Pf-Flowschema-Uid", flow[0]), ("X-Kubernetes-Pf-Prioritylevel-Uid", flow[1])]
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
        return [*sorted(fixed), ("Date", date), end]

    # a watch's exchange

    def head(self, status, own):
        self.request.status = status
        self.exchange.by_line = True
        self.exchange.head(status, self.headers(own, ("Transfer-Encoding", "chunked")))

    async def data(self, data):
        await self.exchange.data(data)

    async def whole(self, status, own, body):
        self.request.status = status
        if self.exchange.edit:
            body, self.exchange.edit = self.exchange.edit(body), None
        end = ("Content-Length", str(len(body))) if len(body) <= PLAIN_MAX else ("Transfer-Encoding", "chunked")
        self.exchange.head(status, self.headers(own, end))
        await self.exchange.data(body)

    async def failure(self, failure):
        body = failure.body
        if self.ask.pretty and not failure.indent:
            body = encode.pretty(body)
        await self.whole(failure.code, [("Content-Type", "application/json"), *failure.headers], body)

    async def recording(self, recording):
        self.request.status = recording.status
        self.exchange.by_line = recording.is_watch
        self.exchange.head(recording.status, recording.headers)
        await self.exchange.data(recording.body)

    async def json(self, status, body, zipped=None):
        own = [("Content-Type", "application/json")]
        if self.ask.pretty:
            body = encode.pretty(body)
        elif len(body) > GZIP_FROM and "gzip" in self.ask.headers.get("accept-encoding", ""):
            own += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
            body = zipped() if zipped else gzip.compress(body, 1)
        await self.whole(status, own, body)


async def answer(server, exchange):
    ask = Ask(exchange)
    out = Answer(exchange, ask)
    out.request = server.logged(ask)
    try:
        if fault := server.fault_for(ask):
            await misbehave(fault, exchange, out)
            if fault.answer is not None:
                return
        out.user = out.request.user = user_of(server, exchange)
        ask.may_create = functools.partial(may_create, server, out)
        out.privileged = out.user in server.tokens.values() and out.user not in server.rules
        check_rights(server, out.user, ask)
        await right(server, ask, out)
    except Failure as failure:
        await out.failure(failure)


def may_create(server, out):
    """Said by an apply that finds nothing there."""
    out.request.creates = True
    check_rights(server, out.user, out.ask, "create")


async def misbehave(fault, exchange, out):
    if fault.delay_s:
        await asyncio.sleep(fault.delay_s)
    if fault.hang:
        await asyncio.Event().wait()
    fault.arm(exchange)
    if isinstance(fault.answer, Failure):
        raise fault.answer
    if isinstance(fault.answer, Recording):
        await out.recording(fault.answer)
    elif fault.answer is not None:
        await out.whole(*fault.answer)


async def right(server, ask, out):
    if ask.resource is None:
        if ask.path not in OTHERS:
            raise encode.no_such_resource()
        plain = [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]
        kind = [("Content-Type", "application/json")] if ask.path == "/version" else plain
        await out.whole(200, kind, OTHERS[ask.path].encode())
        return
    if not any(kind in ask.accept for kind in ("application/json", "*/*", "application/*")):
        raise encode.not_acceptable()
    if ask.verb == "watch":
        await watch.Watch(server, ask, out).run()
    elif ask.verb == "list":
        await listed(server, ask, out)
    elif ask.verb == "get":
        await out.json(200, reads.get(server.store, ask))
    elif writer := WRITERS.get((ask.verb, ask.name is not None)):
        await out.json(*writer(server.store, ask))
    else:
        raise encode.not_allowed()


WRITERS = {("create", False): writes.create, ("update", True): writes.update, ("patch", True): writes.patch,
           ("delete", True): writes.delete}


async def listed(server, ask, out):
    end = time.monotonic() + FUTURE_WAIT_S
    while True:
        try:
            version = (server.store.version, server.store.compacted)
            key = (*ask.scope, ask.query.get("resourceVersion"), ask.query.get("resourceVersionMatch"))
            body = server.cached(("list", *key), version, 
                                 lambda: reads.list_body(server.store, ask, server.page_max))
            break
        except reads.FutureVersion:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.1)
    await out.json(200, body, lambda: server.cached(("gzip", *key), version, lambda: gzip.compress(body, 1)))
