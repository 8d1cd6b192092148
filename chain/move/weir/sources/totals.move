// SPDX-License-Identifier: Apache-2.0
/// What a whole node used in one window: the root of a Merkle-sum tree over all its pods, signed by the provider.
///
/// Every node of the tree has a hash and the sums of what is beneath it, and the hash is over the children's
/// sums too: who shows a pod's leaf and the path to the root shows that its usage is within the node's sums,
/// and the sums can't be more than the registered capacity times the window without costing stake
/// (`slash::capacity`).
///
///     leaf = Blake2b-256(0x00 | sums | what the leaf says)
///     node = Blake2b-256(0x01 | left sums | left hash | right sums | right hash)
///
/// A node without a sibling is its own parent.
module weir::totals;

use sui::bcs;
use sui::hash;
use weir::report;

const DOMAIN: vector<u8> = b"NODE-TOTALS-V1\x00\x00";
const DOMAIN_LEN: u64 = 16;
const LEN: u64 = 168;
const MAX_DEPTH: u64 = 32;

/// 40 bytes of BCS.
public struct Sums has copy, drop, store {
    cpu_ns: u64,
    memory_byte_ns: u128,
    rx_bytes: u64,
    tx_bytes: u64,
}

public struct Totals has copy, drop {
    market: ID,
    provider: ID,
    from_ms: u64,
    to_ms: u64,
    sums: Sums,
    root: vector<u8>,
}

/// A sibling on the way from a leaf to the root.
public struct Step has copy, drop {
    on_left: bool,
    sums: Sums,
    hash: vector<u8>,
}

public fun sums(cpu_ns: u64, memory_byte_ns: u128, rx_bytes: u64, tx_bytes: u64): Sums {
    Sums { cpu_ns, memory_byte_ns, rx_bytes, tx_bytes }
}

public fun step(on_left: bool, sums: Sums, hash: vector<u8>): Step { Step { on_left, sums, hash } }

/// Nothing, unless it is a statement's bytes and no more.
public fun parse(bytes: &vector<u8>): Option<Totals> {
    if (bytes.length() != LEN || !report::opens_with(bytes, DOMAIN)) return option::none();
    let mut b = bcs::new(*bytes);
    report::skip(&mut b, DOMAIN_LEN);
    option::some(Totals {
        market: object::id_from_address(b.peel_address()),
        provider: object::id_from_address(b.peel_address()),
        from_ms: b.peel_u64(),
        to_ms: b.peel_u64(),
        sums: Sums {
            cpu_ns: b.peel_u64(),
            memory_byte_ns: b.peel_u128(),
            rx_bytes: b.peel_u64(),
            tx_bytes: b.peel_u64(),
        },
        root: b.into_remainder_bytes(),
    })
}

public fun leaf_hash(sums: &Sums, content: vector<u8>): vector<u8> {
    let mut bytes = x"00";
    bytes.append(bcs::to_bytes(sums));
    bytes.append(content);
    hash::blake2b256(&bytes)
}

/// Is the leaf in the tree? False also where sums overflow: no honest tree has such.
public fun includes(t: &Totals, leaf: Sums, content: vector<u8>, path: &vector<Step>): bool {
    if (path.length() > MAX_DEPTH) return false;
    let mut sums = leaf;
    let mut hash = leaf_hash(&leaf, content);
    let mut i = 0;
    while (i < path.length()) {
        let s = &path[i];
        if (!fits(&sums, &s.sums)) return false;
        hash = if (s.on_left) node_hash(&s.sums, &s.hash, &sums, &hash)
        else node_hash(&sums, &hash, &s.sums, &s.hash);
        sums = add(&sums, &s.sums);
        i = i + 1;
    };
    sums == t.sums && hash == t.root
}

/// Two contents for overlapping windows of one node.
public fun conflict(a: &Totals, b: &Totals): bool {
    a.market == b.market && a.provider == b.provider && a != b && a.from_ms < b.to_ms && b.from_ms < a.to_ms
}

fun node_hash(left: &Sums, left_hash: &vector<u8>, right: &Sums, right_hash: &vector<u8>): vector<u8> {
    let mut bytes = x"01";
    bytes.append(bcs::to_bytes(left));
    bytes.append(*left_hash);
    bytes.append(bcs::to_bytes(right));
    bytes.append(*right_hash);
    hash::blake2b256(&bytes)
}

fun fits(a: &Sums, b: &Sums): bool {
    let max = 0xffff_ffff_ffff_ffff;
    a.cpu_ns <= max - b.cpu_ns && a.rx_bytes <= max - b.rx_bytes && a.tx_bytes <= max - b.tx_bytes &&
        a.memory_byte_ns <= 0xffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff - b.memory_byte_ns
}

fun add(a: &Sums, b: &Sums): Sums {
    Sums {
        cpu_ns: a.cpu_ns + b.cpu_ns,
        memory_byte_ns: a.memory_byte_ns + b.memory_byte_ns,
        rx_bytes: a.rx_bytes + b.rx_bytes,
        tx_bytes: a.tx_bytes + b.tx_bytes,
    }
}

public fun market(t: &Totals): ID { t.market }

public fun provider(t: &Totals): ID { t.provider }

public fun from_ms(t: &Totals): u64 { t.from_ms }

public fun to_ms(t: &Totals): u64 { t.to_ms }

public fun cpu_ns(t: &Totals): u64 { t.sums.cpu_ns }

public fun memory_byte_ns(t: &Totals): u128 { t.sums.memory_byte_ns }

public fun rx_bytes(t: &Totals): u64 { t.sums.rx_bytes }

public fun tx_bytes(t: &Totals): u64 { t.sums.tx_bytes }
