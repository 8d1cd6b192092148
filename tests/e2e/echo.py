# SPDX-License-Identifier: Apache-2.0
"""echo.py NAME PORT: answers whatever comes over TCP or UDP, in both families, with NAME. Closes a
connection after the client did, so that no packet of it is left to a socket that is gone."""
import selectors
import socket
import sys

name, port = sys.argv[1].encode(), int(sys.argv[2])
ready = selectors.DefaultSelector()


def answer_datagram(s):
    _, peer = s.recvfrom(65536)
    s.sendto(name, peer)


def answer_stream(s):
    try:
        if s.recv(65536):
            s.sendall(name)
            return
    except OSError:
        pass  # the client went away: its affair
    ready.unregister(s)
    s.close()


def accept(s):
    conn, _ = s.accept()
    ready.register(conn, selectors.EVENT_READ, answer_stream)


for kind, on_event in ((socket.SOCK_STREAM, accept), (socket.SOCK_DGRAM, answer_datagram)):
    s = socket.socket(socket.AF_INET6, kind)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", port))
    if kind == socket.SOCK_STREAM:
        s.listen(512)
    ready.register(s, selectors.EVENT_READ, on_event)

while True:
    for key, _ in ready.select():
        key.data(key.fileobj)
