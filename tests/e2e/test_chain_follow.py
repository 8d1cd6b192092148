# SPDX-License-Identifier: Apache-2.0
"""What happens to a lease on chain comes to the node by itself: deposits, disputes, the end, and what runs for it."""
import signal
import time

from bed import BedError, wait_for
from test_chain import BURN, burn, chain  # noqa: F401  (a fixture)
from test_walrus_run import package, state_of

GRACE_MS = 600_000


def shown(bed):
    lease, = bed.weir("lease", "show", "shop")
    return lease


def until(what, bed, **members):
    def compared():
        lease = shown(bed)
        if any(lease[k] != v for k, v in members.items()):
            raise BedError(f"{lease}\n{bed.agent_log()[-1500:]}")
        return lease
    return wait_for(what, compared, timeout=30)


def taken_over(bed, chain, **terms):
    chain.ask(terms=terms)
    bed.start()
    bed.weir("lease", "open", "shop", "--object", chain.where["lease"])


def test_a_top_up_and_a_dispute_on_chain_are_shown(bed, chain):
    pod = bed.pod("worker", lease="shop")
    taken_over(bed, chain, challenge_ms=3_600_000, dispute_ms=7_200_000, bond_bps=5000)
    deposit = int(shown(bed)["deposited"])
    chain.ask(tenant=["topUp", 5])
    until("the top-up is seen", bed, deposited=str(deposit + 5))

    burn(bed, pod)
    lease = wait_for("claims wait", lambda: next((x for x in [shown(bed)] if x["claims"]), None), timeout=30)
    assert lease["paid"] == "0" and int(lease["waiting"]) > 0 and lease["state"] == "open"
    assert sum(int(c["amount"]) for c in lease["claims"]) == int(lease["waiting"]) == int(lease["reported"])
    assert all(c["release"] > lease["billed_to"] for c in lease["claims"])

    disputed = chain.ask(tenant=["dispute", 10 ** 9])["lease"]["dispute"]
    lease = until("the dispute is seen", bed, waiting=disputed["amount"], claims=[])
    assert lease["disputed_until"] and lease["struck"] == "0"
    chain.ask(owner=["agree", 1])
    chain.ask(tenant=["agree", 1])
    lease = until("it is settled", bed, struck=str(int(disputed["amount"]) - 1), disputed_until=None)
    assert lease["paid"] == "1"


def test_a_lease_that_its_tenant_ends_is_reported_to_its_end_paid_and_refunded(bed, chain):
    pod = bed.pod("worker", lease="shop")
    # where a window ends before its end is known, its receipt is refused, and the grace has to be waited for
    taken_over(bed, chain, grace_ms=4000)
    burn(bed, pod)
    closing = chain.ask(tenant=["close"])["lease"]["closing_ms"]
    pod.run("/usr/bin/python3", "-c", BURN)  # nobody pays for this any more
    lease = until("it is closed", bed, state="closed")
    there = chain.ask()["lease"]
    assert there["closed"] and int(there["last_to_ms"]) <= int(closing)
    assert [lease[k] for k in ("deposited", "paid", "refunded")] == [there[k] for k in ("deposited", "paid", "refunded")]
    assert lease["paid"] == lease["reported"] and lease["escrow"] == "0" and int(lease["refunded"]) > 0
    last = bed.weir("receipt", "show", "--lease", "shop")[-1]
    refused = [r for r in bed.weir("settlement", "show") if r["state"] != "final"]
    assert all("told to end" in r["error"] for r in refused) and len(refused) <= 1, refused
    if not refused:
        assert there["last_to_ms"] == closing and lease["billed_to"] == lease["closing"]
    wait_for("a window without it", lambda: len(bed.weir("usage", "show", "--by", "window")) > int(last["seq"]) + 2)
    assert bed.weir("receipt", "show", "--lease", "shop")[-1] == last
    bed.cli("receipt", "export", "--lease", "shop", "-o", str(bed.dir / "shop.json"))
    assert bed.weir("receipt", "verify", str(bed.dir / "shop.json"))


def test_what_runs_for_it_ends_when_that_is_certain_and_not_because_a_server_errs(bed, chain, tmp_path):
    tarball = package(tmp_path)
    taken_over(bed, chain, grace_ms=GRACE_MS)
    words = ["workload", "run", "web", str(tarball), "--cgroup", f"/{bed.name}/pods/web", "--lease", "shop"]
    bed.weir(*words)
    wait_for("it runs", lambda: state_of(bed) == {"web": "starting"})

    # a server that says there is no such lease, then one that is away: it runs on
    for fault in ({"on": "read", "missing": True, "times": 6}, {"on": "any", "status": 500, "times": 6}):
        chain.ask(fault=fault)
        wait_for("they were met", lambda: not chain.ask()["pending"], timeout=30)
    assert shown(bed)["state"] == "open" and state_of(bed) == {"web": "starting"}

    # it ends, and a server says twice that it does not
    chain.ask(fault={"on": "read", "stale": True, "times": 2})
    chain.ask(tenant=["close"])
    until("it is known", bed, state="closing")
    wait_for("it is stopped", lambda: state_of(bed) == {"web": "stopped"}, timeout=30)
    refused = bed.weir(*words, check=False)
    assert refused["error"]


def test_a_stop_waits_for_one_request_and_not_for_every_lease(bed, chain):
    taken_over(bed, chain)
    for n in (1, 2):
        lease = "0x" + f"e{n}" * 32
        chain.ask(open={"id": lease})
        bed.weir("lease", "open", f"shop-{n}", "--object", lease)
    chain.ask(fault={"on": "any", "hang": True, "times": 50})
    wait_for("one is asked", lambda: chain.ask()["pending"] < 50)
    begun = time.monotonic()
    assert bed.kill_agent(signal.SIGTERM) == 0
    assert time.monotonic() - begun < 15  # a request ends after 10 s; three would take 30
