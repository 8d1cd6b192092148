// SPDX-License-Identifier: Apache-2.0
// The fake server as a program, for tests in other languages:
//
//	node serve.mjs FOLDER REPORT-KEY GAS-ADDRESS
//
// with one lease whose provider signs with REPORT-KEY (hex), without a challenge. Writes where it
// is as a line of JSON, then answers lines on standard input with what the chain has: {"fault": {...}} as server.fault(),
// {"provider": {"key": HEX}} makes that its current key, {"terms": {"grace_ms": 5000}} changes the lease's,
// {"lease": {"work": {...}}} what it is said to be,
// {"open": {"id": ID, "prices": {...}, "work": {...}}} opens another lease, {"tenant": ["topUp", 5]} calls what lease.mjs has
// under this name, {"owner": [...]} as the provider's owner, of the lease with "id" unless of the first,
// {"fund": {ADDRESS: MIST}} sets address balances, {"coin": {"owner", "balance"}} makes a coin,
// {"market": {"challenge_ms": 5000}} changes the market's terms for later leases, {"later": MS, "epochs": N} moves the chain's clock on, {"object": ID} asks for an object's fields.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LEASE, MARKET, PROVIDER, SUI, TESTNET, trusted } from './bed.mjs';
import * as rules from './lease.mjs';
import { Model } from './model.mjs';
import { marketJson, providerJson } from './people.mjs';
import { Server } from './server.mjs';

const COIN = `0x${'0'.repeat(63)}2::coin::Coin<${SUI}>`;
const [folder, reportKey, gas] = process.argv.slice(2);
const model = new Model(TESTNET);

model.addObject(MARKET, { type: 'x', json: marketJson(MARKET), shared: 900 });
model.addObject(PROVIDER, {
	type: 'x', json: providerJson(PROVIDER, { market: MARKET, owner: gas, key: Buffer.from(reportKey, 'hex'), stake: 5 * 10 ** 9 }), shared: 900,
});
model.addLease(LEASE, { market: MARKET, provider: PROVIDER, key: Buffer.from(reportKey, 'hex'), deposit: 10 ** 12, opened: BigInt(Date.now() - 1000) });
model.balances.set(gas, 10n ** 12n);

const server = await new Server(model, trusted).start();
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'ca.pem'), trusted.cert);
setInterval(() => model.checkpoint++, 250).unref(); // as Sui's network does, whatever happens
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

say({ url: server.url, ca: join(folder, 'ca.pem'), network: TESTNET, package: model.package, market: MARKET, provider: PROVIDER, lease: LEASE });
for await (const line of createInterface({ input: process.stdin })) {
	const { fault, heal, provider, terms, tenant, owner, market, fund, coin, later, epochs, object, lease, open, id = LEASE } = JSON.parse(line);

	if (fault) server.fault(fault);
	if (heal) server.faults.length = 0;
	Object.assign(model.objects.get(LEASE).lease, lease);
	Object.assign(model.providers.get(PROVIDER), provider);
	model.showProvider(PROVIDER);
	for (const [name, value] of Object.entries(terms ?? {})) model.objects.get(LEASE).lease.terms[name] = BigInt(value);
	if (open) model.opens(open.id, { market: MARKET, provider: PROVIDER, key: Buffer.from(reportKey, 'hex'), deposit: 10 ** 9, ...open });
	if (tenant) model.does(id, model.objects.get(id).lease.tenant, rules[tenant[0]], ...tenant.slice(1).map(BigInt));
	if (owner) model.does(id, model.providers.get(PROVIDER).owner, rules[owner[0]], ...owner.slice(1).map(BigInt));
	for (const [address, mist] of Object.entries(fund ?? {})) model.balances.set(address, BigInt(mist));
	for (const [name, value] of Object.entries(market ?? {})) model.objects.get(MARKET).json.params[name] = String(value);
	if (coin)
		model.addObject(`0xc${String(model.objects.size).padStart(4, '0')}`, { type: COIN, json: { balance: String(coin.balance) }, owner: coin.owner });
	model.later += BigInt(later ?? 0);
	model.epoch += BigInt(epochs ?? 0);
	say({
		lease: model.lease(id),
		object: object && (model.objects.get(object)?.lease ? model.lease(object) : model.objects.get(object)?.json),
		balances: Object.fromEntries([...model.balances].map(([address, mist]) => [address, String(mist)])),
		coins: [...model.objects.values()].filter((o) => o.type === COIN).map((o) => o.json.balance),
		provider: model.providers.get(PROVIDER),
		reported: model.events.filter((e) => e.type.endsWith('Reported')).map((e) => Number(e.json.seq)),
		skipped: model.events.filter((e) => e.type.endsWith('Skipped')).length,
		executions: model.executions,
		pending: server.faults.reduce((n, f) => n + f.times, 0),
	});
}
process.exit(0);
