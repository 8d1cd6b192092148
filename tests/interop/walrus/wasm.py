# SPDX-License-Identifier: Apache-2.0
"""@mysten/walrus-wasm, pinned by package-lock.json, in a process that answers questions."""
import json
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILT = HERE.parents[2] / "build" / "interop" / "walrus"


def install():
    """npm ci, unless what is there was made from the same lock file."""
    lock = HERE / "package-lock.json"
    done = BUILT / "done"
    if done.is_file() and done.read_bytes() == lock.read_bytes():
        return
    shutil.rmtree(BUILT, ignore_errors=True)
    BUILT.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, BUILT)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=BUILT, check=True,
                   timeout=300, env=dict(os.environ, npm_config_update_notifier="false"))
    shutil.copy(lock, done)


class Wasm:
    """with Wasm() as wasm: wasm.ask(1000, path)["id"]"""

    def __enter__(self):
        install()
        self.node = subprocess.Popen(["node", HERE / "reference.mjs", BUILT / "package.json"], text=True,
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
            raise RuntimeError(f"walrus-wasm ended over {shards} shards, {path}")
        return json.loads(answer)
