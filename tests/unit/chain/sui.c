/* SPDX-License-Identifier: Apache-2.0 */
/* What needs no server; the rest is tests/fakes/sui. */
#include "unit/core/test.h"

#include "chain/sui.h"

static void a_budget_has_half_as_much_again_and_a_least(void **state)
{
	static const struct {
		struct sui_gas gas;
		uint64_t price, want;
	} cases[] = {
		{ { 1000000, 0, 0, 0 }, 1000, 1500000 },
		{ { 1000000, 2280000, 2279000, 9 }, 1000, 1501500 },
		{ { 1000000, 5, 2279000, 9 }, 1000, 1500000 }, /* a rebate pays no computation */
		{ { 3, 0, 0, 0 }, 1000, 1500000 },
		{ { 0, 0, 0, 0 }, 0, 0 },
	};
	uint64_t budget;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(sui_budget(&cases[i].gas, cases[i].price, &budget), 0);
		assert_int_equal(budget, cases[i].want);
	}
	budget = 7;
	assert_int_equal(sui_budget(&(struct sui_gas){ UINT64_MAX, 0, 0, 0 }, 1, &budget),
			 -EOVERFLOW);
	assert_int_equal(sui_budget(&(struct sui_gas){}, UINT64_MAX, &budget), -EOVERFLOW);
	assert_int_equal(budget, 7);
}

static void what_may_have_been_sent_is_undecided(void **state)
{
	static const int open[] = { -ETIMEDOUT, -ECONNRESET, -EIO,   -EAGAIN,
				    -EBADMSG,	-E2BIG,	     -ENOMEM };
	static const int shut[] = {
		0, -EINVAL, -EXDEV, -EPROTO, -EKEYREJECTED, -ECONNREFUSED, -EHOSTUNREACH
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(open); i++)
		assert_true(sui_undecided(open[i]));
	for (size_t i = 0; i < ARRAY_LEN(shut); i++)
		assert_false(sui_undecided(shut[i]));
}

static void a_client_has_one_endpoint_at_least_and_few(void **state)
{
	const char *urls[SUI_URLS_MAX + 2] = {};
	struct sui_config config = { .urls = urls };
	struct sui *s = NULL;
	struct err err = {};

	(void)state;
	assert_int_equal(sui_new(&config, &s, &err), -EINVAL);
	assert_non_null(strstr(err.text, "no endpoint"));
	for (size_t i = 0; i <= SUI_URLS_MAX; i++)
		urls[i] = "https://127.0.0.1:1/graphql";
	assert_int_equal(sui_new(&config, &s, &err), -E2BIG);
	assert_null(s);
	urls[SUI_URLS_MAX] = NULL;
	assert_int_equal(sui_new(&config, &s, &err), 0);
	sui_free(&s);
	assert_null(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_budget_has_half_as_much_again_and_a_least),
		TEST(what_may_have_been_sent_is_undecided),
		TEST(a_client_has_one_endpoint_at_least_and_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
