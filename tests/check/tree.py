# SPDX-License-Identifier: Apache-2.0
"""What the checks share: which files there are, and how a finding is said.

A check calls find() for each fault and ends with done(). Files are those that git knows or would add,
so build/ and other leftovers are never looked at.
"""
import re
import subprocess
import sys
from pathlib import Path

PRODUCT = ("user/", "k8s/", "chain/", "walrus/", "bpf/", "vmlinux/")
# Inputs of tests, kept byte for byte as their source gave them.
DATA = ("tests/vectors/", "tests/fuzz/corpus/")

_found = 0


def files(*suffixes, under=""):
    """Paths of the tree, sorted; all of them without suffixes."""
    cmd = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    out = subprocess.run(cmd, check=True, stdout=subprocess.PIPE).stdout.decode()
    return sorted(f for f in set(out.split("\0"))
                  if f and f.startswith(under) and not f.startswith(DATA)
                  and (not suffixes or f.endswith(suffixes)) and Path(f).is_file())


def product(*suffixes):
    return [f for f in files(*suffixes) if f.startswith(PRODUCT)]


def read(path):
    return Path(path).read_text(encoding="utf-8")


def bare(text):
    """C text without comments and string contents; lines keep their numbers."""
    def blank(m):
        s = m.group(0)
        return '""' if s[0] == '"' else re.sub(r"[^\n]", " ", s) if s[0] == "/" else s
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text, flags=re.S)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def find(path, line, what, do):
    global _found
    _found += 1
    print(f"{path}:{line}: {what}; {do}")


def done():
    sys.exit(1 if _found else 0)
