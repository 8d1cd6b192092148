# SPDX-License-Identifier: Apache-2.0
"""A real framework as a workload: express with all it needs, packed by the product, behind a Service; its agent is killed,
it is billed for, and nothing of it stays."""
import os
import shutil
from pathlib import Path

import pytest
from bed import TOP, Bed, missing, run, wait_for

LEASE = "shop-lease"


@pytest.fixture
def bed():
    if missing():
        pytest.skip(missing())
    with Bed() as b:
        b.start()
        yield b


def packed(bed):
    """What `workload publish` makes of a folder that npm has filled."""
    src = bed.dir / "shop"
    shutil.copytree(TOP / "tests/e2e/shop", src)
    env = dict(os.environ, npm_config_cache=str(bed.dir / "npm"), npm_config_update_notifier="false")
    run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=src, env=env, timeout=300)
    made = bed.weir("workload", "publish", str(src), "--dry-run", "--output", str(bed.dir / "shop.tgz"))
    assert made["bundled_packages"] >= 50
    return bed.dir / "shop.tgz", made["integrity"]


def traces(bed, netns):
    """Where something of the bed's workloads is left."""
    found = [f"mount {line.split()[4]}" for line in Path("/proc/self/mountinfo").read_text().splitlines()
             if f"{bed.dir}/state" in line]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                continue  # it ended, and the machine's first process has not buried it yet
            if f"/{bed.name}/pods/web" in (process / "cgroup").read_text():
                found.append(f"process {process.name}")
            if netns and os.readlink(process / "ns/net") == netns:
                found.append(f"network namespace of {process.name}")
        except OSError:
            continue  # it ended
    for hierarchy in (bed.cgroup, *Path("/sys/fs/cgroup").glob(f"*/{bed.name}")):
        found += [str(p) for p in hierarchy.glob("pods/web*")]
    for folder in ("packages", "workloads", "runc", "blobs"):
        found += [str(p) for p in (bed.dir / "state" / folder).rglob("*") if p.is_file() and not p.name.startswith(".")]
    return found


def test_express_serves_survives_is_billed_and_goes_without_a_trace(bed):
    tarball, integrity = packed(bed)
    bed.weir("lease", "open", LEASE, "--tenant", "alice", "--deposit", "2000000000", "--core-second", "20000000",
             "--gib-local", "10000000", "--gib-cluster", "10000000")
    web, client = bed.pod("web-0", lease=LEASE, cgroup=False), bed.pod("client")
    vips = bed.service("web", 80, [web], 8080)
    run_it = ("workload", "run", "web-0", str(tarball), "--integrity", integrity, "--lease", LEASE, "--cgroup",
              f"/{bed.name}/{web.rel}", "--host", "::", "--pids", "64", "--memory", "256MiB", "--ready", "http:/")
    bed.weir(*run_it, "--netns", f"/run/netns/{web.netns}")

    def shown():
        row, = bed.weir("workload", "show", "web-0")
        return row

    def answers(vip, n, path="/"):
        host = f"[{vip}]" if ":" in vip else vip
        out = client.run("curl", "-sS", "--max-time", "10", "-H", "Connection: close", f"http://{host}{path}?n=[1-{n}]")
        assert out.split() == ["web-0"] * n, out

    def used(what):
        return sum(int(r[what]) for r in bed.weir("usage", "show", "--window", "7d") if r["pod"] == "default/web-0")
    wait_for("it is ready", lambda: shown()["state"] == "ready")
    pid = shown()["pid"]
    for vip in vips:
        wait_for("its Service serves", lambda v=vip: answers(v, 1) is None)
        answers(vip, 50)
    wait_for("it is billed", lambda: used("cpu_ns") and used("tx_bytes"))
    cpu, sent = used("cpu_ns"), used("tx_bytes")
    bed.kill_agent()
    for vip in vips:
        answers(vip, 50, "/work?ms=2&x")
    bed.start()
    row = shown()
    assert (row["state"], row["pid"], row["restarts"]) == ("ready", pid, 0)
    answers(vips[0], 10)
    wait_for("what it did without an agent is billed", lambda: used("cpu_ns") >= cpu + 200_000_000 and used("tx_bytes") > sent)
    assert int(bed.weir("receipt", "show", "--lease", LEASE)[-1]["total_due"]) > 0
    bed.weir("workload", "stop", "web-0")
    bed.weir("workload", "remove", "web-0")
    bed.weir("workload", "prune", "--keep", "0s")
    assert traces(bed, None) == []
    bed.weir(*run_it)  # in a network namespace of its own, which goes with it
    netns = os.readlink(f"/proc/{shown()['pid']}/ns/net")
    assert traces(bed, netns)
    bed.weir("workload", "stop", "web-0")
    bed.weir("workload", "remove", "web-0")
    bed.weir("workload", "prune", "--keep", "0s")
    assert traces(bed, netns) == []
