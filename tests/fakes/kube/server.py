# SPDX-License-Identifier: Apache-2.0
"""The server: listens, knows who may ask what, answers, logs, and misbehaves when told to.

    server = Server(store, ca, "192.0.2.1", netns="weir-x-api")
    server.start()
    server.fault("list", "services", answer=encode.too_many(1), times=2)
    server.restart()                # the same port; resourceVersions of before are too old then
    [r.verb for r in server.log]

It runs in a thread of its own, in the network namespace it is given. What a test calls may come from any thread.
"""
import asyncio
import ctypes
import dataclasses
import os
import socket
import ssl
import threading
import time

from kube import api, reads
from kube.faults import Fault
from kube.recordings import Recording
from kube.wire import Connection

CLONE_NEWNET = 0x40000000
BACKLOG = 64
ADMIN_TOKEN = "admin-token-0123456789abcdef"


@dataclasses.dataclass
class Request:
    """What the log has of a request; status None: not answered yet, or never."""
    at: float
    user: str
    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    path: str
    query: dict
    headers: dict
    http: str
    status: int = None
    creates: bool = False  # an apply that made the object, for which "create" is needed as well


def enter(netns):
    """This thread goes there, and stays."""
    fd = os.open(f"/run/netns/{netns}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {netns}")
    finally:
        os.close(fd)


class Server:
    def __init__(self, store, ca, address="127.0.0.1", port=0, netns=None, certificate=None):
        self.store, self.ca, self.address, self.port, self.netns = store, ca, address, port, netns
        self.certificate = certificate or ca.issue("kube-apiserver", ips=[address], names=[
            "kubernetes", "kubernetes.default.svc"])
        self.tokens, self.rules = {ADMIN_TOKEN: "kubernetes-admin"}, {}
        self.protocols = ["h2", "http/1.1"]
        self.has_watchlist, self.page_max, self.mute = True, None, False
        self.log, self.faults, self.failures = [], [], []
        self.connections, self.watches = set(), []
        self.cached_from, self.cache = 0, {}
        self.loop = self.thread = self.context = None

    @property
    def url(self):
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"https://{host}:{self.port}"

    # -- life

    def start(self):
        """Returns when it listens. Its watch cache begins now, as that of a real server does."""
        self.cached_from, self.cache = self.store.version, {}
        self.use(self.certificate)
        ready, errors = threading.Event(), []
        self.thread = threading.Thread(target=self.run, args=[ready, errors], daemon=True)
        self.thread.start()
        ready.wait()
        if errors:
            raise errors[0]
        self.store.listeners.append(self.changed)

    def use(self, certificate):
        """For the handshakes to come."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.cert, certificate.key)
        context.load_verify_locations(self.ca.cert)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.set_alpn_protocols(self.protocols)
        self.certificate, self.context = certificate, context

    def run(self, ready, errors):
        try:
            if self.netns:
                enter(self.netns)
            family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
            sock = socket.create_server((self.address, self.port), family=family, backlog=BACKLOG)
            self.port = sock.getsockname()[1]
            self.loop = asyncio.new_event_loop()
            listening = self.loop.run_until_complete(self.loop.create_server(lambda: Connection(self), sock=sock))
        except OSError as e:
            errors.append(e)
            return
        finally:
            ready.set()
        try:
            self.loop.run_forever()
        finally:
            listening.close()
            self.loop.run_until_complete(self.ended())
            self.loop.close()

    @staticmethod
    async def ended():
        """Until every other task has seen its end."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self, end=Connection.reset):
        """As a killed process: nothing listens, and each connection ends as end does it."""
        if self.thread is None:
            return
        self.store.listeners = [fn for fn in self.store.listeners if fn != self.changed]
        self.call(lambda: [end(c) for c in list(self.connections)])
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.thread, self.mute = None, False
        self.connections.clear()

    def restart(self, **how):
        self.stop(**how)
        self.start()

    def call(self, fn):
        """Runs fn in the server's loop; its result."""
        async def called():
            return fn()
        return asyncio.run_coroutine_threadsafe(called(), self.loop).result(10)

    def changed(self):
        self.loop.call_soon_threadsafe(lambda: [watch.poke() for watch in self.watches])

    # -- what tests tell it

    def fault(self, verb=None, resource=None, **what):
        """See Fault. It is met until heal(), or so many times."""
        fault = Fault(verb, resource, **what)
        self.faults.insert(0, fault)
        return fault

    def replay(self, *names):
        """Answers what a recording asked as it was answered then."""
        for recording in map(Recording, names):
            self.fault(answer=recording, where=lambda ask, r=recording: (ask.method, ask.target) == (r.method, r.target))

    def heal(self):
        self.faults.clear()

    def silence(self):
        """All connections stay, and so do new ones; nothing comes from here any more, and nothing is heard."""
        self.mute = True
        self.call(lambda: [c.fall_silent() for c in self.connections])

    def speak(self):
        """What was silent is gone; new connections are served."""
        self.mute = False
        self.call(lambda: [c.reset() for c in list(self.connections) if c.mute])

    def running(self, resource=None):
        return [w for w in list(self.watches) if resource in (None, w.ask.resource.name)]

    def send(self, resource, *lines):
        """Into the watches that run."""
        self.call(lambda: [w.send(*lines) for w in self.running(resource)])

    def end_watches(self, resource=None):
        """As at their timeout."""
        self.call(lambda: [w.end() for w in self.running(resource)])

    def break_connections(self, end=Connection.cut):
        self.call(lambda: [end(c) for c in list(self.connections)])

    def go_away(self):
        """Asks the clients of HTTP/2 for other connections, as a server does before it ends."""
        self.call(lambda: [c.http.go_away() for c in self.connections if hasattr(c.http, "go_away")])

    def kubelet_finishes(self):
        """The Pods that are marked as deleted are gone from their nodes."""
        self.store.remove(*(p for p in self.store.all("pods") if "deletionTimestamp" in p["metadata"]))

    def asked(self, verb=None, resource=None, since=0.0):
        return [r for r in list(self.log) if verb in (None, r.verb) and resource in (None, r.resource) and r.at >= since]

    # -- answers

    async def answer(self, exchange):
        await api.answer(self, exchange)

    def logged(self, ask):
        group, resource = (ask.resource.group, ask.resource.name) if ask.resource else ("", "")
        request = Request(time.monotonic(), "", ask.verb, group, resource, ask.subresource or "", ask.namespace or "",
                          ask.name or "", ask.path, ask.query, ask.headers, ask.http)
        self.log.append(request)
        return request

    def fault_for(self, ask):
        return next((fault for fault in list(self.faults) if fault.takes(ask)), None)

    def cached(self, key, version, make):
        """What a list of so many objects is made of is made once."""
        found = self.cache.get(key)
        if not found or found[0] != version:
            self.cache[key] = found = (version, make())
        return found[1]

    def initial_events(self, ask):
        def made():
            versions = reads.chosen(ask, self.store.table(ask.resource).now())
            return b"".join(b'{"type":"ADDED","object":%s}\n' % reads.shown(ask, v) for v in versions)
        return self.cached(("events", *ask.scope), self.store.table(ask.resource).latest, made)
