# SPDX-License-Identifier: Apache-2.0
"""Leases on chain: the agent takes one over, meters, reports and settles by a Sui that goes wrong."""
import json
import os
import shutil
import subprocess
from datetime import datetime, timezone

import pytest
from bed import TOP, BedError, wait_for


def scripted(name):
    """The folder in which programs of tests/fakes/NAME find their packages."""
    if not shutil.which("node"):
        pytest.skip("there is no node")
    folder = TOP / "build" / "npm" / name
    assert (folder / "node_modules").is_dir(), f"make build/npm/{name}/node_modules first, as make e2e does"
    for path in (TOP / "tests" / "fakes" / name).glob("*.mjs"):
        own = folder / f"{path.name}.{os.getpid()}"  # tests side by side read what is half written otherwise
        shutil.copy(path, own)
        own.replace(folder / path.name)
    return folder


class Lines:
    """A program that says where it is, and then answers lines of JSON; netns: in this network namespace."""

    def __init__(self, *argv, netns=None):
        enter = ["nsenter", f"--net=/run/netns/{netns}"] if netns else []
        self.child = subprocess.Popen([*enter, *map(str, argv)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.where = json.loads(self.child.stdout.readline())

    def ask(self, **what):
        print(json.dumps(what or {"state": True}), file=self.child.stdin, flush=True)
        return json.loads(self.child.stdout.readline())

    def close(self):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait(timeout=20)


def chain_of(folder, report_key, gas, netns=None):
    """The fake Sui (tests/fakes/sui)."""
    return Lines("node", scripted("sui") / "serve.mjs", folder, report_key, gas, netns=netns)


@pytest.fixture
def chain(bed):
    (bed.dir / "state").mkdir(mode=0o700, exist_ok=True)
    report = bed.weir("key", "new")
    gas = bed.weir("key", "new", str(bed.dir / "gas.key"))
    chain = chain_of(bed.dir / "chain", report["public_key"], gas["sui_address"], bed.node)
    at = chain.where
    with bed.config.open("a") as f:
        f.write(f"chain: {{kind: sui, network: {at['network']}, graphql: ['{at['url']}'], caFile: {at['ca']}, "
                f"package: '{at['package']}', market: '{at['market']}', provider: '{at['provider']}', "
                f"keyFile: {bed.dir}/gas.key, follow: 1s, settleEvery: 0s}}\n")
    yield chain
    chain.close()


BURN = "import time\nwhile time.process_time() < 0.2: pass"


def settled(bed, chain):
    """Waits until all receipts that there are now are final, and returns what the chain has: the same."""
    last = max(int(r["seq"]) for r in bed.weir("receipt", "show", "--lease", "shop"))

    def all_final():
        rows = [r for r in bed.weir("settlement", "show") if int(r["seq"]) <= last]
        if any(r["state"] != "final" for r in rows):
            raise BedError(f"settlements {rows}\n{bed.agent_log()[-2000:]}")
        return rows
    wait_for("all receipts are settled", all_final, timeout=60)
    state = chain.ask()
    due = {r["seq"]: r["total_due"] for r in bed.weir("receipt", "show", "--lease", "shop")}
    assert int(state["lease"]["seq"]) >= last and state["lease"]["total_due"] == str(due[int(state["lease"]["seq"])])
    # each report was taken once, in order
    assert state["reported"] == sorted(set(state["reported"])) and not state["skipped"]
    return state


def burn(bed, pod):
    """Ends when what was burnt stands in a receipt, which is signed a moment after its window ended."""
    pod.run("/usr/bin/python3", "-c", BURN)
    burnt = datetime.now(timezone.utc)
    wait_for("a receipt", lambda: any(datetime.fromisoformat(r["to"]) >= burnt
                                      for r in bed.weir("receipt", "show", "--lease", "shop")))


def test_a_lease_on_chain_is_taken_over_and_paid_once_whatever_happens(bed, chain):
    pod = bed.pod("worker", lease="shop")
    bed.start()
    taken = bed.weir("lease", "open", "shop", "--object", chain.where["lease"])
    assert taken["id"] == chain.where["lease"].removeprefix("0x")
    burn(bed, pod)
    assert int(settled(bed, chain)["lease"]["total_due"]) > 0

    for fault in ({"on": "execute", "accept": True, "drop": True, "times": 2}, {"on": "any", "status": 429, "times": 3},
                  {"on": "execute", "cut": 40}):
        chain.ask(fault=fault)
        burn(bed, pod)
        settled(bed, chain)

    # killed while the chain keeps it waiting for an answer that it has given
    chain.ask(fault={"on": "execute", "accept": True, "hang": True})
    burn(bed, pod)
    wait_for("it was sent", lambda: not chain.ask()["pending"])
    bed.kill_agent()
    bed.start()
    burn(bed, pod)
    settled(bed, chain)
    bed.cli("receipt", "export", "--lease", "shop", "-o", str(bed.dir / "shop.json"))
    assert bed.weir("receipt", "verify", str(bed.dir / "shop.json"))


def test_a_chain_that_is_away_holds_up_no_window(bed, chain):
    pod = bed.pod("worker", lease="shop")
    bed.start()
    bed.weir("lease", "open", "shop", "--object", chain.where["lease"])
    burn(bed, pod)  # the chain is asked before the first signature: test_one_story.py
    chain.ask(fault={"on": "any", "hang": True, "times": 50})
    for _ in range(3):
        burn(bed, pod)
    assert all(r["state"] != "final" for r in bed.weir("settlement", "show"))


def test_what_failed_is_paid_as_soon_as_somebody_says_so(bed, chain):
    pod = bed.pod("worker", lease="shop")
    bed.start()
    bed.weir("lease", "open", "shop", "--object", chain.where["lease"])
    # the provider's key on chain is another one for a while: reports would be skipped
    key = chain.ask()["provider"]["key"]
    chain.ask(provider={"key": "00" * 32})
    burn(bed, pod)
    rows = wait_for("it failed", lambda: [r for r in bed.weir("settlement", "show") if r["state"] == "failed"])
    assert "skip" in rows[0]["error"] and rows[0]["next_try"] > rows[0]["updated"]
    assert "no settlement" in bed.weir("settlement", "retry", rows[0]["id"] + "000", check=False)["error"]
    chain.ask(provider={"key": key})
    assert bed.weir("settlement", "retry", "--lease", "shop")["due"] >= 1
    settled(bed, chain)
    paid = [r for r in bed.weir("settlement", "show") if r["state"] == "final"]
    assert paid and all(r["digest"] and not r["error"] for r in paid)
    refused = bed.weir("settlement", "retry", paid[0]["id"], check=False)
    assert "only what failed" in refused["error"]


def test_what_is_not_ours_is_not_taken_over(bed, chain):
    bed.start()
    for words, says in ((("shop", "--object", "0x12"), "there is no object"), (("shop", "--object", "shop"), "no id"),
                        (("shop", "--object", chain.where["market"]), "does not say"),
                        (("shop", "--tenant", "ada", "--deposit", "5"), "--object")):
        refused = bed.weir("lease", "open", *words, check=False)
        assert says in refused["error"], refused
    assert bed.weir("lease", "show") == []
