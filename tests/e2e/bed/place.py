# SPDX-License-Identifier: Apache-2.0
"""Where processes run: a network namespace, and a cgroup of the node's unless it is elsewhere."""
import json
import select
import subprocess
from pathlib import Path

from bed import objects
from bed.tools import BedError, ip, run

HERE = Path(__file__).resolve().parent


class Client:
    """A client that has a job."""

    def __init__(self, place):
        self.place = place
        self.process = place.popen("/usr/bin/python3", str(HERE / "client.py"), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)

    def say(self, line=""):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hears_within(self, seconds):
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def hears(self):
        if not self.hears_within(60):
            raise BedError(f"a client at {self.place.name} says nothing")
        return self.process.stdout.readline()

    def up(self):
        line = self.hears()
        if line != "up\n":
            raise BedError(f"a client at {self.place.name} does not come up: {line!r}")

    def result(self):
        """Of its job; then it is free for another."""
        result = json.loads(self.hears())
        self.place.idle.append(self)
        return result

    def kill(self):
        self.process.kill()


class Place:
    """rel: its cgroup below the bed's; None: its sockets are none of the node's."""

    def __init__(self, bed, name, netns, ips=(None, None), rel=None):
        self.bed, self.name, self.netns, self.rel = bed, name, netns, rel
        self.ip, self.ip6 = ips
        self.cgroup = bed.cgroup / rel if rel else None
        self.procs, self.idle = [], []
        bed.places[name] = self

    def make_cgroup(self):
        self.cgroup.mkdir(exist_ok=True)

    def popen(self, *argv, **kw):
        """Starts a command there."""
        argv = ("nsenter", f"--net=/run/netns/{self.netns}", *argv)
        if self.cgroup:
            self.make_cgroup()
            argv = ("sh", "-c", f'echo $$ > {self.cgroup}/cgroup.procs && exec "$@"', "sh", *argv)
        p = subprocess.Popen(argv, text=True, **kw)
        self.procs.append(p)
        return p

    def run(self, *argv, timeout=60, check=True):
        p = self.popen(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, errout = p.communicate(timeout=timeout)
        if check and p.returncode:
            raise BedError(f"{self.name}: {' '.join(argv)[:200]}: exit {p.returncode}: {errout}{out}")
        return out

    def begin(self, what, kind, addr, port, amount, timeout=5):
        """Gives a client a job, see client.py; returns the client."""
        client = self.idle.pop() if self.idle else Client(self)
        client.say(json.dumps([what, kind, addr, port, amount, timeout]))
        return client

    def ask(self, *job):
        return self.begin(*job).result()

    def serve(self, *ports):
        """An echo server that answers with the place's name."""
        server = self.popen("/usr/bin/python3", str(HERE / "echo.py"), self.name, *map(str, ports or (8080,)),
                            stdout=subprocess.PIPE)
        if server.stdout.readline() != "up\n":
            raise BedError(f"{self.name} does not serve")

    def kill(self):
        for p in self.procs:
            if p.poll() is None:
                p.kill()
            p.wait()
        self.procs.clear()
        self.idle.clear()


class PodNetwork:
    """The pods of a node, on a bridge in its network namespace."""

    def __init__(self, netns, node, number):
        self.netns, self.node, self.number = netns, node, number
        gateway, gateway6 = self.ips(1)
        # an address of its own: else it is that of some pod's link, and another when a pod comes
        ip(netns, f"link add br0 address 02:00:00:00:00:{number:02x} type bridge mcast_snooping 0", "link set br0 up",
           f"addr add {gateway}/24 dev br0", f"addr add {gateway6}/64 dev br0 nodad")

    def ips(self, host):
        return f"10.244.{self.number}.{host}", f"fd10:244:{self.number}::{host}"


class Pod(Place):
    """host: the last part of its addresses. A pod of the node under test has a cgroup of the node's."""

    def __init__(self, bed, name, network, host, rel=None, lease=None):
        super().__init__(bed, name, bed.add_netns(name), network.ips(host), rel)
        self.node, self.lease = network.node, lease
        gateway, gateway6 = network.ips(1)
        ip(network.netns, f"link add v{host} type veth peer name eth0 netns {self.netns}",
           f"link set v{host} master br0 up")
        ip(self.netns, "link set eth0 up", f"addr add {self.ip}/24 dev eth0",
           f"addr add {self.ip6}/64 dev eth0 nodad", f"route add default via {gateway}",
           f"route add default via {gateway6}")

    def counters(self):
        """The pod's interface: {rx_bytes, rx_packets, tx_bytes, tx_packets} seen from the pod."""
        out = run("ip", "-n", self.netns, "-j", "-s", "link", "show", "dev", "eth0").stdout
        stats = json.loads(out)[0]["stats64"]
        return {f"{d}_{k}": stats[d][k] for d in ("rx", "tx") for k in ("bytes", "packets")}

    def cpu_us(self):
        return int((self.cgroup / "cpu.stat").read_text().split()[1])

    def manifest(self):
        return objects.pod(self.name, self.node, self.rel, self.lease, (self.ip, self.ip6))
