#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes receipts-v1.json: a receipt file written without any of Weir's code.

It follows the layout tables of chain/README.md alone (BCS by hand, Blake2b from hashlib, Ed25519
after RFC 8032), so that the C code is compared with something that can't share its mistakes.

    tests/vectors/make_receipts.py > tests/vectors/receipts-v1.json
"""
import hashlib
import json
import sys
from datetime import datetime, timezone

# ---- Ed25519 signing, RFC 8032 section 5.1 (slow and not constant-time: for vectors only) ----------
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
BY = 4 * pow(5, P - 2, P) % P
BX = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE = (BX, BY, 1, BX * BY % P)


def point_add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_mul(n, p):
    q = (0, 1, 1, 0)
    while n:
        if n & 1:
            q = point_add(q, p)
        p, n = point_add(p, p), n >> 1
    return q


def point_bytes(p):
    z = pow(p[2], P - 2, P)
    x, y = p[0] * z % P, p[1] * z % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def secret(seed):
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], "little")
    return (a & (1 << 254) - 8) | 1 << 254, h[32:]


def public_key(seed):
    return point_bytes(point_mul(secret(seed)[0], BASE))


def sign(seed, msg):
    a, prefix = secret(seed)
    pub = public_key(seed)
    r = int.from_bytes(hashlib.sha512(prefix + msg).digest(), "little") % L
    big_r = point_bytes(point_mul(r, BASE))
    k = int.from_bytes(hashlib.sha512(big_r + pub + msg).digest(), "little") % L
    return big_r + ((r + k * a) % L).to_bytes(32, "little")


# ---- BCS --------------------------------------------------------------------------------------------
def u64(v):
    return v.to_bytes(8, "little")


def text(s):
    assert len(s) < 128  # one ULEB128 byte
    return bytes([len(s)]) + s.encode()


def blake(data):
    return hashlib.blake2b(data, digest_size=32).digest()


COUNTERS = ["memory_unmeasured", "cpu_ns"] + [
    f"{d}_{what}_{cls}"
    for d in ("rx", "tx")
    for cls in ("external", "cluster", "local", "raw")
    for what in ("bytes", "packets")
]
PRICES = ["mist_per_core_second", "mist_per_gib_second"] + [
    f"mist_per_gib_{d}_{cls}" for d in ("rx", "tx") for cls in ("external", "cluster", "local")
] + ["mist_per_second_max"]


def usage(u):
    return (u["memory_byte_ns"].to_bytes(16, "little") + u64(u["memory_peak_bytes"])
            + b"".join(u64(u[name]) for name in COUNTERS))


def usage_json(u):
    unknown = u["memory_unmeasured"] and not u["memory_byte_ns"] and not u["memory_peak_bytes"]
    memory = [(k, None if unknown else str(u[k])) for k in ("memory_byte_ns", "memory_peak_bytes")]
    return dict(memory + [(name, str(u[name])) for name in COUNTERS])


def due(prices, t, elapsed_ms):
    gib = 1 << 30
    total = t["cpu_ns"] * prices["mist_per_core_second"] // 10**9
    total += t["memory_byte_ns"] * prices["mist_per_gib_second"] // (gib * 10**9)
    for d in ("rx", "tx"):
        for cls in ("external", "cluster", "local"):
            total += t[f"{d}_bytes_{cls}"] * prices[f"mist_per_gib_{d}_{cls}"] // gib
    cap = prices["mist_per_second_max"]
    return min(total, cap * elapsed_ms // 1000) if cap else total


def rfc3339(ms):
    t = datetime.fromtimestamp(ms // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return t + (f".{ms % 1000:03d}" if ms % 1000 else "") + "Z"


# ---- The sample -------------------------------------------------------------------------------------
SEED = hashlib.sha256(b"key:receipts").digest()
MARKET = hashlib.sha256(b"object:market").digest()
LEASE = hashlib.sha256(b"object:lease").digest()
LABEL, NODE, OPENED = "acme-web", "node-a", 1795000000000
BOOT = "7c2a0c1e-0a0f-4b43-9a57-2f6d0b1c9e11"
TERMS = dict(zip(PRICES, [2500, 300, 0, 0, 0, 90000, 1000, 0, 15000]))


def pod_usage(pod, window):
    """Numbers that differ in every field, pod and window; pod 1 has no memory reading in window 2."""
    u = {name: (pod + 1) * 1000003 * (window + 1) + 17 * i for i, name in enumerate(COUNTERS)}
    u["cpu_ns"] = 12_345_678_901 * (pod + 1) + window
    u["tx_bytes_external"] = 3_000_000_000 * (window + 1) + pod
    u["memory_unmeasured"] = 1 if (pod, window) == (1, 2) else 0
    measured = not u["memory_unmeasured"]
    u["memory_byte_ns"] = (60_000_000_000 * (200 << 20) * (pod + 1) + window) if measured else 0
    u["memory_peak_bytes"] = ((300 << 20) + 4096 * window) if measured else 0
    return u


def pods_of(window):
    return [("shop", f"web-{i}", "3f1e5d5c-1111-4222-8333-00000000000%d" % i if i == 0 else "",
             BOOT, 4200 + i, pod_usage(i, window)) for i in range(2)]


def times_of(window):
    start = OPENED + 500 + 60000 * window
    return start, start + 60000


def pod_bytes(pod):
    n, name, uid, boot, cg, u = pod
    return text(n) + text(name) + text(uid) + text(boot) + u64(cg) + usage(u)


def compact(v):
    return json.dumps(v, separators=(",", ":"))


def receipt_file():
    totals = {name: 0 for name in COUNTERS + ["memory_byte_ns", "memory_peak_bytes"]}
    previous, lines = bytes(32), []
    for window in range(3):
        seq, (start, end), pods = window + 1, times_of(window), pods_of(window)
        for pod in pods:
            for name in totals:
                totals[name] = (max(totals[name], pod[5][name]) if name == "memory_peak_bytes"
                                else totals[name] + pod[5][name])
        record = (b"USAGE-RECORD-V1\0" + previous + LEASE + text(LABEL) + text(NODE) + u64(OPENED)
                  + u64(seq) + u64(start) + u64(end) + b"".join(u64(TERMS[p]) for p in PRICES)
                  + bytes([len(pods)])
                  + b"".join(map(pod_bytes, pods))
                  + usage(totals))
        total_due = due(TERMS, totals, end - OPENED)
        report = (b"USAGE-REPORT-V1\0" + MARKET + LEASE + u64(seq) + u64(start) + u64(end)
                  + u64(total_due) + blake(record))
        lines.append({
            "seq": str(seq), "node": NODE, "from": rfc3339(start), "to": rfc3339(end),
            "previous": previous.hex(),
            "pods": [{"namespace": n, "name": name, "uid": uid, "boot_id": boot,
                      "cgroup_id": str(cg), **usage_json(u)} for n, name, uid, boot, cg, u in pods],
            "totals": usage_json(totals), "total_due": str(total_due),
            "report": report.hex(), "signature": sign(SEED, report).hex()})
        previous = blake(report)
    lease = {"id": LEASE.hex(), "label": LABEL, "market": MARKET.hex(),
             "provider": public_key(SEED).hex(), "opened": rfc3339(OPENED),
             "bytes_billed": "sockets", "prices": {p: str(TERMS[p]) for p in PRICES}}
    return ('{"version":"weir-receipts-v1","lease":' + compact(lease) + ',"receipts":[\n'
            + ",\n".join(compact(line) for line in lines) + "\n]}\n")


if __name__ == "__main__":
    sys.stdout.write(receipt_file())
