# SPDX-License-Identifier: Apache-2.0
"""Conformance: UDP, dual stack, and the agent's death (cases A43, A48 and A49, as far as they concern
cluster IPs and clients on the node). Expectations are kube-proxy 1.36's or better."""
import time

from bed import wait_for
from cluster import bed, case, cluster, dual  # noqa: F401 (fixtures)

BOTH = [("tcp", "TCP", 80), ("udp", "UDP", 80)]
TO_BOTH = [("tcp", "TCP", 8080), ("udp", "UDP", 8080)]


def test_datagrams_from_one_port_go_to_the_new_endpoint_at_once(case):
    """A43. One unconnected socket, a datagram every 20 ms; the client checks that each answer comes
    from the Service's address. A socket that was connected before the change stays with the old
    endpoint until it is connected again: it is not tested here, that the next one is right is."""
    def put(pod):
        case.put(case.service(BOTH), case.slice([case.ep(pod)], TO_BOTH))
    put(case.r2a)
    case.settles("r2a", kind="udp")
    with case.load("udp", 50) as load, case.load("udpc", 50) as anew:
        put(case.r3a)
        case.settles("r3a", kind="udp")
    assert load.order == ["r2a", "r3a"]
    assert anew.order == ["r2a", "r3a"]


def test_each_family_has_the_endpoints_of_its_own_slices(dual):
    """A48. One family changes while the other is under load."""
    def put(pod4, pod6):
        dual.put(dual.service(BOTH),
                 dual.slice([dual.ep(pod4, family="IPv4")], TO_BOTH, "v4", "IPv4"),
                 dual.slice([dual.ep(pod6, family="IPv6")], TO_BOTH, "v6", "IPv6"))
    four, six = dual.vips
    put(dual.l1, dual.r2a)
    for kind in ("tcp", "udp", "udpc"):
        dual.settles("l1", kind=kind, vip=four)
        dual.settles("r2a", kind=kind, vip=six)
    with dual.load(vip=four) as load:
        put(dual.l1, dual.r3a)
        dual.settles("r3a", vip=six)
    assert load.order == ["l1"]


def translated(case):  # noqa: F811
    reasons = {r["reason"]: int(r["count"]) for r in case.bed.weir("datapath", "stats")}
    return reasons["translated"]


def test_the_agents_death_and_return_disturb_nobody(case):
    """A49. It is away for 2 s rather than 30: what the kernel does then does not know the time."""
    case.put(case.service(BOTH), case.slice([case.ep(case.l1)], TO_BOTH))
    case.settles("l1")
    case.settles("l1", kind="udp")
    with case.load() as dials, case.load("held", 50) as held, case.load("udp", 50) as datagrams:
        before = translated(case)
        case.bed.kill_agent()
        case.put(case.service(BOTH), case.slice([case.ep(case.r2a)], TO_BOTH))
        time.sleep(2)
        dead = case.settles("l1")
        while_dead = translated(case)
        case.bed.start()
        case.settles("r2a")
        case.settles("r2a", kind="udp")
        after = translated(case)
    assert before + sum(dead.count.values()) < while_dead < after
    assert held.order == ["l1"]
    assert dials.order == ["l1", "r2a"]
    assert datagrams.order == ["l1", "r2a"]
    wait_for("the kernel does what the Services say", lambda: case.bed.weir("datapath", "check") == [])
