// SPDX-License-Identifier: Apache-2.0
// Settling as the agent does it, over the network, against the fake server, and killed at every request:
//
//	node settle_test.mjs SETTLE [WORDS]		SETTLE: the program of tests/interop/sui/settle.c
//
// After each case the chain took each lease's newest report exactly once, and the ledger says so.
import { deepStrictEqual as same, ok } from 'node:assert';
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { dir, leaseId, MAINNET, MARKET, network, PROVIDER, runCases, sender, TESTNET, TIMEOUT_MS, trusted } from './bed.mjs';
import { Server } from './server.mjs';

const LEASES = [1, 2, 3].map(leaseId);
const WINDOWS = 2;

class Agent {
	constructor(model, server) {
		this.model = model;
		this.server = server;
		this.state = mkdtempSync(join(dir, 'state-'));
	}

	// Settles what is due, to the end, or until something kills it; its exit code.
	run() {
		const args = [TESTNET, trusted.path, String(TIMEOUT_MS), this.state, this.model.package, MARKET, PROVIDER, String(WINDOWS), LEASES.join(','), this.server.url];
		const child = spawn(process.argv[2], args, { stdio: ['ignore', 'pipe', 'pipe'] });

		this.child = child;
		this.said = '';
		this.rows = '';
		child.stderr.on('data', (data) => { this.said += data; });
		child.stdout.on('data', (data) => { this.rows += data; });
		return new Promise((done) => child.once('close', (code) => done(code)));
	}

	async settles() {
		same(await this.run(), 0, this.said);
		const rows = this.rows.trim().split('\n');
		same(rows.length, LEASES.length * WINDOWS, this.rows);
		ok(rows.every((row) => row.endsWith(' final')), this.rows);
		for (const id of LEASES) same(this.model.lease(id).seq, String(WINDOWS));
		for (const [i, id] of LEASES.entries()) same(this.model.lease(id).total_due, String(WINDOWS * (i + 1) * 1000));
		same(this.model.events.filter((e) => e.type.endsWith('Reported')).length, LEASES.length);
	}
}

const cases = {
	async a_batch_is_one_transaction({ model, agent }) {
		await agent.settles();
		same(model.executions, 1);
	},
};

// Each way to go wrong, once or a few times; what is asked for again must not be paid again.
const faults = {
	time_out_after_acceptance: { on: 'execute', accept: true, hang: true },
	time_out_before: { on: 'execute', hang: true },
	connection_lost_after_acceptance: { on: 'execute', accept: true, drop: true, times: 2 },
	truncated_answer: { on: 'execute', cut: 50 },
	too_many_requests: { on: 'any', status: 429, times: 5 },
	server_error_on_every_read: { on: 'read', status: 500, times: 4 },
	internal_error: { on: 'execute', error: 'INTERNAL_SERVER_ERROR', times: 3 },
	overloaded: { on: 'any', error: 'RESOURCE_EXHAUSTED', times: 6 },
	refused_at_first: { on: 'execute', error: 'BAD_USER_INPUT' },
	simulation_fails: { on: 'simulate', error: 'INTERNAL_SERVER_ERROR', times: 2 },
	half_an_epoch: { on: 'read', cut: 30, times: 3 },
	stale_reads: { on: 'read', stale: true, times: 12 },
	another_chain_for_a_while: { on: 'read', chain: MAINNET, times: 4 },
};

for (const [name, fault] of Object.entries(faults))
	cases[`after_${name}_each_is_paid_once`] = async ({ model, server, agent }) => {
		// what it needs to start with is there; then it goes wrong
		server.after(2 + LEASES.length, () => server.fault(fault));
		await agent.settles();
		same(model.executions, 1, `${name}: ${agent.said}`);
	};

Object.assign(cases, {
	async a_transaction_that_expired_unseen_is_built_anew({ model, server, agent }) {
		server.fault({ on: 'execute', hang: true });
		server.onExecute = () => { model.epoch = 103n; };
		await agent.settles();
		same(model.executions, 1);
		ok(server.log.filter(({ kind }) => kind === 'execute').length >= 2);
	},

	async without_money_for_gas_it_waits_and_pays_later({ model, server, agent }) {
		model.balances.set(sender.toSuiAddress(), 0n);
		server.after(14, () => model.balances.set(sender.toSuiAddress(), 10n ** 9n));
		await agent.settles();
		same(model.executions, 1);
	},

	async killed_at_any_request_it_goes_on({ make }) {
		for (const when of ['asked', 'answered'])
			for (let n = 1; n < 40; n++) {
				const { model, server, agent } = await make();
				let killed = false;
				server.kill = { when, at: n, child: () => { killed = true; agent.child.kill('SIGKILL'); } };
				await agent.run();
				server.kill = null;
				await agent.settles();
				same(model.executions, 1, `${when} ${n}`);
				await server.stop();
				if (!killed) break;
			}
	},
});

await runCases(cases, process.argv[3], async (test) => {
	const servers = [];
	const make = async () => {
		const model = network(LEASES, 1000000);
		const server = await new Server(model, trusted).start();

		servers.push(server);
		return { model, server, agent: new Agent(model, server) };
	};
	try {
		await test({ ...(await make()), make });
	} finally {
		for (const server of servers) await server.stop().catch(() => {});
	}
});
