# SPDX-License-Identifier: Apache-2.0
"""What a tenant is billed for is part of what the node says it used in all: exported, verified, and refused when it is
anything else."""
import json

from bed import wait_for
from test_measure import open_lease

BURN = "import time\nwhile time.process_time() < 0.2: pass"


def receipts(bed, label):
    return bed.weir("receipt", "show", "--lease", label)


def exported(bed, label, *more):
    file = bed.dir / f"{label}.json"
    bed.cli("receipt", "export", "--lease", label, "-o", str(file), *more)
    return file


def test_a_leases_pods_are_proven_to_be_in_the_nodes_totals(bed):
    shop, farm, free = bed.pod("shop", lease="shop"), bed.pod("farm", lease="farm"), bed.pod("free")
    bed.start()
    for label in ("shop", "farm"):
        open_lease(bed, label, 10**9)
    for place in (shop, farm, free):
        place.run("/usr/bin/python3", "-c", BURN)
    wait_for("three receipts each", lambda: all(len(receipts(bed, x)) >= 3 for x in ("shop", "farm")))
    bed.kill_agent()  # the ledger is all that it takes
    plain, file = exported(bed, "shop").read_bytes(), exported(bed, "shop", "--proofs")
    whole = file.read_bytes()
    assert whole.startswith(plain), "the receipts stay as they are"
    key = bed.weir("key", "show", str(bed.dir / "state/provider.key"))["public_key"]
    said = bed.weir("receipt", "verify", str(file), "--key", key)
    assert said["valid"] and int(said["proofs"]["receipts_proven"]) == int(said["receipts"]) >= 3
    assert int(said["proofs"]["receipts_unproven"]) == 0

    # the node's totals are more than the lease's, and the other pods are sums and hashes alone
    doc = json.loads(whole[len(plain):])
    cpu = sum(int.from_bytes(bytes.fromhex(t["statement"])[96:104], "little") for t in doc["totals"])
    assert cpu > int(said["totals"]["cpu_ns"]) > 0
    for name in (b"farm", b"free"):
        assert name.hex().encode() not in whole[len(plain):]

    # any byte of the proofs that is another
    for at in range(len(plain), len(whole), max(1, (len(whole) - len(plain)) // 40)):
        bad = bytearray(whole)
        bad[at] ^= 1
        file.write_bytes(bad)
        refused = bed.weir("receipt", "verify", str(file), check=False)
        assert "proofs" in refused["error"], (at, refused)


def test_another_leases_proofs_prove_nothing(bed):
    bed.pod("shop", lease="shop")
    bed.pod("farm", lease="farm")
    bed.start()
    for label in ("shop", "farm"):
        open_lease(bed, label, 10**9)
    wait_for("receipts of both", lambda: all(len(receipts(bed, x)) >= 2 for x in ("shop", "farm")))
    bed.kill_agent()
    plain = {label: exported(bed, label).read_bytes() for label in ("shop", "farm")}
    proofs = exported(bed, "farm", "--proofs").read_bytes()[len(plain["farm"]):]
    file = bed.dir / "mixed.json"
    file.write_bytes(plain["shop"] + proofs)
    refused = bed.weir("receipt", "verify", str(file), check=False)
    assert "statement 1: leaf 1: lease: it is another one's" in refused["error"], refused
