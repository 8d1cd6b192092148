#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""compare.py [SECONDS [SEED]]: random content in random committees, by `weir workload verify` and by Walrus' own
encoder. What weir calculates must be the encoder's, and one changed byte must be seen. Closes with "N passed, N failed"."""
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wasm import TOP, Wasm

WEIR = TOP / "build" / "weir"
SHARDS_MIN, SHARDS_SMALL, SHARDS = 4, 130, 1000
LARGEST = 4 << 20


def pick_case(dice):
    """(shards, content). Every eighth is of the public committee; sizes lie on the edges of symbols and rows as well."""
    shards = SHARDS if dice.random() < 1 / 8 else dice.randint(SHARDS_MIN, SHARDS_SMALL)
    faulty = (shards - 1) // 3
    columns, rows = shards - faulty, shards - 2 * faulty
    edge = dice.choice((rows * columns, columns, 1)) * dice.randint(1, 140) * 2 + dice.randint(-1, 1)
    size = dice.choice((edge, int(2 ** dice.uniform(0, 22)), dice.randint(0, 300)))
    size = max(0, min(size, LARGEST))
    content = bytearray(dice.randbytes(size))
    if dice.random() < 0.2:  # zeros at the end are content, and not the padding
        content[size // 2:] = bytes(size - size // 2)
    return shards, content


def verify(shards, name, path):
    done = subprocess.run([WEIR, "-j", "workload", "verify", name, path, "--shards", str(shards)], text=True,
                          capture_output=True, timeout=120)
    return done.returncode, json.loads(done.stdout)


def spoil(dice, content):
    """The same with another byte, or one more."""
    if content:
        content[dice.randrange(len(content))] ^= dice.randint(1, 255)
    else:
        content.append(0)


def compare(dice, wasm, path):
    shards, content = pick_case(dice)
    path.write_bytes(content)
    want = wasm.ask(shards, path)
    if "error" in want:  # more than symbols can hold
        code, found = verify(shards, "0", path)
        return None if code == 1 and "one blob can hold" in found.get("error", "") else f"{found}, want {want}"
    code, found = verify(shards, dice.choice((want["id"], want["u256"])), path)
    right = (found.get("blob_id"), found.get("root"), found.get("bytes")) == (want["id"], want["root"], len(content))
    if code or not right:
        return f"{shards} shards, {len(content)} bytes: {found}, want {want}"
    spoil(dice, content)
    path.write_bytes(content)
    code, found = verify(shards, want["id"], path)
    if code != 1 or found["matches"] or found["blob_id"] != wasm.ask(shards, path)["id"]:
        return f"{shards} shards, {len(content)} bytes, spoilt: {found} for {want['id']}"
    return None


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    dice = random.Random(seed)
    passed = failed = 0
    with Wasm() as wasm, tempfile.TemporaryDirectory(prefix="weir-compare-") as folder:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            fault = compare(dice, wasm, Path(folder) / "content")
            if fault:
                print(f"seed {seed}, case {passed + failed + 1}: {fault}", flush=True)
            failed, passed = failed + bool(fault), passed + (not fault)
    print(f"compare: seed {seed}: {passed} passed, {failed} failed")
    sys.exit(failed > 0 or passed == 0)


main()
