#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of maps and reasons in bpf/README.md are what bpf/maps.h and bpf/abi.h say.

    tests/check/maps.py --write     writes them anew, between the marks <!-- NAME --> and <!-- /NAME -->
"""
import re
import sys
from pathlib import Path

from tree import done, find, line_of, read

README, MAPS, ABI = "bpf/README.md", "bpf/maps.h", "bpf/abi.h"


def capacity(name, abi):
    """WEIR_MAX_PODS -> "16384"; what abi.h doesn't know as a number is an enum's end."""
    m = re.search(rf"^#define {name} (\d+)", abi, flags=re.M)
    if name == "WEIR_REASON_MAX_":
        return str(len(reasons(abi)))
    return m.group(1) if m else name


def maps(text, abi):
    kinds = {m.group(1): m.group(2) for m in re.finditer(r"^struct (\w+) \{\n(.*?)^\};", text, flags=re.M | re.S)}
    for m in re.finditer(r"^extern struct (\w+) (weir_\w+)", text, flags=re.M):
        body = kinds[m.group(1)]
        kind, entries = re.search(r"MAP\((\w+), (\w+),", body).groups()
        key, value = (re.search(rf"__type\({t}, ([^)]+)\)", body).group(1) for t in ("key", "value"))
        entries = "one per socket" if kind == "SK_STORAGE" else capacity(entries, abi)
        yield m.group(2), kind.lower(), entries, key, value


def reasons(abi):
    return re.findall(r'^\s*X\((\w+), "(\w+)", "([^"]+)"\)', abi, flags=re.M)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return "\n".join(lines + ["| " + " | ".join(r) + " |" for r in rows])


def tables():
    abi, text = read(ABI), read(MAPS)
    return {
        "maps": table(("map", "kind", "entries", "key", "value"),
                      [(f"`{n}`", k, e, f"`{key}`", f"`{v}`") for n, k, e, key, v in maps(text, abi)]),
        "reasons": table(("reason", "what it counts"), [(f"`{n}`", what) for _, n, what in reasons(abi)]),
    }


text = read(README)
new = text
for name, rows in tables().items():
    mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", flags=re.S)
    if not mark.search(new):
        find(README, 1, f"no table of {name}", f"write <!-- {name} --> and <!-- /{name} --> where it belongs")
        continue
    old = mark.search(new)
    new = mark.sub(lambda m, rows=rows: m.group(1) + rows + "\n" + m.group(2), new)
    if "--write" not in sys.argv and old.group(0) != mark.search(new).group(0):
        find(README, line_of(text, text.index(f"<!-- {name} -->")), f"the table of {name} is not what the headers say",
             "run tests/check/maps.py --write")
if "--write" in sys.argv:
    Path(README).write_text(new, encoding="utf-8")
done()
