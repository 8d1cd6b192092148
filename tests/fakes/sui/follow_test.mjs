// SPDX-License-Identifier: Apache-2.0
// Leases on chain followed as the agent does it, over the network, against the fake server, and killed at every request:
//
//	node follow_test.mjs SETTLE [WORDS]		SETTLE: the program of tests/interop/sui/settle.c
//
// After each case the ledger says of each lease what the chain says.
import { deepStrictEqual as same, ok } from 'node:assert';
import { close, dispute, topUp } from './lease.mjs';
import { DEPOSIT, faults, LEASES, runSettling, WINDOWS } from './settle_bed.mjs';

const LOOKS = 8;
const START = 1795000000000n;
const WINDOW = 60_000n;
const TENANT = '0x7e';
const [topped, ended, still] = LEASES;
const label = (id) => id.slice(-8);

// Until somebody ends a lease, in the middle of the window behind those that are reported, the clock stands; checkpoints go on
// with every request.
function begin({ model, server }) {
	model.now = () => START + BigInt(WINDOWS) * WINDOW + WINDOW / 2n;
	server.onAny = () => model.checkpoint++;
}

const addsMoney = (model) => model.does(topped, TENANT, topUp, 77n);

function tellsToEnd(model) {
	model.does(ended, TENANT, close);
	model.now = () => START + BigInt(WINDOWS + 2) * WINDOW;
}

// The program ran to its end: what it says is what the chain has.
async function follows({ model, agent }, looks = LOOKS) {
	const { receipts, leases } = await agent.ends(WINDOWS, looks);
	const want = LEASES.map((id) => {
		const l = model.lease(id);
		const state = l.closed ? 'closed' : l.closing_ms ? 'closing' : 'open';

		return [label(id), state, l.deposited, l.paid, l.refunded, String(BigInt(l.total_due) - BigInt(l.released)), l.struck, l.seq, l.closing_ms ? 3 : 0].join(' ');
	});

	same(leases, want, agent.said);
	ok(receipts.every((row) => row.endsWith(' final')), `${receipts}`);
	return { receipts, chain: Object.fromEntries(LEASES.map((id) => [id, model.lease(id)])) };
}

// What both have once everything has come: the deposit, and the end with its last receipt.
async function followsAll({ model, agent }) {
	const { receipts, chain } = await follows({ model, agent });

	same(chain[topped].deposited, String(DEPOSIT + 77));
	same([chain[ended].closed, chain[ended].last_to_ms, chain[ended].seq], [true, chain[ended].closing_ms, String(WINDOWS + 1)]);
	same(chain[ended].paid, chain[ended].total_due);
	same(BigInt(chain[ended].refunded), BigInt(DEPOSIT) - BigInt(chain[ended].paid));
	same(receipts.filter((row) => row.startsWith(label(ended))).length, WINDOWS + 1);
	same(chain[still].closing_ms, null);
	same(model.events.filter((e) => e.type.endsWith('::Closed')).length, 1);
}

const cases = {
	async what_the_tenant_did_before_is_seen({ model, server, agent }) {
		begin({ model, server });
		await agent.ends(WINDOWS);
		addsMoney(model);
		tellsToEnd(model);
		await followsAll({ model, agent });
	},

	async a_close_while_a_transaction_is_under_way_ends_as_any({ model, server, agent }) {
		begin({ model, server });
		server.fault({ on: 'execute', accept: true, hang: true });
		server.onExecute = () => {
			server.onExecute = null;
			addsMoney(model);
			tellsToEnd(model);
		};
		await followsAll({ model, agent });
	},

	async a_lease_that_is_missing_for_a_while_stays_as_it_was({ model, server, agent }) {
		begin({ model, server });
		await agent.ends(WINDOWS);
		server.after(2 + LEASES.length, () => server.fault({ on: 'read', missing: true, times: 9 })); // what it starts with is found
		const { chain } = await follows({ model, agent });
		ok(LEASES.every((id) => !chain[id].closing_ms));
	},

	async stale_reads_behind_a_top_up_and_an_end_undo_nothing({ model, server, agent }) {
		begin({ model, server });
		await agent.ends(WINDOWS);
		for (const times of [2, 3, 4]) server.fault({ on: 'read', stale: true, times });
		addsMoney(model);
		server.after(1, () => tellsToEnd(model));
		await followsAll({ model, agent });
	},

	async what_nobody_calls_for_is_called_for({ model, server, agent }) {
		begin({ model, server });
		for (const id of [topped, still]) Object.assign(model.objects.get(id).lease.terms, { challenge_ms: 50_000n, dispute_ms: 100_000n, bond_bps: 5_000n });
		await agent.ends(WINDOWS);
		model.does(topped, TENANT, dispute, 1_000_000n);
		model.now = () => START + 1_000_000n; // of the chain, in these 900 seconds of the agent's
		const { chain } = await follows({ model, agent }, 90);
		same([chain[still].paid, chain[still].claims], [chain[still].total_due, []]);
		same([chain[topped].dispute, chain[topped].struck], [null, String(BigInt(chain[topped].total_due) / 2n)]);
		same(chain[topped].paid, String(BigInt(chain[topped].total_due) - BigInt(chain[topped].struck)));
	},

	async killed_at_any_request_the_ledger_follows({ make }) {
		for (const when of ['asked', 'answered'])
			for (let n = 1; n < 80; n++) {
				const { model, server, agent } = await make();
				let killed = false;

				begin({ model, server });
				await agent.ends(WINDOWS);
				addsMoney(model);
				tellsToEnd(model);
				server.kill = { when, at: server.log.length + n, child: () => { killed = true; agent.child.kill('SIGKILL'); } };
				await agent.run(WINDOWS, LOOKS);
				server.kill = null;
				await followsAll({ model, agent });
				await server.stop();
				if (!killed) break;
				ok(n < 79);
			}
	},
};

for (const [name, fault] of Object.entries(faults))
	cases[`after_${name}_the_ledger_follows`] = async ({ model, server, agent }) => {
		begin({ model, server });
		server.after(2 + LEASES.length, () => server.fault(fault));
		server.after(9, () => addsMoney(model));
		server.after(12, () => tellsToEnd(model));
		await followsAll({ model, agent });
	};

await runSettling(cases, process.argv[3], { grace_ms: 600_000n });
