/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ledger/fixture.h"

static void windows_are_contiguous(void **state)
{
	static const uint64_t bad[][2] = {
		{ 20, 20 }, { 20, 19 }, { 19, 30 }, { 21, 30 }, { 10, 20 }, { 0, 20 },
	};
	struct fixture *f = *state;
	struct ledger_tx tx = {};
	struct ledger_window w = { .id = 4711 };
	uint64_t id = 0;

	assert_int_equal(ledger_window_last(f->l, &w, NULL), -ENOENT);
	assert_int_equal(w.id, 4711);
	must(ledger_begin(f->l, &tx, &why));
	must(ledger_window_append(&tx, 10, 20, &id, &why)); /* the first begins anywhere */
	assert_int_equal(id, 1);
	must(ledger_commit(&tx, &why));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		must(ledger_begin(f->l, &tx, &why));
		assert_int_equal(ledger_window_append(&tx, bad[i][0], bad[i][1], &id, NULL),
				 -EINVAL);
		assert_int_equal(id, 1);
		ledger_rollback(&tx);
	}
	must(ledger_begin(f->l, &tx, &why));
	must(ledger_window_append(&tx, 20, INT64_MAX, &id, &why));
	must(ledger_commit(&tx, &why));
	must(ledger_window_last(f->l, &w, &why));
	assert_int_equal(w.id, 2);
	assert_int_equal(w.from_ms, 20);
	assert_true(w.to_ms == INT64_MAX);
}

static void a_time_over_63_bits_is_refused(void **state)
{
	struct fixture *f = *state;
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	struct err err = {};
	uint64_t id = 4711;

	must(ledger_begin(f->l, &tx, &why));
	assert_int_equal(ledger_window_append(&tx, 1, (uint64_t)INT64_MAX + 1, &id, &err),
			 -EOVERFLOW);
	assert_non_null(strstr(err.text, "to_ms"));
	assert_int_equal(id, 4711);
}

static void a_reading_books_what_is_new_in_it(void **state)
{
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(5, "shop", "web", "");
	struct usage first = reading(3), second = reading(7), delta, want;
	struct ledger_tx tx = {};
	uint64_t window, id;

	window_with(f, 0, 10, &pod, &first);
	fixture_reopen(f); /* the ledger alone remembers the last reading */
	must(ledger_begin(f->l, &tx, &why));
	must(ledger_window_append(&tx, 10, 20, &window, &why));
	must(ledger_pod_put(&tx, &pod, &id, &why));
	must(ledger_usage_record(&tx, id, &second, &delta, &why));
	must(ledger_commit(&tx, &why));
	assert_int_equal(usage_sub(&second, &first, &want), 0);
	assert_usage(&delta, &want);
	must(ledger_pod_find(f->l, BOOT, 5, &pod, &why));
	assert_usage(&pod.last, &second);
	must(ledger_check(f->l, &why));
}

static void the_largest_numbers_are_kept(void **state)
{
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(5, "shop", "web", "");
	struct usage u = reading(1);

	u.cpu_ns = INT64_MAX;
	u.tx.raw.packets = INT64_MAX;
	u.memory_byte_ns = ~(unsigned __int128)0;
	window_with(f, 0, 10, &pod, &u);
	must(ledger_pod_find(f->l, BOOT, 5, &pod, &why));
	assert_usage(&pod.last, &u);
}

static int record(struct fixture *f, uint64_t pod, const struct usage *u, bool window,
		  struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	struct usage delta = reading(9), untouched = delta;
	uint64_t id;
	int r;

	must(ledger_begin(f->l, &tx, &why));
	if (window)
		must(ledger_window_append(&tx, 10, 20, &id, &why));
	r = ledger_usage_record(&tx, pod, u, &delta, err);
	if (r < 0)
		assert_usage(&delta, &untouched);
	if (r == 0) { /* twice in one window */
		r = ledger_usage_record(&tx, pod, u, NULL, err);
		assert_int_equal(ledger_commit(&tx, NULL), -ECANCELED);
	}
	return r;
}

/* Alone among errors it leaves the transaction whole. */
static void a_reading_that_fell_is_left_out_of_its_window(void **state)
{
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(5, "shop", "web", "");
	struct usage u = reading(5), less = u;
	struct ledger_tx tx = {};
	struct err err = {};
	uint64_t id;

	window_with(f, 0, 10, &pod, &u);
	must(ledger_pod_find(f->l, BOOT, 5, &pod, &why));
	less.rx.wire[USAGE_EXTERNAL].packets--;
	must(ledger_begin(f->l, &tx, &why));
	must(ledger_window_append(&tx, 10, 20, &id, &why));
	assert_int_equal(ledger_usage_record(&tx, pod.id, &less, NULL, &err), -ERANGE);
	must(ledger_commit(&tx, &why));
	assert_int_equal(raw_number(f, "SELECT count(*) FROM windows"), 2);
	assert_int_equal(raw_number(f, "SELECT count(*) FROM usage"), 1);
	must(ledger_pod_find(f->l, BOOT, 5, &pod, &why));
	assert_usage(&pod.last, &u);
	must(ledger_check(f->l, &why));
}

static void bad_records_are_refused_and_leave_nothing(void **state)
{
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(5, "shop", "web", "");
	struct usage u = reading(5), less = u, more = reading(6);
	struct err err = {};
	struct ledger_tx tx = {};
	uint64_t id;

	window_with(f, 0, 10, &pod, &u);
	must(ledger_pod_find(f->l, BOOT, 5, &pod, &why));
	assert_int_equal(record(f, pod.id, &more, false, &err), -EINVAL);
	more.memory_unmeasured = 2; /* a sum */
	assert_int_equal(record(f, pod.id, &more, true, &err), -EINVAL);
	more.memory_unmeasured = 0;
	assert_int_equal(record(f, pod.id + 1, &more, true, &err), -ENOENT);
	assert_int_equal(record(f, pod.id, &more, true, &err), -EEXIST);
	less.tx.raw.bytes--;
	assert_int_equal(record(f, pod.id, &less, true, &err), -ERANGE);
	more.rx.wire[USAGE_LOCAL].bytes = (uint64_t)INT64_MAX + 1;
	assert_int_equal(record(f, pod.id, &more, true, &err), -EOVERFLOW);
	pod.closed = true;
	must(ledger_begin(f->l, &tx, &why));
	must(ledger_pod_put(&tx, &pod, &id, &why));
	must(ledger_commit(&tx, &why));
	more = reading(6);
	assert_int_equal(record(f, pod.id, &more, true, &err), -EPERM);
	must(ledger_pod_find(f->l, BOOT, 5, &pod, &why));
	assert_usage(&pod.last, &u);
	assert_int_equal(raw_number(f, "SELECT count(*) FROM windows"), 1);
	assert_int_equal(raw_number(f, "SELECT count(*) FROM usage"), 1);
	must(ledger_check(f->l, &why));
}

static void memory_that_is_unknown_for_a_while_is_billed_once(void **state)
{
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(5, "shop", "web", "");
	struct usage u = { .cpu_ns = 1, .memory_unmeasured = 1 }, known = reading(4), delta, last;
	struct ledger_tx tx = {};
	uint64_t window, id;

	window_with(f, 0, 10, &pod, &u);
	assert_int_equal(raw_number(f, "SELECT memory_byte_ns IS NULL FROM usage"), 1);
	window_with(f, 10, 20, &pod, &known);
	u = known;
	u.memory_unmeasured = 1;
	u.memory_byte_ns = u.memory_peak_bytes = 0;
	window_with(f, 20, 30, &pod, &u);
	must(ledger_pod_find(f->l, BOOT, 5, &pod, &why));
	last = known; /* what was known stays */
	last.memory_unmeasured = 2; /* windows */
	assert_usage(&pod.last, &last);
	known.memory_byte_ns += 17;
	must(ledger_begin(f->l, &tx, &why));
	must(ledger_window_append(&tx, 30, 40, &window, &why));
	must(ledger_pod_put(&tx, &pod, &id, &why));
	must(ledger_usage_record(&tx, id, &known, &delta, &why));
	must(ledger_commit(&tx, &why));
	assert_int_equal(delta.memory_unmeasured, 0);
	assert_true(delta.memory_byte_ns == 17);
	must(ledger_check(f->l, &why));
}

static void what_is_booked_is_out_of_reach(void **state)
{
	static const char *const sql[] = {
		"UPDATE windows SET to_ms = to_ms + 1",
		"DELETE FROM windows",
		"INSERT INTO windows VALUES (3, 0, 10)",
		"INSERT INTO windows VALUES (2, 11, 20)",
		"INSERT OR REPLACE INTO windows VALUES (1, 10, 20)",
		"UPDATE usage SET cpu_ns = 0",
		"DELETE FROM usage",
		"INSERT OR REPLACE INTO usage SELECT * FROM usage",
		"UPDATE identities SET lease = 'other'",
		"DELETE FROM identities",
	};
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(5, "shop", "web", "");
	struct usage u = reading(5);

	window_with(f, 0, 10, &pod, &u);
	for (size_t i = 0; i < ARRAY_LEN(sql); i++)
		assert_int_equal(raw_exec(f, sql[i]), SQLITE_CONSTRAINT_TRIGGER);
	must(ledger_check(f->l, &why));
}

static void usage_of_a_past_window_is_refused(void **state)
{
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(5, "shop", "web", ""), late = pod_make(6, "shop", "l", "");
	struct usage u = reading(5);

	window_with(f, 0, 10, &pod, &u);
	window_with(f, 10, 20, &late, &u);
	assert_int_equal(raw_exec(f, "CREATE TEMP TABLE t AS SELECT * FROM usage WHERE pod = 2;"
				     "UPDATE t SET window = 1;"
				     "INSERT INTO usage SELECT * FROM t"),
			 SQLITE_CONSTRAINT_TRIGGER);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_LEDGER(windows_are_contiguous),
		ON_LEDGER(a_time_over_63_bits_is_refused),
		ON_LEDGER(a_reading_books_what_is_new_in_it),
		ON_LEDGER(the_largest_numbers_are_kept),
		ON_LEDGER(a_reading_that_fell_is_left_out_of_its_window),
		ON_LEDGER(bad_records_are_refused_and_leave_nothing),
		ON_LEDGER(memory_that_is_unknown_for_a_while_is_billed_once),
		ON_LEDGER(what_is_booked_is_out_of_reach),
		ON_LEDGER(usage_of_a_past_window_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
