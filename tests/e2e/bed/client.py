# SPDX-License-Identifier: Apache-2.0
"""A client at a place of the bed. It takes one job after the other, a line of JSON each, and answers with
a line of JSON:

["count", KIND, ADDR, PORT, N, TIMEOUT]      asks N times
["who", KIND, ADDR, PORT, N, TIMEOUT]        the same; an answer is "NAME CLIENT LOCAL:PORT": which server,
                                             as whom it saw the client, and where it was asked
["flow", KIND, ADDR, PORT, SECONDS, TIMEOUT] asks as fast as it goes
["watch", KIND, ADDR, PORT, HERTZ, TIMEOUT]  asks at this rate at most; says "up" behind the first, asks once
                                             more when the next line comes, and is done
["hold", "held", ADDR, PORT, 1, TIMEOUT]     says "up" when connected, asks when the next line comes

{"answers": {answer: n}, "failed": ["NUMBER: ERROR", ...], "requests": n,
 "runs": [[outcome, n, first, last], ...]}   runs: in the order of time, by CLOCK_MONOTONIC

KIND: tcp (a connection each), held (one TCP connection), udp (one unconnected socket), udpc (a connected
socket each), kept (one connected UDP socket; after an error another one with the same port of its own).
Who ends after 3 failures, watch never, all else after 100.
"""
import collections
import json
import math
import select
import socket
import sys
import time

LIMIT = {"who": 3, "watch": math.inf}  # failures


def say(text):
    print(text, flush=True)


def datagram_socket(to, timeout):
    s = socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(timeout)
    return s


def datagram_answer(s, to):
    data, peer = s.recvfrom(1024)
    if peer[:2] != to:
        raise OSError(f"answer from {peer}")
    return data


def tcp_asker(to, timeout, request):
    """An orderly end, in which every packet still has its socket."""
    def ask():
        with socket.create_connection(to, timeout) as s:
            peer = s.getpeername()[:2]
            if peer != to:
                raise OSError(f"getpeername says {peer}")
            s.sendall(request)
            answer = s.recv(1024)
            s.shutdown(socket.SHUT_WR)
            if s.recv(1):
                raise OSError("data behind the answer")
            return answer
    return ask


def held_asker(to, timeout, request):
    s = socket.create_connection(to, timeout)

    def ask():
        s.sendall(request)
        answer = s.recv(1024)
        if not answer:
            raise OSError("the connection was closed")
        return answer
    return ask


def udp_asker(to, timeout, request):
    s = datagram_socket(to, timeout)

    def ask():
        s.sendto(request, to)
        return datagram_answer(s, to)
    return ask


def udpc_asker(to, timeout, request):
    def ask():
        with datagram_socket(to, timeout) as s:
            s.connect(to)
            s.send(request)
            return datagram_answer(s, to)
    return ask


def kept_asker(to, timeout, request):
    sockets, own = [], ["", 0]

    def connected():
        s = datagram_socket(to, timeout)
        s.bind(tuple(own))
        own[1] = s.getsockname()[1]
        s.connect(to)
        return s

    def ask():
        if not sockets:
            sockets.append(connected())
        try:
            sockets[0].send(request)
            return datagram_answer(sockets[0], to)
        except OSError:
            sockets.pop().close()
            raise
    return ask


ASKERS = {"tcp": tcp_asker, "held": held_asker, "udp": udp_asker, "udpc": udpc_asker, "kept": kept_asker}


def without_clients_port(answer):
    name, peer, local = answer.split()
    return f"{name} {peer.rpartition(':')[0]} {local}"


def tries(what, amount):
    """Yields before each request."""
    if what == "flow":
        end = time.monotonic() + amount
        while time.monotonic() < end:
            yield
            time.sleep(0.002)
    elif what == "watch":
        yield
        say("up")
        while not select.select([sys.stdin], [], [], 1 / amount)[0]:
            yield
        sys.stdin.readline()
        yield
    elif what == "hold":
        say("up")
        sys.stdin.readline()
        yield
    else:
        yield from range(int(amount))


def done(what, kind, addr, port, amount, timeout):
    """Does a job; its result."""
    answers, failed, runs = collections.Counter(), [], []
    ask = ASKERS[kind]((addr, port), timeout, b"?" if what == "who" else b"x" * 100)
    for number, _ in enumerate(tries(what, amount), 1):
        try:
            outcome = ask().decode()
            if what == "who":
                outcome = without_clients_port(outcome)
            answers[outcome] += 1
        except OSError as e:
            outcome = str(e)
            failed.append(f"{number}: {e}")
        if not runs or runs[-1][0] != outcome:
            runs.append([outcome, 0, time.monotonic(), 0])
        runs[-1][1] += 1
        runs[-1][3] = time.monotonic()
        if len(failed) >= LIMIT.get(what, 100):
            break
    return {"answers": answers, "failed": failed, "requests": sum(n for _, n, *_ in runs), "runs": runs}


for line in iter(sys.stdin.readline, ""):
    say(json.dumps(done(*json.loads(line))))
