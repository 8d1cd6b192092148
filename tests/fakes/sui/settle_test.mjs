// SPDX-License-Identifier: Apache-2.0
// Settling as the agent does it, over the network, against the fake server, and killed at every request:
//
//	node settle_test.mjs SETTLE [WORDS]		SETTLE: the program of tests/interop/sui/settle.c
//
// After each case the chain took each lease's newest report exactly once, and the ledger says so.
import { deepStrictEqual as same, ok } from 'node:assert';
import { sender } from './bed.mjs';
import { faults, LEASES, runSettling, WINDOWS } from './settle_bed.mjs';

// After it each receipt is settled, and each lease's newest was taken once.
async function settles({ model, agent }) {
	const { receipts } = await agent.ends(WINDOWS);

	same(receipts.length, LEASES.length * WINDOWS);
	ok(receipts.every((row) => row.endsWith(' final')), receipts);
	for (const [i, id] of LEASES.entries()) same([model.lease(id).seq, model.lease(id).total_due], [String(WINDOWS), String(WINDOWS * (i + 1) * 1000)]);
	same(model.events.filter((e) => e.type.endsWith('Reported')).length, LEASES.length);
}

const cases = {
	async a_batch_is_one_transaction({ model, agent }) {
		await settles({ model, agent });
		same(model.executions, 1);
	},
};

for (const [name, fault] of Object.entries(faults))
	cases[`after_${name}_each_is_paid_once`] = async ({ model, server, agent }) => {
		// what it needs to start with is there; then it goes wrong
		server.after(2 + LEASES.length, () => server.fault(fault));
		await settles({ model, agent });
		same(model.executions, 1, `${name}: ${agent.said}`);
	};

Object.assign(cases, {
	async a_transaction_that_expired_unseen_is_built_anew({ model, server, agent }) {
		server.fault({ on: 'execute', hang: true });
		server.onExecute = () => { model.epoch = 103n; };
		await settles({ model, agent });
		same(model.executions, 1);
		ok(server.log.filter(({ kind }) => kind === 'execute').length >= 2);
	},

	async without_money_for_gas_it_waits_and_pays_later({ model, server, agent }) {
		model.balances.set(sender.toSuiAddress(), 0n);
		server.after(14, () => model.balances.set(sender.toSuiAddress(), 10n ** 9n));
		await settles({ model, agent });
		same(model.executions, 1);
	},

	async killed_at_any_request_it_goes_on({ make }) {
		for (const when of ['asked', 'answered'])
			for (let n = 1; n < 40; n++) {
				const { model, server, agent } = await make();
				let killed = false;
				server.kill = { when, at: n, child: () => { killed = true; agent.child.kill('SIGKILL'); } };
				await agent.run(WINDOWS);
				server.kill = null;
				await settles({ model, agent });
				same(model.executions, 1, `${when} ${n}`);
				await server.stop();
				if (!killed) break;
			}
	},
});

await runSettling(cases, process.argv[3]);
