# SPDX-License-Identifier: Apache-2.0
"""Bytes that get around a pod's sockets: by packet sockets out of the pod, which are billed, and to no
socket of the pod, which are shown."""
import json

from bed import BedError, run, wait_for
from test_measure import ETHERNET, acquainted, total

# CAP_NET_RAW is all it takes: Ethernet frames that hold UDP, past the IP stack and its hooks
ADVERSARY = """
import socket, struct, sys
dst, mac, count, size = sys.argv[1], bytes.fromhex(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
own = s.getsockname()[4]
udp = struct.pack("!HHHH", 4000, 9, 8 + size, 0) + bytes(size)
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + size, 0, 0, 64, 17, 0, socket.inet_aton(sys.argv[5]), socket.inet_aton(dst))
for _ in range(count):
    s.send(mac + own + b"\\x08\\x00" + ip + udp)
"""
FLOOD = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[2])):
    s.sendto(bytes(1400), (sys.argv[1], 9))
"""


def counted(bed, place):
    """The veth of a pod is counted on: else what it sends first is not seen."""
    def there():
        name = json.loads(run("ip", "-n", place.netns, "-j", "link", "show", "eth0").stdout)[0]["link_index"]
        return [p for p in bed.weir("datapath", "status")["programs"]
                if p["name"] == "weir_veth_in" and p.get("ifindex") == name]
    wait_for(f"{place.name}'s interface is counted", there)


def settled_bytes(bed, pod, want):
    def equal():
        got = total(bed, pod).get("tx_bytes_raw")
        if got != want:
            raise BedError(f"recorded {got}, want {want}")
        return True
    wait_for(f"usage of {pod.name}", equal)


def shown(bed, pod):
    return [r for r in bed.weir("usage", "show") if r["name"] == pod.name][0]


def test_what_a_pod_sends_by_packet_sockets_is_billed(bed):
    adversary, victim = bed.pod("adversary"), bed.pod("victim")
    acquainted(bed, adversary, victim)
    mac = json.loads(run("ip", "-n", victim.netns, "-j", "link", "show", "eth0").stdout)[0]["address"]
    bed.start()
    counted(bed, adversary)
    before = adversary.counters()
    adversary.run("/usr/bin/python3", "-c", ADVERSARY, victim.ip, mac.replace(":", ""), "2000", "1000", adversary.ip)
    sent = {k: v - before[k] for k, v in adversary.counters().items()}
    assert sent["tx_packets"] == 2000
    settled_bytes(bed, adversary, sent["tx_bytes"] - ETHERNET * sent["tx_packets"])
    row = shown(bed, adversary)
    assert row["tx_bytes_cluster"] + row["tx_bytes_local"] == 2000 * 1028, "the class is that of the address in the frame"
    assert row["tx_bytes"] == 2000 * 1028
    assert row["tx_bytes_interface"] is None, "both counts agree"


def test_what_no_socket_of_a_pod_accounts_for_is_shown_beside(bed):
    """A flood to a port where nobody listens: it comes by the interface, and is not the pod's to pay."""
    pod = bed.pod("victim")
    acquainted(bed, pod)
    bed.start()
    counted(bed, pod)
    # so that the interface is known to be the pod's: by a packet that it sends
    pod.run("/usr/bin/python3", "-c", FLOOD, bed.network.ips(1)[0], "1")
    before = pod.counters()
    bed.host.run("/usr/bin/python3", "-c", FLOOD, pod.ip, "2000")
    came = {k: v - before[k] for k, v in pod.counters().items()}
    want = came["rx_bytes"] - ETHERNET * came["rx_packets"]
    assert want >= 2000 * 1428

    def known():
        row = shown(bed, pod)
        if not row["rx_bytes_interface"] or row["rx_bytes_interface"] < want:
            raise BedError(f"shown {row['rx_bytes_interface']}, want {want}")
        return row
    row = wait_for("both counts are shown", known)
    assert row["rx_bytes"] < 10000
    assert "billed is what the sockets account for" in bed.cli("usage", "show").stdout
