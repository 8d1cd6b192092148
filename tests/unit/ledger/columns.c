/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ledger/fixture.h"

/* From the column's name to its member: the order of both lists is free, their meeting is not. */
static void each_member_has_the_column_of_its_name(void **state)
{
	const struct usage u = reading(1);
	const struct {
		const char *sql;
		uint64_t want;
	} columns[] = {
		{ "SELECT memory_unmeasured FROM usage", 0 },
		{ "SELECT memory_peak_bytes FROM usage", u.memory_peak_bytes },
		{ "SELECT cpu_ns FROM usage", u.cpu_ns },
		{ "SELECT rx_bytes_external FROM usage", u.rx.wire[USAGE_EXTERNAL].bytes },
		{ "SELECT rx_bytes_cluster FROM usage", u.rx.wire[USAGE_CLUSTER].bytes },
		{ "SELECT rx_bytes_local FROM usage", u.rx.wire[USAGE_LOCAL].bytes },
		{ "SELECT rx_bytes_raw FROM usage", u.rx.raw.bytes },
		{ "SELECT rx_packets_external FROM usage", u.rx.wire[USAGE_EXTERNAL].packets },
		{ "SELECT rx_packets_cluster FROM usage", u.rx.wire[USAGE_CLUSTER].packets },
		{ "SELECT rx_packets_local FROM usage", u.rx.wire[USAGE_LOCAL].packets },
		{ "SELECT rx_packets_raw FROM usage", u.rx.raw.packets },
		{ "SELECT tx_bytes_external FROM usage", u.tx.wire[USAGE_EXTERNAL].bytes },
		{ "SELECT tx_bytes_cluster FROM usage", u.tx.wire[USAGE_CLUSTER].bytes },
		{ "SELECT tx_bytes_local FROM usage", u.tx.wire[USAGE_LOCAL].bytes },
		{ "SELECT tx_bytes_raw FROM usage", u.tx.raw.bytes },
		{ "SELECT tx_packets_external FROM usage", u.tx.wire[USAGE_EXTERNAL].packets },
		{ "SELECT tx_packets_cluster FROM usage", u.tx.wire[USAGE_CLUSTER].packets },
		{ "SELECT tx_packets_local FROM usage", u.tx.wire[USAGE_LOCAL].packets },
		{ "SELECT tx_packets_raw FROM usage", u.tx.raw.packets },
		/* 2^80 + 1, big-endian */
		{ "SELECT memory_byte_ns = x'00000000000100000000000000000001' FROM usage", 1 },
	};
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(5, "shop", "web", "");

	window_with(f, 0, 10, &pod, &u);
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		if (raw_number(f, columns[i].sql) != (int64_t)columns[i].want)
			fail_msg("%s", columns[i].sql);
	must(ledger_pod_find(f->l, BOOT, 5, &pod, &why));
	assert_usage(&pod.last, &u);
}

static void unknown_memory_is_null_and_only_then(void **state)
{
	static const char *const refused[] = {
		"UPDATE pods SET memory_byte_ns = NULL",
		"UPDATE pods SET memory_byte_ns = NULL, memory_unmeasured = 1",
		"UPDATE pods SET memory_byte_ns = x'00'",
		"UPDATE pods SET memory_unmeasured = -1",
	};
	struct fixture *f = *state;
	struct ledger_pod known = pod_make(5, "shop", "web", ""), got;
	struct ledger_pod blind = pod_make(6, "shop", "db", "");
	const struct usage u = reading(1), v = { .memory_unmeasured = 1, .cpu_ns = 3 };

	window_with(f, 0, 10, &known, &u);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		assert_int_equal(raw_exec(f, refused[i]), SQLITE_CONSTRAINT_CHECK);
	window_with(f, 10, 20, &blind, &v);
	assert_int_equal(raw_number(f, "SELECT memory_byte_ns IS NULL FROM usage WHERE pod = 2"),
			 1);
	must(ledger_pod_find(f->l, BOOT, 6, &got, &why));
	assert_usage(&got.last, &v);
}

static void a_null_that_says_measured_is_corrupt(void **state)
{
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(5, "shop", "web", "");
	const struct usage u = reading(1);
	struct err err = {};

	window_with(f, 0, 10, &pod, &u);
	assert_int_equal(raw_exec(f, "PRAGMA ignore_check_constraints = 1;"
				     "UPDATE pods SET memory_byte_ns = NULL"),
			 SQLITE_OK);
	assert_int_equal(ledger_pod_find(f->l, BOOT, 5, &pod, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "memory_unmeasured"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_LEDGER(each_member_has_the_column_of_its_name),
		ON_LEDGER(unknown_memory_is_null_and_only_then),
		ON_LEDGER(a_null_that_says_measured_is_corrupt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
