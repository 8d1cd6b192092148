// SPDX-License-Identifier: Apache-2.0
// chain/sui against the fake server, each case with a server of its own:
//
//	node test.mjs CLIENT [WORDS]		CLIENT: the program of tests/interop/sui/client.c
//
// Closes with "N passed, N failed".
import { deepStrictEqual as same, ok } from 'node:assert';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { LEASE, MAINNET, MARKET, network, PROVIDER, provider, runCases, sender, sponsor, stranger, SUI, TESTNET, TIMEOUT_MS, trusted } from './bed.mjs';
import { Server } from './server.mjs';

const { Transaction } = await import('@mysten/sui/transactions');

class Client {
	constructor(urls, chain = TESTNET) {
		this.child = spawn(process.argv[2], [chain, trusted.path, String(TIMEOUT_MS), ...urls], { stdio: ['pipe', 'pipe', 'inherit'] });
		this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
	}

	async ask(what, args = {}) {
		this.child.stdin.write(`${JSON.stringify({ ask: what, ...args })}\n`);
		const { value, done } = await this.lines.next();

		ok(!done, 'the client died');
		return JSON.parse(value);
	}

	async close() {
		this.child.stdin.end();
		const code = this.child.exitCode ?? (await new Promise((exited) => this.child.once('exit', exited)));

		same(code, 0);
	}
}

const OPENED = 1795000000000n; // as model.addLease()

async function report(seq, total, { key = provider, lease = LEASE } = {}) {
	const bytes = Buffer.alloc(144);

	bytes.write('USAGE-REPORT-V1\0', 'latin1');
	bytes.write(MARKET.slice(2), 16, 'hex');
	bytes.write(lease.slice(2), 48, 'hex');
	bytes.writeBigUInt64LE(BigInt(seq), 80);
	bytes.writeBigUInt64LE(OPENED + BigInt(seq) * 1000n, 88);
	bytes.writeBigUInt64LE(OPENED + BigInt(seq) * 1000n + 1000n, 96);
	bytes.writeBigUInt64LE(BigInt(total), 104);
	return { bytes, signature: Buffer.from(await key.sign(bytes)) };
}

// A transaction over the lease, as the agent makes them: gas from the address balance, valid for this epoch and the next.
async function transaction(model, reports, { budget = 5000000, price = 1000, epoch = model.epoch, chain = model.chain, version = 900, by = null, call = 'try_submit' } = {}) {
	const tx = new Transaction();

	for (const r of reports)
		tx.moveCall({
			target: `${model.package}::lease::${call}`,
			typeArguments: [SUI],
			arguments: [
				tx.sharedObjectRef({ objectId: MARKET, initialSharedVersion: 900, mutable: false }),
				tx.sharedObjectRef({ objectId: PROVIDER, initialSharedVersion: 900, mutable: false }),
				tx.sharedObjectRef({ objectId: LEASE, initialSharedVersion: version, mutable: true }),
				tx.pure.vector('u8', [...r.bytes]),
				tx.pure.vector('u8', [...r.signature]),
				tx.object.clock(),
			],
		});
	tx.setSender(sender.toSuiAddress());
	tx.setGasOwner((by ?? sender).toSuiAddress());
	tx.setGasPrice(price);
	tx.setGasBudget(budget);
	tx.setGasPayment([]);
	tx.setExpiration({ ValidDuring: { minEpoch: Number(epoch), maxEpoch: Number(epoch) + 1, minTimestamp: null, maxTimestamp: null, chain, nonce: 7 } });
	const bytes = await tx.build();
	const sigs = [];
	for (const key of by ? [sender, by] : [sender]) sigs.push((await key.signTransaction(bytes)).signature);
	return { tx: Buffer.from(bytes).toString('base64'), sigs, digest: await tx.getDigest() };
}

const lease = (model) => model.lease(LEASE);

const cases = {
	async the_epoch_and_the_chain_come_in_one_reply({ model, client, server }) {
		same(await client.ask('epoch'), { epoch: 100, price: 1000, checkpoint: 5000, rc: 0, error: '' });
		same(server.log.length, 1);
	},

	async balances_are_exact_and_zero_where_there_is_none({ model, client }) {
		model.balances.set(sender.toSuiAddress(), 2n ** 63n + 1n);
		same((await client.ask('balance', { address: sender.toSuiAddress() })).total, String(2n ** 63n + 1n));
		same((await client.ask('balance', { address: '0x77' })).total, 0);
	},

	async objects_tell_how_they_are_owned({ model, client }) {
		model.addObject('0x5', { type: 'y', json: { a: 'b' }, owner: '0x9', version: 12 });
		const shared = await client.ask('object', { id: LEASE });
		const owned = await client.ask('object', { id: '0x5' });

		same([shared.owner, shared.shared, shared.fields.deposited], [1, 900, '1000']);
		same([owned.owner, owned.version, owned.fields, BigInt(owned.address)], [0, 12, { a: 'b' }, 9n]);
		same((await client.ask('object', { id: '0x6666' })).rc, 'ENOENT');
	},

	async lists_come_in_pages({ model, client, server }) {
		for (let i = 1; i <= 120; i++)
			model.addObject(`0x${i.toString(16)}aaaa`, { type: `0x${'0'.repeat(63)}2::coin::Coin<${SUI}>`, json: { balance: String(i) }, owner: '0x9' });
		same((await client.ask('coins', { address: '0x9' })).coins, [...Array(120).keys()].map((i) => i + 1));
		same(server.log.length, 3);
		same((await client.ask('coins', { address: '0x10' })).coins, []);
	},

	async events_go_on_behind_a_cursor({ model, client }) {
		const type = `${model.package}::lease::Reported`;
		const add = (n) => model.events.push({ type, digest: 'd', json: { n } });

		for (let i = 0; i < 70; i++) add(i);
		const first = await client.ask('events', { type });
		same(first.events.length, 70);
		const none = await client.ask('events', { type, cursor: first.cursor });
		same([none.events, none.cursor], [[], first.cursor]);
		add(70);
		same((await client.ask('events', { type, cursor: first.cursor })).events, [{ n: 70 }]);
	},

	async more_events_than_a_list_holds_are_behind_its_cursor({ model, client }) {
		const type = `${model.package}::lease::Opened`;

		for (let n = 0; n <= 10000; n++) model.events.push({ type, digest: 'd', json: { n } });
		const first = await client.ask('events', { type });
		same([first.events.length, first.events.at(-1)], [10000, { n: 9999 }]);
		same((await client.ask('events', { type, cursor: first.cursor })).events, [{ n: 10000 }]);
	},

	async a_simulation_changes_nothing_and_tells_results_and_cost({ model, client }) {
		const t = await transaction(model, [await report(1, 100), await report(1, 100)]);
		const s = await client.ask('simulate', t);

		same([s.rc, s.success, s.computation, s.budget], [0, true, 1000000, 1500000]);
		same(s.outputs.map((o) => o.returnValues[0].value.bcs), ['AQ==', 'AA==']);
		same([lease(model).seq, model.executions], ['0', 0]);
	},

	async a_transaction_is_executed_once_however_often_it_is_sent({ model, client }) {
		const t = await transaction(model, [await report(1, 100)]);
		const before = await client.ask('transaction', t);
		const first = await client.ask('execute', t);

		same([before.rc, before.epoch], ['ENOENT', 100]);
		same([first.rc, first.success, first.undecided, first.in], [0, true, false, 0]);
		same((await client.ask('execute', t)).success, true);
		const after = await client.ask('transaction', t);
		same([after.rc, after.success, after.in, after.epoch], [0, true, 5001, 100]);
		same([lease(model).total_due, model.executions], ['100', 1]);
	},

	async a_sponsor_signs_the_same_bytes({ model, client }) {
		const t = await transaction(model, [await report(1, 100)], { by: sponsor });

		same((await client.ask('execute', { ...t, sigs: t.sigs.slice(0, 1) })).rc, 'EINVAL');
		same((await client.ask('execute', t)).success, true);
		same(model.balances.get(sender.toSuiAddress()), 10n ** 9n);
		ok(model.balances.get(sponsor.toSuiAddress()) < 10n ** 9n);
	},

	async an_abort_is_an_answer_and_is_paid_for({ model, client }) {
		const t = await transaction(model, [await report(1, 100)], { call: 'no_such' });
		const e = await client.ask('execute', t);

		same([e.rc, e.success, e.abort], [0, false, '13906834328962203649']);
		ok(e.why.includes('no_such'));
		same([lease(model).seq, model.executions], ['0', 1]);
	},

	async too_small_a_budget_is_an_answer_too({ model, client }) {
		const reports = [];
		for (let i = 1; i <= 50; i++) reports.push(await report(i, i));
		const e = await client.ask('execute', await transaction(model, reports, { budget: 1000000 }));

		same([e.success, e.why, lease(model).seq], [false, 'InsufficientGas', '0']);
	},

	async time_out_after_acceptance_leaves_it_open_and_the_same_bytes_close_it({ model, client, server }) {
		const t = await transaction(model, [await report(1, 100)]);

		server.fault({ on: 'execute', accept: true, hang: true });
		const e = await client.ask('execute', t);
		same([e.rc, e.undecided, model.executions], ['ETIMEDOUT', true, 1]);
		same((await client.ask('execute', t)).success, true);
		same(model.executions, 1);
	},

	async every_way_to_lose_an_answer_leaves_it_open({ model, client, server }) {
		const t = await transaction(model, [await report(1, 100)]);
		const lost = [
			[{ drop: true, times: 2 }, 'ECONNRESET'], // curl tries again by itself where a kept connection broke
			[{ cut: 60 }, 'EBADMSG'],
			[{ cut: 0 }, 'EBADMSG'],
			[{ status: 500 }, 'EIO'],
			[{ status: 429 }, 'EAGAIN'],
			[{ status: 503 }, 'EAGAIN'],
			[{ error: 'INTERNAL_SERVER_ERROR' }, 'EIO'],
			[{ error: 'REQUEST_TIMEOUT' }, 'ETIMEDOUT'],
			[{ error: 'RESOURCE_EXHAUSTED' }, 'EAGAIN'],
		];

		await client.ask('epoch');
		for (const [how, rc] of lost) {
			server.fault({ on: 'execute', ...how });
			const e = await client.ask('execute', t);
			same([e.rc, e.undecided, e.error.startsWith(server.url) || e.error.includes('POST')], [rc, true, true], JSON.stringify({ how, e }));
		}
		same((await client.ask('execute', t)).success, true);
		same(model.executions, 1);
	},

	async what_can_not_run_is_refused_for_good({ model, client }) {
		const r = [await report(1, 100)];
		const wrong = {
			conflict: await transaction(model, r, { version: 901 }),
			expired: await transaction(model, r, { epoch: 98n }),
			early: await transaction(model, r, { epoch: 101n }),
			chain: await transaction(model, r, { chain: MAINNET }),
			price: await transaction(model, r, { price: 999 }),
			poor: await transaction(model, r, { budget: 2 * 10 ** 9 }),
		};

		for (const [why, t] of Object.entries(wrong)) {
			const e = await client.ask('execute', t);
			same([e.rc, e.undecided], ['EINVAL', false], why);
		}
		const forged = await transaction(model, r);
		forged.sigs = (await transaction(model, [])).sigs;
		same((await client.ask('execute', forged)).rc, 'EINVAL');
		same(model.executions, 0);
	},

	async a_refusal_after_a_time_out_leaves_it_open({ model, client, server, second }) {
		const t = await transaction(model, [await report(1, 100)]);

		await client.ask('epoch');
		server.fault({ on: 'execute', accept: true, hang: true });
		second.fault({ on: 'execute', error: 'BAD_USER_INPUT' });
		const e = await client.ask('execute', t);
		same([e.rc, e.undecided], ['ETIMEDOUT', true]);
		same(model.executions, 1);
	},

	async another_endpoint_answers_where_one_does_not({ model, client, server, second }) {
		for (const how of [{ status: 429 }, { drop: true }, { cut: 10 }, { error: 'INTERNAL_SERVER_ERROR' }, { hang: true }]) {
			for (const s of [server, second]) s.faults = [];
			server.fault({ on: 'any', times: 9, ...how });
			same((await client.ask('epoch')).rc, 0, JSON.stringify(how));
		}
		ok(second.log.length >= 5);
		await server.stop();
		same((await client.ask('epoch')).rc, 0);
		await second.stop();
		same((await client.ask('epoch')).rc, 'ECONNREFUSED');
	},

	async nothing_is_heard_from_or_sent_to_another_chain({ model, client, server, second }) {
		const t = await transaction(model, [await report(1, 100)]);

		for (const s of [server, second]) s.fault({ on: 'any', times: 99, chain: MAINNET });
		for (const what of ['epoch', 'balance', 'transaction', 'execute'])
			same((await client.ask(what, { ...t, address: '0x1' })).rc, 'EXDEV', what);
		ok([server, second].every((s) => s.log.every(({ kind }) => kind !== 'execute')));
		second.faults = [];
		same((await client.ask('execute', t)).success, true);
	},

	async a_server_with_a_strangers_certificate_gets_nothing({ model, server }) {
		const fake = await new Server(model, stranger).start();
		const client = new Client([fake.url]);
		const both = new Client([fake.url, server.url]);
		const t = await transaction(model, [await report(1, 100)]);

		const e = await client.ask('execute', t);
		same([e.rc, e.undecided], ['EKEYREJECTED', false]);
		same((await both.ask('execute', t)).success, true);
		same(fake.log, []);
		await Promise.all([client.close(), both.close()]);
		await fake.stop();
	},

	async a_server_that_lags_says_so_by_its_epoch({ model, client, server }) {
		const t = await transaction(model, [await report(1, 100)]);

		server.fault({ on: 'read', times: 2, stale: true });
		model.epoch = 101n;
		same((await client.ask('execute', t)).success, true);
		const stale = await client.ask('transaction', t);
		same([stale.rc, stale.epoch], ['ENOENT', 100]);
		const now = await client.ask('transaction', t);
		same([now.rc, now.epoch], [0, 101]);
	},
};

await runCases(cases, process.argv[3], async (test) => {
	const model = network();
	const server = await new Server(model, trusted).start();
	const second = await new Server(model, trusted).start();
	const client = new Client(test.toString().includes('second') ? [server.url, second.url] : [server.url]);

	try {
		await test({ model, client, server, second });
		await client.close();
	} finally {
		client.child.kill();
		for (const s of [server, second]) await s.stop().catch(() => {});
	}
});
