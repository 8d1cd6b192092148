#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Records iptables/NAME.txt, a node's rules with kube-proxy's among them, and iptables/NAME.after.txt, the same without.

What iptables itself says of rules it was given, without kube-proxy's in the second: so the reader is compared with
something that can't share its mistakes. Changes nothing of the machine's own, for it enters a network namespace:

    tests/vectors/record_iptables.py        # root
"""
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from kubeproxy import Port, iptables, ipvs, others, sets  # noqa: E402

WEB = Port("shop/web:http", "tcp", "10.96.0.10", 80, [("10.244.1.5", 8080), ("10.244.2.6", 8080)], node_port=30080,
           lb="192.0.2.7", ranges=("203.0.113.0/24",), affinity=10800, local=True)
DB = Port("shop/db", "tcp", "10.96.0.11", 5432)
DNS = Port("kube-system/dns:dns", "udp", "fd10:96::a", 53, [("fd10:244:1::5", 53)], node_port=30053)


def command(*argv, text=""):
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=True).stdout


CASES = {
    "legacy": ("iptables-legacy", False, lambda: iptables([WEB, DB])),
    "nft6": ("ip6tables-nft", True, lambda: iptables([DNS], v6=True)),
    "large": ("iptables-nft", False, lambda: iptables([WEB, DB], large=True)),
    "ipvs": ("iptables-legacy", False, ipvs),
}


def record(name):
    tool, v6, rules = CASES[name]
    command("ipset", "restore", text=sets())
    command(f"{tool}-restore", "--noflush", text=others(v6))
    (HERE / "iptables" / f"{name}.after.txt").write_text(command(f"{tool}-save"))
    command(f"{tool}-restore", "--noflush", text=rules())
    (HERE / "iptables" / f"{name}.txt").write_text(command(f"{tool}-save"))


if len(sys.argv) == 2:
    record(sys.argv[1])
else:
    for case in CASES:
        command("unshare", "--net", sys.executable, __file__, case)
