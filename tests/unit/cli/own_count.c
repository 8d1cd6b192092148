/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/own_count.h"

#include "chain/price.h"
#include "unit/cli/sample.h"

static const struct prices prices = { .core_s = 1000, .gib_s = 5, .tx_gib = { [USAGE_LOCAL] = 7 } };

static int check(const struct usage *claimed, const char *own, uint64_t percent, struct err *err)
{
	cleanup(json_free) struct json *j = sample_json(own);

	return own_count_check(claimed, &prices, j, percent, err);
}

static void what_is_within_the_tolerance_passes(void **state)
{
	struct usage u = { .cpu_ns = 1000, .memory_byte_ns = (unsigned __int128)1 << 100 };

	(void)state;
	u.tx.wire[USAGE_LOCAL].bytes = 50;
	/* the sum of all objects; numbers and texts */
	assert_int_equal(
		check(&u,
		      "[{\"cpu_ns\":600,\"memory_byte_ns\":\"1267650600228229401496703205376\","
		      "\"tx_bytes_local\":20},{\"cpu_ns\":\"400\",\"memory_byte_ns\":0,"
		      "\"tx_bytes_local\":30}]",
		      0, NULL),
		0);
	u.cpu_ns = 1050;
	assert_int_equal(
		check(&u,
		      "{\"cpu_ns\":1000,\"memory_byte_ns\":\"9999999999999999999999999999999\","
		      "\"tx_bytes_local\":99}",
		      5, NULL),
		0);
	/* less is always fine */
	u = (struct usage){ .cpu_ns = 1 };
	assert_int_equal(check(&u, "{\"cpu_ns\":1000}", 0, NULL), 0);
}

static void what_is_over_it_is_refused_by_name(void **state)
{
	struct usage u = { .cpu_ns = 1051 };
	struct err err = {};

	(void)state;
	assert_int_equal(check(&u, "{\"cpu_ns\":1000}", 5, &err), -EDQUOT);
	assert_string_equal(
		err.text, "it claims 1051 of cpu_ns, and the own count is 1000: more than 5% over");
	assert_int_equal(check(&u, "{\"cpu_ns\":1050}", 0, NULL), -EDQUOT);
	/* a tolerance is rounded down */
	u.cpu_ns = 102;
	assert_int_equal(check(&u, "{\"cpu_ns\":99}", 3, NULL), -EDQUOT);
	u.cpu_ns = 101;
	assert_int_equal(check(&u, "{\"cpu_ns\":99}", 3, NULL), 0);
}

static void only_what_has_a_price_is_compared(void **state)
{
	struct usage u = { .cpu_ns = 10 };
	struct err err = {};

	(void)state;
	u.rx.wire[USAGE_EXTERNAL].bytes = UINT64_MAX;
	u.tx.wire[USAGE_CLUSTER].bytes = UINT64_MAX;
	assert_int_equal(check(&u, "{\"cpu_ns\":10}", 0, NULL), 0);
	u.tx.wire[USAGE_LOCAL].bytes = 1;
	assert_int_equal(check(&u, "{\"cpu_ns\":10}", 0, &err), -EDQUOT);
	assert_non_null(strstr(err.text, "tx_bytes_local"));
	assert_int_equal(check(&u, "{\"cpu_ns\":10,\"tx_bytes_local\":null}", 0, NULL), -EDQUOT);
}

static void what_is_no_count_is_refused(void **state)
{
	static const char *const bad[] = {
		"[]",
		"7",
		"null",
		"[7]",
		"{\"cpu_ns\":-1}",
		"{\"cpu_ns\":\"x\"}",
		"{\"cpu_ns\":1.5}",
		"[{\"cpu_ns\":5},{}]",
		"[{\"cpu_ns\":\"340282366920938463463374607431768211455\"},"
		"{\"cpu_ns\":1}]"
	};
	const struct usage u = { .cpu_ns = 10 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (check(&u, bad[i], 1000, NULL) == 0)
			fail_msg("%s", bad[i]);
	/* the largest there is, with a tolerance */
	assert_int_equal(
		check(&u, "{\"cpu_ns\":\"340282366920938463463374607431768211455\"}", 1000, NULL),
		0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_within_the_tolerance_passes),
		cmocka_unit_test(what_is_over_it_is_refused_by_name),
		cmocka_unit_test(only_what_has_a_price_is_compared),
		cmocka_unit_test(what_is_no_count_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
