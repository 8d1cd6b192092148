# SPDX-License-Identifier: Apache-2.0
"""One connection: TLS by hand, so that it can end or fall silent at any byte, and HTTP/1.1 or HTTP/2 in it.

    exchange.head(200, [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")])
    await exchange.data(b"...")     # waits while the client does not take it
    await exchange.end()
"""
import asyncio
import http
import socket
import ssl
import struct

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
import hyperframe.frame

PIECE = 1 << 18  # bytes that are handed on before the client must have taken some
HEAD_MAX, BODY_MAX = 1 << 16, 3 << 20  # of a request; 3 MiB is the real server's
LIST_CHUNK = 2048
LAST_STREAM = (1 << 31) - 1


class Over(Exception):
    """The connection ended, or answers no more."""


class Connection(asyncio.Protocol):
    """limit: bytes that are still sent; at the last one the connection ends, or is mute."""

    def __init__(self, server):
        self.server = server
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = self.transport = self.http = self.limit = self.peer_name = None
        self.mute, self.at_limit = server.mute, None
        self.writable, self.tasks = asyncio.Event(), set()

    # -- asyncio's side

    def connection_made(self, transport):
        self.transport = transport
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = self.server.context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.writable.set()
        self.server.connections.add(self)

    def connection_lost(self, exc):
        self.server.connections.discard(self)
        self.mute = True
        self.writable.set()
        for task in list(self.tasks):
            task.cancel()

    def pause_writing(self):
        self.writable.clear()

    def resume_writing(self):
        self.writable.set()

    def data_received(self, data):
        if self.mute:
            return
        self.incoming.write(data)
        try:
            self.step()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self.flush()
            self.transport.close()
            return
        self.flush()

    # -- TLS

    def step(self):
        if self.http is None:
            self.tls.do_handshake()
            subject = dict(pair for (pair,) in (self.tls.getpeercert() or {}).get("subject", ()))
            self.peer_name = subject.get("commonName")
            self.http = (Http2 if self.tls.selected_alpn_protocol() == "h2" else Http1)(self)
        while True:
            data = self.tls.read(1 << 16)
            if not data:
                self.transport.close()
                return
            self.http.receive(data)

    def flush(self):
        data = self.outgoing.read()
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def send(self, data):
        if self.mute or self.transport.is_closing():
            return
        if self.limit is not None:
            data, self.limit = data[:self.limit], self.limit - len(data)
        if data:
            self.tls.write(data)
            self.flush()
        if self.limit is not None and self.limit <= 0:
            self.at_limit()

    async def drained(self):
        await self.writable.wait()
        if self.mute or self.transport.is_closing():
            raise Over

    def start(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.ended)
        return task

    def ended(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception():
            self.server.failures.append(task.exception())

    # -- misbehaviour

    def cut(self):
        """Ends without saying so: what was sent arrives, then FIN, and no close_notify."""
        self.flush()
        self.transport.close()

    def reset(self):
        """With RST: what the client has not read yet may be lost to it."""
        self.flush()
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def fall_silent(self):
        """The connection stays, as one whose other end has lost its power."""
        self.mute = True


class Exchange:
    """A request, and its answer as it is written. edit: what becomes of the answer's bytes."""

    def __init__(self, connection, version, method, target, headers, body):
        self.connection, self.http = connection, version
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.edit = None

    async def data(self, data, piece=PIECE):
        if self.edit:
            data = self.edit(data)
        view = memoryview(data)
        for at in range(0, len(view), piece):
            await self.connection.drained()
            await self.write(bytes(view[at:at + piece]))


class Exchange1(Exchange):
    chunked = False

    def head(self, status, headers):
        lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}", *(f"{k}: {v}" for k, v in headers)]
        self.chunked = ("Transfer-Encoding", "chunked") in headers
        self.connection.send("\r\n".join([*lines, "", ""]).encode())

    async def write(self, data):
        if self.chunked:
            # an event of a watch is a chunk; a list comes in chunks whose borders mean nothing
            parts = data.splitlines(keepends=True) if self.by_line else \
                [data[at:at + LIST_CHUNK] for at in range(0, len(data), LIST_CHUNK)]
            data = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
        self.connection.send(data)

    by_line = False

    async def end(self):
        if self.chunked:
            self.connection.send(b"0\r\n\r\n")


class Http1:
    """One request after the other."""

    def __init__(self, connection):
        self.connection, self.buffer, self.busy = connection, b"", False

    def receive(self, data):
        self.buffer += data
        self.next()

    def next(self):
        if self.busy or b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > HEAD_MAX and not self.busy:
                self.connection.cut()
            return
        head, _, rest = self.buffer.partition(b"\r\n\r\n")
        request, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = request.split(" ", 2)
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if length > BODY_MAX or "transfer-encoding" in headers:
            self.connection.cut()
            return
        if len(rest) < length:
            if headers.pop("expect", None):
                self.connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.buffer = self.buffer.replace(b"Expect:", b"X-Expected:", 1)
            return
        self.buffer, self.busy = rest[length:], True
        self.connection.start(self.answer(Exchange1(self.connection, "1.1", method, target, headers, rest[:length])))

    async def answer(self, exchange):
        try:
            await self.connection.server.answer(exchange)
            await exchange.end()
        except Over:
            return
        self.busy = False
        self.next()


class Exchange2(Exchange):
    stream = None

    def head(self, status, headers):
        self.protocol.h2.send_headers(self.stream, [(":status", str(status)), *(
            (k.lower(), v) for k, v in headers if k != "Transfer-Encoding")])
        self.protocol.flush()

    async def write(self, data):
        conn = self.protocol.h2
        while data:
            room = min(conn.local_flow_control_window(self.stream), conn.max_outbound_frame_size)
            if room <= 0:
                self.protocol.room.clear()
                self.protocol.flush()
                await self.protocol.room.wait()
                continue
            conn.send_data(self.stream, data[:room])
            data = data[room:]
        self.protocol.flush()

    async def end(self):
        self.protocol.h2.end_stream(self.stream)
        self.protocol.flush()


class Http2:
    def __init__(self, connection):
        self.connection, self.requests, self.running = connection, {}, {}
        self.room = asyncio.Event()
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.h2.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 100})
        self.flush()

    def flush(self):
        self.connection.send(self.h2.data_to_send())

    def receive(self, data):
        try:
            events = self.h2.receive_data(data)
        except h2.exceptions.ProtocolError as e:
            self.connection.server.failures.append(e)
            self.flush()
            self.connection.cut()
            return
        for event in events:
            self.on(event)
        self.flush()

    def on(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.requests[event.stream_id] = [dict(event.headers), b""]
        elif isinstance(event, h2.events.DataReceived):
            self.requests[event.stream_id][1] += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            headers, body = self.requests.pop(event.stream_id)
            exchange = Exchange2(self.connection, "2", headers[":method"], headers[":path"], headers, body)
            exchange.stream, exchange.protocol = event.stream_id, self
            self.running[event.stream_id] = self.connection.start(self.answer(exchange))
        elif isinstance(event, h2.events.StreamReset):
            self.requests.pop(event.stream_id, None)
            if task := self.running.get(event.stream_id):
                task.cancel()
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.connection.transport.close()
        self.room.set()

    async def answer(self, exchange):
        try:
            await self.connection.server.answer(exchange)
            await exchange.end()
        except (Over, h2.exceptions.StreamClosedError):
            pass
        finally:
            self.running.pop(exchange.stream, None)

    def go_away(self):
        """No further streams here; those that run go on."""
        # by hand: behind its own, the library sends nothing more on streams that run
        self.connection.send(hyperframe.frame.GoAwayFrame(0, last_stream_id=LAST_STREAM).serialize())
        self.connection.flush()
