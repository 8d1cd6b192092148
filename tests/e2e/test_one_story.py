# SPDX-License-Identifier: Apache-2.0
"""Two different receipts of one number can't be had: not from an old copy of the ledger, not from a second agent with
the key. Metering goes on meanwhile."""
import shutil
import signal
import subprocess

from bed import BedError, run, wait_for
from test_chain import BURN, burn, chain, settled  # pylint: disable=unused-import
from test_measure import open_lease


def copy_of(bed, name, *what):
    """Of the state folder, or of these files in it, while no agent runs."""
    to = bed.dir / name
    shutil.rmtree(to, ignore_errors=True)
    if not what:
        shutil.copytree(bed.dir / "state", to)
        return to
    to.mkdir()
    for path in what:
        if (bed.dir / "state" / path).exists():
            shutil.copy2(bed.dir / "state" / path, to)
    return to


LEDGER = ("ledger.db", "ledger.db-wal", "ledger.db-shm")


def put_back(bed, copy, *what):
    for path in what:
        (bed.dir / "state" / path).unlink(missing_ok=True)
    for path in copy.iterdir():
        if path.is_file():
            shutil.copy2(path, bed.dir / "state" / path.name)


def receipts(bed):
    return {int(r["seq"]): r["hash"] for r in bed.weir("receipt", "show", "--lease", "shop")}


def held(bed, says):
    """The lease says why it is held, and the agent that one is; what it holds was not sent anywhere."""
    def so():
        lease, = bed.weir("lease", "show", "shop")
        status = bed.weir("agent", "status")
        if says not in lease["held"] or int(status["leases_held"]) != 1:
            raise BedError(f"{lease} {status}")
        return lease
    lease = wait_for("the lease is held", so, timeout=30)
    assert int(lease["seq"]) > int(lease["signed_seq"]) == max(receipts(bed), default=0)
    return lease


def used(bed, pod):
    return sum(int(r["cpu_ns"]) for r in bed.weir("usage", "show", "--pod", f"default/{pod.name}"))


def meters_on(bed, pod):
    before = used(bed, pod)
    pod.run("/usr/bin/python3", "-c", BURN)

    def so():
        if used(bed, pod) < before + 150_000_000:
            raise BedError(f"{used(bed, pod)} after {before}")
        return True
    wait_for("what was burnt is booked", so)


def verified(bed):
    bed.cli("receipt", "export", "--lease", "shop", "-o", str(bed.dir / "shop.json"))
    return bed.weir("receipt", "verify", str(bed.dir / "shop.json"))


def test_an_old_copy_of_the_ledger_signs_nothing_and_meters_on(bed):
    pod = bed.pod("worker", lease="shop")
    bed.start()
    open_lease(bed, "shop", 10**9)
    burn(bed, pod)
    bed.kill_agent()
    old = copy_of(bed, "old", *LEDGER)
    bed.start()
    for _ in range(2):
        burn(bed, pod)
    bed.kill_agent()
    newest, told = copy_of(bed, "newest", *LEDGER), receipts(bed)

    put_back(bed, old, *LEDGER)
    bed.start()
    before = receipts(bed)
    for _ in range(3):
        meters_on(bed, pod)
    held(bed, "put back the newest")
    assert receipts(bed) == before and len(before) < len(told)
    assert "receipts not signed" in bed.agent_log()

    bed.kill_agent()
    put_back(bed, newest, *LEDGER)
    bed.start()
    burn(bed, pod)
    assert told.items() < receipts(bed).items()
    assert not bed.weir("lease", "show", "shop")[0]["held"]
    assert int(verified(bed)["first_seq"]) == 1


def test_a_second_agent_with_the_key_does_not_start(bed):
    bed.pod("worker", lease="shop")
    bed.start()
    text = bed.config.read_text()
    for name in ("state", "run"):
        (bed.dir / f"second-{name}").mkdir(mode=0o700)
        text = text.replace(f"{name}: {bed.dir}/{name}", f"{name}: {bed.dir}/second-{name}")
    second = bed.dir / "second.yaml"
    second.write_text(text + f"key: {{file: {bed.dir}/state/provider.key}}\nlisten: {{healthz: '', metrics: ''}}\n")
    done = run("nsenter", f"--net=/run/netns/{bed.node}", bed.bin, "agent", "run", "-c", str(second), check=False)
    assert done.returncode == 1
    assert "another agent signs with" in done.stderr + done.stdout, done
    assert bed.answers()
    # and when the first is gone, however it went
    bed.kill_agent(signal.SIGKILL)
    log = bed.dir / "second.log"
    with open(log, "w", encoding="utf-8") as out, subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{bed.node}", bed.bin, "agent", "run", "-c", str(second)],
            stdout=out, stderr=out) as child:
        try:
            wait_for("the second agent is ready", lambda: 'msg="ready"' in log.read_text(), timeout=20)
        finally:
            child.terminate()
    assert child.returncode == 0


def test_a_state_folder_of_before_is_held_by_what_the_chain_knows(bed, chain):
    """The guard's file was put back with the ledger: only the chain can tell."""
    pod = bed.pod("worker", lease="shop")
    bed.start()
    bed.weir("lease", "open", "shop", "--object", chain.where["lease"])
    burn(bed, pod)
    settled(bed, chain)
    bed.kill_agent()
    old = copy_of(bed, "old")
    bed.start()
    burn(bed, pod)
    settled(bed, chain)
    bed.kill_agent()
    newest = copy_of(bed, "newest")

    put_back(bed, old, *LEDGER)
    bed.start()
    before = receipts(bed)
    for _ in range(2):
        meters_on(bed, pod)
    held(bed, "the chain has a report")
    assert receipts(bed) == before
    bed.kill_agent()
    put_back(bed, newest, *LEDGER)
    bed.start()
    burn(bed, pod)
    settled(bed, chain)


def test_signing_waits_for_a_chain_that_is_away_and_goes_on_by_itself(bed, chain):
    pod = bed.pod("worker", lease="shop")
    bed.start()
    bed.weir("lease", "open", "shop", "--object", chain.where["lease"])
    burn(bed, pod)
    settled(bed, chain)
    bed.kill_agent()
    chain.ask(fault={"on": "any", "drop": True, "times": 100000})
    bed.start()
    for _ in range(2):
        meters_on(bed, pod)
    held(bed, "the chain was not asked yet")
    chain.ask(heal=True)
    wait_for("what waited is signed", lambda: not bed.weir("lease", "show", "shop")[0]["held"], timeout=30)
    burn(bed, pod)
    settled(bed, chain)
    lease, = bed.weir("lease", "show", "shop")
    assert not lease["held"] and lease["seq"] == lease["signed_seq"]
    assert int(verified(bed)["first_seq"]) == 1


def test_a_lease_is_taken_over_only_with_the_key_that_the_chain_has(bed, chain):
    bed.start()
    chain.ask(provider={"key": "07" * 32})
    refused = bed.weir("lease", "open", "shop", "--object", chain.where["lease"], check=False)
    assert "the provider's key on chain is 0707" in refused["error"], refused
    assert bed.weir("lease", "show") == []
    chain.ask(provider={"key": bed.weir("key", "show", str(bed.dir / "state/provider.key"))["public_key"]})
    bed.weir("lease", "open", "shop", "--object", chain.where["lease"])
