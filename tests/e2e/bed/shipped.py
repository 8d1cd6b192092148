# SPDX-License-Identifier: Apache-2.0
"""What is shipped: the image, and the manifests as kubectl makes them of k8s/chart."""
import functools
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

import yaml
from bed.tools import TOP, WEIR, BedError, run

CHART = TOP / "k8s" / "chart"
BPFTOOL = "/usr/sbin/bpftool" if os.path.exists("/usr/sbin/bpftool") else "bpftool"
OVERLAYS = ("kube-proxy-replacement", "beside-kube-proxy", "metering-only")


def make(*words):
    return run("make", "-s", "-C", str(TOP), *words).stdout


def kubectl(*argv, **kw):
    make("build/kubectl")
    return run(str(TOP / "build" / "kubectl"), *argv, **kw)


@functools.cache
def render(folder):
    """The objects of a kustomization."""
    return tuple(yaml.safe_load_all(kubectl("kustomize", str(folder)).stdout))


def named(objects, kind, name, namespace=None):
    """The only one; a generated name has a hash behind it."""
    found = [o for o in objects if o["kind"] == kind and o["metadata"].get("namespace") == namespace
             and re.fullmatch(re.escape(name) + "(-[0-9a-z]{10})?", o["metadata"]["name"])]
    if len(found) != 1:
        raise BedError(f"{len(found)} of {kind} {namespace}/{name}")
    return found[0]


class Image:
    """Made of the program `weir` in a folder; unpacked by umoci, by whose eyes it is an image."""

    def __init__(self, out, weir, version):
        self.out = Path(out)
        self.ref = run("/usr/bin/python3", str(TOP / "k8s" / "image" / "build.py"), str(weir), str(out),
                       "localhost/weir", version, "1700000000").stdout.strip()
        self.version = version

    def unpack(self, to):
        """Returns its root, and what it says of its process."""
        run("umoci", "unpack", "--image", f"{self.out}/oci:{self.version}", str(to))
        return Path(to) / "rootfs", json.loads((Path(to) / "config.json").read_text())["process"]


def another_build(folder, version):
    """The same tree as another release: another version, and another BPF object, which no pin of this build is
    taken for. Compiles only what knows these two."""
    built, made = Path(WEIR).resolve().parent, Path(folder)
    shutil.copytree(built, made / "build", symlinks=True)
    (made / "gen").mkdir()
    (made / "note").write_text(version)
    run("llvm-objcopy-19", f"--add-section=weir_release={made / 'note'}", str(TOP / "build/bpf/weir.o"), str(made / "weir.o"))
    skeleton = made / "gen" / "weir.skel.h"
    skeleton.write_text(run(BPFTOOL, "gen", "skeleton", str(made / "weir.o"), "name", "weir_bpf").stdout)
    shutil.copystat(TOP / "build/gen/weir.skel.h", skeleton)
    for stale in ("user/cli/version.o", "user/dp/load.o", "lib/libcli.a", "lib/libdp.a", "weir"):
        (made / "build" / stale).unlink()
    make(f"O={made}/build", f"G={made}/gen", f"VERSION={version}", f"{made}/build/weir")
    return made / "build" / "weir"


def temporary(prefix):
    return tempfile.TemporaryDirectory(prefix=f"weir-{prefix}-")
