#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the documents promise: links lead somewhere, a `make X` or an end-to-end test they name exists, every
folder of the map in README.md has its own README.md, and every folder of code is on that map."""
import re
from pathlib import Path

from tree import done, files, find, product, read



def targets():
    """All names before a colon; "fuzz fuzz-replay:" is two."""
    found = set()
    for path in ["Makefile"] + files(".mk"):
        for m in re.finditer(r"^([a-z][a-z0-9 -]*):(?!=)", read(path), flags=re.M):
            found.update(m.group(1).split())
    return found


def check_links(path, n, line):
    for m in re.finditer(r"\]\(([^)#\s]+)[^)]*\)", line):
        if not re.match(r"[a-z]+:", m.group(1)) and not (Path(path).parent / m.group(1)).exists():
            find(path, n, f"the link to {m.group(1)} leads nowhere", "mend or drop it")


def check_make(path, n, line, known):
    """Words behind make, in code (indented, or in backticks): targets, or VAR=value."""
    code = [line] if line.startswith("    ") else re.findall(r"`([^`]*)`", line)
    for text in code:
        for m in re.finditer(r"(?:^|\s)make((?:\s+[\w-]+(?:=\S*)?)+)", text.split("#")[0]):
            for word in m.group(1).split():
                if "=" not in word and not word.startswith("-") and word not in known:
                    find(path, n, f"there is no `make {word}`", "`make help` lists what there is")


def check_tests(path, n, line, known):
    """End-to-end tests they name, by the whole name or how it begins."""
    for name in re.findall(r"`(test_\w+)`", line):
        if not any(k == name or k.startswith(name + "_") for k in known):
            find(path, n, f"there is no {name}", "name the test that is there")


def check_map():
    text = read("README.md")
    shown = set(re.findall(r"^\| \[([\w/]+)/\]\(", text, flags=re.M))
    for folder in sorted(shown):
        if not (Path(folder) / "README.md").is_file():
            find("README.md", 1, f"{folder}/ has no README.md", "say there what it is, keeps, and does when things fail")
    boxes = {str(Path(f).parent) for f in product(".c", ".h")} | {"tests"}
    for folder in sorted(boxes - shown - {"bpf/lib"}):
        find("README.md", 1, f"{folder}/ is not on the map", "add its row to 'Where things are'")


known = targets()
tests = {m for f in files(".py", under="tests/e2e/") for m in re.findall(r"^def (test_\w+)", read(f), flags=re.M)}
for f in files(".md"):
    for n, line in enumerate(read(f).split("\n"), 1):
        check_links(f, n, line)
        check_make(f, n, line, known)
        check_tests(f, n, line, tests)
check_map()
done()
