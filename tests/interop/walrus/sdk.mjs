// SPDX-License-Identifier: Apache-2.0
// What is published, read by @mysten/walrus as its users read it: a line "SHARDS FILE" in, a line of JSON out, in order.
// Its client needs no network for that: the number of shards, all it would ask Sui for, is told.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(process.argv[2]); // the package.json beside node_modules
const { WalrusClient, WalrusFile, blobIdFromInt, blobIdToInt } = await import(require.resolve('@mysten/walrus'));
const cache = { scope: () => cache, read: (_, make) => make() };
const client = new WalrusClient({ network: 'testnet', suiClient: { network: 'testnet', cache } });

for await (const line of createInterface({ input: process.stdin })) {
	const [, shards, path] = line.match(/^(\d+) (.*)$/);
	const bytes = new Uint8Array(readFileSync(path));
	const { blobId, metadata } = await client.computeBlobMetadata({ bytes, numShards: Number(shards) });
	const file = WalrusFile.from({ contents: bytes, identifier: 'package.tgz' });

	console.log(JSON.stringify({
		id: blobIdFromInt(blobIdToInt(blobId)),
		u256: blobIdToInt(blobId).toString(),
		bytes: Number(metadata.unencodedLength),
		integrity: `sha512-${createHash('sha512').update(await file.bytes()).digest('base64')}`,
	}));
}
