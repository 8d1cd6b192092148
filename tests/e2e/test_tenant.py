# SPDX-License-Identifier: Apache-2.0
"""A tenant and the chain: a lease is opened, fed and ended with the tenant's key, and the provider's agent bills it."""
import base64
import json

import pytest
from bed import wait_for
from test_chain import BURN, chain  # noqa: F401 (a fixture)
from test_provider import SUI, cli, weir

BLOB = "E7_nNXvFU_3qZVu3OH1yycRG7LZlyn1-UxEDCDDqGGU"
SRI = "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="


@pytest.fixture
def tenant(bed, chain):  # noqa: F811
    """The tenant's key, with money; the configuration is the node's, of which it needs no more than where the market is."""
    key = str(bed.dir / "tenant.key")
    address = weir(bed, "key", "new", key)["sui_address"]
    chain.ask(fund={address: 100 * SUI})
    return {"key": key, "address": address}


def open_lease(bed, chain, tenant, *more, check=True):  # noqa: F811
    return weir(bed, "lease", "open", "shop", "--provider", chain.where["provider"], "--deposit", "5SUI", "--core-second",
                "0.001SUI", "--gib-external", "250MIST", "--rate-cap", "1SUI", "--key", tenant["key"], *more, check=check)


def test_a_lease_is_opened_billed_fed_and_ended(bed, chain, tenant):  # noqa: F811
    opened = open_lease(bed, chain, tenant, "--blob", BLOB, "--integrity", SRI, "--memory", "64MiB", "--grace", "1s")
    there = chain.ask(object=opened["object"])["object"]
    assert (there["tenant"], there["deposited"], there["opened_ms"] != "0") == (tenant["address"], str(5 * SUI), True)
    assert there["prices"] == {"core_s": "1000000", "gib_s": "0", "rx_gib": ["250", "0", "0"], "tx_gib": ["250", "0", "0"],
                               "cap_s": str(SUI)}
    assert there["work"]["memory_bytes"] == str(64 << 20) and there["terms"]["grace_ms"] == "1000"
    assert int(there["work"]["blob_id"]).to_bytes(32, "little") == base64.urlsafe_b64decode(BLOB + "=")

    # what it prints is what the provider runs
    bed.start()
    words = opened["provider_runs"].split()
    assert words[:4] == ["weir", "lease", "open", "shop"]
    taken = bed.weir(*words[1:])
    assert taken["deposited"] == str(5 * SUI)
    pod = bed.pod("worker", lease="shop")
    pod.run("/usr/bin/python3", "-c", BURN)
    paid = wait_for("it is paid", lambda: int(chain.ask(object=opened["object"])["object"]["paid"]))
    assert paid > 0

    weir(bed, "lease", "top-up", opened["object"], "1.5SUI", "--key", tenant["key"])
    assert chain.ask(object=opened["object"])["object"]["deposited"] == str(65 * SUI // 10)
    weir(bed, "lease", "close", opened["object"], "--key", tenant["key"])
    late = weir(bed, "lease", "top-up", opened["object"], "1SUI", "--key", tenant["key"], check=False)
    assert "closing" in late["error"]


def test_who_vanished_keeps_no_deposit(bed, chain, tenant):  # noqa: F811
    opened = open_lease(bed, chain, tenant, "--grace", "1h")
    weir(bed, "lease", "close", opened["object"], "--key", tenant["key"])
    early = weir(bed, "lease", "close", opened["object"], "--key", tenant["key"], check=False)
    assert "closing already" in early["error"]
    before = int(chain.ask(later=3600000)["balances"][tenant["address"]])
    done = weir(bed, "lease", "close", opened["object"], "--key", tenant["key"])
    assert done["done"] == "finish"
    assert int(chain.ask()["balances"][tenant["address"]]) == before + 5 * SUI - int(done["gas"])


def test_a_lost_answer_opens_no_second_lease(bed, chain, tenant):  # noqa: F811
    chain.ask(fault={"on": "execute", "accept": True, "status": 503})
    work = ("--blob", BLOB, "--integrity", SRI, "--pids", "64")
    lost = open_lease(bed, chain, tenant, *work, check=False)
    assert "run the same command again" in lost["error"]
    # which one that is, another command with this key says
    other = weir(bed, "lease", "close", chain.where["lease"], "--key", tenant["key"], check=False)
    again = weir(bed, *other["error"].split(": weir ")[1].split(), "--key", tenant["key"])
    assert again["resumed"] and chain.ask()["executions"] == 1
    assert int(chain.ask()["balances"][tenant["address"]]) == 95 * SUI - int(again["gas"])


def test_what_no_tenant_may_is_said_before_anything_is_sent(bed, chain, tenant):  # noqa: F811
    for words, says in (
            (("open", "shop", "--provider", "node-a", "--deposit", "1SUI"), "--provider: 'node-a' is no id"),
            (("open", "shop", "--provider", chain.where["market"], "--deposit", "1SUI"), "does not say its stake"),
            (("open", "shop", "--provider", chain.where["provider"], "--deposit", "1000SUI"), "takes 1000SUI and up to"),
            (("open", "shop", "--provider", chain.where["provider"], "--deposit", "1SUI", "--grace", "31d"), "'31d' is out of range"),
            (("open", "shop", "--provider", chain.where["provider"], "--deposit", "1SUI", "--integrity", "md5-x"), "--integrity"),
            (("top-up", chain.where["market"], "1SUI"), "is no lease"), (("close", "shop"), "is no id"),
            (("close", chain.where["lease"]), "would refuse it")):
        refused = weir(bed, "lease", *words, "--key", tenant["key"], check=False)
        assert says in refused["error"], refused
    assert cli(bed, "lease", "open", "shop", "--provider", chain.where["provider"], "--key", tenant["key"]).returncode == 2
    assert chain.ask()["executions"] == 0


def test_what_the_tenant_accepts_is_paid_at_once(bed, chain, tenant):  # noqa: F811
    chain.ask(market={"challenge_ms": 3600000})
    opened = open_lease(bed, chain, tenant)
    bed.start()
    bed.weir(*opened["provider_runs"].split()[1:])
    pod = bed.pod("worker", lease="shop")
    pod.run("/usr/bin/python3", "-c", BURN)
    # nobody accepted it: it waits for an hour
    wait_for("a report", lambda: int(chain.ask(object=opened["object"])["object"]["seq"]))
    wait_for("the cgroup can go", lambda: pod.cgroup.rmdir() or True)
    for _ in range(2):  # with the first one its last reading is booked
        last = bed.weir("agent", "status")["window_to"]
        wait_for("a window ends", lambda before=last: bed.weir("agent", "status")["window_to"] > before)
    file, cosigned, own = (str(bed.dir / name) for name in ("shop.json", "cosigned.json", "own.json"))

    def export():
        bed.cli("receipt", "export", "--lease", "shop", "-o", file)
        return bed.weir("receipt", "verify", file)["last_seq"]
    wait_for("the last report is on chain", lambda: export() == int(chain.ask(object=opened["object"])["object"]["seq"]))
    assert chain.ask(object=opened["object"])["object"]["paid"] == "0"
    due = int(bed.weir("receipt", "verify", file)["total_due"])
    assert due > 0

    def cosign(*words, check=True):
        return weir(bed, "receipt", "cosign", file, "--key", tenant["key"], "-o", cosigned, *words, check=check)
    totals = bed.weir("receipt", "verify", file)["totals"]
    (bed.dir / "own.json").write_text(json.dumps({"cpu_ns": int(totals["cpu_ns"]) * 100 // 104}))
    assert "over --cap 0.000000001SUI" in cosign("--cap", "1MIST", check=False)["error"]
    assert "more than 3% over" in cosign("--own", own, "--tolerance", "3", check=False)["error"]
    stranger = weir(bed, "receipt", "cosign", file, "--key", str(bed.dir / "gas.key"), "--cap", "1SUI", check=False)
    assert "wants co-signatures" in stranger["error"]
    assert cli(bed, "receipt", "cosign", file, "--key", tenant["key"]).returncode == 2

    assert cosign("--cap", "1SUI", "--own", own, "--tolerance", "5")["total_due"] == str(due)
    taken = bed.weir("receipt", "accept", cosigned)
    assert (taken["lease"], taken["total_due"]) == ("shop", str(due))
    wait_for("it is paid", lambda: chain.ask(object=opened["object"])["object"]["paid"] == str(due))
    again = bed.weir("receipt", "accept", cosigned, check=False)
    assert "nothing of it waits" in again["error"]
