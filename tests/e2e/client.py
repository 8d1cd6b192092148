# SPDX-License-Identifier: Apache-2.0
"""Clients that run inside a pod.

client.py count KIND ADDR PORT N      N requests; prints {"answers": {name: n}, "failed": [...]}
client.py flow KIND ADDR PORT SECONDS requests as fast as they go; the same, with "requests"
client.py hold ADDR PORT              one TCP connection; prints "up", and when its input ends asks
                                      once more over it and prints the answer
client.py who KIND ADDR PORT N        as count, with answers "NAME ADDRESS PORT": which server, as whom
                                      it saw the client, and the port it was asked at
client.py watch KIND ADDR PORT HERTZ  requests at this rate at most; prints "up" behind the first, and
                                      when its input ends asks once more and prints as flow, with
                                      "runs": [[outcome, n], ...] in the order of time
KIND: tcp (a connection each), held (one TCP connection), udp (one unconnected socket), udpc (a
connected socket each), kept (one connected UDP socket, which is connected again after a failure).
"""
import collections
import itertools
import json
import select
import socket
import sys
import time

REQUEST = b"?" if sys.argv[1] == "who" else b"x" * 100


def ask_tcp(s):
    """One request; then an orderly end, in which every packet still has its socket."""
    s.sendall(REQUEST)
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
        s.send(REQUEST)
        return s.recv(1024).decode()


def udp_asker():
    sockets = {}

    def once(addr, port):
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        s = sockets.setdefault(family, socket.socket(family, socket.SOCK_DGRAM))
        s.settimeout(5)
        s.sendto(REQUEST, (addr, port))
        data, peer = s.recvfrom(1024)
        if peer[:2] != (addr, port):
            raise OSError(f"answer from {peer}")
        return data.decode()
    return once


def held_asker():
    sockets = []

    def once(addr, port):
        if not sockets:
            sockets.append(socket.create_connection((addr, port), 5))
        sockets[0].sendall(REQUEST)
        answer = sockets[0].recv(1024)
        if not answer:
            raise OSError("the connection was closed")
        return answer.decode()
    return once


def kept_asker():
    s, connected = None, False

    def once(addr, port):
        nonlocal s, connected
        s = s or socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(5)
        if not connected:
            s.connect((addr, port))
        connected = False  # until it is answered
        s.send(REQUEST)
        answer = s.recv(1024).decode()
        connected = True
        return answer
    return once


def hold(addr, port):
    with socket.create_connection((addr, port), 5) as s:
        print("up", flush=True)
        sys.stdin.read()
        print(ask_tcp(s))


def tries(what, amount):
    """Yields before each request: amount of them, as many as fit in that time, or until the input ends."""
    if what == "watch":
        yield
        print("up", flush=True)
        while not select.select([sys.stdin], [], [], 1 / amount)[0]:
            yield
        yield
        return
    end = time.monotonic() + amount
    for n in itertools.count():
        if (n >= amount) if what != "flow" else (time.monotonic() >= end):
            return
        yield
        if what == "flow":
            time.sleep(0.002)


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == "hold":
        hold(args[0], int(args[1]))
        return
    kind, addr, port, amount = args[0], args[1], int(args[2]), float(args[3])
    ask = {"tcp": once_tcp, "held": held_asker(), "udpc": once_udpc, "udp": udp_asker(), "kept": kept_asker()}[kind]
    answers, failed, outcomes = collections.Counter(), [], []
    for _ in tries(what, amount):
        try:
            outcomes.append(ask(addr, port))
            answers[outcomes[-1]] += 1
        except OSError as e:
            outcomes.append(str(e))
            failed.append(f"{len(outcomes)}: {e}")
            if len(failed) > 100 and what != "watch":
                break
    result = {"answers": answers, "failed": failed, "requests": len(outcomes)}
    if what == "watch":
        result["runs"] = [[outcome, len(list(group))] for outcome, group in itertools.groupby(outcomes)]
    print(json.dumps(result))


main()
