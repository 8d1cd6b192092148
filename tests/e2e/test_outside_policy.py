# SPDX-License-Identifier: Apache-2.0
"""Policies and termination, seen from outside: cases A33 to A42."""
import contextlib
import time

import pytest
from bed.objects import DEAD, DYING, READY

EXT = {"by": "ext", "to": "node"}


def test_a33_the_internal_policy_holds_for_clients_outside_as_well(case):
    case.serve("l1", "r2a", internalTrafficPolicy="Local")
    got = case.settles("l1", by="ext", to="vip")
    assert got.sources <= case.node_ips()


def test_a34_the_internal_policy_without_a_local_endpoint_drops(case):
    case.serve("r2a", type="NodePort", internalTrafficPolicy="Local")
    case.settles("r2a", **EXT)
    case.dropped({"by": "ext", "to": "vip"}, {"by": "ext", "to": "vip", "kind": "udpc"})


def test_a35_the_internal_policy_does_not_hold_for_node_ports(case):
    case.serve("l1", "r2a", type="NodePort", internalTrafficPolicy="Local")
    got = case.settles("l1", "r2a", **EXT)
    assert got.sources <= case.node_ips()
    case.settles("l1")


def test_a38_a_node_port_uses_terminating_endpoints_when_there_are_no_others(case):
    """From ready to terminating under load."""
    case.serve("l1", "r2a", "r3a", type="NodePort")
    case.settles("l1", "r2a", "r3a", **EXT)
    with case.load(**EXT):
        case.serve(case.ep("l1", DYING), case.ep("r2a", DYING), case.ep("r3a", DEAD), type="NodePort")
        case.settles("l1", "r2a", n=200, **EXT)


def test_a40_the_local_policy_falls_back_to_local_endpoints_that_terminate(case):
    """From ready to terminating under load; a local one that is ready is preferred again."""
    local = {"type": "NodePort", "externalTrafficPolicy": "Local"}
    case.serve("l1", "r2a", **local)
    case.settles("l1", **EXT)
    with case.load(**EXT) as load:
        case.serve(case.ep("l1", DYING), "r2a", **local)
        case.knows(l1="serving-terminating", r2a="ready")
        got = case.settles("l1", n=100, **EXT)
        case.serve(case.ep("l1", DYING), "l2", "r2a", **local)
        case.settles("l2", **EXT)
    assert got.sources == {case.ip("ext")}
    assert load.order == ["l1", "l2"]


# A rollout, again and again: each pod in turn terminates, goes for good, and comes back.
ROLLOUT = [{"l1": READY, "r2a": READY, "r3a": READY}]
for _gone in ("l1", "r2a", "r3a"):
    ROLLOUT += [{**ROLLOUT[0], _gone: DYING}, {k: v for k, v in ROLLOUT[0].items() if k != _gone}, ROLLOUT[0]]
STATES = {id(READY): "ready", id(DYING): "serving-terminating"}


def test_a41_a_rolling_update_fails_no_request(dual):
    """For 10 s rather than 60, with 200 connections a second from a pod, and as many from outside to the
    node port. A pod that is gone does not answer any more."""
    places = dual.bed.places
    dual.serve("l1", "r2a", "r3a", type="NodePort")
    dual.settles("l1", "r2a", "r3a", **EXT)
    ways = [{"by": "c1"}, EXT]
    with contextlib.ExitStack() as stack:
        for way in ways:
            for family in dual.families:
                stack.enter_context(dual.load(family=family, **way))
        end = time.monotonic() + 10
        while time.monotonic() < end:
            for step in ROLLOUT:
                for name in step:
                    if not places[name].procs:
                        places[name].serve(8080)
                dual.serve(*step.items(), type="NodePort")
                dual.knows(**{name: STATES[id(state)] for name, state in step.items()})
                time.sleep(0.2)
                for name in ROLLOUT[0].keys() - step.keys():
                    places[name].kill()


@pytest.mark.parametrize("left", ["another endpoint", "no endpoint", "no Service"])
def test_a42_a_connection_from_outside_outlives_its_endpoint_in_the_slices(case, left):
    case.serve("r2a", type="NodePort")
    case.settles("r2a", **EXT)
    with case.load(kind="held", hertz=50, **EXT) as held:
        if left == "another endpoint":
            case.serve("l1", type="NodePort")
            case.settles("l1", **EXT)
        elif left == "no endpoint":
            case.serve(type="NodePort")
            case.refused(**EXT)
        else:
            case.remove()
            case.refused(**EXT)
    assert held.order == ["r2a"]
