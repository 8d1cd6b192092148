# SPDX-License-Identifier: Apache-2.0
"""A hostile package: what it tries from within its container, and what it takes. hostile/attempts.c holds the attempts; the
same program outside, as root, gets through with each: so each of them can succeed."""
import json
import os
import subprocess
import tarfile
import time
import urllib.parse
from pathlib import Path

import pytest
from bed import TOP, Bed, missing, run

HOSTILE = TOP / "tests/e2e/hostile"
NOBODY = 65534
# Of the same user as every workload, so that only namespaces stand between: a process, its sockets of three kinds.
VICTIM = """
import os, signal, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sockets = [socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX), socket.socket()]
for s, at in zip(sockets, (chr(0) + sys.argv[1], sys.argv[2], ("127.0.0.1", 7777))):
    s.bind(at); s.listen()
print("up", flush=True)
signal.pause()
"""
# What the kernel says to each.
REFUSED = {
    "host_file": "ENOENT", "host_passwords": "ENOENT", "host_root": "ENOENT", "inherited_directory": "ENOENT",
    "write_code": "EACCES", "write_usr": "EROFS", "write_root": "EROFS", "write_dev": "EROFS",
    "write_cgroup": "ENOENT", "read_sysfs": "ENOENT", "write_sysctl": "EACCES", "write_sysrq": "EACCES", "kernel_log": "ENOENT",
    "make_device": "EPERM",
    "mount_tmpfs": "EPERM", "mount_writable": "EPERM", "unmount": "EPERM", "new_mount": "EPERM", "copy_mount": "EPERM",
    "change_root": "EPERM",
    "see_process": "ESRCH", "read_process": "ENOENT", "hold_process": "ESRCH", "trace_process": "EPERM",
    "read_memory": "EPERM", "steal_descriptor": "EPERM", "look_into_init": "EACCES", "become_root": "EPERM", "be_first": "EACCES",
    "abstract_socket": "ECONNREFUSED", "unix_socket": "ENOENT", "tcp_socket": "ECONNREFUSED",
    "raw_socket": "EPERM", "packet_socket": "EPERM", "crypto_socket": "EPERM", "mark_packets": "EPERM", "change_link": "EPERM",
    "bpf_map": "EPERM", "bpf_program": "EPERM", "perf_event": "EPERM", "user_fault": "EPERM", "key_ring": "EPERM",
    "reboot_host": "EPERM", "open_by_handle": "EPERM", "set_clock": "EPERM",
    "unshare_user": "EPERM", "unshare_network": "EPERM", "clone_user": "EPERM", "clone3_user": "ENOSYS", "enter_network": "EPERM",
}
# What not every kernel has.
LACKED = {"write_sysrq": "/proc/sysrq-trigger", "write_sysctl": "/proc/sys/kernel/core_pattern", "kernel_log": "/dev/kmsg"}


def package(folder):
    """Its programs are its own: built here, they need nothing of the node's."""
    for name in ("attempts", "greedy"):
        run("gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-static", "-o", str(folder / name), str(HOSTILE / f"{name}.c"))
    path = folder / "hostile.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for file in (folder / "attempts", folder / "greedy", HOSTILE / "package.json", HOSTILE / "server.js"):
            tar.add(file, f"package/{file.name}")
    return path


class Cell:
    """A bed with the hostile package in it, and a victim."""

    def __init__(self, bed):
        self.bed, self.pods = bed, 0
        self.tarball = package(bed.dir)

    def run(self, *words):
        """Another container of the package: its pod."""
        self.pods += 1
        pod = self.bed.pod(f"hostile-{self.pods}", cgroup=False)
        self.bed.weir("workload", "run", pod.name, str(self.tarball), "--netns", f"/run/netns/{pod.netns}", "--cgroup",
                      f"/{self.bed.name}/{pod.rel}", *words)
        return pod

    def ask(self, pod, program, *args):
        """{stdout, status, signal} of a program of the package."""
        query = "&".join(urllib.parse.quote(a, safe="=/") for a in args)
        out = self.bed.host.run("curl", "-sS", "--max-time", "60", "--retry", "50", "--retry-connrefused", "--retry-delay", "0",
                                "--retry-max-time", "20", f"http://{pod.ip}:8080/{program}?{query}")
        return json.loads(out)


def lines(text):
    return dict(line.split(" ", 1) for line in text.splitlines())


@pytest.fixture(scope="module")
def cell():
    if missing():
        pytest.skip(missing())
    with Bed() as bed:
        bed.dir.chmod(0o755)  # the victim's user reaches what is his
        bed.start()
        yield Cell(bed)


@pytest.fixture(scope="module")
def tried(cell):
    """{attempt: what came of it}, inside and outside."""
    bed = cell.bed
    (bed.dir / "secret").write_text("s")
    (bed.dir / "open").mkdir()
    os.chown(bed.dir / "open", NOBODY, NOBODY)
    victim = bed.pod("victim")
    process = victim.popen("/usr/bin/python3", "-c", VICTIM, bed.name, f"{bed.dir}/open/socket", stdout=subprocess.PIPE)
    assert process.stdout.readline() == "up\n"
    pod = cell.run()
    record, = bed.weir("workload", "show", pod.name)
    targets = [f"file={bed.dir}/secret", f"cgroup={victim.cgroup}/cgroup.procs", f"abstract={bed.name}", f"pid={process.pid}",
               f"path={bed.dir}/open/socket", "port=7777"]
    inside = cell.ask(pod, "attempts", "code=/app/server.js", "init=1", *targets)
    assert inside["status"] == 0, inside
    leak = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    outside = subprocess.run(["nsenter", f"--net=/run/netns/{victim.netns}", "unshare", "--mount", "--uts", "--ipc",
                              bed.dir / "attempts", f"code={record['code']}/server.js", f"init={process.pid}", *targets],
                             check=True, capture_output=True, text=True, pass_fds=[leak]).stdout
    os.close(leak)
    return {"inside": lines(inside["stdout"]), "outside": lines(outside)}


@pytest.mark.parametrize("attempt", REFUSED)
def test_a_hostile_package_does_not_get_through(tried, attempt):
    if attempt not in LACKED or Path(LACKED[attempt]).exists():
        assert tried["outside"][attempt] == "through"
        assert tried["inside"][attempt] == REFUSED[attempt]
    else:
        assert tried["inside"][attempt] in (REFUSED[attempt], "ENOENT")


def test_all_attempts_are_judged(tried):
    assert set(tried["inside"]) == set(tried["outside"]) == set(REFUSED)


def limit(cell, pod, controller, v1, v2):
    """The content of a file of a container's cgroup, in the hierarchy its controller is in."""
    old = Path("/sys/fs/cgroup") / controller / cell.bed.name / pod.rel / v1
    return (old if old.exists() else pod.cgroup / v2).read_text()


def test_a_fork_bomb_ends_at_its_limit(cell):
    pod = cell.run("--pids", "40")
    for _ in range(3):  # what the last one left is buried
        forked = int(cell.ask(pod, "greedy", "bomb", "2000")["stdout"].split()[1])
        assert 10 < forked < 40
    assert int(lines(limit(cell, pod, "pids", "pids.events", "pids.events"))["max"]) >= 3
    free = cell.run()
    assert cell.ask(free, "greedy", "bomb", "100")["stdout"] == "forked 100\n"


def test_a_memory_hog_dies_alone(cell):
    pod, free = cell.run("--memory", "128MiB"), cell.run()
    assert cell.ask(pod, "greedy", "hog", str(400 << 20)) == {"stdout": "", "status": None, "signal": "SIGKILL"}
    assert cell.ask(free, "greedy", "hog", str(400 << 20))["stdout"] == "filled\n"
    peak = limit(cell, pod, "memory", "memory.max_usage_in_bytes", "memory.peak")
    assert int(peak) <= 128 << 20
    swap = limit(cell, pod, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max")
    assert swap.strip() in ("0", str(128 << 20))  # what it may not have in memory it has nowhere


def test_a_cpu_hog_has_its_share_and_no_more(cell):
    pod, free = cell.run("--cpu-millis", "200"), cell.run()
    for each in (pod, free):
        cell.ask(each, "greedy")  # it is up
    before, began = pod.cpu_us(), time.monotonic()
    assert cell.ask(pod, "greedy", "spin", "1000")["stdout"] == "spun\n"
    share = (pod.cpu_us() - before) / 1e6 / (time.monotonic() - began)
    assert share < 0.25  # of a CPU: two processes wanted two
    assert int(lines(limit(cell, pod, "cpu", "cpu.stat", "cpu.stat"))["nr_throttled"]) > 0
    cell.ask(free, "greedy", "spin", "1000")
    assert int(lines(limit(cell, free, "cpu", "cpu.stat", "cpu.stat")).get("nr_throttled", 0)) == 0
