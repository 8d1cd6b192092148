/* SPDX-License-Identifier: Apache-2.0 */
/* Days, what is let go, and what came late. */
#include "ledger/days.h"

#include <errno.h>

#include "unit/ledger/fixture.h"

#define HOUR (DAY_MS / 24)
#define DAYS 3

/* Windows of an hour over three days from 01:00 on; shop/web under two leases, shop/db and lab/web. */
static int three_days(void **state)
{
	const struct ledger_pod pods[] = {
		pod_make(7, "shop", "web", "gold"),
		pod_make(8, "shop", "db", ""),
		pod_make(9, "lab", "web", "gold"),
	};
	const struct ledger_pod sold = pod_make(7, "shop", "web", "iron");
	struct fixture *f;

	if (fixture_setup(state) < 0)
		return -1;
	f = *state;
	for (uint64_t h = 1; h < DAYS * 24; h++) {
		cleanup(ledger_rollback) struct ledger_tx tx = {};
		struct usage u = reading(h * h); /* each delta another */
		uint64_t id;

		must(ledger_begin(f->l, &tx, &why));
		must(ledger_window_append(&tx, h * HOUR, (h + 1) * HOUR, &id, &why));
		for (size_t i = 0; i < ARRAY_LEN(pods); i++) {
			must(ledger_pod_put(&tx, i == 0 && h > 40 ? &sold : &pods[i], &id, &why));
			must(ledger_usage_record(&tx, id, &u, NULL, &why));
		}
		must(ledger_commit(&tx, &why));
	}
	return 0;
}

#define ON_DAYS(name) cmocka_unit_test_setup_teardown(name, three_days, fixture_teardown)

struct answer {
	struct ledger_usage_row row[300];
	size_t n;
};

static int collect(const struct ledger_usage_row *row, void *arg)
{
	struct answer *a = arg;

	assert_true(a->n < ARRAY_LEN(a->row));
	a->row[a->n++] = *row;
	return 0;
}

static void ask(struct fixture *f, struct ledger_query q, struct answer *ret)
{
	ret->n = 0;
	must(ledger_usage_query(f->l, &q, collect, ret, &why));
}

static uint64_t keep(struct fixture *f, uint64_t from_ms, uint64_t most)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	uint64_t calls = 0;
	bool left = true;

	must(ledger_begin(f->l, &tx, &why));
	for (; left; calls++)
		must(ledger_keep(&tx, from_ms, most, &left, &why));
	must(ledger_commit(&tx, &why));
	return calls;
}

static void assert_same(const struct answer *a, const struct answer *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++)
		assert_memory_equal(&a->row[i], &b->row[i], sizeof(a->row[i]));
}

/* What windows sum to, by hand, of one pod's rows under one lease. */
static void sum_windows(struct fixture *f, struct ledger_query q, struct ledger_usage_row *ret)
{
	static struct answer windows;

	q.by = LEDGER_BY_WINDOW;
	ask(f, q, &windows);
	assert_true(windows.n > 0);
	*ret = windows.row[0];
	for (size_t i = 1; i < windows.n; i++) {
		must(usage_add(&ret->usage, &windows.row[i].usage));
		ret->parts += windows.row[i].parts;
		ret->to_ms = windows.row[i].to_ms;
	}
}

static void a_sum_is_that_of_its_windows_wherever_it_is_read_from(void **state)
{
	static const struct {
		uint64_t from, to;
	} ranges[] = {
		{ 0, 0 }, /* all: days */
		{ DAY_MS, 2 * DAY_MS }, /* one day */
		{ 5 * HOUR, 60 * HOUR }, /* ends of two days around one */
		{ 5 * HOUR, 9 * HOUR }, /* within a day */
		{ 23 * HOUR, 25 * HOUR }, /* over midnight */
		{ DAY_MS, 0 }, /* up to now */
		{ 0, 48 * HOUR + 1 },
	};
	struct fixture *f = *state;
	static struct answer got;

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		struct ledger_query q = { .from_ms = ranges[i].from,
					  .to_ms = ranges[i].to,
					  .by = LEDGER_BY_POD,
					  .namespace = "lab" };
		struct ledger_usage_row want;

		sum_windows(f, q, &want);
		ask(f, q, &got);
		assert_int_equal(got.n, 1);
		assert_usage(&got.row[0].usage, &want.usage);
		assert_int_equal(got.row[0].parts, want.parts);
		assert_int_equal(got.row[0].from_ms, want.from_ms);
		assert_int_equal(got.row[0].to_ms, want.to_ms);
		assert_int_equal(got.row[0].interface.rx.bytes, want.usage.rx.raw.bytes);
	}
}

static void a_day_keeps_names_apart(void **state)
{
	static struct answer got;

	ask(*state,
	    (struct ledger_query){ .from_ms = DAY_MS,
				   .to_ms = 2 * DAY_MS,
				   .by = LEDGER_BY_LEASE,
				   .name = "web",
				   .namespace = "shop" },
	    &got);
	assert_int_equal(got.n, 2);
	assert_string_equal(got.row[0].lease, "gold");
	assert_int_equal(got.row[0].parts, 41 - 24);
	assert_string_equal(got.row[1].lease, "iron");
	assert_int_equal(got.row[1].parts, 48 - 41);
}

/* U5: the same bytes before and after. */
static void letting_go_changes_no_answer_of_whole_days(void **state)
{
	static const enum ledger_by groups[] = { LEDGER_BY_POD, LEDGER_BY_NAMESPACE,
						 LEDGER_BY_LEASE };
	static struct answer before[3], after;
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		ask(f, (struct ledger_query){ .by = groups[i] }, &before[i]);
	/* in the middle of the second day: that stays whole */
	assert_int_equal(keep(f, 36 * HOUR, 1000000), 1);
	assert_int_equal(raw_number(f, "SELECT count(DISTINCT window) FROM usage"), 48);
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		ask(f, (struct ledger_query){ .by = groups[i] }, &after);
		assert_same(&before[i], &after);
	}
	must(ledger_check(f->l, &why));
}

static void a_transaction_lets_no_more_go_than_told(void **state)
{
	struct fixture *f = *state;

	/* 23 windows of 3 rows, two windows a call */
	assert_int_equal(keep(f, DAY_MS, 6), 12);
	assert_int_equal(raw_number(f, "SELECT min(window) FROM usage"), 24);
}

static void the_last_day_stays_and_the_next_window_is_booked(void **state)
{
	const struct ledger_pod db = pod_make(8, "shop", "db", "");
	struct fixture *f = *state;
	struct usage u = reading(10000);

	keep(f, 100 * DAY_MS, 1000000);
	assert_int_equal(raw_number(f, "SELECT count(DISTINCT window) FROM usage"), 24);
	window_with(f, DAYS * DAY_MS, DAYS * DAY_MS + HOUR, &db, &u);
	must(ledger_check(f->l, &why));
}

static void a_day_without_windows_is_a_row_of_its_own(void **state)
{
	struct fixture *f = *state;
	static struct answer got;

	keep(f, 2 * DAY_MS, 1000000);
	ask(f, (struct ledger_query){ .by = LEDGER_BY_WINDOW, .namespace = "lab" }, &got);
	assert_int_equal(got.n, 2 + 24);
	assert_int_equal(got.row[0].window, 0);
	assert_int_equal(got.row[0].from_ms, HOUR);
	assert_int_equal(got.row[0].to_ms, DAY_MS);
	assert_int_equal(got.row[1].parts, 24);
	assert_int_equal(got.row[2].window, 48);
}

static void part_of_such_a_day_is_refused(void **state)
{
	static const struct {
		uint64_t from, to;
	} ranges[] = { { HOUR, 0 }, { 0, 30 * HOUR }, { 25 * HOUR, 26 * HOUR } };
	struct fixture *f = *state;
	static struct answer got;

	keep(f, 2 * DAY_MS, 1000000);
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		struct ledger_query q = { .from_ms = ranges[i].from, .to_ms = ranges[i].to };
		struct err err = {};

		assert_int_equal(ledger_usage_query(f->l, &q, collect, &got, &err), -ENODATA);
		assert_non_null(strstr(err.text, "ask for whole days"));
	}
	ask(f, (struct ledger_query){ .from_ms = 49 * HOUR, .to_ms = 50 * HOUR }, &got);
	assert_int_equal(got.n, 3);
}

static void what_is_kept_is_guarded_in_the_file(void **state)
{
	struct fixture *f = *state;

	keep(f, DAY_MS, 1000000);
	assert_int_equal(raw_exec(f, "DELETE FROM usage"), SQLITE_CONSTRAINT_TRIGGER);
	assert_int_equal(raw_exec(f, "UPDATE kept SET window = 1"), SQLITE_CONSTRAINT_TRIGGER);
	assert_int_equal(raw_exec(f, "DELETE FROM kept"), SQLITE_CONSTRAINT_TRIGGER);
	assert_int_equal(raw_exec(f, "DELETE FROM days"), SQLITE_CONSTRAINT_TRIGGER);
	assert_int_equal(raw_exec(f, "UPDATE days SET cpu_ns = 0 WHERE day = 0"),
			 SQLITE_CONSTRAINT_TRIGGER);
}

static void check_finds_a_day_that_is_not_its_windows(void **state)
{
	struct fixture *f = *state;
	struct err err = {};

	/* both days of lab/web, so that the pod's sum still holds */
	assert_int_equal(
		raw_exec(f,
			 "UPDATE days SET cpu_ns = cpu_ns + 1 WHERE pod = 3 AND day = 0;"
			 "UPDATE days SET cpu_ns = cpu_ns - 1 WHERE pod = 3 AND day > 100000000"),
		SQLITE_OK);
	assert_int_equal(ledger_check(f->l, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "not the sum of its windows"));
}

static void a_ledger_from_before_there_were_days_gets_them(void **state)
{
	struct fixture *f = *state;
	static struct answer before, after;

	ask(f, (struct ledger_query){ .by = LEDGER_BY_POD }, &before);
	ledger_close(&f->l);
	assert_int_equal(
		raw_exec(f,
			 "DROP TABLE days; DROP TABLE kept; DROP TABLE late; DROP TABLE pod_labels;"
			 "DROP TRIGGER usage_no_delete; DROP TRIGGER interface_usage_no_delete;"
			 "DROP TABLE totals; DROP INDEX receipts_unsigned;"
			 "ALTER TABLE leases DROP COLUMN held;"
			 "ALTER TABLE leases DROP COLUMN since_window;"
			 "ALTER TABLE pods DROP COLUMN read_ms; PRAGMA user_version = 3"),
		SQLITE_OK);
	must(ledger_open(f->path, &f->l, &why));
	ask(f, (struct ledger_query){ .by = LEDGER_BY_POD }, &after);
	assert_same(&before, &after);
	must(ledger_check(f->l, &why));
}

/* U6 */
static void a_pod_that_missed_windows_is_booked_late(void **state)
{
	const struct ledger_pod web = pod_make(7, "shop", "web", ""),
				db = pod_make(8, "shop", "db", "");
	struct fixture *f = *state;
	static struct answer before, got;
	struct usage u = reading(1);

	window_with(f, 0, 10, &web, &u);
	window_with(f, 10, 20, &db, &u);
	ask(f, (struct ledger_query){ .to_ms = 20 }, &before);
	u = reading(2);
	window_with(f, 20, 30, &web, &u);
	ask(f, (struct ledger_query){ .to_ms = 20 }, &got);
	assert_same(&before, &got); /* closed windows don't change */
	ask(f, (struct ledger_query){ .from_ms = 20, .to_ms = 30 }, &got);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.row[0].since_ms, 10);
	ask(f, (struct ledger_query){ .by = LEDGER_BY_POD, .name = "web" }, &got);
	assert_int_equal(got.row[0].since_ms, 10);
	ask(f, (struct ledger_query){ .by = LEDGER_BY_POD, .name = "db" }, &got);
	assert_int_equal(got.row[0].since_ms, 0);
	must(ledger_check(f->l, &why));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_DAYS(a_sum_is_that_of_its_windows_wherever_it_is_read_from),
		ON_DAYS(a_day_keeps_names_apart),
		ON_DAYS(letting_go_changes_no_answer_of_whole_days),
		ON_DAYS(a_transaction_lets_no_more_go_than_told),
		ON_DAYS(the_last_day_stays_and_the_next_window_is_booked),
		ON_DAYS(a_day_without_windows_is_a_row_of_its_own),
		ON_DAYS(part_of_such_a_day_is_refused),
		ON_DAYS(what_is_kept_is_guarded_in_the_file),
		ON_DAYS(check_finds_a_day_that_is_not_its_windows),
		ON_DAYS(a_ledger_from_before_there_were_days_gets_them),
		ON_LEDGER(a_pod_that_missed_windows_is_booked_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
