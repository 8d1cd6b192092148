// SPDX-License-Identifier: Apache-2.0
// What people's transactions do to the model: coins that are split and taken along, providers that register and stake, leases
// that tenants open and feed (by the rules of lease.mjs). The others are those of chain/move (provider.move, offer.move), in so
// far as a command can see them; abort codes are the modules'. A value that must not be dropped and is not used makes a transaction fail, as on chain.
import { createHash } from 'node:crypto';
import * as rules from './lease.mjs';

const { bcs } = await import('@mysten/sui/bcs');
const { normalizeSuiAddress } = await import('@mysten/sui/utils');

const FRAMEWORK = normalizeSuiAddress('0x2');
const LIMITS = { unbonds: 8, endpoint: 256, entry: 256 };

export function marketJson(id, { min_stake = 10n ** 9n, unbond_ms = 86400000n } = {}) {
	return {
		id,
		version: '1',
		params: {
			min_stake: String(min_stake),
			unbond_ms: String(unbond_ms),
			challenge_ms: '0',
			dispute_ms: '0',
			slash_bps: '5000',
			reporter_bps: '1000',
			bond_bps: '1000',
		},
		treasury: normalizeSuiAddress('0x7'),
		arbiters: [],
		quorum: '0',
	};
}

export function providerJson(id, { market, owner, key, stake, agent = owner, payout = owner, endpoint = '', capacity }) {
	return {
		id,
		market,
		owner,
		agent,
		payout,
		endpoint,
		stake: String(stake),
		unbonding: [],
		keys: [{ key: Buffer.from(key).toString('base64'), retired_ms: null, slashed: false }],
		capacities: [capacity ?? { cpu_millis: '4000', memory_bytes: '8589934592', net_bytes_s: '125000000', from_ms: '0' }],
		jailed: false,
	};
}

const u64 = (v) => bcs.u64().parse(v);
const bytes = (v) => Buffer.from(bcs.vector(bcs.u8()).parse(v));
const address = (v) => normalizeSuiAddress(Buffer.from(v).toString('hex'));
const big = (v) => BigInt(u64(v));
const bigs = (v) => bcs.vector(bcs.u64()).parse(v).map(BigInt);

// One transaction while it runs.
export class Scene {
	constructor(model, data, digest) {
		Object.assign(this, { model, digest, sender: data.sender, inputs: data.kind.ProgrammableTransaction.inputs });
		this.results = [];
		this.made = []; // ids of objects
		this.used = new Set();
		this.withdrawn = 0n;
		this.owner = data.gasData.owner;
		this.budget = BigInt(data.gasData.budget);
		this.payment = data.gasData.payment.map((ref) => model.objects.get(ref.objectId));
		this.gasCoin = this.payment.reduce((sum, coin) => sum + BigInt(coin.json.balance), 0n) - this.budget;
	}

	// What can't be paid is not run at all.
	unpaid() {
		const asked = this.inputs.reduce((sum, i) => sum + BigInt(i.FundsWithdrawal?.reservation.MaxAmountU64 ?? 0), 0n);
		const gas = this.payment.length ? 0n : this.budget;

		if (this.payment.length && this.gasCoin < 0n) return 'the gas coins are under the budget';
		if ((this.model.balances.get(this.sender) ?? 0n) < asked + gas) return `the address balance of ${this.sender} is too small`;
		return null;
	}

	abort(module, name, code) {
		throw Object.assign(new Error(`MoveAbort in ${module}::${name}, abort code ${code}`), { code: String(code), module, function: name });
	}

	value(arg) {
		if (arg.GasCoin) return this;
		if (arg.Result !== undefined) return this.result(arg.Result, 0);
		if (arg.NestedResult) return this.result(...arg.NestedResult);
		const input = this.inputs[arg.Input];
		if (input.Pure) return Buffer.from(input.Pure.bytes, 'base64');
		if (input.FundsWithdrawal) return { funds: BigInt(input.FundsWithdrawal.reservation.MaxAmountU64) };
		const { objectId, mutable } = input.Object.SharedObject;
		return BigInt(objectId) === 6n ? { clock: this.model.now() } : { object: this.model.objects.get(objectId), mutable };
	}

	result(i, n) {
		const value = this.results[i][n];

		if (value.drops === false && this.used.has(value)) throw new Error('the value was used before');
		this.used.add(value);
		return value;
	}

	command(command) {
		let made;

		if (command.SplitCoins) made = this.split(command.SplitCoins);
		else if (command.MoveCall) made = this.call(command.MoveCall);
		else throw new Error(`no such command here: ${Object.keys(command)}`);
		this.results.push(made);
		return [];
	}

	split({ coin, amounts: list }) {
		if (!coin.GasCoin || !this.payment.length) throw new Error('only gas coins are split here');
		return list.map((arg) => {
			const mist = BigInt(u64(this.value(arg)));

			if (mist > this.gasCoin) throw new Error('InsufficientCoinBalance');
			this.gasCoin -= mist;
			return { coin: mist, drops: false };
		});
	}

	call({ package: from, module, function: name, arguments: args }) {
		const known = from === FRAMEWORK ? framework : from === this.model.package ? calls : {};
		const run = known[`${module}::${name}`];

		if (!run) this.abort(module, name, '13906834328962203649');
		const value = run(this, ...args.map((arg) => this.value(arg)));
		return value ? [value] : [];
	}

	// Gives it an id; fill(id) is what is kept of it.
	share(type, fill) {
		const id = `0x${createHash('sha256').update(`${this.digest} ${this.made.length}`).digest('hex')}`;

		this.model.addObject(id, { type: `${this.model.package}::${type}`, shared: 1000 + this.model.objects.size });
		Object.assign(this.model.objects.get(id), fill(id));
		this.made.push(id);
	}

	// What lease.mjs wants to know of a provider.
	party({ object: { address: id, json } }) {
		const { model } = this;
		const min = BigInt(model.objects.get(json.market).json.params.min_stake);
		const key = Buffer.from(json.keys.at(-1).key, 'base64').toString('hex');

		model.providers.set(id, { id, key, owner: json.owner, agent: json.agent, payout: json.payout, backed: !json.jailed && BigInt(json.stake) >= min });
		return model.providers.get(id);
	}

	// A rule of lease.mjs over a lease that is there.
	happen(l, name, ...args) {
		try {
			this.model.happen(l.object.address, this.sender, this.digest, (lease, at) => rules[name](lease, at, ...args));
		} catch (e) {
			if (e instanceof rules.Abort) this.abort('lease', name, e.code);
			throw e;
		}
	}

	touch(object) {
		this.model.touch(object);
	}

	send(to, mist) {
		this.model.balances.set(to, (this.model.balances.get(to) ?? 0n) + mist);
	}

	// The end of one that succeeded so far.
	close() {
		if (this.results.flat().some((v) => v.drops === false && !this.used.has(v))) throw new Error('UnusedValueWithoutDrop');
		this.send(this.sender, -this.withdrawn);
	}

	// Gas is paid, whatever became of it; with coins the first one gets what is left.
	charge(cost, failed) {
		if (!this.payment.length) return;
		const [first, ...rest] = this.payment.map((coin) => this.model.objects.get(coin.address));
		const all = this.payment.reduce((sum, coin) => sum + BigInt(coin.json.balance), 0n) - this.budget;

		first.json.balance = String((failed ? all : this.gasCoin) + this.budget - cost);
		this.touch(first);
		for (const coin of rest) this.model.objects.delete(coin.address);
	}

	changes() {
		const nodes = this.made.map((id) => ({
			address: id,
			idCreated: true,
			outputState: { asMoveObject: { contents: { type: { repr: this.model.objects.get(id).type } } } },
		}));

		return { nodes };
	}
}

const framework = {
	'coin::redeem_funds': (s, { funds }) => {
		s.withdrawn += funds;
		return { coin: funds, drops: false };
	},
};

function checkMarket(s, m, p, module, name) {
	if (p.object.json.market !== m.object.address) s.abort(module, name, 2);
}

const calls = {
	'provider::capacity': (s, cpu, memory, net, { clock }) => ({
		capacity: { cpu_millis: u64(cpu), memory_bytes: u64(memory), net_bytes_s: u64(net), from_ms: String(clock) },
	}),

	'provider::register': (s, m, { coin }, key, { capacity }, endpoint, agent, payout) => {
		const text = bytes(endpoint).toString();

		if (coin < BigInt(m.object.json.params.min_stake)) s.abort('provider', 'register', 3);
		if (bytes(key).length !== 32) s.abort('provider', 'register', 4);
		if (text.length > LIMITS.endpoint) s.abort('provider', 'register', 8);
		const json = providerJson(null, {
			market: m.object.address,
			owner: s.sender,
			key: bytes(key),
			stake: coin,
			agent: address(agent),
			payout: address(payout),
			endpoint: text,
			capacity,
		});
		return { json, drops: false };
	},

	'provider::share': (s, { json }) => s.share('provider::Provider', (id) => ({ json: { ...json, id } })),

	'provider::add_stake': (s, m, p, { coin }) => {
		checkMarket(s, m, p, 'provider', 'add_stake');
		p.object.json.stake = String(BigInt(p.object.json.stake) + coin);
		s.touch(p.object);
	},

	'provider::unbond': (s, m, p, amount, { clock }) => {
		const [json, mist] = [p.object.json, BigInt(u64(amount))];

		checkMarket(s, m, p, 'provider', 'unbond');
		if (json.owner !== s.sender) s.abort('provider', 'unbond', 1);
		if (mist === 0n || mist > BigInt(json.stake)) s.abort('provider', 'unbond', 6);
		if (json.unbonding.length === LIMITS.unbonds) s.abort('provider', 'unbond', 7);
		json.stake = String(BigInt(json.stake) - mist);
		json.unbonding.push({ amount: String(mist), release_ms: String(BigInt(clock) + BigInt(m.object.json.params.unbond_ms)) });
		s.touch(p.object);
	},

	'provider::withdraw': (s, m, p, { clock }) => {
		const json = p.object.json;
		const free = json.unbonding.filter((u) => BigInt(u.release_ms) <= BigInt(clock));

		checkMarket(s, m, p, 'provider', 'withdraw');
		if (!free.length) s.abort('provider', 'withdraw', 6);
		json.unbonding = json.unbonding.filter((u) => !free.includes(u));
		s.send(json.owner, free.reduce((sum, u) => sum + BigInt(u.amount), 0n));
		s.touch(p.object);
	},

	'offer::prices': (s, core, memory, rx, tx, cap) => ({
		prices: { core_s: big(core), gib_s: big(memory), rx_gib: bigs(rx), tx_gib: bigs(tx), cap_s: big(cap) },
	}),

	'offer::work': (s, blob, sri, entry, cpu, memory, pids, seal) => {
		if (![0, 64].includes(bytes(sri).length) || bytes(entry).length > LIMITS.entry) s.abort('offer', 'work', 2);
		const work = { blob_id: bcs.u256().parse(blob), sri: bytes(sri).toString('base64'), entry: bytes(entry).toString() };

		return { work: { ...work, cpu_millis: u64(cpu), memory_bytes: u64(memory), pids: u64(pids), seal_id: bytes(seal).toString('base64') } };
	},

	'lease::open': (s, m, p, { coin }, { prices }, { work }, key, grace, { clock }) => {
		const { params } = m.object.json;

		checkMarket(s, m, p, 'lease', 'open');
		if (!s.party(p).backed) s.abort('lease', 'open', rules.E.EUnbacked);
		if (![0, 32].includes(bytes(key).length)) s.abort('lease', 'open', rules.E.ETerms);
		const terms = { challenge_ms: BigInt(params.challenge_ms), dispute_ms: BigInt(params.dispute_ms), bond_bps: BigInt(params.bond_bps), grace_ms: big(grace) };
		const offer = { market: m.object.address, provider: p.object.address, tenant: s.sender, tenantKey: bytes(key).toString('hex') };

		return { open: (id) => rules.open({ id, ...offer, prices, work, terms, deposit: coin }, clock), drops: false };
	},

	'lease::share': (s, { open }) => s.share(`lease::Lease<${FRAMEWORK}::sui::SUI>`, (id) => ({ lease: open(id) })),

	'lease::top_up': (s, m, p, l, { coin }) => s.happen(l, 'topUp', coin),
};
