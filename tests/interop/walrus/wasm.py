# SPDX-License-Identifier: Apache-2.0
"""@mysten/walrus-wasm and @mysten/walrus, pinned by package-lock.json, in processes that answer questions."""
import json
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[2]
BUILT = TOP / "build" / "npm" / "walrus"


def install():
    """By npm, with the versions and hashes of the lock file (tests/interop/module.mk)."""
    subprocess.run(["make", "-s", "build/npm/walrus/node_modules"], cwd=TOP, check=True, timeout=300)


class Wasm:
    """with Wasm() as wasm: wasm.ask(1000, path)["id"]"""

    script = "reference.mjs"

    def __enter__(self):
        install()
        self.node = subprocess.Popen(["node", HERE / self.script, BUILT / "package.json"], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *what):
        self.node.stdin.close()
        self.node.wait(timeout=60)
        self.node.stdout.close()

    def ask(self, shards, path):
        self.node.stdin.write(f"{shards} {path}\n")
        self.node.stdin.flush()
        answer = self.node.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.script} ended over {shards} shards, {path}")
        return json.loads(answer)


class Sdk(Wasm):
    """The same of the SDK's client and types: "id", "u256", "bytes" and "integrity"."""

    script = "sdk.mjs"
