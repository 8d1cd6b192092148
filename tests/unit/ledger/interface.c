/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ledger/fixture.h"

#define MIB (1ULL << 20)

/* Of a pod that sent so much by its sockets until now, and so much by its interface. */
static void window(struct fixture *f, uint64_t number, uint64_t cgroup_id, uint64_t sockets,
		   uint64_t interface)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	struct ledger_pod pod = pod_make(cgroup_id, "shop", "web", "");
	struct usage u = { .tx.raw = { sockets, 1 }, .tx.wire[0] = { sockets, 1 } }, delta;
	const struct usage_interface seen = { .tx = { interface, 1 } };
	uint64_t id;

	must(ledger_begin(f->l, &tx, &why));
	must(ledger_window_append(&tx, number * 10, number * 10 + 10, &id, &why));
	must(ledger_pod_put(&tx, &pod, &id, &why));
	must(ledger_usage_record(&tx, id, &u, &delta, &why));
	must(ledger_interface_record(&tx, id, &seen, &delta, &why));
	must(ledger_commit(&tx, &why));
	must(ledger_check(f->l, &why));
}

static int keep(const struct ledger_usage_row *row, void *arg)
{
	*(struct ledger_usage_row *)arg = *row;
	return 0;
}

static struct ledger_usage_row asked(struct fixture *f, enum ledger_by by, uint64_t from_ms,
				     uint64_t to_ms)
{
	const struct ledger_query q = { .from_ms = from_ms, .to_ms = to_ms, .by = by };
	struct ledger_usage_row row = {};

	must(ledger_usage_query(f->l, &q, keep, &row, &why));
	return row;
}

static void what_agrees_is_not_kept(void **state)
{
	struct fixture *f = *state;
	struct ledger_usage_row row;

	window(f, 0, 5, MIB, MIB + 1000);
	window(f, 1, 5, 2 * MIB, 2 * MIB);
	row = asked(f, LEDGER_BY_POD, 0, 0);
	assert_int_equal(row.differing, 0);
	assert_int_equal(row.interface.tx.bytes, 2 * MIB);
	assert_int_equal(raw_number(f, "SELECT count(*) FROM interface_usage"), 0);
}

static void a_window_that_differs_has_both(void **state)
{
	struct fixture *f = *state;
	struct ledger_usage_row row;

	window(f, 0, 5, MIB, MIB);
	window(f, 1, 5, 2 * MIB, 5 * MIB);
	fixture_reopen(f); /* the ledger alone remembers the last reading */
	window(f, 2, 5, 3 * MIB, 6 * MIB);
	row = asked(f, LEDGER_BY_POD, 0, 0);
	assert_int_equal(row.parts, 3);
	assert_int_equal(row.differing, 1);
	assert_int_equal(row.usage.tx.raw.bytes, 3 * MIB);
	assert_int_equal(row.interface.tx.bytes, 6 * MIB);
	row = asked(f, LEDGER_BY_WINDOW, 10, 20);
	assert_int_equal(row.differing, 1);
	assert_int_equal(row.interface.tx.bytes, 4 * MIB);
	row = asked(f, LEDGER_BY_WINDOW, 20, 30);
	assert_int_equal(row.differing, 0);
	assert_int_equal(asked(f, LEDGER_BY_NAMESPACE, 0, 0).differing, 1);
}

/* After a detach sockets' counters go on from the ledger, interfaces' from 0. */
static void counters_that_began_anew_are_no_difference(void **state)
{
	struct fixture *f = *state;

	window(f, 0, 5, 50 * MIB, 50 * MIB);
	window(f, 1, 5, 51 * MIB, MIB);
	window(f, 2, 5, 52 * MIB, 2 * MIB);
	assert_int_equal(asked(f, LEDGER_BY_POD, 0, 0).differing, 0);
}

static void evidence_is_never_changed(void **state)
{
	static const char *const bad[] = {
		"UPDATE interface_usage SET tx_bytes = 0",
		"DELETE FROM interface_usage",
		"REPLACE INTO interface_usage SELECT * FROM interface_usage",
	};
	struct fixture *f = *state;

	window(f, 0, 5, MIB, 5 * MIB);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(raw_exec(f, bad[i]), SQLITE_CONSTRAINT_TRIGGER);
	assert_int_equal(asked(f, LEDGER_BY_POD, 0, 0).interface.tx.bytes, 5 * MIB);
}

static void without_a_transaction_nothing_is_recorded(void **state)
{
	const struct usage_interface seen = {};
	const struct usage delta = {};
	struct ledger_tx none = {};

	(void)state;
	assert_int_equal(ledger_interface_record(&none, 1, &seen, &delta, NULL), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_LEDGER(what_agrees_is_not_kept),
		ON_LEDGER(a_window_that_differs_has_both),
		ON_LEDGER(counters_that_began_anew_are_no_difference),
		ON_LEDGER(evidence_is_never_changed),
		ON_LEDGER(without_a_transaction_nothing_is_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
