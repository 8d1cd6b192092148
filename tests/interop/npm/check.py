#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check.py UNPACK: twenty of the packages that others depend on most, as the registry has them (pinned by version and
hash), go into our store and through our unpacker. What comes out must be what Python's reader of tarballs finds in them.
Closes with "N passed, N failed"."""
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGES = json.loads((Path(__file__).parent / "packages.json").read_text())


def fetch(folder):
    """{name: tarball}, by npm."""
    specs = [f"{p['name']}@{p['version']}" for p in PACKAGES]
    made = subprocess.run(["npm", "pack", "--json", "--ignore-scripts", "--pack-destination", folder, *specs], check=True,
                          text=True, capture_output=True, timeout=300,
                          env=dict(os.environ, npm_config_update_notifier="false"))
    return {p["name"]: folder / p["filename"] for p in json.loads(made.stdout)}


def wanted(tarball):
    """{path below the top folder: (content, executable)}"""
    with tarfile.open(tarball) as tar:
        return {m.name.split("/", 1)[1]: (tar.extractfile(m).read(), bool(m.mode & 0o111)) for m in tar if m.isfile()}


def found(folder):
    return {str(p.relative_to(folder)): (p.read_bytes(), bool(p.stat().st_mode & 0o111))
            for p in folder.rglob("*") if p.is_file() and not p.is_symlink()}


def check(unpack, package, tarball, folder):
    done = subprocess.run([unpack, folder, tarball, package["integrity"]], text=True, capture_output=True, timeout=120)
    if done.returncode:
        return done.stderr.strip()
    got, want = found(Path(done.stdout.strip())), wanted(tarball)
    differ = sorted(path for path in got.keys() | want.keys() if got.get(path) != want.get(path))
    return f"differs in {differ[:3]}" if differ else None


def main():
    failed = 0
    with tempfile.TemporaryDirectory(prefix="weir-npm-") as name:
        folder = Path(name)
        tarballs = fetch(folder)
        for package in PACKAGES:
            fault = check(sys.argv[1], package, tarballs[package["name"]], folder / "store")
            if fault:
                print(f"{package['name']} {package['version']}: {fault}")
                failed += 1
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)  # what is unpacked is read-only
    print(f"npm: {len(PACKAGES) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
