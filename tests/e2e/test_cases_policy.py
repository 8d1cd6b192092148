# SPDX-License-Identifier: Apache-2.0
"""Policies, topology and termination: cases A33 to A42."""
import pytest
from bed.objects import DEAD, DYING, NOT_READY, hints


def test_a33_the_local_policy_keeps_to_the_nodes_own_endpoints(case, client):
    """The policy changes under load."""
    case.serve("l1", "r2a")
    case.settles("l1", "r2a", by=client)
    with case.load(by=client):
        case.serve("l1", "r2a", internalTrafficPolicy="Local")
        case.settles("l1", by=client)
    case.settles("l1", by="host")


def test_a34_the_local_policy_without_a_local_endpoint_does_not_say_refused(case):
    """At the socket it is EHOSTUNREACH at once, where kube-proxy lets the client wait."""
    case.serve("l1", "r2a", internalTrafficPolicy="Local")
    case.settles("l1")
    case.serve("r2a", internalTrafficPolicy="Local")
    case.fails(["EHOSTUNREACH"], *({"by": by, "kind": kind} for by in ("c1", "host")
                                   for kind in ("tcp", "udpc", "udp")))
    case.serve(case.ep("r2a", NOT_READY), internalTrafficPolicy="Local")  # none anywhere
    case.refused()


def test_a36_hints_prefer_the_node_then_the_zone_then_anybody(case, client):
    """All changes are made under load."""
    eps = [case.ep("l1", hints=hints(["n1"], ["z1"])), case.ep("r2a", hints=hints(["n2"], ["z1"])),
           case.ep("r3a", hints=hints(["n3"], ["z2"]))]
    case.serve(*eps)
    case.settles("l1", by=client)
    with case.load(by=client) as load:
        case.serve(*eps[1:])
        case.settles("r2a", by=client)
        case.serve(*eps[2:])
        case.settles("r3a", by=client)
    assert load.order == ["l1", "r2a", "r3a"]


def test_a37_zone_hints_keep_to_the_zone(case, client):
    """And one endpoint without hints switches them off."""
    eps = [case.ep("l1", hints=hints(zones=["z1"])), case.ep("r2a", hints=hints(zones=["z1"])),
           case.ep("r3a", hints=hints(zones=["z2"]))]
    case.serve(*eps)
    case.settles("l1", "r2a", n=200, by=client)
    with case.load(by=client):
        case.serve("l1", *eps[1:])
        case.settles("l1", "r2a", "r3a", by=client)


def test_a38_when_all_terminate_those_that_still_serve_are_used(case, client):
    """From ready to terminating under load."""
    case.serve("l1", "r2a", "r3a")
    case.settles("l1", "r2a", "r3a", by=client)
    with case.load(by=client):
        case.serve(case.ep("l1", DYING), case.ep("r2a", DYING), case.ep("r3a", DEAD))
        case.settles("l1", "r2a", n=200, by=client)


def test_a39_a_terminating_endpoint_keeps_its_connections_and_gets_no_new_ones(case, client):
    case.serve("r2a")
    case.settles("r2a", by=client)
    with case.load(kind="held", hertz=50, by=client) as held, case.load(by=client) as load:
        case.serve("l1", case.ep("r2a", DYING))
        case.settles("l1", by=client)
    assert held.order == ["r2a"]
    assert load.order == ["r2a", "l1"]


@pytest.mark.parametrize("left", ["another endpoint", "no endpoint", "no Service"])
def test_a42_a_connection_outlives_its_endpoint_in_the_slices(case, client, left):
    """Requests on it go on for 100 dials after the change, or some refusals, not for 30 s."""
    case.serve("r2a")
    case.settles("r2a", by=client)
    with case.load(kind="held", hertz=50, by=client) as held:
        if left == "another endpoint":
            case.serve("l1")
            case.settles("l1", by=client)
        elif left == "no endpoint":
            case.serve()
            case.refused(by=client)
        else:
            case.remove()
            case.unserved(by=client)
    assert held.order == ["r2a"]
