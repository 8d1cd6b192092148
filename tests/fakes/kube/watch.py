# SPDX-License-Identifier: Apache-2.0
"""A watch: what is there, if asked for, and then what changes, one line each."""
import asyncio
import math
import random

from kube import encode, reads, selectors

INITIAL_END = {"k8s.io/initial-events-end": "true"}
BOOKMARK_EVERY_S, BOOKMARKS_BEFORE_END_S = 60, (2, 1)
DEFAULT_TIMEOUT_S = (1800, 3600)


def line(kind, obj):
    return b'{"type":"%s","object":%s}\n' % (kind.encode(), obj)


def bookmark(ask, number, annotations=None):
    meta = {"resourceVersion": str(number)}
    if annotations:
        meta["annotations"] = annotations
    if ask.partial:
        obj = {"kind": reads.PARTIAL, "apiVersion": "meta.k8s.io/v1", "metadata": meta}
    else:
        obj = {"kind": ask.resource.kind, "apiVersion": ask.resource.api_version, "metadata": meta,
               **ask.resource.zero}
    return line("BOOKMARK", encode.compact(obj))


def check(ask, has_watchlist):
    """How much of what is there comes first: "all", or nothing; with its end said or not."""
    number = reads.number_of(ask, lambda text: encode.Failure(500, None, text))
    match = ask.query.get("resourceVersionMatch", "")
    initial = ask.query.get("sendInitialEvents")
    if initial is not None and not has_watchlist:
        raise encode.invalid_options("sendInitialEvents", "sendInitialEvents is forbidden for watch unless the "
                                     "WatchList feature gate is enabled")
    if initial is not None and match != "NotOlderThan":
        raise encode.invalid_options("resourceVersionMatch", "sendInitialEvents requires setting "
                                     "resourceVersionMatch to NotOlderThan")
    if initial is None and match:
        raise encode.invalid_options("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless "
                                     "sendInitialEvents is provided")
    if initial == "true":
        return True, number or 0
    return not number, number or 0


class Watch:
    """One that runs. Tests may send lines of their own into it, or end it."""

    def __init__(self, server, ask, exchange):
        self.server, self.ask, self.exchange = server, ask, exchange
        self.table = server.store.table(ask.resource)
        self.wanted = selectors.selector(ask.resource, ask.namespace, ask.query.get("labelSelector", ""),
                                         ask.query.get("fieldSelector", "")) or (lambda obj: True)
        self.bookmarks = ask.query.get("allowWatchBookmarks") == "true"
        self.poked, self.lines, self.ended = asyncio.Event(), [], False
        self.at = 0  # changes up to here are sent

    def poke(self):
        self.poked.set()

    def send(self, *lines):
        """From the server's loop."""
        self.lines += lines
        self.poke()

    def end(self):
        self.ended = True
        self.poke()

    def fits(self, version):
        return version is not None and self.wanted(version.obj) and self.ask.name in (
            None, version.obj["metadata"]["name"])

    def event(self, change):
        """The change as it is seen through the selector; empty: it is not."""
        was, fits = self.fits(change.old), self.fits(change.new)
        if fits:
            return line("MODIFIED" if was else "ADDED", reads.shown(self.ask, change.new))
        if was:
            return line("DELETED", reads.shown(self.ask, change.last or change.old.at(change.number)))
        return b""

    async def run(self):
        initial, number = check(self.ask, self.server.has_watchlist)
        self.exchange.head(200, [("Content-Type", "application/json")])
        with self.server.store.lock:
            self.at = self.server.store.version if initial else number
            first = self.server.initial_events(self.ask) if initial else b""
            oldest = max(self.table.oldest, self.server.cached_from)
        if not initial and number < oldest:
            await self.exchange.data(encode.expired_watch(number, oldest).event)
            return
        if first:
            await self.exchange.data(first)
        if initial and self.bookmarks:
            await self.exchange.data(bookmark(self.ask, self.at, INITIAL_END))
        self.server.watches.append(self)
        try:
            await self.follow()
        finally:
            if self in self.server.watches:  # a server that stopped has let go of all
                self.server.watches.remove(self)

    @staticmethod
    def next_bookmark(now, end):
        """One a minute, and two shortly before the end."""
        at = min((end - s for s in BOOKMARKS_BEFORE_END_S if end - s > now), default=math.inf)
        return min(now + BOOKMARK_EVERY_S, at)

    async def follow(self):
        loop = asyncio.get_running_loop()
        seconds = float(self.ask.query.get("timeoutSeconds") or random.uniform(*DEFAULT_TIMEOUT_S))
        end = loop.time() + seconds
        next_bookmark = self.next_bookmark(loop.time(), end)
        while not self.ended:
            with self.server.store.lock:
                changes = self.table.since(self.at)
                self.at = changes[-1].number if changes else self.at
            out, self.lines = [*map(self.event, changes), *self.lines], []
            if any(out):
                await self.exchange.data(b"".join(out))
            if self.bookmarks and loop.time() >= next_bookmark and self.at <= self.server.store.version:
                self.send(bookmark(self.ask, max(self.at, self.table.latest)))
                next_bookmark = self.next_bookmark(loop.time(), end)
            if loop.time() >= end:
                return
            try:
                await asyncio.wait_for(self.poked.wait(), max(0, min(end, next_bookmark) - loop.time()))
            except asyncio.TimeoutError:
                pass
            self.poked.clear()
