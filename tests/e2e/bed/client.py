# SPDX-License-Identifier: Apache-2.0
"""Clients that run at a place of the bed.

client.py count KIND ADDR PORT N [TIMEOUT]      N requests; prints {"answers": {name: n}, "failed": [...]}
client.py flow KIND ADDR PORT SECONDS [TIMEOUT] requests as fast as they go; the same, with "requests"
client.py hold ADDR PORT         one TCP connection; prints "up", and when its input ends asks once more
                                 over it and prints the answer
client.py who KIND ADDR PORT N [TIMEOUT]        as count, with answers "NAME CLIENT LOCAL:PORT": which
                                 server, as whom it saw the client, and where it was asked
client.py watch KIND ADDR PORT HERTZ [TIMEOUT]  requests at this rate at most; prints "up" behind the
                                 first, and when its input ends asks once more and prints as flow, with
                                 "runs": [[outcome, n, first, last], ...] in the order of time (CLOCK_MONOTONIC)
KIND: tcp (a connection each), held (one TCP connection), udp (one unconnected socket), udpc (a connected
socket each), kept (one connected UDP socket; after an error another one with the same port of its own).
TIMEOUT: seconds that a request may take, 5 by default.
"""
import collections
import itertools
import json
import select
import socket
import sys
import time

WHAT, ARGS = sys.argv[1], sys.argv[2:]
REQUEST = b"?" if WHAT == "who" else b"x" * 100
TIMEOUT = float(ARGS[4]) if len(ARGS) > 4 else 5


def datagram_socket(addr):
    s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(TIMEOUT)
    return s


def datagram_answer(s, addr, port):
    data, peer = s.recvfrom(1024)
    if peer[:2] != (addr, port):
        raise OSError(f"answer from {peer}")
    return data.decode()


def ask_tcp(s):
    """One request; then an orderly end, in which every packet still has its socket."""
    s.sendall(REQUEST)
    answer = s.recv(1024).decode()
    s.shutdown(socket.SHUT_WR)
    if s.recv(1):
        raise OSError("data behind the answer")
    return answer


def once_tcp(addr, port):
    with socket.create_connection((addr, port), TIMEOUT) as s:
        peer = s.getpeername()[:2]
        if peer != (addr, port):
            raise OSError(f"getpeername says {peer}")
        return ask_tcp(s)


def once_udpc(addr, port):
    with datagram_socket(addr) as s:
        s.connect((addr, port))
        s.send(REQUEST)
        return datagram_answer(s, addr, port)


def udp_asker():
    sockets = {}

    def once(addr, port):
        s = sockets.get(addr) or sockets.setdefault(addr, datagram_socket(addr))
        s.sendto(REQUEST, (addr, port))
        return datagram_answer(s, addr, port)
    return once


def kept_asker():
    sockets, own = [], []

    def connected(addr, port):
        s = datagram_socket(addr)
        s.bind(("", *own) if own else ("", 0))
        s.connect((addr, port))
        own[:] = s.getsockname()[1:2]
        return s

    def once(addr, port):
        if not sockets:
            sockets.append(connected(addr, port))
        try:
            sockets[0].send(REQUEST)
            return datagram_answer(sockets[0], addr, port)
        except OSError:
            sockets.pop().close()
            raise
    return once


def held_asker():
    sockets = []

    def once(addr, port):
        if not sockets:
            sockets.append(socket.create_connection((addr, port), TIMEOUT))
        sockets[0].sendall(REQUEST)
        answer = sockets[0].recv(1024)
        if not answer:
            raise OSError("the connection was closed")
        return answer.decode()
    return once


def hold(addr, port):
    with socket.create_connection((addr, port), TIMEOUT) as s:
        print("up", flush=True)
        sys.stdin.read()
        print(ask_tcp(s))


def without_clients_port(answer):
    name, peer, local = answer.split()
    return f"{name} {peer.rpartition(':')[0]} {local}"


def tries(amount):
    """Yields before each request: amount of them, as many as fit in that time, or until the input ends."""
    if WHAT == "watch":
        yield
        print("up", flush=True)
        while not select.select([sys.stdin], [], [], 1 / amount)[0]:
            yield
        yield
        return
    end = time.monotonic() + amount
    for n in itertools.count():
        if (n >= amount) if WHAT != "flow" else (time.monotonic() >= end):
            return
        yield
        if WHAT == "flow":
            time.sleep(0.002)


def main():
    if WHAT == "hold":
        hold(ARGS[0], int(ARGS[1]))
        return
    kind, addr, port, amount = ARGS[0], ARGS[1], int(ARGS[2]), float(ARGS[3])
    ask = {"tcp": once_tcp, "held": held_asker(), "udpc": once_udpc, "udp": udp_asker(), "kept": kept_asker()}[kind]
    answers, failed, runs = collections.Counter(), [], []
    for number, _ in enumerate(tries(amount), 1):
        try:
            outcome = ask(addr, port)
            if WHAT == "who":
                outcome = without_clients_port(outcome)
            answers[outcome] += 1
        except OSError as e:
            outcome = str(e)
            failed.append(f"{number}: {e}")
        if not runs or runs[-1][0] != outcome:
            runs.append([outcome, 0, time.monotonic(), 0])
        runs[-1][1] += 1
        runs[-1][3] = time.monotonic()
        if len(failed) > 100 and WHAT != "watch":
            break
    print(json.dumps({"answers": answers, "failed": failed, "runs": runs,
                      "requests": sum(n for _, n, *_ in runs)}))


main()
