# SPDX-License-Identifier: Apache-2.0
"""`scale`: 100,000 nodes by arithmetic, from what one node's books, proofs and transactions weigh in this run."""
import json
import os
import re
import tempfile
from pathlib import Path

from bed import run
from lab import TOOLS

NODES = 100_000
PODS, LEASES = 50, (1, 10, 50)  # of a node
WINDOWS = 60
SETTLED = (("minute", 1440), ("hour", 24), ("day", 1))  # how often a node settles: times a day
UNITS = 1000  # of gas: the least that Sui takes for a transaction, whatever its calls need beyond
GAS_PRICE = int(os.environ.get("WEIR_BENCH_GAS_PRICE", "1000"))  # MIST a unit
MOVE = Path(__file__).parents[2] / "chain/move/weir/sources/lease.move"
FIELD = {"ID": 32, "u64": 8, "bool": 1, "vector<u8>": 1 + 32}  # in BCS; the vector is a hash


def event_bytes(name):
    fields = re.search(rf"struct {name} has [^{{]*{{([^}}]*)}}", MOVE.read_text()).group(1)
    return sum(FIELD[f.split(":")[1].strip()] for f in fields.split(",") if f.strip())


def measured(leases):
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        return json.loads(run(TOOLS / "scale", f"{folder}/state", str(PODS), str(leases), str(WINDOWS), timeout=600).stdout)


def si(n, unit="B"):
    for prefix, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if n >= size:
            return f"{n / size:.3g} {prefix}{unit}"
    return f"{n:.3g} {unit}"


def node_table(got):
    print(f"\n### One node of {PODS} pods, windows of a minute (means of {WINDOWS // 2} windows; {WINDOWS} are proven)\n")
    print("| leases | CPU of a window | ledger a day | guard's file | receipts of a lease a day | their proofs | "
          "verifying a day, CPU | transaction |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    for leases, g in got.items():
        day = 1440 / WINDOWS
        print(f"| {leases} | {g['window'] / 1e6:.1f} ms | {si(g['window_bytes'] * 1440)} | {si(g['guard_bytes'])} | "
              f"{si(g['receipts_bytes'] * day)} | {si(g['proofs_bytes'] * day)} | {g['verify'] * day / 1e9:.2f} s | "
              f"{si(g['tx_bytes'])} |")


def fleet_table(got):
    event = event_bytes("Reported")
    print(f"\n### {NODES:,} nodes, each settling for itself; gas at least, at {GAS_PRICE:,} MIST a unit\n")
    print("| leases a node | settled every | transactions a day | a second | bytes a day | gas a day, SUI | a lease | "
          "events a day | their bytes | journal of a node a day |\n" + "| --- " * 10 + "|")
    for leases, g in got.items():
        for name, times in SETTLED:
            txs = NODES * times
            sui = txs * UNITS * GAS_PRICE / 1e9
            print(f"| {leases} | {name} | {txs:,} | {txs / 86400:.3g} | {si(txs * g['tx_bytes'])} | {sui:,.0f} | "
                  f"{sui / NODES / leases:.2g} | {txs * leases:,} | {si(txs * leases * event)} | {si(times * g['tx_bytes'])} |")


def scale():
    got = {leases: measured(leases) for leases in LEASES}
    node_table(got)
    fleet_table(got)
