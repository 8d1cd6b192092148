// SPDX-License-Identifier: Apache-2.0
// check.mjs TOOL N: what our C code (tool.c) encrypts, SealClient decrypts, with the keys that it fetches from the scripted
// key servers of tests/fakes/seal; and what SealClient encrypts, our C code decrypts. N random contents, ids, towns and
// thresholds each way. Closes with "N passed, N failed".
import { deepStrictEqual, match, ok, strictEqual } from 'node:assert';
import { spawn } from 'node:child_process';
import { randomBytes, randomInt, webcrypto } from 'node:crypto';
import { createInterface } from 'node:readline';
import { bls12_381 as bls } from '@noble/curves/bls12-381.js';
import { KeyServer } from './keyserver.mjs';

globalThis.crypto ??= webcrypto; // Node 18 has it under this name alone

const { DemType, SealClient, SessionKey } = await import('@mysten/seal');
const { bcs } = await import('@mysten/sui/bcs');
const { Ed25519Keypair } = await import('@mysten/sui/keypairs/ed25519');
const { Transaction } = await import('@mysten/sui/transactions');

const [tool, count] = process.argv.slice(2);
const LARGEST = 300000;
const SHARES_MAX = 3; // of one server
const TOWN = 4;
const hex = (bytes) => `0x${Buffer.from(bytes).toString('hex')}`;
const unhex = (text) => Buffer.from(text.replace(/^0x/, ''), 'hex');
const base64 = (bytes) => Buffer.from(bytes).toString('base64');

// ---- Ours, at the end of a pipe ----

const child = spawn(tool, { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

async function ours(question) {
	child.stdin.write(`${JSON.stringify(question)}\n`);
	return JSON.parse((await lines.next()).value);
}

// ---- Theirs: a client that finds these key servers on chain ----

const user = new Ed25519Keypair();
const id = (byte) => hex(Buffer.alloc(32, byte));
const policy = { package: id(0xab), firstPackage: id(0xab), market: id(0xaa), provider: id(0xcc), lease: id(0xbb), version: 900, users: [user.toSuiAddress()], live: true };
const town = [];
for (let i = 0; i < TOWN; i++) town.push(await new KeyServer(policy, { town }).start());

const Server = bcs.struct('KeyServer', { id: bcs.Address, first: bcs.u64(), last: bcs.u64() });
const ServerV1 = bcs.struct('KeyServerV1', { name: bcs.string(), url: bcs.string(), keyType: bcs.u8(), pk: bcs.byteVector() });
const suiClient = {
	core: {
		getObject: async ({ objectId }) => ({ object: { version: '1', content: Server.serialize({ id: objectId, first: 1, last: 1 }).toBytes() } }),
		getDynamicField: async ({ parentId }) => {
			const s = town.find((one) => one.id === parentId);
			const pk = unhex(s.publicKey);

			return { dynamicField: { value: { bcs: ServerV1.serialize({ name: 'x', url: s.url, keyType: 0, pk }).toBytes() } } };
		},
	},
};

const client = (weights) => new SealClient({ suiClient, serverConfigs: [...weights].map(([s, weight]) => ({ objectId: s.id, weight })) });

// As chain/approve.c asks.
async function question(sealId) {
	const tx = new Transaction();
	const shared = [policy.market, policy.provider, policy.lease].map((objectId) =>
		tx.sharedObjectRef({ objectId, initialSharedVersion: policy.version, mutable: false }));

	tx.moveCall({ target: `${policy.package}::seal_policy::seal_approve`, typeArguments: ['0x2::sui::SUI'], arguments: [tx.pure.vector('u8', [...sealId]), ...shared] });
	return tx.build({ onlyTransactionKind: true });
}

// ---- Cases ----

function pick() {
	const weights = new Map(town.filter(() => randomInt(4) > 0).map((s) => [s, randomInt(SHARES_MAX) + 1]));

	if (!weights.size) weights.set(town[0], 1);
	const shares = [...weights.values()].reduce((sum, n) => sum + n, 0);
	const sealId = randomBytes(33 + randomInt(96));
	policy.id = hex(sealId);
	return { weights, shares, sealId, threshold: randomInt(shares) + 1, content: randomBytes(randomInt(3) ? randomInt(200) : randomInt(LARGEST)) };
}

async function oursToTheirs({ weights, sealId, threshold, content }) {
	const servers = [...weights].flatMap(([s, n]) => Array(n).fill({ id: base64(unhex(s.id)), key: base64(unhex(s.publicKey)) }));
	const aad = randomInt(2) ? { aad: base64(randomBytes(randomInt(50))) } : {};
	const { object, error } = await ours({ package: base64(unhex(policy.firstPackage)), id: base64(sealId), threshold, servers, content: base64(content), ...aad });

	strictEqual(error, undefined);
	const sessionKey = await SessionKey.create({ address: user.toSuiAddress(), packageId: policy.firstPackage, ttlMin: 10, signer: user, suiClient });
	const data = Buffer.from(object, 'base64');
	const opened = await client(weights).decrypt({ data, sessionKey, txBytes: await question(sealId), checkShareConsistency: true });
	deepStrictEqual(Buffer.from(opened), content);
}

// The key that a server would give, in the clear.
const keyOf = (s, fullId) => {
	const point = bls.G1.hashToCurve(Buffer.concat([Buffer.from('SUI-SEAL-IBE-BLS12381-00'), fullId]));

	return { server: base64(unhex(s.id)), key: base64(bls.G1.Point.fromAffine(point.toAffine()).multiply(s.secret).toBytes()) };
};

async function theirsToOurs({ weights, sealId, threshold, content }) {
	const aad = randomBytes(randomInt(50));
	const demType = randomInt(3) ? DemType.AesGcm256 : DemType.Hmac256Ctr;
	const { encryptedObject } = await client(weights).encrypt({ threshold, packageId: policy.firstPackage, id: policy.id, data: content, aad, demType });
	const fullId = Buffer.concat([unhex(policy.firstPackage), sealId]);
	const keys = [...weights.keys()].map((s) => keyOf(s, fullId));
	const object = base64(encryptedObject);

	strictEqual((await ours({ object, keys })).content, base64(content));
	// without the server that has most, it is enough or it is not
	const [most] = [...weights].sort((a, b) => b[1] - a[1]);
	const rest = [...weights].reduce((sum, [s, n]) => sum + (s === most[0] ? 0 : n), 0);
	const answer = await ours({ object, keys: keys.filter((k) => k.server !== base64(unhex(most[0].id))) });
	if (rest >= threshold) strictEqual(answer.content, base64(content));
	else match(answer.error, /are needed/);
	const spoilt = Buffer.from(encryptedObject);
	spoilt[randomInt(spoilt.length)] ^= 1 << randomInt(8);
	ok((await ours({ object: base64(spoilt), keys })).error);
}

let passed = 0;
let failed = 0;
for (let i = 0; i < Number(count); i++) {
	for (const check of [oursToTheirs, theirsToOurs]) {
		try {
			await check(pick());
			passed++;
		} catch (error) {
			if (++failed <= 5) console.log(`${check.name} ${i}: ${error.stack}`);
		}
	}
}
child.stdin.end();
for (const s of town) await s.stop();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
