# SPDX-License-Identifier: Apache-2.0
"""The API server fails, each time otherwise. Traffic goes on, and behind it all is as after a fresh start."""
import contextlib
import json
import time

import pytest
from bed import wait_for
from bed.api import USER, ApiBed
from conftest import made
from kube import Connection, Recording, Rules, encode

KINDS = ("services", "endpointslices", "nodes", "pods", "servicecidrs")


@pytest.fixture
def bed():
    with made(ApiBed) as b:
        b.shop()
        b.start()
        yield b
        failures = [f for s in b.control.servers for f in s.failures]
        assert failures == []


@contextlib.contextmanager
def trouble(bed):
    """Something fails in the block, and the Service goes on; behind it the node follows and is as fresh. In the
    block objects come, change and go that nobody tells the agent of."""
    at = len(bed.agent_log())
    bed.service("gone", 80, bed.web, 8080, vips=["10.96.7.1"])
    wait_for("it is served", lambda: len(bed.weir("service", "show")) == 3)
    with bed.undisturbed():
        yield
        bed.server.heal()
        bed.follows()
    bed.is_as_fresh()
    wait_for("it is told", lambda: bed.states_of(at)[-1:] in ([], ["info"]), 100)
    states = bed.states_of(at)
    assert all(a != b for a, b in zip(states, states[1:])), states  # one line for each change


def behind_its_back(bed):
    """Deleted, changed and new objects, for a relist to find."""
    bed.remove("service-gone.json")
    bed.service("new", 80, bed.web, 8080, vips=["10.96.7.2"])


def watches_are_new(bed, since, resource="services"):
    return wait_for(f"{resource} are asked for again", lambda: bed.server.asked(resource=resource, since=since), 60)


# ---- 410

def test_a_watch_that_ends_with_error_410_is_begun_anew(bed):
    with trouble(bed):
        since = time.monotonic()
        bed.server.send(None, encode.expired_watch(1, 9).event)
        bed.server.end_watches()
        behind_its_back(bed)
        watches_are_new(bed, since)


def test_a_watch_that_is_answered_410_is_begun_anew(bed):
    with trouble(bed):
        gone = bed.server.fault("watch", "services", answer=encode.expired_watch(1, 9), times=3)
        bed.server.end_watches()
        behind_its_back(bed)
        gone.wait(3, 60)


def test_versions_that_are_forgotten_while_nobody_listens_are_listed_anew(bed):
    with trouble(bed):
        bed.server.stop()
        behind_its_back(bed)
        bed.store.compact()
        bed.server.start()


def test_pages_that_expire_in_the_middle_are_listed_anew(bed):
    bed.server.has_watchlist, bed.server.page_max = False, 1
    with trouble(bed):
        def is_second_page(ask):
            return "continue" in ask.query
        gone = [bed.server.fault("list", resource, where=is_second_page, times=1,
                                 answer=encode.expired_list(None)) for resource in ("services", "endpointslices")]
        bed.server.stop()
        behind_its_back(bed)
        bed.server.start()
        for fault in gone:
            fault.wait(1, 60)


def test_a_continue_token_that_the_server_renews_is_no_trap(bed):
    """The 410 of a page offers a token for an inconsistent rest; what comes of it is whole in the end."""
    bed.server.has_watchlist, bed.server.page_max = False, 1
    with trouble(bed):
        compacted = []

        def compact(ask):
            if "continue" in ask.query and len(compacted) < 2:
                compacted.append(ask.target)
                bed.store.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{len(compacted)}",
                                                                                     "namespace": "default"}})
                bed.store.compact()
            return False
        bed.server.fault("list", where=compact)
        bed.server.stop()
        behind_its_back(bed)
        bed.server.start()
        wait_for("pages have expired", lambda: len(compacted) == 2, 60)


# ---- Overload and errors

def test_too_many_requests_are_not_asked_again_before_their_time(bed):
    with trouble(bed):
        busy = {r: bed.server.fault("watch", r, answer=encode.too_many(2), times=2) for r in KINDS}
        bed.server.break_connections()
        for resource, fault in busy.items():
            fault.wait(2, 60)
            asked = wait_for(f"{resource} are watched", lambda r=resource: watched_again(bed, r), 60)
            later = [b.at - a.at for a, b in zip(asked, asked[1:]) if a.status == 429]
            assert min(later) >= 2, (resource, [(r.at, r.status) for r in asked])


def watched_again(bed, resource):
    """All requests, when the last was answered as it should be."""
    asked = bed.server.asked("watch", resource)
    return asked if asked[-1].status == 200 and len(asked) > 1 else None


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_only_has_errors_is_asked_less_and_less(bed, status):
    with trouble(bed):
        errors = bed.server.fault(answer=encode.internal("etcdserver: no leader", status))
        bed.server.break_connections()
        behind_its_back(bed)
        errors.wait(1, 60)
        begun = time.monotonic()
        errors.wait(24, 90)  # about five times each kind: a quarter, half, one and two seconds apart, by chance half of it
        assert time.monotonic() - begun > 1


def test_rights_that_are_taken_away_and_come_back(bed):
    with trouble(bed):
        bed.server.rules[USER] = Rules([])
        since = time.monotonic()
        bed.server.break_connections()
        behind_its_back(bed)
        wait_for("it is refused", lambda: [r for r in bed.server.asked(since=since) if r.status == 403], 60)
        bed.server.rules.clear()


# ---- Connections

@pytest.mark.parametrize("resource", ["services", "endpointslices"])
def test_a_stream_that_ends_at_any_byte_takes_nothing_away(bed, resource):
    with trouble(bed):
        behind_its_back(bed)
        for cut in (0, 9, 60, 400, 700, 1500, 2047, 2900):
            fault = bed.server.fault("watch", resource, cut=cut, rst=cut % 2 == 1, times=1)
            bed.server.break_connections()
            fault.wait(1, 60)
            assert {s["name"] for s in bed.weir("service", "show")} >= {"web", "kubernetes"}


def test_a_page_that_ends_at_any_byte_takes_nothing_away(bed):
    bed.server.has_watchlist = False
    with trouble(bed):
        behind_its_back(bed)
        for cut in (100, 500, 1200, 2600):
            fault = bed.server.fault("list", "services", cut=cut, times=1)
            bed.server.restart()
            fault.wait(1, 60)


def test_an_event_that_ends_in_its_middle_is_asked_for_again(bed):
    with trouble(bed):
        behind_its_back(bed)
        wait_for("it is seen", lambda: "new" in {s["name"] for s in bed.weir("service", "show")})
        bed.server.send("services", b'{"type":"DELETED","object":{"kind":"Service","apiVersion":"v1","metadata":{"name":"we')
        bed.server.break_connections()


def test_a_reset_connection_is_made_anew(bed):
    with trouble(bed):
        bed.server.break_connections(Connection.reset)
        behind_its_back(bed)


def test_a_server_that_asks_for_other_connections_gets_them(bed):
    with trouble(bed):
        since = time.monotonic()
        bed.server.go_away()
        behind_its_back(bed)
        bed.server.end_watches()
        watches_are_new(bed, since)


def test_a_server_that_falls_silent_is_given_up(bed):
    """Half-open: no FIN, no RST, no word."""
    with trouble(bed):
        bed.server.silence()
        behind_its_back(bed)
        at = len(bed.agent_log())
        wait_for("it is noticed", lambda: bed.log_of(at), 90)
        bed.server.speak()


def test_a_cable_that_is_cut_is_noticed(bed):
    with trouble(bed):
        at = len(bed.agent_log())
        with bed.control.unplugged():
            behind_its_back(bed)
            wait_for("it is noticed", lambda: bed.log_of(at), 90)


def test_one_stream_that_is_never_answered_is_asked_for_again(bed):
    """The connection is well, and all else on it is answered."""
    with trouble(bed):
        hangs = bed.server.fault("watch", "services", times=1, hang=True, where=lambda ask: "sendInitialEvents" in ask.query)
        bed.server.stop()
        behind_its_back(bed)
        bed.server.start()
        hangs.wait(1, 60)
        wait_for("it is asked for again", lambda: [r for r in bed.server.asked("watch", "services", since=hangs.at)
                                                   if r.status == 200], 120)


# ---- Other stores

def test_a_restart_on_the_same_port_is_followed(bed):
    with trouble(bed):
        bed.server.stop()
        behind_its_back(bed)
        bed.server.start()


def test_an_etcd_restored_from_a_backup_is_followed(bed):
    """Versions fall, and what was created since is gone."""
    with trouble(bed):
        backup = bed.store.version
        for n in range(50):
            bed.service("late", 80, bed.web[:1 + n % 2], 8080, vips=["10.96.7.3"])
        wait_for("it is seen", lambda: "late" in {s["name"] for s in bed.weir("service", "show")})
        bed.server.stop()
        bed.remove("service-late.json")
        bed.store.rewind(backup)
        bed.server.start()
        behind_its_back(bed)


def test_a_server_without_watchlist_is_listed(bed):
    bed.server.has_watchlist = False
    with trouble(bed):
        since = time.monotonic()
        bed.server.restart()
        behind_its_back(bed)
        watches_are_new(bed, since, "endpointslices")
    assert bed.server.asked("list", "services")


# ---- Objects

BROKEN = {
    "no JSON": b'{"metadata":{"name":"bad","namespace":"default","resourceVersion":"%d"},"spec":{',
    "another type": b'{"metadata":{"name":"bad","namespace":"default","resourceVersion":"%d"},"spec":7}',
    "an address that is none": b'{"metadata":{"name":"bad","namespace":"default","resourceVersion":"%d"},'
                               b'"spec":{"clusterIP":"10.96.0.300","ports":[{"port":80}]}}',
}


def bad(name="bad"):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": {}}


@pytest.mark.parametrize("what", list(BROKEN))
def test_a_malformed_object_in_a_watch_is_told_and_the_rest_goes_on(bed, what):
    at = len(bed.agent_log())
    with bed.undisturbed():
        bed.store.put_bytes(bad(), BROKEN[what])
        wait_for("it is told", lambda: [m for level, m in bed.log_of(at) if level in ("warn", "error")])
        bed.follows()
        bed.store.remove(bad())
        bed.follows()
    bed.is_as_fresh()


@pytest.mark.parametrize("what", ["another type", "an address that is none"])
@pytest.mark.parametrize("watchlist", [True, False])
def test_a_malformed_object_in_a_list_is_told_and_the_rest_goes_on(bed, what, watchlist):
    at = len(bed.agent_log())
    bed.server.has_watchlist = watchlist
    with bed.undisturbed():
        bed.server.stop()
        bed.store.put_bytes(bad(), BROKEN[what])
        bed.server.start()
        bed.follows()
        wait_for("it is told", lambda: "error" in [level for level, _ in bed.log_of(at)], 60)
        bed.store.remove(bad())
        bed.follows()
    bed.is_as_fresh()


def test_a_list_that_is_no_json_takes_nothing_away(bed):
    bed.server.has_watchlist = False
    with trouble(bed):
        fault = bed.server.fault("list", "services", edit=lambda body: body[:-40] + b"]" * 40)
        bed.server.restart()
        behind_its_back(bed)
        fault.wait(2, 60)


def test_a_huge_object_is_kept_small(bed):
    with trouble(bed):
        huge = bed.store.get("services", "default", "web")
        huge["metadata"]["annotations"] = {"note": "x" * (1 << 20)}  # nearly what etcd takes
        bed.store.put(huge)
        bed.follows()


def test_a_line_of_12_mib_is_passed_over_without_memory_for_it(bed):
    before, at, much = peak(bed), len(bed.agent_log()), b"x" * (4 << 20)
    with trouble(bed):
        bed.server.send("services", b'{"type":"ADDED","object":{"metadata":{"name":"', *[much] * 3, b'"}}}\n')
        wait_for("it is told", lambda: "error" in [level for level, _ in bed.log_of(at)], 60)
        behind_its_back(bed)
    assert bed.states_of(at) == []
    assert peak(bed) < before + (24 << 20)


def peak(bed):
    """Bytes of memory that the agent had at most."""
    with open(f"/proc/{bed.agent.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) << 10 for line in f if line.startswith("VmHWM"))


def test_a_recorded_object_of_every_kind_is_taken(bed):
    """The real server's own words, in its own order."""
    before = {s["name"] for s in bed.weir("service", "show")}
    for resource in ("services", "endpointslices"):
        for item in json.loads(Recording(f"list-{resource}").body)["items"]:
            kind, version = ("Service", "v1") if resource == "services" else ("EndpointSlice", "discovery.k8s.io/v1")
            if item["metadata"]["name"] != "kubernetes":
                bed.store.put({"kind": kind, "apiVersion": version, **item})
    wait_for("they are served", lambda: len(bed.weir("service", "show")) > len(before) + 10)
    bed.is_as_fresh()
