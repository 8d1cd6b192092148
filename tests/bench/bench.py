#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench.py [PART...]: measures the parts named, or all; prints Markdown. README.md says how."""
import os
import platform
import shutil
import sys
import time
from pathlib import Path

import api
import blobid
import ledger
import meter
import node
import paths
import scale
from bed import WEIR, missing, run

PARTS = {"connect": paths.connect, "established": paths.established, "northsouth": paths.northsouth,
         "change": node.change, "sync": node.sync, "memory": node.memory, "grow": node.grow, "blobid": blobid.blobid,
         "ledger": ledger.ledger, "meter": meter.meter, "api": api.api, "scale": scale.scale}
TOOLS = ("nft", "iptables-legacy-restore", "taskset", "nsenter", "ip")


def version(*argv):
    return run(*argv).stdout.split("\n")[0]


def machine():
    cpu = next(line.split(": ")[1] for line in Path("/proc/cpuinfo").read_text().splitlines()
               if line.startswith("model name"))
    print(f"{time.strftime('%Y-%m-%d', time.gmtime())}, Linux {platform.release()}, {os.cpu_count()} x {cpu}, "
          f"weir {run(WEIR, '-V').stdout.split()[1]}, {version('nft', '--version')}, "
          f"{version('iptables-legacy', '--version')}; load average before: {os.getloadavg()[0]:.1f}")


def main():
    wanted = sys.argv[1:] or list(PARTS)
    unknown = [p for p in wanted if p not in PARTS]
    absent = [tool for tool in TOOLS if not shutil.which(tool)]
    why = f"there is no part {unknown[0]}; there are {', '.join(PARTS)}" if unknown else \
        f"needs {absent[0]}; run make deps" if absent else missing()
    if why:
        sys.exit(f"bench: {why}")
    machine()
    for part in wanted:
        began = time.monotonic()
        PARTS[part]()
        print(f"\n({part}: {time.monotonic() - began:.0f} s, load average {os.getloadavg()[0]:.1f})", flush=True)


main()
