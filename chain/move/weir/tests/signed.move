// SPDX-License-Identifier: Apache-2.0
/// Messages with real Ed25519 signatures. A test writes numbers, as in `report(1, 0, 60, 100)`; tests/move/run.mjs finds
/// every such call in these files, signs the same bytes, and hands the signatures over as module
/// `weir::signatures`. Times are seconds after T0.
#[test_only]
module weir::signed;

use sui::bcs;
use weir::report;
use weir::signatures;

const T0: u64 = 1_000_000_000;

public struct Signed has copy, drop { bytes: vector<u8>, sig: vector<u8> }

/// By the provider's first key, of the bed's lease.
public fun report(seq: u64, from_s: u64, to_s: u64, due: u64): Signed { report_by(1, 3, seq, from_s, to_s, due) }

/// By the key with that number, of the object with that number.
public fun report_by(key: u64, lease: u64, seq: u64, from_s: u64, to_s: u64, due: u64): Signed {
    sign(key, report_bytes(1, lease, seq, from_s, to_s, due))
}

/// By the provider's first key, of the bed's lease, in the market with that number.
public fun report_in(market: u64, seq: u64, from_s: u64, to_s: u64, due: u64): Signed {
    sign(1, report_bytes(market, 3, seq, from_s, to_s, due))
}

fun report_bytes(market: u64, lease: u64, seq: u64, from_s: u64, to_s: u64, due: u64): vector<u8> {
    let mut bytes = b"USAGE-REPORT-V1\x00";
    bytes.append(bcs::to_bytes(&object(market)));
    bytes.append(bcs::to_bytes(&object(lease)));
    bytes.append(bcs::to_bytes(&seq));
    bytes.append(bcs::to_bytes(&ms(from_s)));
    bytes.append(bcs::to_bytes(&ms(to_s)));
    bytes.append(bcs::to_bytes(&due));
    bytes.append(x"0707070707070707070707070707070707070707070707070707070707070707");
    bytes
}

/// The tenant's signature of report(...) with the same numbers.
public fun cosign(seq: u64, from_s: u64, to_s: u64, due: u64): Signed {
    sign(8, report::cosigned_bytes(report(seq, from_s, to_s, due).bytes()))
}

/// An arbiter's, from 0 on.
public fun decision(arbiter: u64, seq: u64, award: u64): Signed {
    sign(10 + arbiter, report::decision_bytes(object(1), object(3), seq, award))
}

/// What the provider's node used, with a root of the test's.
public fun node_totals(key: u64, from_s: u64, to_s: u64, cpu_ns: u64, memory: u128, rx: u64, tx: u64): Signed {
    let mut bytes = b"NODE-TOTALS-V1\x00\x00";
    bytes.append(bcs::to_bytes(&object(1)));
    bytes.append(bcs::to_bytes(&object(2)));
    bytes.append(bcs::to_bytes(&ms(from_s)));
    bytes.append(bcs::to_bytes(&ms(to_s)));
    bytes.append(bcs::to_bytes(&cpu_ns));
    bytes.append(bcs::to_bytes(&memory));
    bytes.append(bcs::to_bytes(&rx));
    bytes.append(bcs::to_bytes(&tx));
    bytes.append(x"0909090909090909090909090909090909090909090909090909090909090909");
    sign(key, bytes)
}

fun sign(key: u64, bytes: vector<u8>): Signed { Signed { bytes, sig: signatures::of(key, bytes) } }

/// The stub numbers objects by transaction: the first of transaction n.
public fun object(n: u64): ID { object::id_from_address(sui::address::from_u256((n as u256) << 64)) }

public fun ms(s: u64): u64 { T0 + s * 1_000 }

public fun bytes(s: &Signed): &vector<u8> { &s.bytes }

public fun sig(s: &Signed): &vector<u8> { &s.sig }
