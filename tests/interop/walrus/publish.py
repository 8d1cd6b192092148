#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""publish.py [N]: N packages published to a store that names them by Walrus' own encoder, every other one encrypted; pulled
back from it by that name, and read by the types of @mysten/walrus. Closes with "N passed, N failed"."""
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from wasm import TOP, Sdk, Wasm

sys.path.insert(0, str(TOP / "tests" / "fakes"))
from walrus import Walrus  # noqa: E402

WEIR = TOP / "build" / "weir"
SHARDS = 1000
LARGEST = 1 << 20
VECTORS = TOP / "tests" / "vectors" / "seal-vectors.json"


def weir(config, *words):
    done = subprocess.run([WEIR, "-c", config, "-j", "workload", *map(str, words)], text=True, capture_output=True, timeout=120)
    return done.returncode, json.loads(done.stdout)


def configure(folder, url):
    """Key servers are the vectors': to encrypt asks nobody."""
    servers = [f"{s['object_id']} {s['url']} {s['public_key_hex']}" for s in json.loads(VECTORS.read_text())["key_servers"]]
    config = folder / "weir.yaml"
    config.write_text(json.dumps({
        "node": {"name": "n"}, "paths": {"state": str(folder), "run": str(folder), "cgroup": str(folder)},
        "walrus": {"aggregators": [url], "publisher": url}, "seal": {"servers": servers, "threshold": 2, "package": "0x7"}}))
    return config


def there_and_back(config, walrus, sdk, content, path, sealed):
    path.write_bytes(content)
    code, made = weir(config, "publish", path, *(["--seal", "0x7e"] if sealed else []))
    if code:
        return made
    stored = walrus.blobs[made["blob_id"]]
    if (stored == content) == sealed or len(stored) != made["bytes"]:
        return f"{made}: {len(stored)} bytes are stored"
    code, pulled = weir(config, "pull", made["blob_id"])
    if code or Path(pulled["path"]).read_bytes() != stored or (pulled["integrity"] == made["integrity"]) == sealed:
        return pulled
    read = sdk.ask(SHARDS, pulled["path"])
    if read != {"id": made["blob_id"], "u256": made["blob_id_u256"], "bytes": len(stored), "integrity": pulled["integrity"]}:
        return f"{made}: the SDK reads {read}"
    return None


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    failed = 0
    with Wasm() as wasm, Sdk() as sdk, tempfile.TemporaryDirectory(prefix="weir-publish-") as name:
        folder = Path(name)

        def name_of(content):
            (folder / "stored").write_bytes(content)
            return wasm.ask(SHARDS, folder / "stored")["id"]

        with Walrus(name=name_of) as walrus:
            config = configure(folder, walrus.url)
            for i in range(count):
                fault = there_and_back(config, walrus, sdk, random.randbytes(random.randrange(1, LARGEST)), folder / "package", i % 2 == 1)
                if fault:
                    print(f"package {i + 1}: {fault}", flush=True)
                    failed += 1
    print(f"publish: {count - failed} passed, {failed} failed")
    sys.exit(failed > 0 or count == 0)


main()
