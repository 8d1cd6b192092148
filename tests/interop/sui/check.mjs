// SPDX-License-Identifier: Apache-2.0
// Reads what make.c wrote (standard input) with @mysten/sui: what our C code built is what the SDK decodes, encodes,
// hashes and verifies. Closes with "N passed, N failed".
import { deepStrictEqual, strictEqual } from 'node:assert';
import { webcrypto } from 'node:crypto';
import { createInterface } from 'node:readline';

globalThis.crypto ??= webcrypto; // Node 18 has it under this name alone

const { bcs, TypeTagSerializer } = await import('@mysten/sui/bcs');
const { Ed25519Keypair } = await import('@mysten/sui/keypairs/ed25519');
const { TransactionDataBuilder } = await import('@mysten/sui/transactions');
const { verifyPersonalMessageSignature, verifyTransactionSignature } = await import('@mysten/sui/verify');

const bytes = (base64) => new Uint8Array(Buffer.from(base64, 'base64'));
const base64 = (bytes) => Buffer.from(bytes).toString('base64');

// What the SDK decoded, without its notes on which variant it is; an Epoch is a number there and a text here.
function plain(value, key) {
	if (Array.isArray(value)) return value.map((item) => plain(item));
	if (value === null || typeof value !== 'object') return key === 'Epoch' ? String(value) : value;
	return Object.fromEntries(
		Object.entries(value).filter(([name]) => name !== '$kind').map(([name, item]) => [name, plain(item, name)]),
	);
}

const checks = {
	async transaction(t) {
		const raw = bytes(t.bytes);
		const decoded = bcs.TransactionData.parse(raw);

		deepStrictEqual(plain(decoded), t.data);
		strictEqual(base64(bcs.TransactionData.serialize(decoded).toBytes()), t.bytes);
		strictEqual(TransactionDataBuilder.getDigestFromBytes(raw), t.digest);
		await verifyTransactionSignature(raw, t.senderSignature, { address: t.data.V1.sender });
		await verifyTransactionSignature(raw, t.ownerSignature, { address: t.data.V1.gasData.owner });
	},
	async key(k) {
		const pair = Ed25519Keypair.fromSecretKey(k.exported);

		strictEqual(pair.toSuiAddress(), k.address);
		strictEqual(pair.getSecretKey(), k.exported);
		await verifyPersonalMessageSignature(bytes(k.message), k.signature, { address: k.address });
	},
	async type(t) {
		strictEqual(base64(bcs.TypeTag.serialize(t.text).toBytes()), t.bytes);
		strictEqual(TypeTagSerializer.tagToString(TypeTagSerializer.parseFromStr(t.text)), t.text);
	},
};

let passed = 0;
let failed = 0;
for await (const line of createInterface({ input: process.stdin })) {
	const [[kind, what]] = Object.entries(JSON.parse(line));

	try {
		await checks[kind](what);
		passed++;
	} catch (error) {
		if (++failed <= 5) console.log(`${kind} ${passed + failed}: ${error.message}\n${line.slice(0, 300)}`);
	}
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
