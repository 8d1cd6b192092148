// SPDX-License-Identifier: Apache-2.0
// What a Sui network remembers, as far as Weir can see it: objects, balances, epochs, transactions that happen once.
// Bytes are decoded and signatures verified by @mysten/sui. Move code does not run here: of the package on chain there is
// `lease::try_submit`, in the few rules that a settlement needs (below); anything else a call names is an abort.
import { createHash, createPublicKey, verify, webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto; // Node 18 has it under this name alone

const { bcs } = await import('@mysten/sui/bcs');
const { TransactionDataBuilder } = await import('@mysten/sui/transactions');
const { toBase58, normalizeSuiAddress } = await import('@mysten/sui/utils');
const { verifyTransactionSignature } = await import('@mysten/sui/verify');

export const SUI = `${normalizeSuiAddress('0x2')}::sui::SUI`;
const REPORT_LEN = 144;
const UNITS_MIN = 1000n; // of computation, of any transaction
const UNITS_CALL = 30n;

export class Refused extends Error {} // BAD_USER_INPUT: can't run as it is

const digestOf = (text) => toBase58(createHash('sha256').update(text).digest());
const hex = (bytes) => `0x${Buffer.from(bytes).toString('hex')}`;

function ed25519(key, message, signature) {
	const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key]);

	return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
}

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

	// As lease.move has it; `key` stands for the provider's current key.
	addLease(id, { market, provider, key, deposit }) {
		const address = normalizeSuiAddress(id);

		return this.addObject(id, {
			type: `${this.package}::lease::Lease<${SUI}>`,
			json: {
				id: address,
				market,
				provider,
				tenant: normalizeSuiAddress('0x7e'),
				prices: { core_s: '1000', gib_s: '0', rx_gib: ['0', '0', '0'], tx_gib: ['0', '0', '0'], cap_s: '0' },
				terms: { challenge_ms: '0', dispute_ms: '0', bond_bps: '0', grace_ms: '0' },
				opened_ms: '1795000000000',
				key: key.toString('hex'),
				deposited: String(deposit),
				paid: '0',
				seq: '0',
				last_to_ms: '0',
				total_due: '0',
				closing_ms: null,
			},
			shared: 900,
		});
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
		const events = this.events.length;

		return () => {
			this.objects = new Map(objects);
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

	// Pays as `lease::try_submit` does where no challenge is asked for: the rise of the total, as far as the deposit goes.
	trySubmit(lease, report, signature) {
		const l = lease.json;
		const u64 = (at) => report.readBigUInt64LE(at);

		if (report.length !== REPORT_LEN || report.toString('latin1', 0, 16) !== 'USAGE-REPORT-V1\0') return 3;
		if (!ed25519(Buffer.from(l.key, 'hex'), report, signature)) return 4;
		if (hex(report.subarray(16, 48)) !== l.market || hex(report.subarray(48, 80)) !== lease.address) return 5;
		if (u64(80) < BigInt(l.seq)) return 6;
		if (u64(80) === BigInt(l.seq)) return 1000;
		if (u64(88) < BigInt(l.last_to_ms) || u64(104) < BigInt(l.total_due)) return 7;
		l.seq = String(u64(80));
		l.last_to_ms = String(u64(96));
		l.total_due = String(u64(104));
		l.paid = String(u64(104) < BigInt(l.deposited) ? u64(104) : BigInt(l.deposited));
		lease.version++;
		lease.digest = digestOf(`${lease.address} ${lease.version}`);
		return 0;
	}

	call(command, inputs, digest) {
		const pure = (arg) => bcs.vector(bcs.u8()).parse(Buffer.from(inputs[arg.Input].Pure.bytes, 'base64'));
		const abort = (message, code) => Object.assign(new Error(message), { code, module: command.module, function: command.function });

		if (command.package !== this.package || `${command.module}::${command.function}` !== 'lease::try_submit')
			throw abort(`there is no ${command.module}::${command.function} here`, '13906834328962203649');
		const lease = this.objects.get(inputs[command.arguments[2].Input].Object.SharedObject.objectId);
		if (!lease.json.key) throw abort('not a lease', '3');
		const code = this.trySubmit(lease, Buffer.from(pure(command.arguments[3])), Buffer.from(pure(command.arguments[4])));
		const name = code ? 'Skipped' : 'Reported';
		this.events.push({
			type: `${this.package}::lease::${name}`,
			digest,
			json: code ? { lease: lease.address, code: String(code) } : { lease: lease.address, seq: lease.json.seq, total_due: lease.json.total_due },
		});
		return [{ value: { bcs: Buffer.from([code ? 0 : 1]).toString('base64') } }];
	}

	// What the transaction does; the effects and each command's results. Changes the model.
	run(data, digest) {
		const { inputs, commands } = data.kind.ProgrammableTransaction;
		const restore = this.keep();
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
				outputs.push({ returnValues: command.MoveCall ? this.call(command.MoveCall, inputs, digest) : [] });
		} catch (e) {
			executionError = {
				message: e.message,
				abortCode: e.code,
				module: e.module && { name: e.module },
				function: e.function && { name: e.function },
			};
		}
		if (executionError) restore();
		return { effects: { digest, status: executionError ? 'FAILURE' : 'SUCCESS', executionError, gasEffects: { gasSummary } }, outputs };
	}

	simulate(bytes) {
		const data = bcs.TransactionData.parse(bytes).V1;

		this.checkGas(data);
		this.checkInputs(data.kind.ProgrammableTransaction);
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
		const { effects } = this.run(data, digest);
		if (!data.gasData.payment.length)
			this.balances.set(data.gasData.owner, this.balances.get(data.gasData.owner) - BigInt(effects.gasEffects.gasSummary.computationCost));
		this.executions++;
		this.checkpoint++;
		this.transactions.set(digest, { ...effects, checkpoint: { sequenceNumber: this.checkpoint } });
		return { ...effects, checkpoint: null };
	}
}
