// SPDX-License-Identifier: Apache-2.0
// Key servers as a program, for tests in other languages:
//
//	node serve.mjs FOLDER '{"policy": {...}, "servers": [{"script": ["well"], "tls": true}, ...]}'
//
// Writes where they are as a line of JSON, then answers lines on standard input, with what each was asked:
// {"policy": {...}} changes members of the policy, {"script": [n, words]} what server n does; {"anew": true} forgets what
// they were asked.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { KeyServer } from './keyserver.mjs';

const [folder, text] = process.argv.slice(2);
const { policy, servers } = JSON.parse(text);
const town = [];

// A certificate that nobody vouches for.
function selfSigned() {
	const [key, cert] = [join(folder, 'key-server.key'), join(folder, 'key-server.pem')];

	mkdirSync(folder, { recursive: true });
	execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
		'-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
	return { key: readFileSync(key), cert: readFileSync(cert) };
}

for (const { script, tls } of servers) town.push(await new KeyServer(policy, { script, tls: tls && selfSigned(), town }).start());

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

say(town.map((s) => ({ id: s.id, url: s.url, key: s.publicKey, pin: `${s.id} ${s.url} ${s.publicKey}` })));
for await (const line of createInterface({ input: process.stdin })) {
	const { policy: change, script, anew } = JSON.parse(line);

	Object.assign(policy, change);
	for (const s of anew ? town : []) s.log = [];
	if (script) town[script[0]].script = script[1];
	say(town.map((s) => s.log));
}
process.exit(0);
