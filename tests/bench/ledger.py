# SPDX-License-Identifier: Apache-2.0
"""`ledger`: a year of a busy node, what is asked of it, and how large it is."""
import json
import os
import tempfile

from bed import run
from lab import TOOLS

PODS, DAYS = 500, 365
KEPT = int(os.environ.get("WEIR_BENCH_KEPT", "2"))  # days in windows of a minute: 14 take a quarter of an hour to write
ASKED = (("month_by_namespace", "a month by namespace"), ("month_by_pod", "a month by pod"),
         ("year_by_namespace", "the year by namespace"), ("twelve_hours_by_pod", "12 hours by pod, window by window"))


def ledger():
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        got = json.loads(run(TOOLS / "ledger", f"{folder}/state/ledger.db", str(PODS), str(DAYS), str(KEPT),
                             timeout=3600).stdout)
    a_day = (got["all_bytes"] - got["days_bytes"]) / KEPT
    print(f"\n### {PODS} pods, {DAYS} days, {KEPT} of them in windows of a minute\n\n| what | |\n| --- | --- |")
    print(f"| writing a window, with its fsync | {got['window'] / 1e6:.1f} ms |")
    for key, name in ASKED:
        print(f"| {name} | {got[key] / 1e6:.1f} ms, {got[key + '_rows']} rows |")
    print(f"| file: a year by day | {got['days_bytes'] / 2**20:.0f} MiB |")
    print(f"| file: a day in windows | {a_day / 2**20:.0f} MiB |")
    print(f"| file: a year of which 14 days are in windows | {(got['days_bytes'] + 14 * a_day) / 2**30:.1f} GiB |")
