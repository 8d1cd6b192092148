# SPDX-License-Identifier: Apache-2.0
"""Payload through the node, the checksums of its packets, and how the node counts them."""
import contextlib
import json
import subprocess

from bed.place import HERE
from bed.tools import BedError, run

BULK = ("/usr/bin/python3", str(HERE / "bulk.py"))
ECHO_PORT = 7000
ECHO_PORTS = [("http", "TCP", ECHO_PORT), ("udp", "UDP", ECHO_PORT)]


def echo(place):
    """A server there that sends back what it is sent."""
    server = place.popen(*BULK, "serve", str(ECHO_PORT), stdout=subprocess.PIPE)
    if server.stdout.readline() != "up\n":
        raise BedError(f"{place.name} does not serve")


def bulk(case, what, *args, by="ext", to="external"):
    return json.loads(case.bed.places[by].run(*BULK, what, *map(str, (*case.frontend(to), *args))))


def reasons(bed):
    return {r["reason"]: int(r["count"]) for r in bed.weir("datapath", "stats")}


@contextlib.contextmanager
def counted(bed, reason):
    """Something in it is counted by this reason."""
    before = reasons(bed)[reason]
    yield
    assert reasons(bed)[reason] > before


def veths(netns):
    return [link["ifname"] for link in json.loads(run("ip", "-n", netns, "-j", "link", "show", "type", "veth").stdout)]


def checksum_errors(netns):
    """Those that its sockets saw."""
    text = run("nsenter", f"--net=/run/netns/{netns}", "cat", "/proc/net/snmp", "/proc/net/snmp6").stdout
    lines = [line.split() for line in text.splitlines()]
    pairs = [pair for names, values in zip(lines, lines[1:]) if names[0] == values[0] for pair in zip(names, values)]
    pairs += [line for line in lines if len(line) == 2]
    return sum(int(n) for name, n in pairs if name.endswith("InCsumErrors"))


@contextlib.contextmanager
def offload(bed, tx_off=()):
    """Nobody takes a checksum for right unseen; the devices of these namespaces complete them by themselves."""
    changed = []
    try:
        for netns in bed.namespaces:
            for dev in veths(netns):
                changed.append((netns, dev))
                ethtool(netns, dev, "rx", "off", "tx", "off" if netns in tx_off else "on")
        yield
    finally:
        for netns, dev in changed:
            ethtool(netns, dev, "rx", "on", "tx", "on")


def ethtool(netns, dev, *features):
    run("nsenter", f"--net=/run/netns/{netns}", "ethtool", "-K", dev, *features)
