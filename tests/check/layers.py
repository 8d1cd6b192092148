#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom, and who may know which library. The tables below are the rule.

    top       user/agent      user/cli      tests
    middle    user/svc   user/meter   user/workload   user/takeover
    kernel    user/dp                     worlds: k8s  chain  walrus  user/ledger
    floor     user/core
    ABI       bpf/abi.h
"""
import re
from pathlib import Path

from tree import bare, files, find, done, read

WORLDS = {"user/core", "k8s", "chain", "walrus", "walrus/seal", "user/ledger"}
MIDDLE = {"user/dp", "user/svc", "user/meter", "user/workload"}
# box: the boxes it may include beside itself
MAY = {
    "user/core": set(),
    "user/dp": {"user/core"},
    "user/ledger": {"user/core"},
    "k8s": {"user/core"},
    "chain": {"user/core"},
    "walrus": {"user/core"},
    "walrus/seal": {"user/core"},
    "user/workload": {"user/core"},
    "user/takeover": {"user/core"},
    "user/svc": {"user/core", "user/dp"},
    "user/meter": {"user/core", "user/dp"},
    "user/agent": WORLDS | MIDDLE,
    "user/cli": WORLDS | MIDDLE | {"user/agent", "user/takeover"},
    "bpf": {"vmlinux"},
    "vmlinux": set(),
}
# boxes that see bpf/abi.h, and only that of bpf/
ABI = {"user/dp", "user/svc", "user/meter", "user/agent", "user/cli"}

# Library header: the files that may include it. One file wraps a library, so that its types, errors and
# faults stay there; where more may, the reason stands behind it.
LIBRARY = {
    r"curl/.*": r"user/core/http(_call)?\.c|user/core/http_impl\.h",
    r"sodium\.h": r"user/core/crypto\.c",
    r"cjson/.*": r"user/core/json\.c",
    r"libfyaml\.h": r"user/core/yaml\.c",
    r"sqlite3\.h": r"user/ledger/db\.c",
    r"blst\.h": r"walrus/seal/bls\.c",
    r"openssl/.*": r"walrus/seal/digest\.c",
    r"archive(_entry)?\.h": r"user/workload/unpack\.c",
    r"microhttpd\.h": r"user/agent/http\.c",
    # links.c watches; ask.c talks, and each kernel_*.c has one family's messages
    r"netlink/.*": r"user/agent/links\.c|user/takeover/(ask|kernel_\w+)\.c",
    r"uv\.h": r"user/agent/.*",  # the loop is what the agent is made of
    r"bpf/.*": r"user/dp/.*\.c|bpf/.*",  # dp is the wrapper: loading, pins, tables; bpf: its helpers
    r"immintrin\.h": r"walrus/lanes_avx2\.c",
    r"arm_neon\.h": r"walrus/lanes_neon\.c",
    r"linux/(sock|inet)_diag\.h": r"user/dp/diag\.c",
    r"ut(hash|list)\.h": r"[^/]*/?.*\.c",  # containers made of macros: nothing to wrap, but not for headers
}
SYSTEM = re.compile(r"(linux|sys|net|netinet|arpa)/[\w./]+|(alloca|assert|ctype|dirent|endian|errno|fcntl|ifaddrs|inttypes|"
                    r"limits|locale|malloc|math|poll|pthread|sched|signal|spawn|std(arg|atomic|bool|def|int|io|lib)|"
                    r"strings?|time|unistd|wctype|wchar|grp|pwd|getopt|termios)\.h")
GENERATED = {"weir.skel.h": "user/dp", "logic.skel.h": "tests"}


def box(path):
    parts = Path(path).parts
    return "/".join(parts[:2]) if parts[0] == "user" or parts[:2] == ("walrus", "seal") else parts[0]


def resolve(name):
    """The path of "name" as the compiler finds it with -I. -Iuser -Itests -Ivmlinux."""
    for root in ("", "user/", "tests/", "vmlinux/"):
        if Path(root + name).is_file():
            return root + name
    return None


def check_own(path, line, name):
    if name.startswith(".") or "/../" in name:
        return find(path, line, f'"{name}" climbs out of its folder', 'write "box/name.h"')
    if name in GENERATED:
        if box(path) not in (GENERATED[name], "tests"):
            find(path, line, f'"{name}" is {GENERATED[name]}\'s', "go through its header")
        return None
    target = resolve(name)
    if not target:
        return find(path, line, f'"{name}" is not in the tree', 'a system or library header is written <...>')
    mine, theirs = box(path), box(target)
    if mine in (theirs, "tests") or theirs in MAY[mine] or (target == "bpf/abi.h" and mine in ABI):
        return None
    return find(path, line, f"{mine} may not include {theirs}",
                f"it may include {', '.join(sorted(MAY[mine])) or 'nothing of ours'} (tests/check/layers.py)")


def check_system(path, line, name):
    if path.startswith("tests/"):
        return
    for pattern, allowed in LIBRARY.items():
        if re.fullmatch(pattern, name):
            if not re.fullmatch(allowed, path):
                find(path, line, f"<{name}> is for {allowed} only", "call that file's functions")
            return
    if not SYSTEM.fullmatch(name):
        find(path, line, f"<{name}> is a library nobody wraps yet", "name its one wrapper in LIBRARY (tests/check/layers.py)")


def check_file(path):
    text = bare(re.sub(r'^(\s*#include )"([^"]*)"', r"\1{\2}", read(path), flags=re.M))
    includes = []
    for n, line in enumerate(text.split("\n"), 1):
        m = re.match(r"\s*#\s*include\s*([{<])([^}>]*)", line)
        if not m:
            continue
        includes.append(m.group(2))
        (check_own if m.group(1) == "{" else check_system)(path, n, m.group(2))
    own = Path(path).with_suffix(".h")
    if path.endswith(".c") and own.is_file() and includes:
        if not str(own).endswith(includes[0]):
            find(path, 1, f"its own header {own} is not its first include", "put it first: it must stand alone")


def check_modules():
    """What module.mk lets a box link is what it may include, and no more."""
    for path in files("module.mk"):
        for m in re.finditer(r"call module,(\w+),([\w/]+),([\w ]*),", read(path)):
            named = {next(b for b in (d, "user/" + d, "walrus/" + d) if b in MAY) for d in m.group(3).split()}
            if named - MAY[m.group(2)]:
                find(path, 1, f"{m.group(2)} links {', '.join(sorted(named - MAY[m.group(2)]))}",
                     "it may not include it (tests/check/layers.py)")


for f in files(".c", ".h"):
    check_file(f)
check_modules()
done()
