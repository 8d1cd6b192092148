# SPDX-License-Identifier: Apache-2.0
"""`blobid`: the blob id in C beside Walrus' own encoder (WebAssembly, in Node), round by round in one run."""
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from lab import TOOLS
from stats import Ratio, median, rounds, table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop" / "walrus"))
from wasm import Wasm  # noqa: E402  its folder is not a package

ROUNDS = 3
SIZES = (1000, 1000000, 10000000, 100000000)
SHARDS = 1000
MEGABIT_S = 100  # of the download that a check is compared with


class Way:
    """Something that names a file."""
    before = after = None

    def __init__(self, name, ask):
        self.name, self.ask = name, ask


class Ours:
    def __enter__(self):
        self.process = subprocess.Popen([TOOLS / "blobid"], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        return self

    def __exit__(self, *what):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()

    def ask(self, lanes, threads, path):
        self.process.stdin.write(f"{lanes} {threads} {path}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def measure(path, size, ours, wasm):
    path.write_bytes(random.Random(size).randbytes(size))
    ways = [Way("wasm", lambda: wasm.ask(SHARDS, path)),
            Way("one thread", lambda: ours.ask("best", 1, path)),
            Way("plain C, one thread", lambda: ours.ask("plain", 1, path)),
            Way("all processors", lambda: ours.ask("best", 0, path))]
    got = rounds(ROUNDS, ways, lambda way: way.ask())
    ids = {answer["id"] for answers in got.values() for answer in answers}
    if len(ids) != 1:
        sys.exit(f"blobid: {size} bytes have {len(ids)} names: {ids}")
    cpu = {name: [a["cpu_s"] for a in answers] for name, answers in got.items()}
    wall = median([a["wall_s"] for a in got["all processors"]])
    return (f"{size:,}", f"{median(cpu['wasm']):.2f}", f"{median(cpu['one thread']):.2f}",
            Ratio(cpu["wasm"], cpu["one thread"]), Ratio(cpu["wasm"], cpu["plain C, one thread"]),
            f"{wall:.2f}", f"{size * 8 / MEGABIT_S / 1e6:.2f}")


def blobid():
    with Wasm() as wasm, Ours() as ours, tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        table(("bytes", "wasm, s of CPU", "C, one thread", "wasm / C", "wasm / plain C", "all processors, s on the clock",
               f"download at {MEGABIT_S} Mbit/s, s"),
              [measure(Path(folder) / "content", size, ours, wasm) for size in SIZES])
