# SPDX-License-Identifier: Apache-2.0
"""echo.py NAME PORT: answers every TCP connection and UDP datagram, of both families, with NAME."""
import selectors
import socket
import sys

name, port = sys.argv[1].encode(), int(sys.argv[2])
ready = selectors.DefaultSelector()
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    s = socket.socket(socket.AF_INET6, kind)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", port))
    if kind == socket.SOCK_STREAM:
        s.listen(512)
    ready.register(s, selectors.EVENT_READ, kind)

while True:
    for key, _ in ready.select():
        if key.data == socket.SOCK_DGRAM:
            data, peer = key.fileobj.recvfrom(65536)
            key.fileobj.sendto(name, peer)
            continue
        conn, _ = key.fileobj.accept()
        with conn:
            conn.settimeout(5)
            try:
                if conn.recv(65536):
                    conn.sendall(name)
            except OSError:
                pass  # the client went away: its affair
