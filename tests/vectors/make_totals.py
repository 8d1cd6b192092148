#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes totals-v1.json and proofs-v1.json: trees over a node's pods, statements of their totals, and a
receipt file with proofs, written without any of Weir's code.

It follows the layout tables of chain/README.md alone, as make_receipts.py does, whose receipts it proves.

    tests/vectors/make_totals.py totals > tests/vectors/totals-v1.json
    tests/vectors/make_totals.py proofs > tests/vectors/proofs-v1.json
"""
import hashlib
import json
import sys

sys.dont_write_bytecode = True
from make_receipts import (BOOT, LEASE, MARKET, SEED, blake, compact, pod_bytes, pod_usage, pods_of, public_key,
                           receipt_file, sign, times_of, u64)

PROVIDER = hashlib.sha256(b"object:provider").digest()
NAMES = ("cpu_ns", "memory_byte_ns", "rx_bytes", "tx_bytes")
WIDTHS = (8, 16, 8, 8)


def sums_bytes(sums):
    return b"".join(v.to_bytes(w, "little") for v, w in zip(sums, WIDTHS))


def leaf_of(sums, content):
    return sums, blake(b"\0" + sums_bytes(sums) + content)


def join(a, b):
    sums = tuple(x + y for x, y in zip(a[0], b[0]))
    return sums, blake(b"\1" + sums_bytes(a[0]) + a[1] + sums_bytes(b[0]) + b[1])


def tree(leaves):
    """All levels; a node without a sibling is its own parent."""
    levels = [leaves or [((0, 0, 0, 0), bytes(32))]]
    while len(levels[-1]) > 1:
        row = levels[-1]
        levels.append([join(*row[i:i + 2]) if i + 1 < len(row) else row[i] for i in range(0, len(row), 2)])
    return levels


def path(levels, at):
    steps = []
    for row in levels[:-1]:
        if at ^ 1 < len(row):
            steps.append((at & 1, *row[at ^ 1]))
        at //= 2
    return steps


def statement(root, start, end):
    return b"NODE-TOTALS-V1\0\0" + MARKET + PROVIDER + u64(start) + u64(end) + sums_bytes(root[0]) + root[1]


# ---- Trees ------------------------------------------------------------------------------------------
def sums_json(sums):
    return {name: str(v) for name, v in zip(NAMES, sums)}


def tree_json(contents):
    leaves = [leaf_of(sums, content) for sums, content in contents]
    levels, n = tree(leaves), len(leaves)
    start, end = 1795000000000 + n * 60000, 1795000060000 + n * 60000
    said = statement(levels[-1][0], start, end)
    return {
        "leaves": [{**sums_json(sums), "content": content.hex(), "hash": leaf[1].hex(),
                    "path": [{"on_left": bool(left), **sums_json(s), "hash": h.hex()} for left, s, h in path(levels, i)]}
                   for i, ((sums, content), leaf) in enumerate(zip(contents, leaves))],
        "from_ms": str(start), "to_ms": str(end), **sums_json(levels[-1][0][0]), "root": levels[-1][0][1].hex(),
        "statement": said.hex(), "signature": sign(SEED, said).hex()}


def totals():
    """Trees of every shape up to 9 leaves, and one whose sums are as large as they can be."""
    some = [((10**9 * (i + 1), (1 << 64) * i + 7, 1000 + i, 1 << (40 + i)), b"leaf %d" % i) for i in range(9)]
    most = [((2**64 - 1, 2**128 - 2, 0, 2**63), b"most"), ((0, 1, 2**64 - 1, 2**63 - 1), b"rest")]
    return {"market": MARKET.hex(), "provider": PROVIDER.hex(), "key": public_key(SEED).hex(), "seed": SEED.hex(),
            "trees": [tree_json(some[:n]) for n in range(10)] + [tree_json(most)]}


# ---- A receipt file with proofs ---------------------------------------------------------------------
def pod_sums(u):
    return (u["cpu_ns"], u["memory_byte_ns"]) + tuple(
        sum(u[f"{d}_bytes_{cls}"] for cls in ("external", "cluster", "local")) for d in ("rx", "tx"))


def pod_leaf(window, lease, pod):
    start, end = times_of(window)
    secret = hashlib.sha256(b"secret:%d" % window).digest()
    blind = blake(b"weir-leaf-blind-v1" + secret + u64(start) + u64(pod[4]) + pod[3].encode())
    content = b"NODE-LEAF-V1\0\0\0\0" + blind + lease + u64(start) + u64(end) + pod_bytes(pod)
    return window, lease, pod, content, leaf_of(pod_sums(pod[5]), content)


def proof_json(windows):
    """One statement about these windows; beside the lease's pods another tenant's and one of nobody."""
    other = hashlib.sha256(b"object:other lease").digest()
    leaves = []
    for w in windows:
        leaves += [pod_leaf(w, LEASE, pod) for pod in pods_of(w)]
        leaves.append(pod_leaf(w, other, ("ads", "bid-0", "", BOOT, 17 + w, pod_usage(3, w))))
        leaves.append(pod_leaf(w, bytes(32), ("kube-system", "dns", "", BOOT, 3, pod_usage(5, w))))
    leaves.sort(key=lambda leaf: leaf[4][1])  # by hash, so the place says nothing
    levels = tree([leaf[4] for leaf in leaves])
    said = statement(levels[-1][0], times_of(windows[0])[0], times_of(windows[-1])[1])
    ours = sorted((leaf[0], leaf[2][3], leaf[2][4], i) for i, leaf in enumerate(leaves) if leaf[1] == LEASE)
    return {"statement": said.hex(), "signature": sign(SEED, said).hex(),
            "leaves": [{"leaf": leaves[i][3].hex(),
                        "path": b"".join(bytes([left]) + sums_bytes(s) + h for left, s, h in path(levels, i)).hex()}
                       for *_, i in ours]}


def proofs():
    """The second and the third window have one statement."""
    lines = [proof_json([0]), proof_json([1, 2])]
    return (receipt_file() + '{"version":"weir-totals-v1","totals":[\n' + ",\n".join(map(compact, lines)) + "\n]}\n")


if __name__ == "__main__":
    sys.stdout.write({"totals": lambda: json.dumps(totals(), indent=1) + "\n", "proofs": proofs}[sys.argv[1]]())
