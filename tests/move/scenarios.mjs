// SPDX-License-Identifier: Apache-2.0
// tests/vectors/scenarios.json, which says what it is, as Move tests: each scenario is one, and each refusal in it another that
// ends by the abort it names. Bed and numbers: chain/move/weir/tests/bed.move, signed.move.

// The calls of bed.move that a step is.
const ACTS = {
	report: (s) => `b.submit(${signed(s)})`,
	try_report: (s) => `assert!(${s.refused ? '!' : ''}b.try_submit(${signed(s)}))`,
	cosigned: (s) => `b.submit_cosigned(${signed(s)}, cosign(${numbers(s)}))`,
	top_up: (s) => `b.top_up(${s.amount})`,
	dispute: (s) => `b.dispute(${s.bond}, ${who(s)})`,
	agree: (s) => `b.agree(${s.award}, ${who(s)})`,
	time_out: () => 'b.time_out()',
	settle: () => 'b.settle()',
	accept: (s) => `b.accept(${who(s)})`,
	close: (s) => `b.close(${who(s)})`,
	finish: () => 'b.finish()',
};
const who = (s) => `bed::${s.by ?? 'tenant'}()`;
const numbers = (s) => [s.seq, s.from, s.to, s.due].join(', ');

function signed(s) {
	if (s.market) return `report_in(${s.market}, ${numbers(s)})`;
	return s.key || s.lease ? `report_by(${s.key ?? 1}, ${s.lease ?? 3}, ${numbers(s)})` : `report(${numbers(s)})`;
}

const refusal = (s) => (typeof s.refused === 'string' ? s.refused : s.refused?.chain);
const call = (s) => `    b.at(${s.at});\n    ${ACTS[s.do](s)};\n`;

function then(all) {
	const n = ['deposited', 'paid', 'refunded', 'due', 'seq', 'waiting', 'struck'].map((k) => all[k]).join(', ');

	return `    b.is(b"${all.state}", ${n});\n`;
}

// What a step that was taken leaves in the dispute's bond.
const bondAfter = (bond, s, all) => (s.do === 'dispute' ? s.bond : all.waiting === 0 ? 0 : bond);

function scenario({ name, deposit = 1000, cap_s = 10, steps }, table) {
	const begin = `    let mut b = bed::new_with(${deposit}, ${cap_s});\n`;
	const aborts = [];
	let all = { ...table.start, deposited: deposit };
	let body = begin;
	let bond = 0;

	for (const [i, s] of steps.entries()) {
		if (s.on === 'local') continue;
		const reason = refusal(s);
		if (reason && s.do !== 'try_report') {
			const code = `lease::${table.refusals[reason].chain}`;

			aborts.push(`#[test, expected_failure(abort_code = ${code})]\nfun ${name}_${i + 1}() {\n${body}${call(s)}    b.end();\n}\n`);
			continue;
		}
		all = { ...all, ...s.then, ...s.chain };
		bond = bondAfter(bond, s, all);
		body += call(s) + then(all);
	}
	return [`#[test]\nfun ${name}() {\n${body}    b.end_with_bond(${bond});\n}\n`, ...aborts].join('\n');
}

export function scenarios(table) {
	const tests = table.scenarios.filter((s) => s.on !== 'local').map((s) => scenario(s, table));
	const text = tests.join('\n');
	const names = ['report', 'report_by', 'report_in', 'cosign'].filter((name) => text.includes(`${name}(`));

	return `#[test_only]\nmodule weir::scenarios;\n\nuse weir::bed;\nuse weir::lease;\nuse weir::signed::{${names.join(', ')}};\n\n${text}`;
}
