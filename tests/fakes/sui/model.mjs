// SPDX-License-Identifier: Apache-2.0
// What a Sui network remembers, as far as Weir can see it: objects, balances, epochs, transactions that happen once.
// Bytes are decoded and signatures verified by @mysten/sui. Move code does not run here: of the package on chain there are
// the rules of lease.mjs, and of those the calls in CALLS can be made by a transaction, and what people call (people.mjs);
// anything else it names is an abort.
import { createHash, webcrypto } from 'node:crypto';
import * as lease from './lease.mjs';
import { Scene } from './people.mjs';

globalThis.crypto ??= webcrypto; // Node 18 has it under this name alone

const { bcs } = await import('@mysten/sui/bcs');
const { TransactionDataBuilder } = await import('@mysten/sui/transactions');
const { toBase58, normalizeSuiAddress } = await import('@mysten/sui/utils');
const { verifyTransactionSignature } = await import('@mysten/sui/verify');

export const SUI = `${normalizeSuiAddress('0x2')}::sui::SUI`;
const UNITS_MIN = 1000n; // of computation, of any transaction
const UNITS_CALL = 30n;

export class Refused extends Error {} // BAD_USER_INPUT: can't run as it is

const digestOf = (text) => toBase58(createHash('sha256').update(text).digest());

// lease::NAME of lease.move: what it does with the lease, what it may see, and its bytes; what it returns.
const CALLS = {
	try_submit: (l, at, report, sig) => [lease.trySubmit(l, at, report, sig)],
	submit_cosigned: (l, at, report, sig, cosig) => lease.submitCosigned(l, at, report, sig, cosig),
	settle: (l, at) => lease.settle(l, at),
	close: (l, at) => lease.close(l, at),
	finish: (l, at) => lease.finish(l, at),
	time_out: (l, at) => lease.timeOut(l, at),
};

export class Model {
	constructor(chain) {
		this.chain = chain;
		this.epoch = 100n;
		this.gasPrice = 1000n;
		this.checkpoint = 5000;
		this.objects = new Map();
		this.balances = new Map(); // address: MIST in its address balance
		this.transactions = new Map(); // digest: effects
		this.events = [];
		this.executions = 0; // that changed anything, or cost gas
		this.package = normalizeSuiAddress('0xabc');
		this.providers = new Map(); // id: what lease.mjs wants to know of one
		this.later = 0n; // how far its clock is ahead of ours, in ms
		this.now = () => BigInt(Date.now()) + this.later;
	}

	touch(object) {
		object.version++;
		object.digest = digestOf(`${object.address} ${object.version}`);
	}

	// {owner: address} or {shared: version}
	addObject(id, { type, json, owner, shared, version = 1 }) {
		const address = normalizeSuiAddress(id);

		this.objects.set(address, {
			address,
			version: shared ?? version,
			digest: digestOf(`${address} ${version}`),
			type,
			json,
			owner: owner && normalizeSuiAddress(owner),
			shared,
		});
		return address;
	}

	// `key` is the provider's current one.
	addLease(id, { market, provider, key, deposit, opened = 1795000000000n, terms = {}, prices = {}, work = {} }) {
		const address = normalizeSuiAddress(id);
		const owner = normalizeSuiAddress('0xb0');

		this.providers.set(provider, { id: provider, key: key.toString('hex'), owner, agent: owner, payout: owner, backed: true });
		this.showProvider(provider);
		this.addObject(id, { type: `${this.package}::lease::Lease<${SUI}>`, shared: 900 });
		this.objects.get(address).lease = lease.open({
			id: address, market, provider, deposit: BigInt(deposit), tenant: normalizeSuiAddress('0x7e'),
			prices: { core_s: 1000n, gib_s: 0n, rx_gib: [0n, 0n, 0n], tx_gib: [0n, 0n, 0n], cap_s: 0n, ...prices },
			work: { blob_id: 7n, sri: '', entry: '', cpu_millis: 500n, memory_bytes: 1048576n, pids: 64n, seal_id: '', ...work },
			terms: { challenge_ms: 0n, dispute_ms: 0n, bond_bps: 0n, grace_ms: 0n, ...terms },
		}, opened);
		return address;
	}

	// The provider's object says what there is to know of it, as far as the agent reads it.
	showProvider(id) {
		const object = this.objects.get(normalizeSuiAddress(id));
		const keys = [{ key: Buffer.from(this.providers.get(id).key, 'hex').toString('base64'), retired_ms: null, slashed: false }];
		const capacities = [{ cpu_millis: '64000', memory_bytes: String(2 ** 40), net_bytes_s: '10000000000', from_ms: '0' }];

		if (object) object.json = { capacities, ...object.json, id, keys };
	}

	// The same as somebody opens it now, which others can see.
	opens(id, offer) {
		const numbers = (o) => Object.fromEntries(Object.entries(o ?? {}).map(([k, v]) => [k, typeof v === 'number' ? BigInt(v) : v]));
		const address = this.addLease(id, { ...offer, prices: numbers(offer.prices), work: numbers(offer.work), opened: this.now() });
		const { market, provider, tenant, deposited } = this.lease(address);

		this.events.push({ type: `${this.package}::lease::Opened`, digest: digestOf(`opens ${address}`), json: { lease: address, market, provider, tenant, deposit: deposited } });
		this.checkpoint++;
	}

	// The lease as GraphQL shows it.
	lease(id) {
		return lease.shown(this.objects.get(normalizeSuiAddress(id)).lease);
	}

	// Lets fn(lease, at) of lease.mjs happen to it, as a call by `sender` does: all of it or nothing.
	happen(id, sender, digest, fn) {
		const object = this.objects.get(normalizeSuiAddress(id));
		const l = structuredClone(object.lease);
		const at = {
			now: this.now(), p: this.providers.get(l.provider), sender: normalizeSuiAddress(sender), events: [],
			pay: (to, amount) => this.balances.set(to, (this.balances.get(to) ?? 0n) + amount),
		};
		const result = fn(l, at);

		object.lease = l;
		this.touch(object);
		for (const { name, ...json } of at.events)
			this.events.push({ type: `${this.package}::lease::${name}`, digest, json: Object.fromEntries(Object.entries(json).map(([k, v]) => [k, typeof v === 'bigint' ? String(v) : v])) });
		return result;
	}

	// What somebody does in a transaction of its own: does(id, TENANT, lease.topUp, 5n).
	does(id, sender, fn, ...args) {
		this.happen(id, sender, digestOf(`by ${sender} at ${this.checkpoint}`), (l, at) => fn(l, at, ...args));
		this.checkpoint++;
	}

	coinsOf(address, type) {
		return [...this.objects.values()].filter((o) => o.owner === address && o.type === type);
	}

	balanceOf(address, type) {
		const inCoins = this.coinsOf(address, `${normalizeSuiAddress('0x2')}::coin::Coin<${type}>`).reduce((sum, c) => sum + BigInt(c.json.balance), 0n);
		const inAddress = type === SUI ? this.balances.get(address) ?? 0n : 0n;

		return { totalBalance: String(inCoins + inAddress), coinBalance: String(inCoins), addressBalance: String(inAddress) };
	}

	// Everything that a failed command gives back.
	keep() {
		const objects = structuredClone([...this.objects]);
		const balances = new Map(this.balances);
		const events = this.events.length;

		return () => {
			this.objects = new Map(objects);
			this.balances = balances;
			this.events.length = events;
		};
	}

	checkInputs({ inputs }) {
		for (const input of inputs) {
			const ref = input.Object?.SharedObject ?? input.Object?.ImmOrOwnedObject ?? input.Object?.Receiving;

			if (!ref || BigInt(ref.objectId) === 6n) continue;
			const object = this.objects.get(ref.objectId);
			if (!object) throw new Refused(`object ${ref.objectId} does not exist`);
			if (ref.initialSharedVersion ? String(object.shared) !== ref.initialSharedVersion : String(object.version) !== ref.version)
				throw new Refused(`object ${ref.objectId} is not available at this version, its current one is ${object.version}`);
		}
	}

	checkGas(data) {
		const { payment, owner, price, budget } = data.gasData;
		const window = data.expiration.ValidDuring ?? data.expiration.Validity;

		if (BigInt(price) < this.gasPrice) throw new Refused(`gas price ${price} is under the reference gas price ${this.gasPrice}`);
		if (BigInt(budget) < UNITS_MIN * BigInt(price)) throw new Refused(`gas budget ${budget} is too low`);
		if (window && window.chain !== this.chain) throw new Refused('the transaction is of another chain');
		if (window && (BigInt(window.minEpoch ?? 0) > this.epoch || BigInt(window.maxEpoch ?? this.epoch) < this.epoch))
			throw new Refused('the transaction has expired, or is not valid yet');
		if (data.expiration.Epoch !== undefined && BigInt(data.expiration.Epoch) < this.epoch) throw new Refused('the transaction has expired');
		if (payment.length) return this.checkInputs({ inputs: payment.map((ref) => ({ Object: { ImmOrOwnedObject: ref } })) });
		if (!window?.minEpoch || !window?.maxEpoch) throw new Refused('gas from an address balance needs ValidDuring');
		if ((this.balances.get(owner) ?? 0n) < BigInt(budget)) throw new Refused(`the address balance of ${owner} is under the budget`);
		return undefined;
	}

	checkFunds(data) {
		const why = new Scene(this, data).unpaid();

		if (why) throw new Refused(why);
	}

	call(command, inputs, sender, digest) {
		const pure = (arg) => Buffer.from(bcs.vector(bcs.u8()).parse(Buffer.from(inputs[arg.Input].Pure.bytes, 'base64')));
		const abort = (message, code) => Object.assign(new Error(message), { code, module: command.module, function: command.function });
		const call = CALLS[command.function];
		const { objectId } = inputs[command.arguments[2].Input].Object.SharedObject;
		if (!this.objects.get(objectId)?.lease) throw abort('not a lease', '3');
		const bytes = command.arguments.slice(3, -1).map(pure);
		try {
			const returned = this.happen(objectId, sender, digest, (l, at) => call(l, at, ...bytes));

			return (returned ?? []).map((value) => ({ value: { bcs: Buffer.from([value ? 1 : 0]).toString('base64') } }));
		} catch (e) {
			throw e instanceof lease.Abort ? abort(e.message, String(e.code)) : e;
		}
	}

	// What the transaction does; the effects and each command's results. Changes the model.
	run(data, digest) {
		const { inputs, commands } = data.kind.ProgrammableTransaction;
		const restore = this.keep();
		const scene = new Scene(this, data, digest);
		const known = ({ MoveCall: c }) => c && c.package === this.package && c.module === 'lease' && CALLS[c.function];
		const units = UNITS_MIN > UNITS_CALL * BigInt(commands.length) ? UNITS_MIN : UNITS_CALL * BigInt(commands.length);
		const price = BigInt(data.gasData.price);
		const gasSummary = { computationCost: Number(units * price), storageCost: 2280000, storageRebate: 2280000, nonRefundableStorageFee: 0 };
		const outputs = [];
		let executionError = null;

		if (units * price > BigInt(data.gasData.budget)) {
			executionError = { message: 'InsufficientGas' };
			gasSummary.computationCost = Number(data.gasData.budget);
		}
		try {
			for (const command of executionError ? [] : commands)
				outputs.push({ returnValues: known(command) ? this.call(command.MoveCall, inputs, data.sender, digest) : scene.command(command) });
			if (!executionError) scene.close();
		} catch (e) {
			executionError = {
				message: e.message,
				abortCode: e.code,
				module: e.module && { name: e.module },
				function: e.function && { name: e.function },
			};
		}
		if (executionError) restore();
		scene.charge(BigInt(gasSummary.computationCost), executionError !== null);
		const objectChanges = executionError ? { nodes: [] } : scene.changes();
		return { effects: { digest, status: executionError ? 'FAILURE' : 'SUCCESS', executionError, gasEffects: { gasSummary }, objectChanges }, outputs };
	}

	simulate(bytes) {
		const data = bcs.TransactionData.parse(bytes).V1;

		this.checkGas(data);
		this.checkInputs(data.kind.ProgrammableTransaction);
		this.checkFunds(data);
		const restore = this.keep();
		const result = this.run(data, TransactionDataBuilder.getDigestFromBytes(bytes));
		restore();
		return result;
	}

	async execute(bytes, signatures) {
		const data = bcs.TransactionData.parse(bytes).V1;
		const digest = TransactionDataBuilder.getDigestFromBytes(bytes);
		const signers = data.sender === data.gasData.owner ? [data.sender] : [data.sender, data.gasData.owner];

		if (this.transactions.has(digest)) return this.transactions.get(digest);
		if (signatures.length !== signers.length) throw new Refused(`Invalid user signature: ${signatures.length}, want ${signers.length}`);
		for (const [i, address] of signers.entries())
			await verifyTransactionSignature(bytes, signatures[i], { address }).catch((e) => {
				throw new Refused(`Invalid user signature: ${e.message}`);
			});
		this.checkGas(data);
		this.checkInputs(data.kind.ProgrammableTransaction);
		this.checkFunds(data);
		const { effects } = this.run(data, digest);
		if (!data.gasData.payment.length)
			this.balances.set(data.gasData.owner, this.balances.get(data.gasData.owner) - BigInt(effects.gasEffects.gasSummary.computationCost));
		this.executions++;
		this.checkpoint++;
		this.transactions.set(digest, { ...effects, checkpoint: { sequenceNumber: this.checkpoint } });
		return { ...effects, checkpoint: null };
	}
}
