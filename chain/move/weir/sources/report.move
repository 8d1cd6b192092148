// SPDX-License-Identifier: Apache-2.0
/// What providers, tenants and arbiters sign. Each message opens with 16 bytes that no transaction and no other
/// message opens with. Layouts: chain/report.h; little-endian, no padding.
module weir::report;

use sui::bcs;
use sui::ed25519;

const REPORT: vector<u8> = b"USAGE-REPORT-V1\x00";
const COSIGN: vector<u8> = b"USAGE-COSIGN-V1\x00";
const DECISION: vector<u8> = b"USAGE-DECISION1\x00";
const DOMAIN_LEN: u64 = 16;
const REPORT_LEN: u64 = 144;

/// One window of one lease; `total_due` is cumulative.
public struct Report has copy, drop {
    market: ID,
    lease: ID,
    seq: u64,
    from_ms: u64,
    to_ms: u64,
    total_due: u64,
    usage_hash: vector<u8>,
}

/// Nothing, unless it is a report's bytes and no more.
public fun parse(bytes: &vector<u8>): Option<Report> {
    if (bytes.length() != REPORT_LEN || !opens_with(bytes, REPORT)) return option::none();
    let mut b = bcs::new(*bytes);
    skip(&mut b, DOMAIN_LEN);
    option::some(Report {
        market: object::id_from_address(b.peel_address()),
        lease: object::id_from_address(b.peel_address()),
        seq: b.peel_u64(),
        from_ms: b.peel_u64(),
        to_ms: b.peel_u64(),
        total_due: b.peel_u64(),
        usage_hash: b.into_remainder_bytes(),
    })
}

/// What the tenant signs to accept a report.
public fun cosigned_bytes(report: &vector<u8>): vector<u8> {
    let mut bytes = COSIGN;
    bytes.append(*report);
    bytes
}

/// What arbiters sign: so much of the disputed amount is the provider's.
public fun decision_bytes(market: ID, lease: ID, seq: u64, award: u64): vector<u8> {
    let mut bytes = DECISION;
    bytes.append(bcs::to_bytes(&market));
    bytes.append(bcs::to_bytes(&lease));
    bytes.append(bcs::to_bytes(&seq));
    bytes.append(bcs::to_bytes(&award));
    bytes
}

public fun signed(bytes: &vector<u8>, sig: &vector<u8>, key: &vector<u8>): bool {
    ed25519::ed25519_verify(sig, key, bytes)
}

/// Two contents for one number of one lease. Signatures don't count: a malleable one is no second statement.
public fun conflict(a: &Report, b: &Report): bool {
    a.market == b.market && a.lease == b.lease && a.seq == b.seq && a != b
}

/// The later of two reports takes back what the earlier said: a total falls, or a window is told twice.
public fun retreats(a: &Report, b: &Report): bool {
    a.market == b.market && a.lease == b.lease && a.seq < b.seq &&
        (b.total_due < a.total_due || b.from_ms < a.to_ms)
}

public(package) fun opens_with(bytes: &vector<u8>, domain: vector<u8>): bool {
    let mut i = 0;
    while (i < domain.length()) {
        if (bytes[i] != domain[i]) return false;
        i = i + 1;
    };
    true
}

public(package) fun skip(b: &mut bcs::BCS, len: u64) {
    let mut i = 0;
    while (i < len) {
        b.peel_u8();
        i = i + 1;
    };
}

public fun market(r: &Report): ID { r.market }

public fun lease(r: &Report): ID { r.lease }

public fun seq(r: &Report): u64 { r.seq }

public fun from_ms(r: &Report): u64 { r.from_ms }

public fun to_ms(r: &Report): u64 { r.to_ms }

public fun total_due(r: &Report): u64 { r.total_due }

public fun usage_hash(r: &Report): vector<u8> { r.usage_hash }
