# SPDX-License-Identifier: Apache-2.0
"""dials.py HERTZ PORT ADDR...: TCP connections at this rate, to one address after the other, a request
and an answer on each, until its input ends; beside them one held connection to each address, asked
once a second, whose answers must all come from one server. Prints "up" behind the first round, and at
the end {"dials": n, "failed": [...], "late_ms": ...}."""
import itertools
import json
import select
import socket
import sys
import time

hertz, port, addrs = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
failed, held, slowest = [], {}, 0.0


def ask(s):
    s.sendall(b"x")
    answer = s.recv(1024).decode()
    if not answer:
        raise OSError("closed without an answer")
    return answer


def dial(addr):
    with socket.create_connection((addr, port), 5) as s:
        ask(s)
        s.shutdown(socket.SHUT_WR)
        s.recv(1)  # an orderly end


def ask_held(addr):
    if addr not in held:
        s = socket.create_connection((addr, port), 5)
        held[addr] = (s, ask(s))
    s, first = held[addr]
    answer = ask(s)
    if answer != first:
        raise OSError(f"answered by {answer}, before by {first}")


def tried(what, addr):
    try:
        what(addr)
    except OSError as e:
        failed.append(f"{what.__name__} {addr}: {e}")


def ended(seconds):
    return bool(select.select([sys.stdin], [], [], max(0.0, seconds))[0])


began = time.monotonic()
for n in itertools.count():
    addr = addrs[n % len(addrs)]
    before = time.monotonic()
    tried(dial, addr)
    slowest = max(slowest, time.monotonic() - before)
    if n % max(1, int(hertz / len(addrs))) == 0:
        tried(ask_held, addrs[n // max(1, int(hertz / len(addrs))) % len(addrs)])
    if n == len(addrs):
        print("up", flush=True)
    if ended(began + n / hertz - time.monotonic()) or len(failed) > 100:
        break
print(json.dumps({"dials": n, "failed": failed, "held": len(held), "slowest_ms": slowest * 1000,
                  "hertz": n / (time.monotonic() - began)}))
