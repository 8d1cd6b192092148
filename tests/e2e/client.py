# SPDX-License-Identifier: Apache-2.0
"""Clients that run inside a pod.

client.py count KIND ADDR PORT N      N requests; prints {"answers": {name: n}, "failed": [...]}
client.py flow KIND ADDR PORT SECONDS requests as fast as they go; the same, with "requests"
client.py hold ADDR PORT              one TCP connection; prints "up", and when its input ends asks
                                      once more over it and prints the answer
KIND: tcp (a connection each), udp (one unconnected socket), udpc (a connected socket each).
"""
import collections
import json
import socket
import sys
import time


def ask_tcp(s):
    """One request; then an orderly end, in which every packet still has its socket."""
    s.sendall(b"x" * 100)
    answer = s.recv(1024).decode()
    s.shutdown(socket.SHUT_WR)
    if s.recv(1):
        raise OSError("data behind the answer")
    return answer


def once_tcp(addr, port):
    with socket.create_connection((addr, port), 5) as s:
        peer = s.getpeername()[:2]
        if peer != (addr, port):
            raise OSError(f"getpeername says {peer}")
        return ask_tcp(s)


def once_udpc(addr, port):
    with socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect((addr, port))
        s.send(b"x" * 100)
        return s.recv(1024).decode()


def udp_asker():
    sockets = {}

    def once(addr, port):
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        s = sockets.setdefault(family, socket.socket(family, socket.SOCK_DGRAM))
        s.settimeout(5)
        s.sendto(b"x" * 100, (addr, port))
        data, peer = s.recvfrom(1024)
        if peer[:2] != (addr, port):
            raise OSError(f"answer from {peer}")
        return data.decode()
    return once


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == "hold":
        with socket.create_connection((args[0], int(args[1])), 5) as s:
            print("up", flush=True)
            sys.stdin.read()
            print(ask_tcp(s))
        return
    kind, addr, port, amount = args[0], args[1], int(args[2]), float(args[3])
    ask = {"tcp": once_tcp, "udpc": once_udpc, "udp": udp_asker()}[kind]
    answers, failed, n = collections.Counter(), [], 0
    end = time.monotonic() + amount if what == "flow" else None
    while time.monotonic() < end if end else n < amount:
        n += 1
        try:
            answers[ask(addr, port)] += 1
        except OSError as e:
            failed.append(f"{n}: {e}")
            if len(failed) > 100:
                break
        if end:
            time.sleep(0.002)
    print(json.dumps({"answers": answers, "failed": failed, "requests": n}))


main()
