# SPDX-License-Identifier: Apache-2.0
"""A Pod that runs for a lease on chain stays while servers err, and goes when the lease has ended."""
import pytest
from bed import missing, wait_for
from bed.control import ControlBed
from test_chain import chain  # noqa: F401  (a fixture)
from test_chain_follow import GRACE_MS, shown, taken_over, until
from test_lease_pods import all_there, failing, run, there


@pytest.fixture
def bed():
    if missing():
        pytest.skip(missing())
    with ControlBed() as b:
        yield b


def test_a_pod_goes_with_its_lease_on_chain_and_not_because_a_server_errs(bed, chain):
    taken_over(bed, chain, grace_ms=GRACE_MS)
    run(bed)
    all_there(bed)
    for fault in ({"on": "read", "missing": True, "times": 5}, {"on": "any", "drop": True, "times": 5}):
        chain.ask(fault=fault)
        wait_for("they were met", lambda: not chain.ask()["pending"], timeout=30)
    assert shown(bed)["state"] == "open" and len(there(bed)) == 4

    chain.ask(tenant=["close"])
    until("it is known", bed, state="closing")
    assert "lease shop is clos" in failing(bed, "workload", "run", "other", str(bed.package()), "--lease", "shop")
    bed.goes("services", "web")
    wait_for("the Pod is deleted", lambda: "deletionTimestamp" in bed.has("pods", "web")["metadata"], timeout=30)
    bed.server.kubelet_finishes()
    wait_for("all of it is gone", lambda: not there(bed), timeout=30)
