# SPDX-License-Identifier: Apache-2.0
"""A workload that runs stand-alone, from its start to its end: ready or not, ended and run again, whoever is killed when."""
import json
import os
import random
import signal
import tarfile
import time

import pytest
from bed import Bed, missing, wait_for

# Does what it is told by datagrams: listens at its port or not, answers with a status, ends.
OBEYS = """
const dgram = require('dgram'), http = require('http');
let status = 500;
const server = http.createServer((request, response) => { response.statusCode = status; response.end(request.url); });
const orders = {
  listen: (reply) => server.listen(process.env.PORT, process.env.HOST, reply),
  close: (reply) => { server.close(reply); server.closeAllConnections(); },
  status: (reply, code) => { status = code; reply(); },
  exit: (reply, code) => { reply(); setTimeout(() => process.exit(code), 50); },
  hog: (reply) => { reply(); setTimeout(() => { const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1)); }, 50); },
};
const orderly = dgram.createSocket('udp4', (message, from) => {
  const [order, number] = message.toString().split(' ');
  orders[order](() => orderly.send('done', from.port, from.address), Number(number));
}).bind(7000);
console.log('up');
"""
# Says it until it is answered: the package may just be starting.
SAY = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.2)
for _ in range(100):
    s.sendto(sys.argv[2].encode(), (sys.argv[1], 7000))
    try:
        if s.recv(9) == b"done": sys.exit(0)
    except (TimeoutError, ConnectionRefusedError): pass
sys.exit("nobody answers")
"""


class LifeBed(Bed):
    workload = {"backoff": "100ms"}


class Kept:
    """A workload in a pod of the bed's."""

    def __init__(self, bed, *words, main=OBEYS, name="web", check=True, **manifest):
        self.bed, self.name = bed, name
        self.pod = bed.pod(name, cgroup=False)
        path = bed.dir / f"{name}.tgz"
        folder = bed.dir / f"{name}-src"
        folder.mkdir()
        (folder / "package.json").write_text(json.dumps({"name": name, "version": "1.0.0", "main": "main.js", **manifest}))
        (folder / "main.js").write_text(main)
        with tarfile.open(path, "w:gz") as tar:
            tar.add(folder, "package")
        self.started = bed.weir("workload", "run", name, str(path), "--netns", f"/run/netns/{self.pod.netns}", "--cgroup",
                                f"/{bed.name}/{self.pod.rel}", *words, check=check)

    def say(self, *words):
        self.bed.host.run("/usr/bin/python3", "-c", SAY, self.pod.ip, " ".join(map(str, words)))

    def shown(self):
        row, = self.bed.weir("workload", "show", self.name)
        return row

    def becomes(self, state, timeout=15.0, **more):
        return wait_for(f"{self.name} becomes {state} {more}", lambda: (row := self.shown())["state"] == state and all(
            row[k] == v for k, v in more.items()) and row, timeout)


@pytest.fixture
def bed():
    if missing():
        pytest.skip(missing())
    with LifeBed() as b:
        b.start()
        yield b


def test_its_endpoint_serves_while_its_port_does(bed):
    """What the slice says does not matter, and neither does it when the agent dies."""
    client = bed.pod("client")
    web = Kept(bed)
    vips = bed.service("web", 80, [web.pod], 8080, protocols=("TCP",))

    def curl(vip):
        """What is answered at an address of the Service."""
        host = f"[{vip}]" if ":" in vip else vip
        return client.run("curl", "-s", "--max-time", "5", "-o", "/dev/null", "-w", "%{http_code} %{exitcode}", f"http://{host}/",
                          check=False)

    def serves():
        return curl(vips[0]) == "500 0"  # 7: refused

    def refuses():
        return [curl(vip) for vip in vips] == ["000 7", "000 7"]

    def knows(ready):
        return [[b["ready"] for b in p["backends"]] for s in bed.weir("service", "show") for p in s["ports"]] == [[ready], [ready]]
    web.becomes("starting")
    wait_for("it is not served", lambda: knows(False) and refuses())
    web.say("listen")
    web.becomes("ready")
    wait_for("it is served", lambda: knows(True) and serves())
    bed.kill_agent()
    assert serves()
    bed.start()
    assert serves()
    web.say("close")
    web.becomes("unready", 20.0)
    wait_for("it is not served", lambda: knows(False) and refuses())
    bed.kill_agent()
    bed.start()
    assert refuses()
    web.say("listen")
    web.becomes("ready")
    wait_for("it is served again", serves)
    bed.weir("workload", "stop", "web")
    assert knows(False)
    bed.weir("workload", "remove", "web")
    wait_for("the slice alone says it", lambda: knows(True))


def test_http_is_ready_by_its_answer(bed):
    web = Kept(bed, "--ready", "http:/up?x=1")
    web.say("listen")
    web.say("status", 404)
    assert web.shown()["state"] == "starting"
    web.say("status", 204)
    web.becomes("ready", ready="http:/up?x=1")
    web.say("status", 503)
    web.becomes("unready", 20.0)
    assert Kept(bed, "--ready", "none", name="worker").becomes("ready")
    assert "ready 'udp' is none of tcp" in bed.weir("workload", "run", "x", str(bed.dir / "web.tgz"), "--cgroup", "/x", "--ready",
                                                    "udp", check=False)["error"]


def test_who_ends_is_run_again_and_tells_how_it_ended(bed):
    web = Kept(bed, "--memory", "96MiB")
    web.say("exit", 3)
    row = web.becomes("starting", restarts=1, last_exit="exit 3")
    assert row["pid"] != web.started["pid"] and row["again"] is None
    web.say("exit", 0)
    web.becomes("starting", restarts=2, last_exit="exit 0")
    web.say("hog")
    web.becomes("starting", restarts=3, last_exit="out of memory")
    os.kill(web.shown()["pid"], signal.SIGKILL)
    web.becomes("starting", restarts=4, last_exit="killed")
    wait_for("all lives are in one log", lambda: bed.cli("workload", "log", "web").stdout.count("up\n") >= 4)  # one was too short to say so
    assert bed.weir("workload", "log", "web", "--bytes", "4")["log"] == "up\n"
    bed.weir("workload", "stop", "web")
    assert web.shown()["state"] == "stopped" and bed.weir("workload", "show", "web")[0]["restarts"] == 4


def test_policies(bed):
    tries = {"never": (("0", "stopped"), ("5", "failed")), "on-failure": (("0", "stopped"),)}
    for policy, cases in tries.items():
        for code, state in cases:
            one = Kept(bed, "--restart", policy, main=f"process.exit({code})", name=f"{policy}-{code}")
            assert one.becomes(state)["last_exit"] == f"exit {code}"
            wait_for("nothing of it is left", lambda p=one.pod: not p.cgroup.exists())
    again = Kept(bed, "--restart", "on-failure", main="process.exit(7)", name="again")
    wait_for("it waits, longer each time", lambda: again.shown()["restarts"] >= 3)
    row = again.becomes("waiting", last_exit="exit 7")
    assert row["again"] > row["ended"]
    assert "is waiting already" in bed.weir("workload", "run", "again", str(bed.dir / "again.tgz"), "--cgroup", "/x",
                                            check=False)["error"]
    bed.weir("workload", "stop", "again")
    assert again.shown()["state"] == "stopped"
    bed.weir("workload", "remove", "again")
    wrong = bed.weir("workload", "run", "x", str(bed.dir / "again.tgz"), "--cgroup", "/x", "--restart", "often", check=False)
    assert "restart 'often' is none of" in wrong["error"]


def test_an_agent_that_is_killed_at_any_time_loses_and_doubles_no_restart(bed):
    """Each life of the package is a line in its log: their number is what is counted."""
    rng = random.Random(5)
    web = Kept(bed)

    def lives():
        return bed.weir("workload", "log", "web")["log"].count("up\n")
    for i in range(8):
        web.say("exit", i)
        time.sleep(rng.uniform(0, 0.4))  # somewhere between its end and its next start
        bed.kill_agent()
        bed.start()
        row = web.becomes("starting", restarts=i + 1, last_exit=f"exit {i}")
        wait_for("it is up", lambda n=i: lives() == n + 2)
    bed.kill_agent()
    before = web.shown()
    bed.start()
    assert web.shown() == before  # adopted: nothing was due
    assert row["pid"] == before["pid"]


def test_a_package_for_another_node_is_refused(bed):
    old = Kept(bed, name="old", check=False, engines={"node": "<2 || 0.10.x"})
    assert "it wants node <2 || 0.10.x (engines.node in its package.json), and this node's is v" in old.started["error"]
    row = old.shown()
    assert row["state"] == "failed" and "it wants node" in row["reason"] and not old.pod.cgroup.exists()
    assert Kept(bed, name="new", engines={"node": ">=12"}).becomes("starting")
    strange = Kept(bed, name="strange", check=False, engines={"node": "latest"})
    assert "engines.node 'latest' is no range" in strange.started["error"]


def test_who_ended_with_its_lease_is_not_run_again(bed):
    bed.weir("lease", "open", "shop", "--tenant", "alice", "--deposit", "1000000", "--core-second", "1")
    again = Kept(bed, "--lease", "shop", main="process.exit(1)")
    again.becomes("waiting")
    bed.weir("lease", "close", "shop")
    again.becomes("stopped")
    bed.kill_agent()
    bed.start()
    assert again.shown()["state"] == "stopped"


def test_a_record_that_is_broken_holds_up_nobody(bed):
    web = Kept(bed)
    broken = bed.dir / "state/workloads/broken"
    broken.mkdir()
    (broken / "workload.json").write_text("{")
    bed.kill_agent()
    bed.start()
    wait_for("it is told", lambda: "workload=broken error=" in bed.agent_log())
    web.say("exit", 3)
    wait_for("the other is run again", lambda: json.loads(
        (bed.dir / "state/workloads/web/workload.json").read_text())["restarts"] == 1)
