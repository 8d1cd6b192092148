// SPDX-License-Identifier: Apache-2.0
// What the tests of Sui's client share: certificates, keys, a network with leases, and how cases are run.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Model, SUI } from './model.mjs';

const { Ed25519Keypair } = await import('@mysten/sui/keypairs/ed25519');

export const TESTNET = '69WiPg3DAQiwdxfncX6wYQ2siKwAe6L9BZthQea3JNMD';
export const MAINNET = '4btiuiMPvEENsttpZC7CZ53DruC3MAgfznDbASZ7DR6S';
export const TIMEOUT_MS = 1500; // of a client
export const dir = mkdtempSync(join(tmpdir(), 'weir-sui-'));
process.on('exit', () => rmSync(dir, { recursive: true }));

// A self-signed certificate: whoever is given it trusts this server alone.
function certificate(name) {
	const [key, cert] = [join(dir, `${name}.key`), join(dir, `${name}.pem`)];

	execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
		'-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
	return { key: readFileSync(key), cert: readFileSync(cert), path: cert };
}

export const trusted = certificate('trusted');
export const stranger = certificate('stranger');
export const sender = Ed25519Keypair.fromSecretKey(Buffer.alloc(32, 1));
export const sponsor = Ed25519Keypair.fromSecretKey(Buffer.alloc(32, 2));
export const provider = Ed25519Keypair.fromSecretKey(Buffer.alloc(32, 3));
export const MARKET = `0x${'aa'.repeat(32)}`;
export const PROVIDER = `0x${'cc'.repeat(32)}`;
export const LEASE = `0x${'bb'.repeat(32)}`;
export const leaseId = (n) => `0x${'bb'.repeat(30)}${String(n).padStart(4, '0')}`;

export function network(leases = [LEASE], deposit = 1000, terms = {}) {
	const model = new Model(TESTNET);

	for (const id of [MARKET, PROVIDER]) model.addObject(id, { type: 'x', json: {}, shared: 900 });
	for (const id of leases)
		model.addLease(id, { market: MARKET, provider: PROVIDER, key: Buffer.from(provider.getPublicKey().toRawBytes()), deposit, terms });
	for (const key of [sender, sponsor]) model.balances.set(key.toSuiAddress(), 10n ** 9n);
	return model;
}

// Runs each case whose name has the words, in what `around` makes for it; closes with "N passed, N failed".
export async function runCases(cases, words, around) {
	let passed = 0;
	let failed = 0;

	for (const [name, test] of Object.entries(cases)) {
		if (words && !name.includes(words)) continue;
		try {
			await around(test);
			passed++;
		} catch (e) {
			failed++;
			console.log(`${name}: ${e.stack}`);
		}
	}
	console.log(`${passed} passed, ${failed} failed`);
	process.exit(failed || !passed ? 1 : 0);
}

export { SUI };
