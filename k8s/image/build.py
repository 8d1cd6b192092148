#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""build.py WEIR OUT NAME VERSION EPOCH: the image of the program WEIR, in the folder OUT:

    oci/                    the OCI layout, tagged VERSION
    weir.tar                the same in one file
    kustomization.yaml      a component that makes the manifests of k8s/chart run NAME at this very digest

Two layers, so that a new version of Weir alone is a small download: what Debian's packages installed on this
machine bring, and Weir. The same files give the same bytes: names are sorted, owners are root, all times are EPOCH.
"""
import glob
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from datetime import datetime, timezone

IN_CHART = "weir.invalid/weir"
# `weir datapath takeover` reads and removes kube-proxy's rules by these; Weir itself runs no program
XTABLES = {"xtables-nft-multi": "nft", "xtables-legacy-multi": "legacy"}
# linked into Weir: no file of it is in the image, its licence is
LINKED = ["libarchive-dev"]
ETC = {
    "etc/nsswitch.conf": "hosts: files dns\n",
    "etc/passwd": "root:x:0:0:root:/:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\n",
}


def run(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def content(path):
    with open(path, "rb") as f:
        return f.read()


class Layer:
    """What is in it: {path: (mode, bytes)}, {path: target} for symbolic links, and folders that are empty."""

    def __init__(self):
        self.files, self.links, self.folders = {}, {}, []

    def add(self, path, data, mode=0o644):
        self.files[path] = (mode, data if isinstance(data, bytes) else data.encode())

    def write(self, out, epoch):
        folders = {parent for path in (*self.files, *self.links) for parent in parents(path)} | {*self.folders}
        with tarfile.open(out, "w", format=tarfile.GNU_FORMAT) as tar:
            for path in sorted({*folders, *self.files, *self.links}):
                entry = tarfile.TarInfo(path)
                entry.mtime = epoch
                data = b""
                if path in self.files:
                    entry.mode, data = self.files[path]
                    entry.size = len(data)
                elif path in self.links:
                    entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, self.links[path], 0o777
                else:
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry, io.BytesIO(data))


def parents(path):
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def libraries(*objects):
    """The shared libraries they need, and the loader: {path in the image: path here}. Every path below /usr."""
    found = {}
    for line in run("ldd", *objects).splitlines():
        m = re.match(r"\s+(?:\S+ => )?(/\S+) \(0x", line)
        if m:
            path = m.group(1)
            found[("usr" + path) if path.startswith("/lib") else path[1:]] = path
        elif "not found" in line:
            sys.exit(f"image: {line.strip()}")
    return found


def packages_of(paths):
    """Before Debian 13 the lists of packages still say /lib for some of what lies in /usr/lib."""
    names = {}
    for path in paths:
        real = os.path.realpath(path)
        names[path] = {path, real, real.removeprefix("/usr"), "/usr" + path}
    asked = subprocess.run(["dpkg-query", "-S", *sorted(set().union(*names.values()))], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # of each file it knows one name at most
    owner = {path: owners.split(":")[0] for owners, path in
             (line.split(": ", 1) for line in asked.stdout.splitlines() if not line.startswith("diversion by "))}
    for path in paths:
        if not names[path] & owner.keys():
            sys.exit(f"image: {path} is of no Debian package")
    return {owner[name] for path in paths for name in names[path] & owner.keys()}


def add_xtables(layer):
    """iptables of both makes and families; returns what is to be looked at for libraries."""
    multi = [f"/usr/sbin/{name}" for name in XTABLES]
    plugins = sorted(glob.glob(f"/usr/lib/{run('gcc', '-print-multiarch').strip()}/xtables/*.so"))
    if not plugins:
        sys.exit("image: iptables has no extensions; run: make deps")
    for path in multi + plugins:
        if os.path.islink(path):
            layer.links[path[1:]] = os.readlink(path)
        else:
            layer.add(path[1:], content(path), 0o755)
    for name, make in XTABLES.items():
        for tool in ("iptables", "ip6tables"):
            for what in ("save", "restore"):
                layer.links[f"usr/sbin/{tool}-{make}-{what}"] = name
    return multi + plugins


def debian(weir):
    """What is not ours, with what a licence or a scanner asks for."""
    layer = Layer()
    tools = add_xtables(layer)
    needed = libraries(weir, *tools)
    for name, path in needed.items():
        layer.add(name, content(path), 0o755)
    packages = packages_of([*tools, *needed.values()]) | {"ca-certificates"}
    layer.links["lib"] = "usr/lib"
    if os.path.lexists("/lib64"):
        layer.links["lib64"] = "usr/lib64"
    layer.folders.append("run")  # for iptables' lock
    # the package's alone: the bundle in /etc has what this machine trusts besides
    authorities = sorted(glob.glob("/usr/share/ca-certificates/mozilla/*.crt"))
    if not authorities:
        sys.exit("image: the package ca-certificates is not installed; run: make deps")
    layer.add("etc/ssl/certs/ca-certificates.crt", b"".join(map(content, authorities)))
    for package in packages:
        layer.add(f"var/lib/dpkg/status.d/{package}", run("dpkg-query", "-s", package))
    for package in (*packages, *LINKED):
        layer.add(f"usr/share/doc/{package}/copyright", content(f"/usr/share/doc/{package}/copyright"))
    for path, text in ETC.items():
        layer.add(path, text)
    return layer


def ours(weir, top):
    layer = Layer()
    with tempfile.NamedTemporaryFile() as stripped:
        run("objcopy", "--strip-all", weir, stripped.name)
        layer.add("usr/bin/weir", content(stripped.name), 0o755)
    layer.add("usr/share/doc/weir/copyright", content(os.path.join(top, "LICENSE")))
    return layer


def build(layers, layout, version, epoch):
    created = datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    image = f"{layout}:{version}"
    run("umoci", "init", "--layout", layout)
    run("umoci", "new", "--image", image)
    for what, layer in layers.items():
        with tempfile.NamedTemporaryFile(suffix=".tar") as tar:
            layer.write(tar.name, epoch)
            run("umoci", "raw", "add-layer", "--image", image, "--history.created", created,
                "--history.created_by", what, "--history.author", "weir", tar.name)
    run("umoci", "config", "--image", image, "--no-history", "--created", created,
        "--config.entrypoint", "/usr/bin/weir", "--config.env", "PATH=/usr/sbin:/usr/bin",
        "--config.env", "SQLITE_TMPDIR=/var/lib/weir",  # the only folder that can be written to, and is the ledger's
        "--config.cmd", "agent", "--config.cmd", "run", "--config.cmd", "-c", "--config.cmd", "/etc/weir/weir.yaml",
        "--config.label", "org.opencontainers.image.title=weir",
        "--config.label", f"org.opencontainers.image.version={version}",
        "--config.label", "org.opencontainers.image.licenses=Apache-2.0")
    run("umoci", "gc", "--layout", layout)


def archive(layout, out, epoch):
    whole = Layer()
    for path in glob.glob(f"{layout}/**", recursive=True):
        if os.path.isfile(path):
            whole.add(os.path.relpath(path, layout), content(path))
    whole.write(out, epoch)


def pin(layout, out, name):
    with open(f"{layout}/index.json", encoding="utf-8") as f:
        digest = json.load(f)["manifests"][0]["digest"]
    with open(out, "w", encoding="utf-8") as f:
        f.write(f"""\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
- name: {IN_CHART}
  newName: {name}
  digest: {digest}
""")
    return f"{name}@{digest}"


def main(weir, out, name, version, epoch):
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    layout, epoch = f"{out}/oci", int(epoch)
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    build({"packages of Debian": debian(weir), f"weir {version}": ours(weir, top)}, layout, version, epoch)
    archive(layout, f"{out}/weir.tar", epoch)
    print(pin(layout, f"{out}/kustomization.yaml", name))


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
