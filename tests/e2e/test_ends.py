# SPDX-License-Identifier: Apache-2.0
"""Connected UDP sockets whose backend is gone: their owners are told, connect again, and reach
another one. The clients here keep one socket, as resolvers do, and ask 50 times a second."""
import contextlib
import errno
import re
import time

from bed.objects import DEAD, DYING

CUT = {"ECONNABORTED", "EDESTADDRREQ"}  # told to a call that waits, or to the next one that sends


def outcomes(load):
    """Names of backends and errnos, in order; what a socket's end is told by is one CUT."""
    out = []
    for outcome in load.order:
        number = re.match(r"\[Errno (\d+)\]", outcome)
        name = errno.errorcode[int(number[1])] if number else outcome
        name = "CUT" if name in CUT else name
        if out[-1:] != [name]:
            out.append(name)
    return out


@contextlib.contextmanager
def kept(case, *places):
    """Clients with one connected socket each; within a second of what is done they are where they belong."""
    with contextlib.ExitStack() as stack:
        loads = [stack.enter_context(case.load(kind="kept", hertz=50, by=by, may_fail=True)) for by in places]
        yield loads
        time.sleep(1)


def test_a43_a_client_with_a_connected_socket_goes_on_with_the_new_backend(case):
    case.serve("r2a")
    case.settles("r2a", kind="udp")
    backend = (case.ip("r2a"), 8080)
    with case.load(kind="kept", hertz=50, to=backend) as direct, kept(case, "c1") as (load,):
        changed = case.serve("r3a")
    assert outcomes(load) == ["r2a", "CUT", "r3a"]
    assert case.in_time(load.first("r3a") - changed)
    assert direct.order == ["r2a"]  # it never meant the Service


def test_a_backend_that_terminates_but_serves_keeps_its_clients(case):
    case.serve("r2a")
    case.settles("r2a", kind="udp")
    with kept(case, "c1") as (load,):
        case.serve(case.ep("r2a", DYING), "r3a")
        case.settles("r3a", kind="udp")
    assert outcomes(load) == ["r2a"]
    with kept(case, "c1") as (load,):
        case.serve("r2a", case.ep("r3a", DEAD))
    assert outcomes(load) == ["r3a", "CUT", "r2a"]


def test_without_endpoints_a_client_is_refused(case):
    case.serve("r2a")
    case.settles("r2a", kind="udp")
    with kept(case, "c1") as (load,):
        case.serve()
    assert outcomes(load) == ["r2a", "CUT", "ECONNREFUSED"]
    with kept(case, "c1") as (load,):
        case.serve("r3a")
    assert outcomes(load) == ["ECONNREFUSED", "r3a"]


def test_of_a_deleted_service_a_client_is_refused(case):
    case.serve("r2a")
    case.settles("r2a", kind="udp")
    with kept(case, "c1") as (load,):
        case.remove()
    assert outcomes(load) == ["r2a", "CUT", "ECONNREFUSED"]


def test_clients_in_every_pod_and_on_the_node_go_on(case):
    case.serve("r2a")
    case.settles("r2a", kind="udp")
    places = ["c1", "c2", "l1", "l2", "host"]
    with kept(case, *places) as loads:
        case.serve("l1")
    assert [outcomes(load) for load in loads] == [["r2a", "CUT", "l1"]] * len(places)


def test_what_changed_while_no_agent_was_there_is_made_good(case):
    case.serve("r2a")
    case.settles("r2a", kind="udp")
    with kept(case, "c1") as (load,):
        case.bed.kill_agent()
        case.serve("r3a")
        case.bed.start()
    assert outcomes(load) == ["r2a", "CUT", "r3a"]
    stats = {r["reason"]: int(r["count"]) for r in case.bed.weir("datapath", "stats")}
    assert stats["socket_ended"] > 0
