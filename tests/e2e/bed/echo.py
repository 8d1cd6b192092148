# SPDX-License-Identifier: Apache-2.0
"""echo.py NAME PORT...: prints "up", then answers whatever comes over TCP or UDP, in both families, with
NAME; what begins with "?" with "NAME CLIENT:PORT LOCAL:PORT". Closes a connection after the client did,
so that no packet of it is left to a socket that is gone."""
import selectors
import socket
import struct
import sys

name = sys.argv[1]
ready = selectors.DefaultSelector()


def shown(addr, port):
    addr = addr.removeprefix("::ffff:")
    return f"[{addr}]:{port}" if ":" in addr else f"{addr}:{port}"


def answer(asked, peer, local):
    if not asked.startswith(b"?"):
        return name.encode()
    return f"{name} {shown(*peer[:2])} {shown(*local[:2])}".encode()


def answer_datagram(s):
    """From the address that it came to, which is not always the one the kernel would choose."""
    asked, info, _, peer = s.recvmsg(65536, 256)
    local = next(data for level, kind, data in info if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO))
    addr, _ = struct.unpack("16si", local)
    s.sendmsg([answer(asked, peer, (socket.inet_ntop(socket.AF_INET6, addr), s.getsockname()[1]))],
              [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, struct.pack("16si", addr, 0))], 0, peer)


def answer_stream(s):
    try:
        asked = s.recv(65536)
        if asked:
            s.sendall(answer(asked, s.getpeername(), s.getsockname()))
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
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", port))
    if kind == socket.SOCK_STREAM:
        s.listen(512)
    ready.register(s, selectors.EVENT_READ, on_event)


for number in map(int, sys.argv[2:]):
    listen(number, socket.SOCK_DGRAM, answer_datagram)
    listen(number, socket.SOCK_STREAM, accept)
print("up", flush=True)

while True:
    for key, _ in ready.select():
        key.data(key.fileobj)
