/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/cli/books.h"

static int setup(void **state)
{
	struct key *key;

	if (run_setup(state) < 0)
		return -1;
	key = books_make(*state);
	key_free(&key);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, run_teardown)

static uint64_t number(const struct json *row, const char *key)
{
	uint64_t v = UINT64_MAX;

	if (json_u64(row, key, &v) < 0)
		fail_msg("%s", key);
	return v;
}

static void row_has_every_pinned_member(void **state)
{
	struct run *f = *state;
	cleanup(json_free) struct json *j = NULL;
	const struct json *web;

	run_ok(f, "usage", "show", "-j", "--pod", "shop/web");
	j = run_json(f);
	assert_int_equal(json_len(j), 1);
	web = json_at(j, 0);
	assert_string_equal(json_str(web, "pod", ""), "shop/web");
	assert_string_equal(json_str(web, "uid", ""), "uid-web");
	assert_string_equal(json_str(web, "lease", ""), "gold");
	assert_string_equal(json_str(web, "from", ""), "2026-11-20T20:00:00Z");
	assert_string_equal(json_str(web, "to", ""), "2026-11-20T20:02:00Z");
	assert_int_equal(number(web, "cgroup_id"), 42);
	assert_int_equal(number(web, "cpu_ns"), 3000000000);
	assert_string_equal(json_str(web, "memory_byte_ns", ""), "4294967296000000000");
	assert_int_equal(number(web, "memory_peak_bytes"), 1 << 20);
	assert_int_equal(number(web, "rx_bytes"), 120);
	assert_int_equal(number(web, "rx_packets"), 12);
	assert_int_equal(number(web, "tx_bytes"), 1200);
	assert_int_equal(number(web, "tx_packets"), 24);
	assert_int_equal(number(web, "rx_bytes_external"), 20);
	assert_int_equal(number(web, "rx_bytes_cluster"), 40);
	assert_int_equal(number(web, "rx_bytes_local"), 60);
	assert_int_equal(number(web, "tx_bytes_external"), 200);
	assert_int_equal(number(web, "tx_bytes_cluster"), 400);
	assert_int_equal(number(web, "tx_bytes_local"), 600);
	assert_int_equal(number(web, "rx_bytes_raw"), 118);
	assert_int_equal(number(web, "tx_bytes_raw"), 1198);
	assert_int_equal(json_type(json_get(web, "rx_bytes_interface")), JSON_NULL);
	assert_int_equal(json_type(json_get(web, "tx_bytes_interface")), JSON_NULL);
	assert_null(json_get(web, "not_measured"));
	assert_null(json_get(web, "differs"));
}

/* A third window, in which shop/web's interface sends 1 MiB that no socket of it accounts for. */
static void both_counts_of_bytes_are_shown_where_they_differ(void **state)
{
	struct run *f = *state;
	const struct usage_interface seen = { .rx = { 180, 18 }, .tx = { 1 << 20, 700 } };
	cleanup(ledger_close) struct ledger *l = NULL;
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	cleanup(json_free) struct json *j = NULL;
	struct usage u = books_reading(3, true), delta;
	struct ledger_pod web;
	uint64_t window, id;
	char path[160];

	snprintf(path, sizeof(path), "%s/ledger.db", f->state);
	books_must(ledger_open(path, &l, &books_err));
	books_must(ledger_pod_find(l, BOOKS_BOOT, 42, &web, &books_err));
	books_must(ledger_begin(l, &tx, &books_err));
	books_must(ledger_window_append(&tx, BOOKS_FROM + 2 * BOOKS_MINUTE,
					BOOKS_FROM + 3 * BOOKS_MINUTE, &window, &books_err));
	books_must(ledger_pod_put(&tx, &web, &id, &books_err));
	books_must(ledger_usage_record(&tx, id, &u, &delta, &books_err));
	books_must(ledger_interface_record(&tx, id, &seen, &delta, &books_err));
	books_must(ledger_commit(&tx, &books_err));
	ledger_close(&l);

	run_ok(f, "-j", "usage", "show", "--pod", "shop/web");
	j = run_json(f);
	/* raw of the two windows before, and what it saw in this one */
	assert_int_equal(number(json_at(j, 0), "tx_bytes_interface"), 2 * 599 + (1 << 20));
	assert_int_equal(number(json_at(j, 0), "rx_bytes_interface"), 2 * 59 + 180);
	assert_int_equal(number(json_at(j, 0), "tx_bytes"), 1800);
	run_ok(f, "usage", "show");
	assert_non_null(strstr(
		f->out, "\n- shop/web: in 1 of 3 windows its interface saw other bytes than its "
			"sockets: sent 1.0MiB, not 1.7KiB, received 298B, not 177B; billed is what "
			"the sockets account for\n"));
}

static void what_was_not_measured_is_null_with_the_reason(void **state)
{
	struct run *f = *state;
	cleanup(json_free) struct json *j = NULL;
	const struct json *db;

	run_ok(f, "-j", "usage", "show", "--pod", "shop/db");
	j = run_json(f);
	db = json_at(j, 0);
	assert_non_null(json_get(db, "memory_byte_ns"));
	assert_int_equal(json_type(json_get(db, "memory_byte_ns")), JSON_NULL);
	assert_int_equal(json_type(json_get(db, "memory_peak_bytes")), JSON_NULL);
	assert_non_null(strstr(json_str(json_get(db, "not_measured"), "memory", ""),
			       "no memory controller"));
	assert_int_equal(json_type(json_get(db, "lease")), JSON_NULL);
	/* ids over 2^53 travel as text */
	assert_string_equal(json_str(db, "cgroup_id", ""), "9007199254740993");
}

static void plain_has_a_dash_and_a_footnote(void **state)
{
	struct run *f = *state;

	run_ok(f, "usage", "show");
	assert_string_equal(
		f->out,
		"NAMESPACE  POD  LEASE  FROM                  TO                    CPU(s)  "
		"MEMORY(GiB.s)    PEAK    RX      TX  TX LOCAL  TX CLUSTER  TX EXTERNAL\n"
		"shop       db   -      2026-11-20T20:00:00Z  2026-11-20T20:02:00Z   3.000  "
		"            -       -  120B  1.1KiB      600B        400B         200B\n"
		"shop       web  gold   2026-11-20T20:00:00Z  2026-11-20T20:02:00Z   3.000  "
		"        4.000  1.0MiB  120B  1.1KiB      600B        400B         200B\n"
		"- memory: no memory controller on the pods' cgroup2 (see 'weir feature probe')\n");
}

static void sums_by_what_is_asked_for(void **state)
{
	struct run *f = *state;
	cleanup(json_free) struct json *ns = NULL, *lease = NULL, *window = NULL;

	run_ok(f, "-j", "usage", "show", "--by", "namespace");
	ns = run_json(f);
	assert_int_equal(json_len(ns), 1);
	assert_int_equal(json_type(json_get(json_at(ns, 0), "pod")), JSON_NULL);
	assert_int_equal(number(json_at(ns, 0), "cpu_ns"), 6000000000);
	/* half of it knew its memory: the sum of that half, and a word on the rest */
	assert_string_equal(json_str(json_at(ns, 0), "memory_byte_ns", ""), "4294967296000000000");
	assert_non_null(strstr(json_str(json_get(json_at(ns, 0), "not_measured"), "memory", ""),
			       "in 2 of 4 windows: "));
	run_ok(f, "-j", "usage", "show", "--by", "lease");
	lease = run_json(f);
	assert_int_equal(json_len(lease), 2);
	assert_int_equal(json_type(json_get(json_at(lease, 0), "lease")), JSON_NULL);
	assert_string_equal(json_str(json_at(lease, 1), "lease", ""), "gold");
	run_ok(f, "-j", "usage", "show", "--by", "window", "--lease", "gold");
	window = run_json(f);
	assert_int_equal(json_len(window), 2);
	assert_string_equal(json_str(json_at(window, 1), "from", ""), "2026-11-20T20:01:00Z");
}

static void closed_window_gives_the_same_bytes_always(void **state)
{
	struct run *f = *state;
	char first[sizeof(f->out)];

	run_ok(f, "-j", "usage", "show", "--window", "2026-11-20T20:00:00Z,2026-11-20T20:01:00Z");
	assert_non_null(strstr(f->out, "\"cpu_ns\":1500000000"));
	memcpy(first, f->out, sizeof(first));
	run_ok(f, "-j", "usage", "show", "--window", "1795204800,1795204860");
	assert_string_equal(f->out, first);
}

static void window_without_usage_is_an_empty_list(void **state)
{
	struct run *f = *state;

	run_ok(f, "-j", "usage", "show", "--window", "0,1");
	assert_string_equal(f->out, "[]\n");
	run_ok(f, "usage", "show", "--window", "0,1");
	assert_memory_equal(f->out, "NAMESPACE", 9);
	assert_int_equal(strchr(f->out, '\n')[1], '\0');
}

static void export_has_a_row_for_each_window_and_pod(void **state)
{
	struct run *f = *state;
	cleanup(json_free) struct json *j = NULL;

	run_ok(f, "usage", "export");
	j = run_json(f);
	assert_int_equal(json_len(j), 4);
	run_ok(f, "usage", "export", "--format", "csv", "--window", "1795204800,1795204860");
	assert_string_equal(
		f->out,
		"pod,uid,cgroup_id,lease,from,to,cpu_ns,memory_byte_ns,memory_peak_bytes,"
		"rx_bytes,rx_packets,rx_bytes_local,rx_bytes_cluster,rx_bytes_external,rx_bytes_raw,"
		"tx_bytes,tx_packets,tx_bytes_local,tx_bytes_cluster,tx_bytes_external,tx_bytes_raw,"
		"rx_bytes_interface,tx_bytes_interface,labels\n"
		"shop/db,,9007199254740993,,2026-11-20T20:00:00Z,2026-11-20T20:01:00Z,1500000000,,,"
		"60,6,30,20,10,59,600,12,300,200,100,599,,,\n"
		"shop/web,uid-web,42,gold,2026-11-20T20:00:00Z,2026-11-20T20:01:00Z,1500000000,"
		"2147483648000000000,1048576,60,6,30,20,10,59,600,12,300,200,100,599,,,\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(row_has_every_pinned_member),
		TEST(both_counts_of_bytes_are_shown_where_they_differ),
		TEST(what_was_not_measured_is_null_with_the_reason),
		TEST(plain_has_a_dash_and_a_footnote),
		TEST(sums_by_what_is_asked_for),
		TEST(closed_window_gives_the_same_bytes_always),
		TEST(window_without_usage_is_an_empty_list),
		TEST(export_has_a_row_for_each_window_and_pod),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
