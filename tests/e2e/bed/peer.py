# SPDX-License-Identifier: Apache-2.0
"""Another node of a cluster that runs an agent: n2, with a way of its own to the clients outside, and to n1 by
a wire.

    ext ── wan ──┬── eth1  n1  eth0 ── lan ── ...
                 │                      │ relay.py
                 └── eth1  n2  eth0 ── lan2

What ext sends still goes to n1, the only router it knows.
"""
import subprocess

from bed.cluster import EXT
from bed.node import Bed
from bed.place import HERE, Place
from bed.tools import BedError, ip


class Peer(Bed):
    node_name = "n2"
    datapath = {"devices": ["eth0", "eth1"]}

    def __init__(self, cluster):
        super().__init__()
        self.cluster = cluster
        self.node = f"{cluster.name}-n2"

    def make(self):
        self.make_folders()
        (self.dir / "manifests").rmdir()
        (self.dir / "manifests").symlink_to(self.cluster.dir / "manifests")
        self.configure(**self.datapath)
        self.wire()
        self.cluster.plug("wan", self.node, "eth1", "192.168.78.2/24", "fe80::2/64")
        ip(self.node, *(f"route add {a} dev eth1" for a in EXT))

    def wire(self):
        place = Place(self, "wire", self.cluster.wire)
        relay = place.popen("/usr/bin/python3", str(HERE / "relay.py"), "near", "far", stdout=subprocess.PIPE)
        if relay.stdout.readline() != "up\n":
            raise BedError("there is no wire")
        ip(self.cluster.wire, "link add lan2 type bridge mcast_snooping 0", "link set lan2 up",
           "link set near master lan up", "link set far master lan2 up", "link set n2-lan master lan2")

    def unwired(self):
        """From now on n1 and n2 are on one switch, as containers of one machine are."""
        self.plug_into("lan")

    def wired(self):
        self.plug_into("lan2")

    def plug_into(self, switch):
        ip(self.cluster.wire, f"link set n2-lan master {switch}", "link set lan type bridge fdb_flush",
           "link set lan2 type bridge fdb_flush")
