// SPDX-License-Identifier: Apache-2.0
// Writes module weir::vectors from tests/vectors/totals-v1.json, which no code of Weir made: the trees that the C
// tests check as well. What its functions give is checked in chain/move/weir/tests/totals_tests.move.
const sums = (v) => `totals::sums(${v.cpu_ns}, ${v.memory_byte_ns}, ${v.rx_bytes}, ${v.tx_bytes})`;
const step = (s) => `totals::step(${s.on_left}, ${sums(s)}, x"${s.hash}")`;

const leaf = (l) =>
	`Leaf { sums: ${sums(l)}, content: x"${l.content}", hash: x"${l.hash}", path: vector[${l.path.map(step).join(', ')}] }`;

const tree = (t) => `
    Tree {
        statement: x"${t.statement}",
        signature: x"${t.signature}",
        sums: ${sums(t)},
        from_ms: ${t.from_ms},
        to_ms: ${t.to_ms},
        leaves: vector[${t.leaves.map((l) => `\n            ${leaf(l)}`).join(',')}],
    }`;

export function vectors({ key, market, provider, trees }) {
	return `#[test_only]
module weir::vectors;

use weir::totals::{Self, Step, Sums};

public struct Leaf has copy, drop { sums: Sums, content: vector<u8>, hash: vector<u8>, path: vector<Step> }

public struct Tree has copy, drop {
    statement: vector<u8>,
    signature: vector<u8>,
    sums: Sums,
    from_ms: u64,
    to_ms: u64,
    leaves: vector<Leaf>,
}

public fun key(): vector<u8> { x"${key}" }

public fun market(): ID { object::id_from_address(@0x${market}) }

public fun provider(): ID { object::id_from_address(@0x${provider}) }

public fun leaf(l: &Leaf): (Sums, vector<u8>, vector<u8>, vector<Step>) { (l.sums, l.content, l.hash, l.path) }

public fun tree(t: &Tree): (vector<u8>, vector<u8>, Sums, u64, u64, vector<Leaf>) {
    (t.statement, t.signature, t.sums, t.from_ms, t.to_ms, t.leaves)
}

public fun trees(): vector<Tree> { vector[${trees.map(tree).join(',')}] }
`;
}
