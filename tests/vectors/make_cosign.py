#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes cosign-v1.json: co-signatures of usage reports, without any of Weir's code (see make_receipts.py).

    tests/vectors/make_cosign.py > tests/vectors/cosign-v1.json
    tests/vectors/make_cosign.py --move > chain/move/weir/tests/cosign_tests.move
"""
import json
import sys

from make_receipts import public_key, sign, u64

TENANT = bytes(range(32))
CASES = [  # market, lease, seq, from_ms, to_ms, total_due, usage_hash
    (b"\xaa" * 32, b"\xbb" * 32, 1, 1795000000000, 1795000060000, 0, b"\x07" * 32),
    (b"\xaa" * 32, b"\xbb" * 32, 2**32 + 7, 1795000060000, 1795003660000, 1500000000, bytes(32)),
    (b"\xff" * 32, bytes(31) + b"\x01", 2**64 - 1, 0, 2**64 - 1, 2**63 - 1, b"\xff" * 32),
]


def vectors():
    for market, lease, seq, start, end, due, usage in CASES:
        report = b"USAGE-REPORT-V1\0" + market + lease + u64(seq) + u64(start) + u64(end) + u64(due) + usage
        yield {"seq": str(seq), "total_due": str(due), "report": report.hex(),
               "cosignature": sign(TENANT, b"USAGE-COSIGN-V1\0" + report).hex()}


MOVE = """// SPDX-License-Identifier: Apache-2.0
// Written by tests/vectors/make_cosign.py: the same co-signatures that the C code makes.
#[test_only]
module weir::cosign_tests;

use weir::report;

const KEY: vector<u8> = x"%s";

fun accepted(report: vector<u8>, cosig: vector<u8>): bool {
    assert!(report::parse(&report).is_some());
    report::signed(&report::cosigned_bytes(&report), &cosig, &KEY)
}
%s"""
TEST = """
#[test]
fun what_others_co_signed_verifies_%d() {
    let report = x"%s";
    let cosig = x"%s";
    assert!(accepted(report, cosig));
    // not of the report alone, and of no other
    assert!(!report::signed(&report, &cosig, &KEY));
    let mut other = report;
    *(&mut other[80]) = other[80] ^ 1;
    assert!(!accepted(other, cosig));
}
"""


def main():
    key = public_key(TENANT).hex()
    if sys.argv[1:] == ["--move"]:
        tests = "".join(TEST % (i + 1, v["report"], v["cosignature"]) for i, v in enumerate(vectors()))
        sys.stdout.write(MOVE % (key, tests))
    else:
        json.dump({"seed": TENANT.hex(), "key": key, "cosignatures": list(vectors())}, sys.stdout, indent=1)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
