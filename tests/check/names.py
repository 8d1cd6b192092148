#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Names that promise something: a unit test lies where its source file does, line 1 says the licence, a
note of work to do has an owner, and no text points at a machine of ours."""
import re
from pathlib import Path

from tree import done, files, find, read

# Unit tests that have no source file of their name, and why.
WITHOUT_SOURCE = {
    "tests/unit/chain/scenarios.c": "holds the local back end to the table that all back ends are held to",
    "tests/unit/cli/queries.c": "holds what several commands print against the queries of user/ledger/README.md",
    "tests/unit/ledger/crash.c": "kills the whole ledger at any instruction, not one file of it",
}
BOXES = {p: ("user/" if (Path("user") / p).is_dir() else "") + p
         for p in ("core", "dp", "svc", "meter", "ledger", "workload", "takeover", "agent", "cli", "k8s", "chain", "walrus")}
BOXES["seal"] = "walrus/seal"
SPDX_DUAL, SPDX = "(GPL-2.0-only OR BSD-2-Clause)", "Apache-2.0"
NOTE = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b(?!\()")
MACHINE = re.compile(r"(?<![\w.}>])/(?:home|Users|wor[k])/\w|\.\./share[d]|\.librar[y]\b")


def check_mirror(path):
    """tests/unit/BOX/x.c tests BOX/x.c or x.h; a long one is split: x_part.c."""
    name = Path(path)
    folder = BOXES.get(name.parts[2])
    if not folder:
        return find(path, 1, f"there is no box {name.parts[2]}", "tests/unit/BOX/x.c tests BOX's x.c")
    stem = name.stem
    while stem:
        if any((Path(folder) / (stem + end)).is_file() for end in (".c", ".h")):
            return None
        stem = stem.rpartition("_")[0]
    if path in WITHOUT_SOURCE:
        return None
    return find(path, 1, f"{folder}/{name.name} does not exist",
                "name the test after the file it tests (or x_part.c), or say why not in tests/check/names.py")


def check_licence(path, text):
    dual = path.startswith(("bpf/", "vmlinux/")) or path.endswith(".bpf.c")
    want = SPDX_DUAL if dual or SPDX_DUAL in text[:100] and path.startswith("tests/bpf/") else SPDX
    lines = text.split("\n", 2)
    line = lines[1] if lines[0].startswith("#!") else lines[0]
    if f"SPDX-License-Identifier: {want}" not in line:
        find(path, 1, f"line 1 does not say SPDX-License-Identifier: {want}", "put it there (below #!)")


for f in files(".c", under="tests/unit/"):
    check_mirror(f)
for f in files():
    try:
        text = read(f)
    except UnicodeDecodeError:
        continue
    if f.endswith((".c", ".h", ".sh", ".py", ".mk", ".js")) or Path(f).name in ("Makefile", "run"):
        check_licence(f, text)
    for n, line in enumerate(text.split("\n"), 1):
        if NOTE.search(line):
            find(f, n, "a note of work to do without an owner", "write its owner in parentheses behind it, or do it")
        if MACHINE.search(line):
            find(f, n, "points at a machine of ours", "the tree stands alone: leave the path out")
done()
