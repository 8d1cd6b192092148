# SPDX-License-Identifier: Apache-2.0
"""The wall clock is set, forward and back, while the agent runs: nothing that it does hangs on it but the labels of
windows, and what TLS makes of a date. The machine's own clock stays: the agent alone sees another (libfaketime)."""
import sqlite3
import time
from pathlib import Path

import pytest
from bed import wait_for
from bed.api import ApiBed
from conftest import made

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
HOUR = 3600
YEAR = 366 * 24 * HOUR


class ClockBed(ApiBed):
    def make(self):
        super().make()
        self.offset = self.dir / "clock"
        self.environ = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.offset), "FAKETIME_NO_CACHE": "1",
                        "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.set_clock(0)

    def set_clock(self, seconds):
        """So far from the machine's."""
        self.offset.with_suffix(".new").write_text(f"{seconds:+d}\n")
        self.offset.with_suffix(".new").rename(self.offset)

    def windows(self):
        """(from, to) of each, in ms."""
        with sqlite3.connect(f"file:{self.dir}/state/ledger.db?mode=ro", uri=True) as db:
            return db.execute("SELECT from_ms, to_ms FROM windows ORDER BY id").fetchall()


@pytest.fixture
def bed():
    with made(ClockBed) as b:
        b.shop()
        b.start()
        yield b


def is_labelled(bed, offset):
    """The last window ends by the clock of now: the step was seen."""
    windows = bed.windows()
    return windows and abs(windows[-1][1] / 1000 - time.time() - offset) < 30


def asked(bed, since):
    return [(r.verb, r.resource) for r in bed.server.asked(since=since)]


def test_a_clock_that_is_set_forward_and_back_disturbs_no_watch_and_leaves_no_gap(bed):
    at = len(bed.agent_log())
    wait_for("a window", bed.windows)
    since = time.monotonic()
    with bed.undisturbed():
        bed.set_clock(3 * HOUR)
        wait_for("windows are labelled so", lambda: is_labelled(bed, 3 * HOUR))
        bed.follows(5)
        before = len(bed.windows())
        bed.set_clock(-1 * HOUR)
        wait_for("windows go on", lambda: len(bed.windows()) > before + 2)
        bed.follows(5)
    assert asked(bed, since) == []
    assert bed.log_of(at) == []
    windows = bed.windows()
    assert all(a[1] == b[0] for a, b in zip(windows, windows[1:])), windows
    assert [b - a for a, b in windows[before + 1:]] == [1] * (len(windows) - before - 1)  # until it has caught up


def test_a_clock_that_is_years_off_takes_nothing_away_and_is_said(bed):
    """Then no certificate is valid; what stands stands, and when the clock is right again, so is all."""
    at = len(bed.agent_log())
    with bed.undisturbed():
        bed.set_clock(2 * YEAR)
        bed.follows(5)  # a connection that stands is not looked at again
        bed.server.break_connections()
        bed.service("new", 80, bed.web[:1], 8080, vips=["10.96.7.2"])
        wait_for("it is said why", lambda: "certificate" in (bed.weir("agent", "status")["api_error"] or ""), 60)
        assert "new" not in {s["name"] for s in bed.weir("service", "show")}
        bed.set_clock(0)
        wait_for("what came meanwhile is served", lambda: "new" in {s["name"] for s in bed.weir("service", "show")}, 60)
        wait_for("it is in step", lambda: bed.weir("agent", "status")["api_error"] is None, 60)
    bed.is_as_fresh()
    assert [level for level, _ in bed.log_of(at)] == ["warn", "info"]
