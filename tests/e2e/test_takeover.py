# SPDX-License-Identifier: Apache-2.0
"""Taking over from kube-proxy, and leaving: what kube-proxy left goes, and nothing else changes.

Everything happens in network namespaces of the test's own: what weir finds, it removes."""
import contextlib
import json
import os
import re
import secrets
from pathlib import Path

import bed as beds
import kubeproxy
import pytest
from bed import run, wait_for
from bed.tools import own_mounts
from kubeproxy import Port

MAKES = [f"ip{v6}tables-{make}" for make in ("legacy", "nft") for v6 in ("", "6")]
NOWHERE = [("203.0.113.1", 8080), ("203.0.113.2", 8080)]
NOWHERE6 = [("2001:db8:ffff::1", 8080)]
PORTS = [Port("default/web:tcp", "tcp", "10.96.0.10", 80, NOWHERE, node_port=30080, lb="192.0.2.7",
              ranges=("203.0.113.0/24",), affinity=10800, local=True),
         Port("default/web:udp", "udp", "10.96.0.10", 80, NOWHERE, node_port=30080),
         Port("default/none:tcp", "tcp", "10.96.0.99", 80)]
PORTS6 = [Port("default/web:tcp", "tcp", "fd10:96::a", 80, NOWHERE6), Port("default/web:udp", "udp", "fd10:96::a", 80, NOWHERE6)]


class Node:
    """A network namespace, as programs in it see it."""

    def __init__(self, netns):
        self.netns = netns

    def run(self, *argv, text="", check=True):
        return run("nsenter", f"--net=/run/netns/{self.netns}", *argv, input=text, check=check)

    def takeover(self, *words, code=0):
        done = self.run(beds.WEIR, "-j", "datapath", "takeover", *words, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def restore(self, tool, text):
        self.run(f"{tool}-restore", "--noflush", text=text)

    def others(self):
        for tool in MAKES:
            self.restore(tool, kubeproxy.others("6" in tool))
        self.run("nft", "-f", "-", text=kubeproxy.nft_others())
        self.run("ipset", "restore", text="create MINE hash:ip\nadd MINE 192.0.2.1\ncreate KUBE-SRC-MINE hash:ip\n")

    def saves(self):
        """All rules there are, byte for byte but for remarks (the time) and counters, for packets come by."""
        told = {tool: self.run(f"{tool}-save").stdout for tool in MAKES}
        told["nft"] = self.run("nft", "--stateless", "list", "ruleset").stdout
        told["ipset"] = self.run("ipset", "save").stdout
        told["dummies"] = self.run("ip", "-o", "link", "show", "type", "dummy").stdout
        told["addresses"] = self.run("ip", "-o", "addr", "show", "scope", "global").stdout
        if Path("/proc/net/ip_vs").exists():
            told["ipvs"] = self.run("ipvsadm", "--save", "--numeric").stdout
        return {name: re.sub(r"(?m)^#.*\n", "", re.sub(r"\[\d+:\d+\]", "[0:0]", text)) for name, text in told.items()}


@pytest.fixture
def node():
    why = beds.missing()
    if why:
        pytest.skip(why)
    own_mounts()
    name = f"weir-{secrets.token_hex(3)}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", name, "addr", "add", "192.0.2.1/32", "dev", "lo")
        yield Node(name)
    finally:
        run("ip", "netns", "del", name)


def load_nftables(node):
    node.run("nft", "-f", "-", text=kubeproxy.nftables(PORTS) + kubeproxy.nftables(PORTS6, v6=True))


def load_iptables(make, large=False):
    def load(node):
        node.restore(f"iptables-{make}", kubeproxy.iptables(PORTS, large=large))
        node.restore(f"ip6tables-{make}", kubeproxy.iptables(PORTS6, v6=True, large=large))
    return load


def load_ipvs_rules(make):
    def load(node):
        node.run("ipset", "restore", text=kubeproxy.sets())
        node.restore(f"iptables-{make}", kubeproxy.ipvs())
        node.restore(f"ip6tables-{make}", kubeproxy.ipvs(v6=True))
    return load


def load_ipvs(node):
    """The cluster IPs are on the device, the node port is in a set; the last two are somebody else's."""
    node.run("ipset", "restore", text=kubeproxy.sets())
    node.run("ip", "link", "add", "kube-ipvs0", "type", "dummy")
    for addr in ("10.96.0.10/32", "fd10:96::a/128"):
        node.run("ip", "addr", "add", addr, "dev", "kube-ipvs0")
    node.run("ipvsadm", "--restore", text="-A -t 10.96.0.10:80 -s rr\n-a -t 10.96.0.10:80 -r 203.0.113.1:8080 -m\n"
             "-A -u [fd10:96::a]:53 -s rr\n-A -t 192.0.2.1:30080 -s rr\n")


def load_others_ipvs(node):
    node.run("ipvsadm", "--restore", text="-A -t 192.0.2.1:8443 -s rr\n-A -f 7 -s rr\n")


def misses_ipvs(node):
    if node.run("ip", "link", "add", "probe", "type", "dummy", check=False).returncode:
        return "the kernel has no dummy devices"
    node.run("ip", "link", "del", "probe")
    return "the kernel has no IPVS" if node.run("ipvsadm", "--list", check=False).returncode else None


def misses_legacy(node):
    return "the kernel has no iptables-legacy" if node.run("iptables-legacy", "-t", "nat", "-L", check=False).returncode else None


KINDS = {
    "nftables": load_nftables,
    "iptables-legacy": load_iptables("legacy"),
    "iptables-nft": load_iptables("nft"),
    "iptables-nft-large": load_iptables("nft", large=True),
    "ipvs-rules-legacy": load_ipvs_rules("legacy"),
    "ipvs-rules-nft": load_ipvs_rules("nft"),
    "ipvs-services": load_ipvs,
}


def undone(items):
    return [{k: v for k, v in item.items() if k != "done"} for item in items]


def check_takeover(node, before, with_rules):
    """Dry, real, and once more."""
    dry = node.takeover("--dry-run")
    assert dry and not any(item["done"] or item["error"] for item in dry)
    assert node.saves() == with_rules
    done = node.takeover()
    assert all(item["done"] for item in done)
    assert undone(done) == undone(dry)
    assert node.saves() == before
    assert node.takeover() == []
    assert node.saves() == before
    return done


@pytest.mark.parametrize("kind", KINDS)
def test_what_kube_proxy_left_goes_and_what_others_made_stays(node, kind):
    why = misses_legacy(node) or (misses_ipvs(node) if kind == "ipvs-services" else None)
    if why:
        pytest.skip(why)
    node.others()
    if kind == "ipvs-services":
        load_others_ipvs(node)
    assert node.takeover() == []
    before = node.saves()
    KINDS[kind](node)
    with_rules = node.saves()
    assert with_rules != before
    check_takeover(node, before, with_rules)


def test_a_takeover_removes_each_chain_of_each_service_by_name(node):
    load_iptables("nft")(node)
    done = node.takeover("--dry-run")
    names = {item["name"] for item in done if (item["kind"], item["family"], item["table"]) == ("iptables-nft", "ip", "nat")}
    for port in PORTS[:2]:
        assert {kubeproxy.chain(kind, port) for kind in ("SVC", "EXT")} <= names
        assert {kubeproxy.chain("SEP", port, kubeproxy.host(*e)) for e in port.endpoints} <= names
    assert '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES' in names
    assert {item["what"] for item in done} == {"chain", "jump"}


@contextlib.contextmanager
def instead_of(program, script):
    """Another program of that name, found first, in this process' own mount namespace."""
    run("mount", "-t", "tmpfs", "tmpfs", "/usr/local/sbin")
    try:
        path = Path("/usr/local/sbin") / program
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        yield
    finally:
        run("umount", "/usr/local/sbin")


@contextlib.contextmanager
def without(program):
    """As if it were not installed: what its name leads to can't be executed."""
    path = os.path.realpath(f"/usr/sbin/{program}")
    run("mount", "--bind", "/dev/null", path)
    try:
        yield
    finally:
        run("umount", path)


def test_a_table_that_fails_stays_whole_and_the_others_go(node):
    load_iptables("nft")(node)
    load_nftables(node)
    before = node.saves()
    script = 'text=$(cat); case $text in \\**nat*) echo "no more memory" >&2; exit 4 ;; esac\n' \
             'printf "%s\\n" "$text" | exec /usr/sbin/iptables-nft-restore "$@"'
    with instead_of("iptables-nft-restore", script):
        items = node.takeover(code=1)
    failed, = [item for item in items if item["error"]]
    assert (failed["kind"], failed["family"], failed["table"], failed["done"]) == ("iptables-nft", "ip", "nat", False)
    assert "no more memory" in failed["error"]
    after = node.saves()
    assert after["iptables-nft"].split("*nat")[1] == before["iptables-nft"].split("*nat")[1]
    assert "KUBE-" not in after["iptables-nft"].split("*nat")[0] + after["ip6tables-nft"]
    assert "kube-proxy" not in after["nft"]
    assert {item["table"] for item in node.takeover()} == {"nat"}
    assert node.takeover() == []


def test_a_program_is_missed_only_where_the_kernel_has_its_rules(node):
    why = misses_legacy(node)
    if why:
        pytest.skip(why)
    with without("iptables-nft-save"):
        load_iptables("legacy")(node)
        assert {item["kind"] for item in node.takeover()} == {"iptables-legacy"}
    load_iptables("legacy")(node)
    load_nftables(node)
    with without("iptables-legacy-save"):
        items = node.takeover(code=1)
    assert [(i["kind"], i["family"]) for i in items if i["done"]] == [("nftables", "ip"), ("nftables", "ip6")]
    unseen = [i for i in items if not i["done"]]
    assert [(i["kind"], i["family"], i["action"]) for i in unseen] == [("iptables-legacy", f, "look") for f in ("ip", "ip6")]
    assert "install the package iptables" in unseen[0]["error"]
    assert {i["kind"] for i in node.takeover()} == {"iptables-legacy"}


def test_without_the_right_to_look_nothing_is_said_to_be_clean(node):
    done = node.run("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", beds.WEIR, "-j", "datapath", "takeover",
                    check=False)
    assert done.returncode == 1
    assert "CAP_NET_ADMIN" in json.loads(done.stdout)["error"]


def ask(pod, kind, addr, port, n):
    return pod.ask("count", kind, addr, port, n)


def test_weir_starts_beside_kube_proxys_rules_takes_over_and_leaves(bed):
    """kube-proxy's rules lead nowhere: who gets an answer got it through Weir."""
    node = Node(bed.node)
    for pod in (web := [bed.pod(f"web-{i}") for i in range(2)]):
        pod.serve(8080)
    client = bed.pod("client")
    vips = bed.service("web", 80, web, 8080)
    assert vips == [PORTS[0].vip, PORTS6[0].vip]
    node.others()
    bare = node.saves()
    loads = [load_nftables, load_iptables("nft"), load_ipvs_rules("nft")]
    if not misses_legacy(node):
        loads += [load_iptables("legacy")]
    for load in loads:
        load(node)
    with_rules = node.saves()

    def of_bpf():
        return sorted(os.listdir(bed.dir / "bpffs")), run("bpftool", "cgroup", "tree", str(bed.cgroup)).stdout
    no_bpf = of_bpf()

    def served():
        for place in (client, bed.host):
            for kind in ("tcp", "udp"):
                for vip in vips:
                    result = ask(place, kind, vip, 80, 20)
                    assert result["failed"] == [] and set(result["answers"]) == {"web-0", "web-1"}
        return True
    assert ask(bed.host, "tcp", vips[0], 80, 1)["failed"]
    bed.start()
    assert of_bpf() != no_bpf
    assert served()
    assert node.saves() == with_rules
    done = check_takeover(node, bare, with_rules)
    assert {"nftables", "iptables-nft", "ipset"} <= {item["kind"] for item in done}
    assert served()
    assert bed.weir("datapath", "check") == []

    pins = bed.weir("datapath", "detach", "--dry-run")
    assert {p["kind"] for p in pins} == {"link", "map", "prog"} and all(os.path.exists(p["path"]) for p in pins)
    assert bed.cli("datapath", "detach", check=False).returncode == 1  # the agent runs
    assert served()
    bed.kill_agent()
    bed.cli("datapath", "detach")
    wait_for("no program is left", lambda: of_bpf() == no_bpf)
    assert node.saves() == bare
    assert bed.weir("datapath", "detach", "--dry-run") == []
    assert ask(bed.host, "tcp", vips[0], 80, 1)["failed"]
