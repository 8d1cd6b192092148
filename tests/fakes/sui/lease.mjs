// SPDX-License-Identifier: Apache-2.0
// The rules of weir::lease (chain/move/weir/sources/lease.move), function by function in its order and under its names,
// over plain values: amounts and times are BigInts, keys and hashes are hex. tests/vectors/scenarios.json holds both to one table.
//
// `at` is what a call sees beside the lease: { now, p, sender, events, pay }; p the provider: { id, key, owner, agent,
// payout, backed }, pay(address, amount) where coins go.
import { createPublicKey, verify } from 'node:crypto';

const { blake2b } = await import('@noble/hashes/blake2.js');

export const E = {
	EBytes: 1, ESignature: 2, EForeign: 3, EStale: 4, EConflict: 5, EWindow: 6, EEarly: 7, EFalls: 8, EOverCap: 9, EClosed: 10,
	EUnbacked: 11, EDisputed: 12, ETenant: 13, EParty: 14, ECosign: 15, ENothing: 16, EBond: 17, ENoDispute: 18, EAward: 19,
	ETooSoon: 20, EOpen: 21, ETerms: 22,
};
export const SAME = 1000;
const MAX_CLAIMS = 8;
const REPORT_LEN = 144;

export class Abort extends Error {
	constructor(code) {
		super(Object.keys(E).find((name) => E[name] === code));
		this.code = code;
	}
}

const check = (holds, code) => {
	if (!holds) throw new Abort(code);
};
const hash = (bytes) => Buffer.from(blake2b(bytes, { dkLen: 32 })).toString('hex');
const base64 = (text) => Buffer.from(text, 'hex').toString('base64');
const hex = (bytes) => `0x${bytes.toString('hex')}`;
const min = (a, b) => (a < b ? a : b);

function signed(bytes, sig, key) {
	const der = Buffer.from(`302a300506032b6570032100${key}`, 'hex');

	return key.length === 64 && sig.length === 64 && verify(null, bytes, createPublicKey({ key: der, format: 'der', type: 'spki' }), sig);
}

export const cosignedBytes = (report) => Buffer.concat([Buffer.from('USAGE-COSIGN-V1\0', 'latin1'), report]);

function parse(bytes) {
	const u64 = (at) => bytes.readBigUInt64LE(at);

	if (bytes.length !== REPORT_LEN || bytes.toString('latin1', 0, 16) !== 'USAGE-REPORT-V1\0') return null;
	return { market: hex(bytes.subarray(16, 48)), lease: hex(bytes.subarray(48, 80)), seq: u64(80), from: u64(88), to: u64(96), due: u64(104) };
}

// A lease that was opened at `now` with these terms: what `open` makes, once it was let.
export function open({ id, market, provider, tenant, tenantKey = '', prices, work = {}, terms, deposit }, now) {
	return {
		id, market, provider, tenant, tenantKey, prices, work, terms, opened: now, escrow: deposit, deposited: deposit, refunded: 0n, paid: 0n,
		struck: 0n, released: 0n, total_due: 0n, seq: 0n, last_to: now, last_hash: '', claims: [], dispute: null,
		closing: null, closed: false,
	};
}

export const unpaid = (l) => l.released - l.struck - l.paid;

function begin(l, at) {
	check(l.provider === at.p.id, E.EForeign);
	while (l.claims.length && l.claims[0].release <= at.now) l.released = l.claims.shift().total_due;
	pay(l, at);
}

function pay(l, at) {
	const amount = min(unpaid(l), l.escrow);

	if (amount === 0n) return;
	l.paid += amount;
	at.events.push({ name: 'Paid', lease: l.id, amount, paid: l.paid, unpaid: unpaid(l) });
	l.escrow -= amount;
	at.pay(at.p.payout, amount);
}

export function topUp(l, at, amount) {
	begin(l, at);
	check(l.closing === null, E.EClosed);
	check(amount > 0n, E.ENothing);
	l.deposited += amount;
	l.escrow += amount;
	at.events.push({ name: 'ToppedUp', lease: l.id, amount, escrow: l.escrow });
	pay(l, at);
}

const overCap = (l, due, to) => l.prices.cap_s > 0n && due > (l.prices.cap_s * (to - min(l.opened, to))) / 1000n;

function verdict(l, r, bytes, now) {
	if (r.market !== l.market || r.lease !== l.id) return E.EForeign;
	if (r.seq < l.seq || r.seq === 0n) return E.EStale;
	if (r.seq === l.seq) return hash(bytes) === l.last_hash ? SAME : E.EConflict;
	if (r.from >= r.to || r.from < l.last_to) return E.EWindow;
	if (r.to > now) return E.EEarly;
	if (r.due < l.total_due) return E.EFalls;
	if (overCap(l, r.due, r.to)) return E.EOverCap;
	if (l.closed || (l.closing !== null && r.to > l.closing)) return E.EClosed;
	return 0;
}

function addClaim(l, now) {
	const claimed = l.claims.length ? l.claims.at(-1).total_due : l.released;

	if (l.total_due === claimed) return;
	if (l.claims.length === MAX_CLAIMS) l.claims.pop();
	l.claims.push({ total_due: l.total_due, release: now + l.terms.challenge_ms });
}

// `take`: 0, SAME, or why the report was not taken.
function take(l, at, bytes, sig, cosigned) {
	begin(l, at);
	const r = parse(bytes);
	if (!r) return E.EBytes;
	if (!signed(bytes, sig, at.p.key)) return E.ESignature;
	const code = verdict(l, r, bytes, at.now);
	if (code) return code;
	if (!cosigned && !at.p.backed) return E.EUnbacked;
	if (!cosigned && l.dispute) return E.EDisputed;
	l.seq = r.seq;
	l.last_to = r.to;
	l.last_hash = hash(bytes);
	l.total_due = r.due;
	at.events.push({ name: 'Reported', lease: l.id, seq: r.seq, to_ms: r.to, total_due: r.due, cosigned });
	if (!cosigned) addClaim(l, at.now);
	return 0;
}

export function submit(l, at, bytes, sig) {
	const code = take(l, at, bytes, sig, false);

	check(code === 0 || code === SAME, code);
}

export function trySubmit(l, at, bytes, sig) {
	const code = take(l, at, bytes, sig, false);

	if (code) at.events.push({ name: 'Skipped', lease: l.id, code: BigInt(code) });
	return code === 0;
}

function releaseAll(l, at) {
	l.claims = [];
	l.released = l.total_due;
	pay(l, at);
}

export function submitCosigned(l, at, bytes, sig, cosig) {
	check(signed(cosignedBytes(bytes), cosig, l.tenantKey), E.ECosign);
	const code = take(l, at, bytes, sig, true);
	check(code === 0 || code === SAME, code);
	if (l.dispute) resolve(l, at, l.dispute.amount, 0n);
	releaseAll(l, at);
}

export function accept(l, at) {
	begin(l, at);
	check(at.sender === l.tenant, E.ETenant);
	check(l.claims.length > 0, E.ENothing);
	releaseAll(l, at);
}

export function settle(l, at) {
	begin(l, at);
}

export function dispute(l, at, bond) {
	begin(l, at);
	check(at.sender === l.tenant, E.ETenant);
	check(l.claims.length > 0, E.ENothing);
	const amount = l.total_due - l.released;
	check(bond >= (amount * l.terms.bond_bps + 9_999n) / 10_000n, E.EBond);
	const until = at.now + l.terms.dispute_ms;
	at.events.push({ name: 'Disputed', lease: l.id, seq: l.seq, amount, bond, until_ms: until });
	l.claims = [];
	l.dispute = { amount, bond, until, tenantSays: null, providerSays: null };
}

export function agree(l, at, award) {
	begin(l, at);
	const tenant = at.sender === l.tenant;
	const provider = at.sender === at.p.owner;
	check(tenant || provider, E.EParty);
	check(l.dispute, E.ENoDispute);
	const d = l.dispute;
	check(award <= d.amount, E.EAward);
	if (tenant) d.tenantSays = award;
	if (provider) d.providerSays = award;
	const same = d.tenantSays !== null && d.tenantSays === d.providerSays;
	if (same || (tenant && award === d.amount) || (provider && award === 0n)) resolve(l, at, award, 0n);
}

export function timeOut(l, at) {
	begin(l, at);
	check(l.dispute, E.ENoDispute);
	const { amount, bond, until } = l.dispute;
	check(at.now >= until, E.ETooSoon);
	resolve(l, at, amount - amount / 2n, bond / 2n);
}

function resolve(l, at, award, bondToProvider) {
	const { amount, bond } = l.dispute;

	at.events.push({ name: 'Resolved', lease: l.id, amount, award, bond_to_provider: bondToProvider });
	if (bondToProvider > 0n) at.pay(at.p.payout, bondToProvider);
	if (bond > bondToProvider) at.pay(l.tenant, bond - bondToProvider);
	l.dispute = null;
	l.released += amount;
	l.struck += amount - award;
	pay(l, at);
}

export function close(l, at) {
	begin(l, at);
	check(at.sender === l.tenant || at.sender === at.p.owner || at.sender === at.p.agent, E.EParty);
	check(l.closing === null, E.EClosed);
	l.closing = at.now;
	at.events.push({ name: 'Closing', lease: l.id, closing_ms: at.now });
	if (canFinish(l, at.now)) refund(l, at);
}

export function finish(l, at) {
	begin(l, at);
	check(canFinish(l, at.now), E.EOpen);
	refund(l, at);
}

function canFinish(l, now) {
	if (l.closing === null || l.closed || l.dispute || l.claims.length) return false;
	return l.last_to >= l.closing || now >= l.closing + l.terms.grace_ms;
}

function refund(l, at) {
	const amount = l.escrow;

	l.closed = true;
	l.refunded = amount;
	at.events.push({ name: 'Closed', lease: l.id, refund: amount });
	if (amount > 0n) at.pay(l.tenant, amount);
	l.escrow = 0n;
}

const text = (n) => (n === null ? null : String(n));
const texts = (o) => Object.fromEntries(Object.entries(o).map(([k, v]) => [k, Array.isArray(v) ? v.map(text) : typeof v === 'bigint' ? text(v) : v]));

// As GraphQL shows it (MoveValue.json): u64 and balances as text, bytes in base64, an empty option as null.
export function shown(l) {
	return {
		id: l.id, market: l.market, provider: l.provider, tenant: l.tenant, tenant_key: base64(l.tenantKey),
		prices: texts(l.prices), work: texts(l.work), terms: texts(l.terms), opened_ms: text(l.opened), escrow: text(l.escrow),
		deposited: text(l.deposited), refunded: text(l.refunded), paid: text(l.paid), struck: text(l.struck), released: text(l.released),
		total_due: text(l.total_due), seq: text(l.seq), last_to_ms: text(l.last_to), last_hash: base64(l.last_hash),
		claims: l.claims.map((c) => ({ total_due: text(c.total_due), release_ms: text(c.release) })),
		dispute: l.dispute && {
			amount: text(l.dispute.amount), bond: text(l.dispute.bond), until_ms: text(l.dispute.until),
			tenant_says: text(l.dispute.tenantSays), provider_says: text(l.dispute.providerSays),
		},
		closing_ms: text(l.closing), closed: l.closed,
	};
}
