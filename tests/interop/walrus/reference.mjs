// SPDX-License-Identifier: Apache-2.0
// Walrus' own encoder at the end of a pipe: a line "SHARDS FILE" in, a line of JSON out, in order.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(process.argv[2]); // the package.json beside node_modules
const { BlobEncoder } = require('@mysten/walrus-wasm');
const encoders = new Map();

const number = (bytes) => bytes.reduceRight((n, byte) => n * 256n + BigInt(byte), 0n).toString();

function answer(shards, file) {
	const data = readFileSync(file);
	if (!encoders.has(shards)) encoders.set(shards, new BlobEncoder(shards));
	const before = process.cpuUsage();
	let id, root;
	try {
		[id, root] = encoders.get(shards).compute_metadata(data);
	} catch (error) {
		return { error: error.message };
	}
	const { user, system } = process.cpuUsage(before);
	return {
		id: Buffer.from(id).toString('base64url'),
		u256: number(id),
		root: Buffer.from(root.Digest).toString('hex'),
		cpu_s: (user + system) / 1e6,
	};
}

for await (const line of createInterface({ input: process.stdin })) {
	const [, shards, file] = line.match(/^(\d+) (.*)$/);
	console.log(JSON.stringify(answer(Number(shards), file)));
}
