// SPDX-License-Identifier: Apache-2.0
// Builds chain/move/weir on the stubs beside it and runs its unit tests in the compiler's own VM.
//
//	node run.mjs ROOT		ROOT: the repository
//
// The VM knows no limit of its own: the tests run in a child process that is killed after LIMIT_MS.
// Beside the tests' own results it asks for: no compiler warning, a package that Sui takes, a test for every abort code.
import { fork } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { scenarios } from './scenarios.mjs';
import { signatures } from './signatures.mjs';
import { vectors } from './totals.mjs';

const LIMIT_MS = 120_000;
const MAX_PACKAGE = 102_400; // protocol limit
const STUBS = 'implicit-dependencies = false\n[dependencies]\nstd = { local = "../stubs/std" }\nsui = { local = "../stubs/sui" }\n';

function folder(dir) {
	const files = {};
	for (const name of readdirSync(dir, { recursive: true }))
		if (statSync(join(dir, name)).isFile()) files[name] = readFileSync(join(dir, name), 'utf8');
	return files;
}

function weir(root) {
	const files = folder(join(root, 'chain/move/weir'));
	files['Move.toml'] += STUBS;
	files['tests/scenarios.move'] = scenarios(JSON.parse(readFileSync(join(root, 'tests/vectors/scenarios.json'))));
	files['tests/signatures.move'] = signatures(
		Object.entries(files).filter(([name]) => name.startsWith('tests/')).map(([, source]) => source),
	);
	files['tests/vectors.move'] = vectors(JSON.parse(readFileSync(join(root, 'tests/vectors/totals-v1.json'), 'utf8')));
	return files;
}

// Abort codes that no test expects.
function untested(files) {
	const missing = [];
	const tests = Object.entries(files).filter(([name]) => name.startsWith('tests/')).map(([, s]) => s).join('\n');

	for (const [name, source] of Object.entries(files)) {
		if (!name.startsWith('sources/')) continue;
		const module = basename(name, '.move');
		for (const [, code] of source.matchAll(/^const (E[A-Z]\w*): u64/gm))
			if (!tests.includes(`abort_code = ${module}::${code})`)) missing.push(`${module}::${code}`);
	}
	return missing;
}

const plain = (text) => (text ?? '').replace(/\x1b\[[0-9;]*m/g, '');

async function child(root) {
	const { dumpMovePackage, testMovePackage } = await import('@zktx.io/sui-move-builder/full');
	const files = weir(root);
	const fetcher = { fetchLocal: async (path) => folder(join(root, 'chain/move/stubs', basename(path))) };
	const built = await dumpMovePackage({ files: { ...files }, fetcher, lintFlag: 'default' });
	const result = await testMovePackage({ files, fetcher });
	const output = plain(result.output ?? result.error);
	const totals = output.match(/passed: (\d+); failed: (\d+)/);
	const faults = untested(files).map((code) => `${code}: no test expects this abort code`);

	const bytes = (built.modules ?? []).reduce((sum, module) => sum + Buffer.byteLength(module, 'base64'), 0);

	if (built.error || built.warnings) faults.push(`the compiler says: ${plain(built.error ?? built.warnings)}`);
	if (bytes > MAX_PACKAGE) faults.push(`the modules have ${bytes} bytes, and Sui takes ${MAX_PACKAGE}`);
	if (!result.passed || faults.length > 0) process.stdout.write(`${output}\n`);
	for (const fault of faults) console.log(`move: ${fault}`);
	console.log(`move: ${bytes} bytes of modules, digest ${Buffer.from(built.digest ?? []).toString('hex')}`);
	console.log(`${totals?.[1] ?? 0} passed, ${Number(totals?.[2] ?? 1) + faults.length} failed`);
	process.exit(result.passed && faults.length === 0 ? 0 : 1);
}

function parent(root) {
	const tests = fork(import.meta.filename, [root], { env: { ...process.env, WEIR_MOVE_CHILD: '1' } });
	const timer = setTimeout(() => {
		console.log(`move: no end after ${LIMIT_MS / 1000} s`);
		tests.kill('SIGKILL');
	}, LIMIT_MS);

	tests.on('exit', (code) => {
		clearTimeout(timer);
		process.exitCode = code ?? 1;
	});
}

if (process.env.WEIR_MOVE_CHILD) await child(process.argv[2]);
else parent(process.argv[2]);
