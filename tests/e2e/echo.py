# SPDX-License-Identifier: Apache-2.0
"""echo.py NAME PORT...: answers whatever comes over TCP or UDP, in both families, with NAME; what
begins with "?" with "NAME ADDRESS PORT", the client's address and the port it came to. Closes a
connection after the client did, so that no packet of it is left to a socket that is gone."""
import selectors
import socket
import sys

name = sys.argv[1]
ready = selectors.DefaultSelector()


def answer(s, asked, peer):
    if not asked.startswith(b"?"):
        return name.encode()
    return f"{name} {peer[0].removeprefix('::ffff:')} {s.getsockname()[1]}".encode()


def answer_datagram(s):
    asked, peer = s.recvfrom(65536)
    s.sendto(answer(s, asked, peer), peer)


def answer_stream(s):
    try:
        asked = s.recv(65536)
        if asked:
            s.sendall(answer(s, asked, s.getpeername()))
            return
    except OSError:
        pass  # the client went away: its affair
    ready.unregister(s)
    s.close()


def accept(s):
    conn, _ = s.accept()
    ready.register(conn, selectors.EVENT_READ, answer_stream)


def listen(port, kind, on_event):
    s = socket.socket(socket.AF_INET6, kind)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", port))
    if kind == socket.SOCK_STREAM:
        s.listen(512)
    ready.register(s, selectors.EVENT_READ, on_event)


for number in map(int, sys.argv[2:]):
    listen(number, socket.SOCK_DGRAM, answer_datagram)
    listen(number, socket.SOCK_STREAM, accept)

while True:
    for key, _ in ready.select():
        key.data(key.fileobj)
