// SPDX-License-Identifier: Apache-2.0
// Finds the messages that the Move tests want signed, signs the same bytes, and writes module weir::signatures.
// What each call means: chain/move/weir/tests/signed.move, whose bytes these are.
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';

const KEYS = 64;
const T0 = 1_000_000_000n;
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex'); // an Ed25519 seed follows

const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const privateKey = (n) =>
	createPrivateKey({
		key: Buffer.concat([PKCS8, sha256(`weir move test key ${n}`)]),
		format: 'der',
		type: 'pkcs8',
	});
const publicKey = (n) =>
	createPublicKey(privateKey(n)).export({ format: 'der', type: 'spki' }).subarray(-32);

function number(n, bytes) {
	const out = Buffer.alloc(bytes);
	for (let i = 0; i < bytes; i++) out[i] = Number((n >> BigInt(8 * i)) & 0xffn);
	return out;
}
const u64 = (n) => number(n, 8);
const ms = (s) => u64(T0 + s * 1000n);
const object = (n) => Buffer.from((n << 64n).toString(16).padStart(64, '0'), 'hex');
const text = (s) => Buffer.from(s, 'latin1');

const report = (lease, seq, from, to, due, market = 1n) =>
	Buffer.concat([
		text('USAGE-REPORT-V1\0'), object(market), object(lease), u64(seq), ms(from), ms(to), u64(due),
		Buffer.alloc(32, 7),
	]);

// name of the call: its numbers -> [key, bytes]
const MESSAGES = {
	report: (seq, from, to, due) => [1n, report(3n, seq, from, to, due)],
	report_in: (market, seq, from, to, due) => [1n, report(3n, seq, from, to, due, market)],
	report_by: (key, lease, seq, from, to, due) => [key, report(lease, seq, from, to, due)],
	cosign: (seq, from, to, due) => [8n, Buffer.concat([text('USAGE-COSIGN-V1\0'), report(3n, seq, from, to, due)])],
	decision: (arbiter, seq, award) => [
		10n + arbiter,
		Buffer.concat([text('USAGE-DECISION1\0'), object(1n), object(3n), u64(seq), u64(award)]),
	],
	node_totals: (key, from, to, cpu, memory, rx, tx) => [
		key,
		Buffer.concat([
			text('NODE-TOTALS-V1\0\0'), object(1n), object(2n), ms(from), ms(to), u64(cpu), number(memory, 16), u64(rx),
			u64(tx), Buffer.alloc(32, 9),
		]),
	],
};

function messages(sources) {
	const found = new Map();
	const call = /\b(report|report_by|report_in|cosign|decision|node_totals)\(([\d_,\s]+)\)/g;

	for (const source of sources)
		for (const [, name, args] of source.matchAll(call)) {
			const [key, bytes] = MESSAGES[name](...args.split(',').map((a) => BigInt(a.replaceAll('_', '').trim())));
			found.set(`${key} ${bytes.toString('hex')}`, [key, bytes]);
		}
	return [...found.values()];
}

export function signatures(sources) {
	const rows = messages(sources).map(
		([key, bytes]) =>
			`    if (key == ${key} && hash == x"${sha256(bytes).toString('hex')}")\n` +
			`        return x"${sign(null, bytes, privateKey(key)).toString('hex')}";\n`,
	);
	const keys = [...Array(KEYS).keys()].map((n) => `    if (n == ${n}) return x"${publicKey(n).toString('hex')}";\n`);

	return `#[test_only]
module weir::signatures;

/// A test asked for a signature that was not made: its call has something else than numbers in it.
const EUnsigned: u64 = 404;

public fun of(key: u64, bytes: vector<u8>): vector<u8> {
    let hash = std::hash::sha2_256(bytes);
${rows.join('')}    abort EUnsigned
}

public fun key(n: u64): vector<u8> {
${keys.join('')}    abort EUnsigned
}
`;
}
