# SPDX-License-Identifier: Apache-2.0
"""Conformance: policies, topology and termination (cases A33 to A42, as far as they concern cluster
IPs and clients on the node). Expectations are kube-proxy 1.36's."""
import pytest
from cluster import DEAD, DYING, NOT_READY, bed, case, cluster, hints  # noqa: F401 (fixtures)

BOTH = [("tcp", "TCP", 80), ("udp", "UDP", 80)]
TO_BOTH = [("tcp", "TCP", 8080), ("udp", "UDP", 8080)]


def test_the_local_policy_keeps_to_the_nodes_own_endpoints(case):
    """A33. The policy changes under load."""
    eps = [case.ep(case.l1), case.ep(case.r2a)]
    case.put_eps(*eps)
    case.settles("l1", "r2a")
    with case.load():
        case.put_eps(*eps, internalTrafficPolicy="Local")
        case.settles("l1")
    case.settles("l1", place=case.bed.host)


def test_the_local_policy_without_a_local_endpoint_does_not_say_refused(case):
    """A34. At the socket it is EHOSTUNREACH at once, where kube-proxy lets the client wait."""
    def put(*eps):
        case.put(case.service(BOTH, internalTrafficPolicy="Local"), case.slice(list(eps), TO_BOTH))
    put(case.ep(case.l1), case.ep(case.r2a))
    case.settles("l1")
    put(case.ep(case.r2a))
    for place in (case.c1, case.bed.host):
        for kind in ("tcp", "udpc", "udp"):
            case.fails("EHOSTUNREACH", place=place, kind=kind)
    put(case.ep(case.r2a, NOT_READY))  # none anywhere
    case.refused()


def test_hints_prefer_the_node_then_the_zone_then_anybody(case):
    """A36. All changes are made under load."""
    eps = [case.ep(case.l1, hints=hints(["node-a"], ["z1"])),
           case.ep(case.r2a, hints=hints(["node-b"], ["z1"])),
           case.ep(case.r3a, hints=hints(["node-c"], ["z2"]))]
    case.put_eps(*eps)
    case.settles("l1")
    with case.load() as load:
        case.put_eps(*eps[1:])
        case.settles("r2a")
        case.put_eps(*eps[2:])
        case.settles("r3a")
    assert load.order == ["l1", "r2a", "r3a"]


def test_zone_hints_keep_to_the_zone(case):
    """A37. And one endpoint without hints switches them off."""
    eps = [case.ep(case.l1, hints=hints(zones=["z1"])), case.ep(case.r2a, hints=hints(zones=["z1"])),
           case.ep(case.r3a, hints=hints(zones=["z2"]))]
    case.put_eps(*eps)
    case.settles("l1", "r2a", n=200)
    with case.load():
        case.put_eps(case.ep(case.l1), *eps[1:])
        case.settles("l1", "r2a", "r3a")


def test_when_all_terminate_those_that_still_serve_are_used(case):
    """A38. From ready to terminating under load."""
    case.put_eps(case.ep(case.l1), case.ep(case.r2a), case.ep(case.r3a))
    case.settles("l1", "r2a", "r3a")
    with case.load():
        case.put_eps(case.ep(case.l1, DYING), case.ep(case.r2a, DYING), case.ep(case.r3a, DEAD))
        case.settles("l1", "r2a", n=200)


def test_a_terminating_endpoint_keeps_its_connections_and_gets_no_new_ones(case):
    """A39."""
    case.put_eps(case.ep(case.r2a))
    case.settles("r2a")
    with case.load("held", 50) as held, case.load() as load:
        case.put_eps(case.ep(case.l1), case.ep(case.r2a, DYING))
        case.settles("l1")
    assert held.order == ["r2a"]
    assert load.order == ["r2a", "l1"]


@pytest.mark.parametrize("left", ["another endpoint", "no endpoint", "no Service"])
def test_a_connection_outlives_its_endpoint_in_the_slices(case, left):
    """A42. Requests on it go on for 100 dials after the change, not for 30 s."""
    case.put_eps(case.ep(case.r2a))
    case.settles("r2a")
    with case.load("held", 50) as held:
        if left == "another endpoint":
            case.put_eps(case.ep(case.l1))
            case.settles("l1")
        elif left == "no endpoint":
            case.put_eps()
            case.refused()
        else:
            case.remove()
            case.refused()
    assert held.order == ["r2a"]
