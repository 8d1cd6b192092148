# SPDX-License-Identifier: Apache-2.0
"""Measuring and proving: usage against the kernel's and the interface's own counters, receipts
against the file alone, and neither lost nor doubled over SIGKILL."""
import json
import random
import sqlite3
import time

import pytest
from bed import BedError, run, wait_for

ETHERNET = 14  # bytes of link header in the interface's counters
DIMENSIONS = ("cpu_ns", "rx_bytes", "tx_bytes", "rx_packets", "tx_packets", "rx_bytes_raw", "tx_bytes_raw")


def total(bed, pod):
    """All recorded usage of a pod, or {} before there is any."""
    rows = [r for r in bed.weir("usage", "show", "--window", "7d") if r["pod"] == f"default/{pod.name}"]
    return {d: sum(int(r[d]) for r in rows) for d in DIMENSIONS} if rows else {}


def settled(bed, pod, **want):
    """Waits until the recorded usage has the values wanted, and returns it."""
    def equal():
        got = total(bed, pod)
        if all(got.get(k) == v for k, v in want.items()):
            return got
        raise BedError(f"recorded {got}, want {want}")
    return wait_for(f"usage of {pod.name}", equal)


def cpu_us_settled(bed, pod):
    def equal():
        ns = total(bed, pod).get("cpu_ns", 0)
        if ns // 1000 == pod.cpu_us():
            return ns
        raise BedError(f"recorded {ns} ns, cpu.stat says {pod.cpu_us()} us")
    return wait_for(f"CPU time of {pod.name}", equal)


BURN = "import time\nwhile time.process_time() < 0.3: pass"


def test_cpu_time_is_that_of_cpu_stat_to_the_microsecond(bed):
    pod = bed.pod("burner")
    bed.start()
    pod.run("/usr/bin/python3", "-c", BURN)
    assert cpu_us_settled(bed, pod) >= 300_000_000


SINK = """
import socket
s = socket.create_server(("0.0.0.0", 9000))
while True:
    c, _ = s.accept()
    with c:
        while c.recv(1 << 20):
            pass
"""
SEND = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as s:
    s.sendall(bytes(int(sys.argv[3])))
    s.shutdown(socket.SHUT_WR)
    s.recv(1)
"""


def acquainted(bed, *pods):
    """Only what the test sends is on the wire: no IPv6 housekeeping, and static neighbours instead of
    ARP. The interface would count those; they are no socket's, so nobody is billed for them."""
    for netns in (bed.node, *(p.netns for p in pods)):
        run("nsenter", f"--net=/run/netns/{netns}", "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    for a in pods:
        for b in pods:
            if a is not b:
                mac = json.loads(run("ip", "-n", b.netns, "-j", "link", "show", "eth0").stdout)[0]["address"]
                run("ip", "-n", a.netns, "neigh", "replace", b.ip, "lladdr", mac, "dev", "eth0", "nud", "permanent")


def segmentation_off(pod):
    run("nsenter", f"--net=/run/netns/{pod.netns}", "ethtool", "-K", "eth0", "tso", "off", "gso", "off", "gro", "off")


@pytest.mark.parametrize("offloads", ["on", "off"])
def test_bytes_are_the_interfaces_less_link_headers(bed, offloads):
    """What is billed is what a link carries: with segmentation in software, above the interface, its
    counters say just that. With offloads on the interface sees the packets whole, as raw does."""
    pods = server, client = bed.pod("server"), bed.pod("client")
    acquainted(bed, *pods)
    if offloads == "off":
        for pod in pods:
            segmentation_off(pod)
    vips = bed.service("sink", 80, [server], 9000, protocols=("TCP",))
    bed.start()
    before = [pod.counters() for pod in pods]
    server.popen("/usr/bin/python3", "-c", SINK)
    wait_for("the sink listens", lambda: "9000" in run(
        "nsenter", f"--net=/run/netns/{server.netns}", "cat", "/proc/net/tcp").stdout or
        ":2328 " in run("nsenter", f"--net=/run/netns/{server.netns}", "cat", "/proc/net/tcp").stdout)
    client.run("/usr/bin/python3", "-c", SEND, vips[0], "80", str(3 << 20))
    for pod, was in zip(pods, before):
        now = {k: v - was[k] for k, v in pod.counters().items()}
        on_link = {way: now[f"{way}_bytes"] - ETHERNET * now[f"{way}_packets"] for way in ("rx", "tx")}
        if offloads == "on":
            got = settled(bed, pod, rx_bytes_raw=on_link["rx"], tx_bytes_raw=on_link["tx"])
            assert got["rx_bytes"] >= got["rx_bytes_raw"] and got["tx_bytes"] >= got["tx_bytes_raw"]
        else:
            settled(bed, pod, rx_bytes=on_link["rx"], tx_bytes=on_link["tx"],
                    rx_packets=now["rx_packets"], tx_packets=now["tx_packets"])
    sent = total(bed, client)
    assert sent["tx_bytes"] > 3 << 20


def test_a_pod_that_lives_twenty_milliseconds_is_billed_in_full(bed):
    bed.start()
    pod = bed.pod("brief", cgroup=False)
    before = cpu_of(bed.cgroup / "pods")
    pod.run("sh", "-c", "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done")
    wait_for("the cgroup can go", lambda: pod.cgroup.rmdir() or True)
    spent = cpu_of(bed.cgroup / "pods") - before
    ns = wait_for("it is recorded", lambda: total(bed, pod).get("cpu_ns"))

    def whole():
        return abs(total(bed, pod)["cpu_ns"] // 1000 - (cpu_of(bed.cgroup / "pods") - before)) <= 1
    wait_for("all of it is recorded", whole)
    assert spent > 0 and ns > 0


def cpu_of(cgroup):
    return int((cgroup / "cpu.stat").read_text().split()[1])


def test_a_pod_that_goes_while_nothing_is_attached_is_closed_with_what_was_known(bed):
    """Its row must not stay open until the machine is started anew."""
    def row():
        with sqlite3.connect(f"file:{bed.dir}/state/ledger.db?mode=ro", uri=True) as db:
            return db.execute("SELECT p.closed, p.cpu_ns FROM pods p JOIN identities i ON i.id = p.identity"
                              " WHERE i.name = 'mortal'").fetchone()
    pod = bed.pod("mortal")
    bed.start()
    pod.run("/usr/bin/python3", "-c", BURN)
    ns = cpu_us_settled(bed, pod)
    assert row() == (0, ns)
    bed.kill_agent()
    bed.cli("datapath", "detach")
    wait_for("the cgroup can go", lambda: pod.cgroup.rmdir() or True)
    bed.start()
    wait_for("its row is closed", lambda: row()[0])
    assert row() == (1, ns)
    assert total(bed, pod)["cpu_ns"] == ns


def test_unmeasured_memory_is_null_with_the_reason_and_never_zero(bed):
    pod = bed.pod("idle")
    bed.start()
    row = wait_for("a window", lambda: [r for r in bed.weir("usage", "show", "--window", "7d")
                                        if r["pod"] == "default/idle"])[0]
    if (pod.cgroup / "memory.current").exists():
        assert int(row["memory_byte_ns"]) > 0
        return
    assert row["memory_byte_ns"] is None and row["memory_peak_bytes"] is None
    assert "memory controller" in row["not_measured"]["memory"]


# ---- Proving --------------------------------------------------------------------------------

PRICES = ("--core-second", "1000000", "--gib-external", "5000000", "--gib-cluster", "1000000",
          "--gib-local", "1000000")


def open_lease(bed, label, deposit):
    bed.weir("lease", "open", label, "--tenant", "alice", "--deposit", str(deposit), *PRICES)


def test_receipts_verify_and_any_flipped_bit_is_named(bed):
    pod = bed.pod("worker", lease="shop")
    bed.start()
    open_lease(bed, "shop", 10**9)
    pod.run("/usr/bin/python3", "-c", BURN)
    cpu_us_settled(bed, pod)
    wait_for("three receipts", lambda: len(bed.weir("receipt", "show", "--lease", "shop")) >= 3)
    file = bed.dir / "receipts.json"
    bed.cli("receipt", "export", "--lease", "shop", "-o", str(file))
    verified = bed.weir("receipt", "verify", str(file))
    assert verified["first_seq"] == 1

    good = file.read_bytes()
    for _ in range(60):
        at, bit = random.randrange(len(good)), random.randrange(8)
        bad = bytearray(good)
        bad[at] ^= 1 << bit
        file.write_bytes(bad)
        done = bed.cli("-j", "receipt", "verify", str(file), check=False)
        assert done.returncode == 1, f"bit {bit} of byte {at} went unnoticed"
        assert json.loads(done.stdout)["error"]


def test_settlement_pays_what_is_due_from_the_escrow_and_refunds_the_rest(bed):
    pod = bed.pod("worker", lease="shop")
    bed.start()
    open_lease(bed, "shop", 10**9)
    pod.run("/usr/bin/python3", "-c", BURN)
    cpu_us_settled(bed, pod)
    bed.weir("lease", "close", "shop")
    lease, = bed.weir("lease", "show", "shop")
    receipts = bed.weir("receipt", "show", "--lease", "shop")
    assert lease["state"] == "closed"
    assert int(lease["paid"]) == int(receipts[-1]["total_due"]) > 0
    assert int(lease["paid"]) + int(lease["refunded"]) == int(lease["deposited"]) == 10**9
    settlements = bed.weir("settlement", "show")
    assert {s["state"] for s in settlements} == {"final"}
    assert sum(int(s["amount"]) for s in settlements) == int(lease["paid"])


def test_twenty_kills_under_traffic_lose_and_double_nothing(bed):
    server, client = bed.pod("server", lease="shop"), bed.pod("client", lease="shop")
    acquainted(bed, server, client)
    vips = bed.service("web", 80, [server], 8080)
    bed.start()
    open_lease(bed, "shop", 10**12)
    before = {pod: pod.counters() for pod in (server, client)}
    server.serve(8080)
    flow = client.begin("flow", "tcp", vips[0], 80, 14)
    held = client.begin("hold", "held", vips[0], 80, 1)
    held.up()
    for _ in range(20):
        time.sleep(random.uniform(0.02, 0.45))
        bed.kill_agent()
        bed.start(wait=False)
    wait_for("the agent answers", bed.answers)
    result = flow.result()
    assert result["failed"] == []
    assert result["requests"] > 200
    held.say()
    assert held.result()["answers"] == {"server": 1}, "the connection that was held has gone"

    for pod in (server, client):
        now = {k: v - before[pod][k] for k, v in pod.counters().items()}
        settled(bed, pod, **{f"{way}_bytes_raw": now[f"{way}_bytes"] - ETHERNET * now[f"{way}_packets"]
                             for way in ("rx", "tx")})
        cpu_us_settled(bed, pod)
    file = bed.dir / "receipts.json"
    bed.cli("receipt", "export", "--lease", "shop", "-o", str(file))
    bed.weir("receipt", "verify", str(file))
    seqs = [int(r["seq"]) for r in bed.weir("receipt", "show", "--lease", "shop")]
    assert seqs == list(range(1, len(seqs) + 1))
    bed.kill_agent()
    assert bed.weir("datapath", "check") == []


def test_usage_of_a_closed_range_is_the_same_bytes_always(bed):
    pod = bed.pod("worker")
    bed.start()
    pod.run("/usr/bin/python3", "-c", BURN)
    cpu_us_settled(bed, pod)
    end = max(r["to"] for r in bed.weir("usage", "show", "--window", "7d"))
    window = f"2020-01-01T00:00:00Z,{end}"
    first = bed.cli("-j", "usage", "show", "--window", window).stdout
    wait_for("another window", lambda: max(
        r["to"] for r in bed.weir("usage", "show", "--window", "7d")) > end)
    assert bed.cli("-j", "usage", "show", "--window", window).stdout == first
    bed.kill_agent()
    assert bed.cli("-j", "usage", "show", "--window", window).stdout == first
