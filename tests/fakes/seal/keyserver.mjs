// SPDX-License-Identifier: Apache-2.0
// A key server of Seal's that holds a master key and checks a request as the real one does (crates/key-server: server.rs,
// valid_ptb.rs); what the package on chain would say, a policy says here. And it does wrong what a script says.
//
// Each request takes the next word of `script`, the last one stays: well, wrong_key, other_id, no_points, garbage, empty,
// endless, endless_503, drip, hang, reset, redirect, too_new, status_NNN; `last` answers well when all servers without that word have answered.
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { webcrypto } from 'node:crypto';
import { bls12_381 as bls } from '@noble/curves/bls12-381.js';
import { ed25519 } from '@noble/curves/ed25519.js';

globalThis.crypto ??= webcrypto; // Node 18 has it under this name alone

const { bcs } = await import('@mysten/sui/bcs');
const { verifyPersonalMessageSignature } = await import('@mysten/sui/verify');

const G1 = bls.G1.Point;
const G2 = bls.G2.Point;
const TTL_MAX_MIN = 30;
const BODY_MAX = 180 << 10;
const DRIP_MS = 200;
const H1 = Buffer.from('SUI-SEAL-IBE-BLS12381-00');

const Request = bcs.struct('Request', { ptb: bcs.byteVector(), encKey: bcs.byteVector(), encVerificationKey: bcs.byteVector() });
const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const unbase64 = (text) => new Uint8Array(Buffer.from(text, 'base64'));
const hex = (bytes) => `0x${Buffer.from(bytes).toString('hex')}`;
const unhex = (text) => Buffer.from(text.replace(/^0x/, ''), 'hex');
export const randomScalar = () => BigInt(`0x${Buffer.from(bls.utils.randomSecretKey()).toString('hex')}`);

class Refused extends Error {
	constructor(status, name, message) {
		super(message ?? name);
		Object.assign(this, { status, name });
	}
}

function need(condition, name, message, status = 403) {
	if (!condition) throw new Refused(status, name, message);
}

// What the package on chain says of: this user, this call.
function checkPolicy(policy, user, call, inputs) {
	const id = bcs.byteVector().parse(unbase64(inputs[call.arguments[0].Input].Pure.bytes));
	const shared = call.arguments.slice(1).map((a) => inputs[a.Input].Object?.SharedObject);

	need(`${call.module}::${call.function}` === 'seal_policy::seal_approve' && call.typeArguments.length === 1, 'InvalidPTB', 'no such function');
	need(shared.length === 3 && shared.every((o) => o && !o.mutable), 'InvalidPTB', 'want three shared objects, read');
	for (const [i, name] of ['market', 'provider', 'lease'].entries())
		need(shared[i].objectId === policy[name] && shared[i].initialSharedVersion === String(policy.version), 'InvalidPTB', `another ${name}`);
	need(hex(id) === policy.id, 'NoAccess', 'EKey');
	need(policy.users.includes(user), 'NoAccess', 'EProvider');
	need(policy.live, 'NoAccess', 'ENotLive');
	return id;
}

// The call that a request holds: only calls of one package, only functions that approve.
function checkPtb(text) {
	const { ProgrammableTransaction: tx } = bcs.TransactionKind.parse(Uint8Array.of(0, ...unbase64(text)));

	need(tx.commands.length >= 1 && tx.commands.length <= 100, 'InvalidPTB', 'commands');
	for (const { MoveCall: call } of tx.commands) {
		need(call?.package === tx.commands[0].MoveCall.package && call.function.startsWith('seal_approve'), 'InvalidPTB', 'calls');
		need(call.arguments.every((a) => a.Input !== undefined) && tx.inputs[call.arguments[0].Input].Pure, 'InvalidPTB', 'arguments');
	}
	return { call: tx.commands[0].MoveCall, inputs: tx.inputs };
}

async function checkCertificate(c, packageId) {
	const at = new Date(c.creation_time).toISOString().slice(0, 19).replace('T', ' ');
	const message = `Accessing keys of package ${packageId} for ${c.ttl_min} mins from ${at} UTC, session key ${c.session_vk}`;

	need(c.ttl_min >= 1 && c.ttl_min <= TTL_MAX_MIN, 'InvalidCertificate', 'ttl');
	need(c.creation_time <= Date.now() && Date.now() <= c.creation_time + c.ttl_min * 60000, 'InvalidCertificate', 'time');
	await verifyPersonalMessageSignature(new TextEncoder().encode(message), c.signature, { address: c.user }).catch((e) => {
		throw new Refused(403, 'InvalidSignature', e.message);
	});
}

function checkSession(body) {
	const fields = { ptb: unbase64(body.ptb), encKey: unbase64(body.enc_key), encVerificationKey: unbase64(body.enc_verification_key) };
	const key = G1.fromBytes(fields.encKey);
	const verification = G2.fromBytes(fields.encVerificationKey);

	need(ed25519.verify(unbase64(body.request_signature), Request.serialize(fields).toBytes(), unbase64(body.certificate.session_vk)),
		'InvalidSessionSignature');
	need(bls.fields.Fp12.eql(bls.pairing(key, G2.BASE), bls.pairing(G1.BASE, verification)), 'InvalidSessionSignature', 'encryption keys');
	return key;
}

function checkHeaders(headers) {
	need(/^\d+\.\d+\.\d+$/.test(headers['client-sdk-version'] ?? ''), 'MissingRequiredHeader', 'Client-Sdk-Version', 400);
	need(headers['client-sdk-type'] === 'typescript', 'InvalidSDKType', 'Client-Sdk-Type', 400);
	need(/^[0-9a-f-]{36}$/.test(headers['request-id'] ?? ''), 'MissingRequiredHeader', 'Request-Id', 400);
	need(headers['content-type'] === 'application/json', 'InvalidParameter', 'Content-Type', 415);
}

export class KeyServer {
	// policy: { package, firstPackage, market, provider, lease, version, id, users, live }, which may change.
	constructor(policy, { script = ['well'], tls, town } = {}) {
		Object.assign(this, { policy, script: [...script], town, secret: randomScalar(), log: [] });
		this.id = hex(crypto.getRandomValues(new Uint8Array(32)));
		this.publicKey = Buffer.from(G2.BASE.multiply(this.secret).toBytes()).toString('hex');
		const take = (request, response) => this.take(request, response).catch(() => response.destroy());
		this.http = tls ? createTlsServer(tls, take) : createServer(take);
		this.scheme = tls ? 'https' : 'http';
	}

	async start() {
		await new Promise((done) => this.http.listen(0, '127.0.0.1', done));
		this.url = `${this.scheme}://127.0.0.1:${this.http.address().port}`;
		return this;
	}

	stop() {
		this.http.closeAllConnections();
		return new Promise((done) => this.http.close(done));
	}

	// The key for an id, encrypted to whom asks.
	keyFor(fullId, encKey, secret = this.secret) {
		const key = G1.fromAffine(bls.G1.hashToCurve(Buffer.concat([H1, fullId])).toAffine()).multiply(secret);
		const r = randomScalar();

		return [G1.BASE.multiply(r), key.add(encKey.multiply(r))].map((p) => base64(p.toBytes()));
	}

	async check(headers, body) {
		const { call, inputs } = checkPtb(body.ptb);

		checkHeaders(headers);
		need(call.package === this.policy.package, 'InvalidPackage', call.package);
		await checkCertificate(body.certificate, this.policy.firstPackage);
		const encKey = checkSession(body);
		const id = checkPolicy(this.policy, body.certificate.user, call, inputs);
		return { encKey, fullId: Buffer.concat([unhex(this.policy.firstPackage), id]) };
	}

	async take(request, response) {
		const chunks = [];
		let size = 0;

		for await (const chunk of request) {
			size += chunk.length;
			if (size > BODY_MAX) return this.refuse(response, new Refused(413, 'TooLarge'));
			chunks.push(chunk);
		}
		const word = this.script.length > 1 ? this.script.shift() : this.script[0];
		const entry = { word, method: request.method, path: request.url };

		this.log.push(entry);
		try {
			need(request.method === 'POST' && request.url === '/v1/fetch_key', 'NotFound', request.url, 404);
			const asked = await this.check(request.headers, JSON.parse(Buffer.concat(chunks)));
			entry.ok = true; // what was asked is as it should be, whatever the script says now
			return await this.play(word, asked, response);
		} catch (e) {
			entry.refused = `${e.name}: ${e.message}`;
			return this.refuse(response, e instanceof Refused ? e : new Refused(400, 'BadRequest', e.message));
		} finally {
			entry.over = true;
		}
	}

	refuse(response, { status, name, message }) {
		this.send(response, status, JSON.stringify({ error: name, message }), { 'Content-Type': 'application/json' });
	}

	send(response, status, body, headers = {}) {
		response.writeHead(status, { 'X-KeyServer-Version': '0.6.10', 'Content-Length': Buffer.byteLength(body), ...headers }).end(body);
	}

	async play(word, { encKey, fullId }, response) {
		const give = (id, pair) => this.send(response, 200, JSON.stringify({ decryption_keys: [{ id: [...id], encrypted_key: pair }] }));
		const forever = async (chunk, ms) => {
			while (!response.destroyed && response.write(chunk) !== undefined) await new Promise((done) => setTimeout(done, ms));
		};

		if (word.startsWith('status_')) throw new Refused(Number(word.slice(7)), 'Failure', `scripted ${word.slice(7)}`);
		switch (word) {
			case 'last':
				while (!this.town.every((s) => s.script[0] === 'last' || s.log.at(-1)?.over)) await new Promise((done) => setTimeout(done, 5));
				return give(fullId, this.keyFor(fullId, encKey));
			case 'well':
				return give(fullId, this.keyFor(fullId, encKey));
			case 'wrong_key':
				return give(fullId, this.keyFor(fullId, encKey, randomScalar()));
			case 'other_id':
				return give(Buffer.concat([fullId, Buffer.of(0)]), this.keyFor(fullId, encKey));
			case 'no_points':
				return give(fullId, [base64(Buffer.alloc(48)), base64(Buffer.alloc(48, 0xff))]);
			case 'garbage':
				return this.send(response, 200, '<!doctype html><title>Please log in</title>');
			case 'empty':
				return this.send(response, 200, '');
			case 'redirect':
				return this.send(response, 302, '', { Location: `${this.url}/v1/fetch_key` });
			case 'too_new':
				throw new Refused(403, 'InvalidParameter', 'the object is newer than this server has seen');
			case 'endless':
			case 'endless_503':
				response.writeHead(word === 'endless' ? 200 : 503);
				return forever(Buffer.alloc(16384, ' '), 1);
			case 'drip':
				response.writeHead(200);
				return forever(' ', DRIP_MS);
			case 'reset':
				return response.destroy();
			case 'hang':
				return undefined;
			default:
				throw new Error(`there is no word ${word}`);
		}
	}
}
