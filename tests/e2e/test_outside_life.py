# SPDX-License-Identifier: Apache-2.0
"""UDP and session affinity, seen from outside: cases A44 to A47."""
import contextlib
import socket
import time

import pytest
from bed import ip, run, wait_for
from bed.case import NO_ANSWER, T1

ALL = {"l1", "r2a", "r3a"}
EXT = {"by": "ext", "to": "node"}
FLOWS = """
import socket, sys
family, addr, port, n = sys.argv[1:]
sockets = [socket.socket(int(family), socket.SOCK_DGRAM) for _ in range(int(n))]
for s in sockets:
    s.sendto(b"-", (addr, int(port)))
"""


@pytest.mark.parametrize("policy", ["Cluster", "Local"])
def test_a44_datagrams_from_one_port_go_to_the_new_endpoint_at_once(case, policy):
    """A datagram every 20 ms to the node port, from an unconnected socket and a connected one: from
    outside they are alike. One that is under way at the change may be lost. The client checks that each
    answer comes from the node port."""
    old, new = ("r2a", "r3a") if policy == "Cluster" else ("l1", "l2")
    case.serve(old, type="NodePort", externalTrafficPolicy=policy)
    case.settles(old, kind="udp", **EXT)
    with contextlib.ExitStack() as stack:
        loads = [stack.enter_context(case.load(kind=kind, hertz=50, timeout=0.5, may_fail=True, **EXT))
                 for kind in ("udp", "kept")]
        changed = case.serve(new, type="NodePort", externalTrafficPolicy=policy)
        time.sleep(T1)
    for load in loads:
        assert [o for o in load.order if o != NO_ANSWER] == [old, new] and len(load.failed) <= 1, load.order
        assert case.in_time(load.first(new) - changed)


def test_a45_affinity_is_the_client_addresss_also_outside(case):
    """Each address of the port remembers the client's endpoint, and each client has one."""
    case.serve(*ALL, type="LoadBalancer", externalIPs=[case.address("external")], sessionAffinity="ClientIP",
               sessionAffinityConfig={"clientIP": {"timeoutSeconds": 10800}})
    case.shows(type="LoadBalancer", sessionAffinity="ClientIP")
    for by in ("ext", "ext2"):
        got = case.ask_all({"by": by, "to": "node", "n": 1})  # two first ones at one time may choose two
        got += case.ask_all(*({"by": by, "to": to, "n": 20} for to in ("node", "vip", "external", "ingress")))
        assert not any(g.failed for g in got), got
        assert len(set.union(*(g.names for g in got))) == 1, got


@contextlib.contextmanager
def few_ports(bed):
    """The kernel keeps nearly all for its own sockets; the agent looks when links change."""
    def local(low, high):
        run("nsenter", f"--net=/run/netns/{bed.node}", "sysctl", "-qw", f"net.ipv4.ip_local_port_range={low} {high}")
    local(1024, 65000)
    try:
        ip(bed.node, "link add few type bridge")
        yield
    finally:
        local(32768, 60999)
        ip(bed.node, "link del few")


def test_ports_that_are_used_up_are_told(case):
    """535 stand for clients, and more than that ask. Others go on, and so do all when there are ports again."""
    case.serve("r2a", type="NodePort")
    case.settles("r2a", kind="udpc", **EXT)
    family = socket.AF_INET6 if case.families == ["IPv6"] else socket.AF_INET
    case.expected_error = "no free port to stand for the client"
    at = len(case.bed.agent_log())

    def told():
        case.bed.places["ext"].run("/usr/bin/python3", "-c", FLOWS, str(int(family)),
                                   *map(str, case.frontend("node")), "700")
        return case.expected_error in case.bed.agent_log()[at:]
    with few_ports(case.bed):
        wait_for("want of ports is told", told)
        case.settles("r2a", by="c1")
    case.settles("r2a", kind="udpc", **EXT)
