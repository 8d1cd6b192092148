# SPDX-License-Identifier: Apache-2.0
"""UDP, session affinity, dual stack and the agent's death: cases A43 to A49."""
import contextlib
import time

from bed import wait_for
from bed.case import CLIENTS

ALL = {"l1", "r2a", "r3a"}


def affinity(seconds):
    return {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": seconds}}}


DAY = affinity(86400)


def test_a43_datagrams_from_one_port_go_to_the_new_endpoint_at_once(case):
    """A datagram every 20 ms from one unconnected socket, and from connected ones, a socket each. The
    client checks that each answer comes from the Service's address."""
    case.serve("r2a")
    case.settles("r2a", kind="udp")
    with case.load(kind="udp", hertz=50) as load, case.load(kind="udpc", hertz=50) as anew:
        changed = case.serve("r3a")
        case.settles("r3a", kind="udp")
    for datagrams in (load, anew):
        assert datagrams.order == ["r2a", "r3a"]
        assert case.in_time(datagrams.first("r3a") - changed)


def one(case, n, **how):
    """The one endpoint that answers all requests."""
    got = case.ask(n, **how)
    assert not got.failed and len(got.names) == 1, got
    return got.names


def test_a45_affinity_goes_on_off_and_on(case, client):
    """The timeout is a day, the longest there is. Outside, datagrams from one port are one flow, and a
    port may have been another socket's."""
    for policy in (DAY, {"sessionAffinity": "None"}, DAY):
        case.serve(*ALL, **policy)
        case.shows(sessionAffinity=policy["sessionAffinity"])
        for kind in ("tcp", "udp", "udpc") if client == "c1" else ("tcp",):
            if policy is DAY:
                one(case, 50, kind=kind, by=client)
            else:
                case.settles(*ALL, kind=kind, by=client)


def test_a46_the_timer_restarts_with_each_connection_and_ends_when_idle(dual):
    """Each client in each family has a choice of its own. After an idle time it is another one in two
    rounds of three; all alike in twelve: one in half a million."""
    dual.serve(*ALL, **affinity(2))
    dual.shows(sessionAffinity="ClientIP")
    ways = [{"by": by, "family": family} for by in CLIENTS for family in dual.families]
    with contextlib.ExitStack() as stack:
        loads = [stack.enter_context(dual.load(hertz=1, **way)) for way in ways]
        time.sleep(6)
    chosen = [set(load.order) for load in loads]
    assert [len(names) for names in chosen] == [1] * len(ways)
    for _ in range(12):
        time.sleep(2.2)
        for names, got in zip(chosen, dual.ask_all(*ways)):
            assert not got.failed, got
            names |= got.names
        if all(len(names) > 1 for names in chosen):
            return
    raise AssertionError(chosen)


def test_a47_a_removed_endpoint_is_replaced_by_one_other(case, client):
    """It is removed under load."""
    case.serve(*ALL, **DAY)
    case.shows(sessionAffinity="ClientIP")
    first = one(case, 10, by=client)
    with case.load(by=client) as load:
        case.serve(*ALL - first, **DAY)
        wait_for("it is removed", lambda: case.ask(by=client).names.isdisjoint(first))
        second = one(case, 20, by=client)
    assert load.order == [*first, *second]


def test_affinity_outlives_the_agent(case):
    case.serve(*ALL, **DAY)
    case.shows(sessionAffinity="ClientIP")
    first = one(case, 10)
    case.bed.kill_agent()
    assert one(case, 20) == first
    case.bed.start()
    assert one(case, 20) == first


def test_all_addresses_of_a_port_remember_the_same_backend(case):
    case.serve(*ALL, **DAY, type="LoadBalancer", externalIPs=[case.address("external")])
    case.shows(type="LoadBalancer", sessionAffinity="ClientIP")
    first = one(case, 10)
    for to in ("node", "external", "ingress"):
        assert one(case, 10, to=to) == first


def test_a48_each_family_has_the_endpoints_of_its_own_slices(dual, client):
    """One family changes while the other is under load."""
    def put(pod4, pod6):
        dual.put(dual.service(), dual.slice(pod4, suffix="v4", family="IPv4"),
                 dual.slice(pod6, suffix="v6", family="IPv6"))
    put("l1", "r2a")
    for kind in ("tcp", "udp", "udpc"):
        dual.settles("l1", kind=kind, by=client, family="IPv4")
        dual.settles("r2a", kind=kind, by=client, family="IPv6")
    with dual.load(by=client, family="IPv4") as load:
        put("l1", "r3a")
        dual.settles("r3a", by=client, family="IPv6")
    assert load.order == ["l1"]


def translated(case):
    reasons = {r["reason"]: int(r["count"]) for r in case.bed.weir("datapath", "stats")}
    return reasons["translated"]


def test_a49_the_agents_death_and_return_disturb_nobody(dual):
    """It is away for 2 s rather than 30: what the kernel does then does not know the time."""
    ways = [{"by": by, "family": family} for by in CLIENTS for family in dual.families]
    dual.serve("l1")
    for way in ways:
        dual.settles("l1", kind="udp", **way)
    with contextlib.ExitStack() as stack:
        def load(kind, way):
            return stack.enter_context(dual.load(kind=kind, hertz=25, **way))
        held = [load("held", way) for way in ways]
        others = [load(kind, way) for kind in ("tcp", "udp") for way in ways]
        before = translated(dual)
        dual.bed.kill_agent()
        dual.serve("r2a")
        time.sleep(2)
        dead = dual.settles("l1")
        while_dead = translated(dual)
        dual.bed.start()
        for way in ways:
            dual.settles("r2a", **way)
            dual.settles("r2a", kind="udp", **way)
        after = translated(dual)
    assert before + sum(dead.count.values()) < while_dead < after
    assert [load.order for load in held] == [["l1"]] * len(held)
    assert [load.order for load in others] == [["l1", "r2a"]] * len(others)
    wait_for("the kernel does what the Services say", lambda: dual.bed.weir("datapath", "check") == [])
