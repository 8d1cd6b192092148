# SPDX-License-Identifier: Apache-2.0
"""Payload there and back, compared byte by byte.

bulk.py serve PORT                    prints "up", then sends back what comes over TCP or UDP, in both families
bulk.py tcp ADDR PORT SIZE            so many bytes over one connection
bulk.py udp ADDR PORT SIZE [SEGMENT]  one datagram of so many bytes, or as many as the kernel cuts them into
                                      (UDP GSO); sent again until all of it is back, TRIES times at most
bulk.py short ADDR PORT               a packet that no second router may pass, by TCP and by UDP
Prints {"tries": n, "errors": [...]}: errno names of what the socket said meanwhile.
"""
import errno
import json
import socket
import sys
import threading

TRIES = 8
UDP_SEGMENT = 103  # <linux/udp.h>
IP_RECVERR, IPV6_RECVERR = 11, 25  # <linux/in.h>, <linux/in6.h>
WHAT, ARGS = sys.argv[1], sys.argv[2:]


def pattern(size):
    return bytes(i * 7 & 0xff for i in range(256)) * (size // 256) + bytes(size % 256)


def serve(port):
    kinds = []
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        s = socket.socket(socket.AF_INET6, kind)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("::", port))
        kinds.append(s)
    streams, datagrams = kinds
    streams.listen(16)
    print("up", flush=True)
    threading.Thread(target=echo_datagrams, args=[datagrams], daemon=True).start()
    while True:
        threading.Thread(target=echo_stream, args=streams.accept()[:1], daemon=True).start()


def echo_datagrams(s):
    """From the address that they came to, which is not always the one the kernel would choose."""
    while True:
        try:
            data, info, _, peer = s.recvmsg(65536, 256)
            s.sendmsg([data], [(level, kind, at[:16] + bytes(4)) for level, kind, at in info], 0, peer)
        except OSError:
            pass  # what an ICMP error said: the client asks again


def echo_stream(s):
    with s:
        while data := s.recv(65536):
            s.sendall(data)


def opened(kind):
    s = socket.socket(socket.AF_INET6 if ":" in ARGS[0] else socket.AF_INET, kind)
    s.settimeout(10 if kind == socket.SOCK_STREAM else 1)
    return s


def received(s, size):
    parts = []
    while sum(map(len, parts)) < size:
        parts.append(s.recv(65536))
        if not parts[-1]:
            break
    return b"".join(parts)


def over_tcp(size):
    sent = pattern(size)
    with opened(socket.SOCK_STREAM) as s:
        s.connect((ARGS[0], int(ARGS[1])))
        threading.Thread(target=s.sendall, args=[sent], daemon=True).start()
        if received(s, size) != sent:
            sys.exit("other bytes came back")
    return {"tries": 1, "errors": []}


def over_udp(size, segment):
    sent, errors = pattern(size), []
    with opened(socket.SOCK_DGRAM) as s:
        s.connect((ARGS[0], int(ARGS[1])))
        if segment:
            s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, segment)
        for n in range(1, TRIES + 1):
            try:
                s.send(sent)
                if received(s, size) != sent:
                    sys.exit("other bytes came back")
                return {"tries": n, "errors": errors}
            except TimeoutError:
                errors.append("timed out")
            except OSError as e:
                errors.append(errno.errorcode[e.errno])
    sys.exit(f"nothing came back: {errors}")


def short():
    """One hop is the way to the node."""
    v6 = ":" in ARGS[0]
    errors = []
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with opened(kind) as s:
            if v6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 1)
                s.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
            else:
                s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
                s.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            try:
                s.connect((ARGS[0], int(ARGS[1])))
                s.send(b"x")
                s.recv(1)
                errors.append("answered")
            except OSError as e:
                errors.append(errno.errorcode.get(e.errno, str(e)))
    return {"tries": 1, "errors": errors}


if WHAT == "serve":
    serve(int(ARGS[0]))
elif WHAT == "short":
    print(json.dumps(short()))
elif WHAT == "tcp":
    print(json.dumps(over_tcp(int(ARGS[2]))))
else:
    print(json.dumps(over_udp(int(ARGS[2]), int(ARGS[3]) if len(ARGS) > 3 else 0)))
