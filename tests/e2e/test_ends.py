# SPDX-License-Identifier: Apache-2.0
"""Connected UDP sockets whose backend is gone: their owners are told, connect again, and reach
another one. The clients here keep one socket, as resolvers do, and ask 50 times a second."""
import contextlib
import errno
import re
import time

from cluster import DEAD, DYING, bed, case, cluster  # noqa: F401 (fixtures)

UDP = [("udp", "UDP", 80)]
TO_UDP = [("udp", "UDP", 8080)]
CUT = {"ECONNABORTED", "EDESTADDRREQ"}  # told to a call that waits, or to the next one that sends


def put(case, *endpoints):  # noqa: F811
    case.put(case.service(UDP), case.slice(list(endpoints), TO_UDP))


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
def kept(case, *places):  # noqa: F811
    """Clients with one connected socket each; within a second of what is done they are where they belong."""
    with contextlib.ExitStack() as stack:
        loads = [stack.enter_context(case.load("kept", 50, place=p, may_fail=True)) for p in places or [case.c1]]
        yield loads
        time.sleep(1)


def test_a_client_goes_on_with_the_new_backend(case):  # noqa: F811
    put(case, case.ep(case.r2a))
    case.settles("r2a", kind="udp")
    backend = case.r2a.ip if case.families == ["IPv4"] else case.r2a.ip6
    with case.load("kept", 50, vip=backend, port=8080) as direct, kept(case) as (load,):
        put(case, case.ep(case.r3a))
    assert outcomes(load) == ["r2a", "CUT", "r3a"]
    assert direct.order == ["r2a"]  # it never meant the Service


def test_a_backend_that_terminates_but_serves_keeps_its_clients(case):  # noqa: F811
    put(case, case.ep(case.r2a))
    case.settles("r2a", kind="udp")
    with kept(case) as (load,):
        put(case, case.ep(case.r2a, DYING), case.ep(case.r3a))
        case.settles("r3a", kind="udp")
    assert outcomes(load) == ["r2a"]
    with kept(case) as (load,):
        put(case, case.ep(case.r2a), case.ep(case.r3a, DEAD))
    assert outcomes(load) == ["r3a", "CUT", "r2a"]


def test_without_endpoints_a_client_is_refused(case):  # noqa: F811
    put(case, case.ep(case.r2a))
    case.settles("r2a", kind="udp")
    with kept(case) as (load,):
        put(case)
    assert outcomes(load) == ["r2a", "CUT", "ECONNREFUSED"]
    with kept(case) as (load,):
        put(case, case.ep(case.r3a))
    assert outcomes(load) == ["ECONNREFUSED", "r3a"]


def test_of_a_deleted_service_a_client_is_refused(case):  # noqa: F811
    put(case, case.ep(case.r2a))
    case.settles("r2a", kind="udp")
    with kept(case) as (load,):
        case.remove()
    assert outcomes(load) == ["r2a", "CUT", "ECONNREFUSED"]


def test_clients_in_every_pod_and_on_the_node_go_on(case):  # noqa: F811
    put(case, case.ep(case.r2a))
    case.settles("r2a", kind="udp")
    places = [case.c1, case.l1, case.r2a, case.r3a, case.bed.host]
    with kept(case, *places) as loads:
        put(case, case.ep(case.l1))
    assert [outcomes(load) for load in loads] == [["r2a", "CUT", "l1"]] * len(places)


def test_what_changed_while_no_agent_was_there_is_made_good(case):  # noqa: F811
    put(case, case.ep(case.r2a))
    case.settles("r2a", kind="udp")
    with kept(case) as (load,):
        case.bed.kill_agent()
        put(case, case.ep(case.r3a))
        case.bed.start()
    assert outcomes(load) == ["r2a", "CUT", "r3a"]
    stats = {r["reason"]: int(r["count"]) for r in case.bed.weir("datapath", "stats")}
    assert stats["socket_ended"] > 0
