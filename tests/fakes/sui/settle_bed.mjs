// SPDX-License-Identifier: Apache-2.0
// What the tests of settling share: the agent's side as a program, and the ways in which a chain goes wrong.
import { deepStrictEqual as same } from 'node:assert';
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { dir, leaseId, MAINNET, MARKET, network, PROVIDER, runCases, TESTNET, TIMEOUT_MS, trusted } from './bed.mjs';
import { Server } from './server.mjs';

export const LEASES = [1, 2, 3].map(leaseId);
export const WINDOWS = 2;
export const DEPOSIT = 1000000;

class Agent {
	constructor(model, server) {
		this.model = model;
		this.server = server;
		this.state = mkdtempSync(join(dir, 'state-'));
	}

	// Settles what is due, to the end, and looks so often; or until something kills it. Its exit code.
	run(windows, looks = 0) {
		const args = [TESTNET, trusted.path, TIMEOUT_MS, this.state, this.model.package, MARKET, PROVIDER, windows, looks, LEASES.join(','), this.server.url];
		const child = spawn(process.argv[2], args.map(String), { stdio: ['ignore', 'pipe', 'pipe'] });

		this.child = child;
		this.said = '';
		this.rows = '';
		child.stderr.on('data', (data) => { this.said += data; });
		child.stdout.on('data', (data) => { this.rows += data; });
		return new Promise((done) => child.once('close', (code) => done(code)));
	}

	// The same without a death: what the ledger says then.
	async ends(windows, looks = 0) {
		same(await this.run(windows, looks), 0, this.said);
		const rows = this.rows.trim().split('\n');

		return { receipts: rows.filter((row) => !row.startsWith('= ')), leases: rows.filter((row) => row.startsWith('= ')).map((row) => row.slice(2)) };
	}
}

// Each way to go wrong, once or a few times; what is asked for again must not be paid again.
export const faults = {
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

// Each case has a network with leases of these terms, a server over it and an agent; make() makes more.
export const runSettling = (cases, words, terms) =>
	runCases(cases, words, async (test) => {
		const servers = [];
		const make = async () => {
			const model = network(LEASES, DEPOSIT, terms);
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
