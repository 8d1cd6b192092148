# SPDX-License-Identifier: Apache-2.0
"""What all of the bed rests on: commands that must succeed, waiting, and what the machine has."""
import ctypes
import os
import subprocess
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
WEIR = str(TOP / "build" / "weir")
CLONE_NEWNS = 0x00020000


class BedError(Exception):
    """What is missing on this machine, or what went wrong in the bed."""


def run(*argv, check=True, **kw):
    """Runs a command; its output is in the error when it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, **kw)
    if check and done.returncode:
        raise BedError(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr}{done.stdout}")
    return done


def ip(netns, *lines):
    """Commands of ip in a network namespace, all by one process."""
    run("ip", "-n", netns, "-batch", "-", input="\n".join(lines) + "\n")


def cgroup2_mount():
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, after = line.split(" - ", 1)
        if after.split()[0] == "cgroup2":
            return Path(before.split()[4])
    return None


def missing():
    """Why no bed can be made here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.access("/sys/kernel/btf/vmlinux", os.R_OK):
        return "needs a kernel with BTF"
    if cgroup2_mount() is None:
        return "needs a mounted cgroup2"
    if not os.access(WEIR, os.X_OK):
        return "needs build/weir; run make"
    return None


_private = False


def own_mounts():
    """A private mount namespace for this process, once."""
    global _private
    if _private:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):
        raise BedError(f"unshare: {os.strerror(ctypes.get_errno())}")
    run("mount", "--make-rprivate", "/")
    os.makedirs("/run/netns", exist_ok=True)
    run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
    _private = True


def wait_for(what, fn, timeout=15.0, every=0.02):
    """Polls fn until it gives something true; the last value or error is in the failure."""
    end = time.monotonic() + timeout
    last = None
    while time.monotonic() < end:
        try:
            last = fn()
            if last:
                return last
        except (BedError, OSError, ValueError, KeyError, IndexError) as e:
            last = e
        time.sleep(every)
    raise BedError(f"{what}: not within {timeout} s; last: {last}")
