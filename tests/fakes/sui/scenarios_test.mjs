// SPDX-License-Identifier: Apache-2.0
// tests/vectors/scenarios.json, which says what it is, on the rules that the fake has of leases on chain:
//
//	node scenarios_test.mjs SCENARIOS.json
import { deepStrictEqual as same, ok } from 'node:assert';
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { runCases } from './bed.mjs';
import * as lease from './lease.mjs';

const table = JSON.parse(readFileSync(process.argv[2]));
const T0 = 1_000_000_000n;
const ms = (s) => T0 + BigInt(s) * 1000n;
const id = (n) => `0x${String(n).padStart(64, '0')}`;
const [MARKET, PROVIDER, LEASE] = [1, 2, 3].map(id);
const PROVIDER_KEY = 1;
const TENANT_KEY = 8;
const key = (n) => createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, n)]), format: 'der', type: 'pkcs8' });
const publicKey = (n) => createPublicKey(key(n)).export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
const who = { tenant: id('c0'), owner: id('b0'), agent: id('b1'), payout: id('b2'), stranger: id('e0') };

function report({ market = 1, lease: of = 3, seq, from, to, due }) {
	const bytes = Buffer.alloc(144, 7);

	bytes.write('USAGE-REPORT-V1\0', 'latin1');
	bytes.write(id(market).slice(2), 16, 'hex');
	bytes.write(id(of).slice(2), 48, 'hex');
	for (const [i, n] of [BigInt(seq), ms(from), ms(to), BigInt(due)].entries()) bytes.writeBigUInt64LE(n, 80 + 8 * i);
	return bytes;
}

const signedReport = (step) => [report(step), sign(null, report(step), key(step.key ?? PROVIDER_KEY))];
const acts = {
	report: (l, at, step) => lease.submit(l, at, ...signedReport(step)),
	try_report(l, at, step) {
		const taken = lease.trySubmit(l, at, ...signedReport(step));

		same(taken, !step.refused);
		if (!taken) at.skipped = Number(at.events.at(-1).code);
	},
	cosigned: (l, at, step) => lease.submitCosigned(l, at, ...signedReport(step), sign(null, lease.cosignedBytes(report(step)), key(TENANT_KEY))),
	top_up: (l, at, { amount }) => lease.topUp(l, at, BigInt(amount)),
	dispute: (l, at, { bond }) => (lease.dispute(l, at, BigInt(bond)), (at.bonds += BigInt(bond))),
	agree: (l, at, { award }) => lease.agree(l, at, BigInt(award)),
	time_out: (l, at) => lease.timeOut(l, at),
	settle: (l, at) => lease.settle(l, at),
	accept: (l, at) => lease.accept(l, at),
	close: (l, at) => lease.close(l, at),
	finish: (l, at) => lease.finish(l, at),
};

const state = (l) => (l.closed ? 'closed' : l.closing !== null ? 'closing' : l.total_due - l.struck > l.deposited ? 'exhausted' : 'open');
const is = (l) => ({
	state: state(l), deposited: l.deposited, paid: l.paid, escrow: l.escrow, refunded: l.refunded, due: l.total_due, seq: l.seq,
	waiting: l.total_due - l.released, struck: l.struck,
});

// What was put in is what went out, what the lease has and what a dispute holds.
function conserved(l, world) {
	const sent = [...world.sent.values()].reduce((a, b) => a + b, 0n);

	same(l.deposited + world.bonds, sent + l.escrow + (l.dispute?.bond ?? 0n));
	same(l.deposited, l.paid + l.refunded + l.escrow);
	ok(l.paid + l.struck <= l.released && l.released <= l.total_due);
	ok(lease.unpaid(l) === 0n || l.escrow === 0n);
}

function play(scenario) {
	const deposit = BigInt(scenario.deposit ?? 1000);
	const prices = { core_s: 1n, gib_s: 2n, rx_gib: [3n, 4n, 5n], tx_gib: [6n, 7n, 8n], cap_s: BigInt(scenario.cap_s ?? 10) };
	const terms = { challenge_ms: 100_000n, dispute_ms: 200_000n, bond_bps: 5_000n, grace_ms: 50_000n };
	const p = { id: PROVIDER, key: publicKey(PROVIDER_KEY), owner: who.owner, agent: who.agent, payout: who.payout, backed: true };
	const world = { sent: new Map(), bonds: 0n };
	let want = { ...table.start, deposited: deposit };
	let l = lease.open({ id: LEASE, market: MARKET, provider: PROVIDER, tenant: who.tenant, tenantKey: publicKey(TENANT_KEY), prices, terms, deposit }, T0);

	for (const [i, step] of scenario.steps.entries()) {
		if (step.on === 'local') continue;
		const reason = step.refused && (step.refused.chain ?? (typeof step.refused === 'string' ? step.refused : null));
		const sent = new Map(world.sent);
		const next = structuredClone(l);
		const at = { now: ms(step.at), p, sender: who[step.by ?? 'tenant'], events: [], bonds: world.bonds, pay: (to, n) => sent.set(to, (sent.get(to) ?? 0n) + n) };
		let code = 0;

		try {
			acts[step.do](next, at, step);
			[l, world.sent, world.bonds] = [next, sent, at.bonds];
			code = at.skipped ?? 0;
		} catch (e) {
			if (!(e instanceof lease.Abort)) throw e;
			code = e.code;
		}
		const text = `step ${i + 1}, ${step.do}`;
		same(code, reason ? lease.E[table.refusals[reason].chain] : 0, text);
		want = { ...want, ...step.then, ...step.chain };
		const { deposited, paid, refunded } = want;
		const all = { ...want, escrow: BigInt(deposited) - BigInt(paid) - BigInt(refunded) };
		same(is(l), Object.fromEntries(Object.entries(all).map(([k, v]) => [k, k === 'state' ? v : BigInt(v)])), text);
		conserved(l, world);
	}
}

const cases = {};
for (const scenario of table.scenarios) if (scenario.on !== 'local') cases[scenario.name] = async () => play(scenario);
await runCases(cases, process.argv[3], (test) => test());
