# SPDX-License-Identifier: Apache-2.0
"""The API server is away, for long or from the beginning: what directs and what measures goes on.

WEIR_AWAY_S=600 makes it ten minutes instead of twenty seconds."""
import os
import time

import pytest
from bed import wait_for
from bed.api import ApiBed
from conftest import made
from kube import encode

AWAY_S = float(os.environ.get("WEIR_AWAY_S", "20"))
NOTICED_S = 35  # until a connection without a word is given up
LEASE = ("--tenant", "alice", "--deposit", "1000000000000", "--core-second", "1000000", "--gib-local", "1")


@pytest.fixture
def bed():
    with made(ApiBed) as b:
        yield b.shop()


def begin(bed):
    """Until the node does what the objects say, and the command line knows it."""
    bed.start()
    wait_for("it is in order", lambda: bed.weir("datapath", "check") == [])


def kernel(bed):
    """The tables as they are in the kernel, ids and all."""
    return bed.tables(), [b for b in bed.weir("backend", "show")]


def paid(bed):
    """Receipts of the lease so far."""
    return len(bed.weir("receipt", "show", "--lease", "shop"))


def used(bed):
    """(bytes, windows) of a pod so far."""
    rows = [r for r in bed.weir("usage", "show", "--window", "7d") if r["pod"] == "default/web-0"]
    return sum(int(r["rx_bytes"]) for r in rows), len(rows)


@pytest.mark.parametrize("how", ["dead", "silent", "errors"])
def test_while_the_server_is_away_nothing_changes_and_all_is_measured_and_billed(bed, how):
    begin(bed)
    bed.weir("lease", "open", "shop", *LEASE)
    wait_for("receipts are written", lambda: paid(bed) >= 2)
    at, before = len(bed.agent_log()), kernel(bed)
    with bed.undisturbed():
        if how == "dead":
            bed.server.stop()
        elif how == "silent":
            bed.server.silence()
        else:
            bed.server.fault(answer=encode.internal("etcdserver: no leader", 503))
            bed.server.break_connections()
        bed.service("new", 80, bed.web[:1], 8080, vips=["10.96.7.2"])  # nobody can tell
        end, seen = time.monotonic() + AWAY_S + (NOTICED_S if how == "silent" else 0), []
        while time.monotonic() < end:
            seen.append((paid(bed), used(bed)))
            assert kernel(bed) == before
            time.sleep(min(5, AWAY_S / 8))
        if how == "dead":
            bed.server.start()
        elif how == "silent":
            bed.server.speak()
        else:
            bed.server.heal()
        wait_for("what came meanwhile is served", lambda: "new" in {s["name"] for s in bed.weir("service", "show")}, 60)
        bed.follows()
    assert seen[-1][0] >= seen[0][0] + AWAY_S * 0.8 and seen[-1][1] > seen[0][1], seen  # windows of a second
    bed.is_as_fresh()
    # it says that it is back when the last kind is
    wait_for("it says that the server is back", lambda: any(level == "info" for level, _ in bed.log_of(at)), 60)
    lines = bed.log_of(at)
    assert [level for level, _ in lines] == ["warn", "info"], lines  # away, and back


def test_an_agent_that_starts_while_the_server_is_away_keeps_what_directs(bed):
    begin(bed)
    before = kernel(bed)
    with bed.undisturbed():
        bed.server.stop()
        bed.kill_agent()
        bed.service("web", 80, bed.web, 8080, vips=bed.vips)
        bed.start(wait=False)
        wait_for("the agent is there", lambda: isinstance(bed.weir("agent", "status", check=False), dict))
        time.sleep(2)
        assert bed.weir("agent", "status")["synced"] is None
        assert kernel(bed) == before
        bed.server.start()
        wait_for("it is in step", bed.answers, 60)
        assert kernel(bed) == before
        bed.follows()
    bed.is_as_fresh()


@pytest.mark.parametrize("resource", ["services", "endpointslices", "nodes", "servicecidrs"])
def test_nothing_is_taken_away_before_every_kind_is_known(bed, resource):
    """One of the lists does not come; the others, empty or not, are no reason to change anything."""
    begin(bed)
    before = kernel(bed)
    with bed.undisturbed():
        bed.kill_agent()
        fault = bed.server.fault(resource=resource, hang=True)
        bed.start(wait=False)
        fault.wait(1, 60)
        others = {"services", "endpointslices", "nodes"} - {resource}
        wait_for("the others are watched", lambda: others <= {w.ask.resource.name for w in bed.server.running()}, 60)
        time.sleep(1)
        assert kernel(bed) == before
        bed.server.heal()
        bed.server.restart()
        wait_for("it is in step", bed.answers, 60)
        assert kernel(bed) == before
    bed.follows()


def test_a_store_that_is_empty_is_taken_at_its_word_but_only_whole(bed):
    """An etcd that was lost: all lists are whole, and empty. Until then nothing changes."""
    begin(bed)
    before = kernel(bed)
    bed.server.stop()
    keep = bed.store.all("nodes")
    bed.store.clear()
    bed.store.put(*keep)
    assert kernel(bed) == before
    bed.server.start()
    wait_for("all Services are gone", lambda: bed.weir("service", "show") == [], 60)
    bed.control.announce()
    bed.service("web", 80, bed.web, 8080, vips=bed.vips)
    bed.files.clear()
    wait_for("they are back", lambda: bed.answered_by() == {"web-0", "web-1"}, 60)
    bed.is_as_fresh()
