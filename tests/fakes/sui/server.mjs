// SPDX-License-Identifier: Apache-2.0
// A GraphQL server of Sui's for tests: each query is validated against the schema that @mysten/sui ships, under the
// limits that real servers have, then answered from a model; and it does wrong what a test asks for.
//
//	server.fault({ on: 'execute', times: 1, accept: true, hang: true })	accepts, never answers
//
// on: execute, simulate, read (all else) or any. What it does then: hang, drop (closes the connection), status (a
// number, with a page of HTML), cut (bytes of the answer that come), error (a GraphQL error's code), chain (another
// identifier), stale (reads see the model as it was when the fault was set), missing (there is no such object). accept: what was
// asked is done first.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { buildSchema, graphql, parse, validate } from 'graphql';
import { shown } from './lease.mjs';
import { Refused } from './model.mjs';

const QUERY_MAX = 5000;
const PAGE_MAX = 50;
const SCHEMA = 'node_modules/@mysten/sui/src/graphql/generated/schema.graphql';
const schema = buildSchema(readFileSync(new URL(SCHEMA, import.meta.url), 'utf8'));

const graphqlError = (message, code, chain) => ({ data: null, errors: [{ message, extensions: { code, ...(chain && { chain: [chain] }) } }] });

function page(items, { first = 20, after }) {
	const from = after ? Number(Buffer.from(after, 'base64').toString()) : 0;
	const nodes = items.slice(from, from + Math.min(first, PAGE_MAX));
	const end = from + nodes.length;

	return { nodes, pageInfo: { hasNextPage: end < items.length, endCursor: nodes.length ? Buffer.from(String(end)).toString('base64') : null } };
}

function shownObject(object) {
	if (!object) return null;
	const contents = { json: object.lease ? shown(object.lease) : object.json };
	const owner = object.shared
		? { __typename: 'Shared', initialSharedVersion: object.shared }
		: { __typename: 'AddressOwner', address: { address: object.owner } };

	return { address: object.address, version: object.version, digest: object.digest, owner, contents, asMoveObject: { contents } };
}

// Roots of queries and mutations over the model `m`, reading from `seen`.
const roots = (m, seen, { chain = m.chain, missing }) => ({
	chainIdentifier: chain,
	epoch: () => ({ epochId: Number(seen.epoch), referenceGasPrice: String(m.gasPrice), protocolConfigs: { protocolVersion: 138 } }),
	checkpoint: () => ({ sequenceNumber: seen.checkpoint }),
	address: ({ address }) => ({
		balance: ({ coinType }) => m.balanceOf(address, coinType.replace(/^0x2::/, `0x${'0'.repeat(63)}2::`)),
		objects: ({ filter, ...args }) => page(m.coinsOf(address, filter.type.replaceAll('0x2::', `0x${'0'.repeat(63)}2::`)).map(shownObject), args),
	}),
	object: ({ address }) => (missing ? null : shownObject(seen.objects.get(address))),
	events: ({ filter, ...args }) =>
		page(m.events.filter((e) => e.type === filter.type).map((e) => ({ transaction: { digest: e.digest }, contents: { json: e.json } })), args),
	transaction: ({ digest }) => (seen.transactions.has(digest) ? { digest, effects: seen.transactions.get(digest) } : null),
	simulateTransaction: ({ transaction }) => m.simulate(Buffer.from(transaction.bcs.value, 'base64')),
	executeTransaction: async ({ transactionDataBcs, signatures }) => ({ effects: await m.execute(Buffer.from(transactionDataBcs, 'base64'), signatures) }),
});

export class Server {
	constructor(model, { key, cert }) {
		this.model = model;
		this.faults = [];
		this.log = []; // [{ kind, fault }]
		this.hooks = []; // [{ at, fn }]: after so many requests
		this.kill = null; // { when: 'asked' or 'answered', at, child }: calls child() at the at-th request
		this.http = createServer({ key, cert }, (request, response) => this.take(request, response));
	}

	async start() {
		await new Promise((done) => this.http.listen(0, '127.0.0.1', done));
		this.url = `https://127.0.0.1:${this.http.address().port}/graphql`;
		return this;
	}

	stop() {
		this.http.closeAllConnections();
		return new Promise((done) => this.http.close(done));
	}

	fault(fault) {
		const { epoch, checkpoint, objects, transactions } = this.model;

		this.faults.push({ times: 1, ...fault, seen: { epoch, checkpoint, objects: new Map(structuredClone([...objects])), transactions: new Map(transactions) } });
	}

	// Calls fn when n requests more have come.
	after(n, fn) {
		this.hooks.push({ at: this.log.length + n, fn });
	}

	async take(request, response) {
		const chunks = [];

		for await (const chunk of request) chunks.push(chunk);
		if (request.method !== 'POST' || !request.headers['content-length'] || request.headers['content-type'] !== 'application/json')
			return response.writeHead(400).end('want a POST of JSON with a Content-Length');
		const { query, variables } = JSON.parse(Buffer.concat(chunks));
		const kind = /executeTransaction/.test(query) ? 'execute' : /simulateTransaction/.test(query) ? 'simulate' : 'read';
		const fault = this.faults.find((f) => f.times > 0 && (f.on === kind || f.on === 'any')) ?? {};

		fault.times--;
		this.log.push({ kind, fault });
		this.onAny?.();
		for (const { at, fn } of this.hooks) if (at === this.log.length) fn();
		const dies = this.kill?.at === this.log.length;
		if (dies && this.kill.when === 'asked') this.kill.child();
		if (kind === 'execute') this.onExecute?.();
		const refuses = fault.hang || fault.drop || fault.status || fault.error;
		const answer = refuses && !fault.accept ? null : await this.answer(query, variables, fault);
		if (dies && this.kill?.when === 'answered') this.kill.child();
		return this.send(response, fault, answer);
	}

	send(response, fault, answer) {
		if (fault.hang) return undefined;
		if (fault.drop) return response.destroy();
		if (fault.status) return response.writeHead(fault.status, { 'Content-Type': 'text/html' }).end('<html>no</html>');
		if (fault.error) answer = graphqlError('Failed to execute transaction', fault.error, 'scripted');
		const body = Buffer.from(JSON.stringify(answer)).subarray(0, fault.cut);

		return response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length }).end(body);
	}

	async answer(query, variables, fault) {
		if (query.length > QUERY_MAX) return graphqlError('the query is too large', 'GRAPHQL_PARSE_FAILED');
		const errors = validate(schema, parse(query));
		if (errors.length) return graphqlError(errors[0].message, 'GRAPHQL_VALIDATION_FAILED');
		const rootValue = roots(this.model, fault.stale ? fault.seen : this.model, fault);
		const { data, errors: failed } = await graphql({ schema, source: query, rootValue, variableValues: variables });

		if (!failed) return { data };
		const refused = failed[0].originalError instanceof Refused;
		return { data: data ?? null, errors: [{ message: failed[0].message, path: failed[0].path, extensions: { code: refused ? 'BAD_USER_INPUT' : 'INTERNAL_SERVER_ERROR' } }] };
	}
}
