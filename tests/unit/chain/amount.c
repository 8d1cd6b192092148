/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include "chain/amount.h"
#include "core/err.h"
#include "unit/core/random.h"

static void an_amount_is_read_to_the_mist(void **state)
{
	static const struct {
		const char *text;
		uint64_t mist;
	} cases[] = {
		{ "0", 0 },
		{ "1500", 1500 },
		{ "250 MIST", 250 },
		{ "1500000000MIST", 1500000000 },
		{ "1.5SUI", 1500000000 },
		{ "1.5 SUI", 1500000000 },
		{ "007SUI", 7000000000 },
		{ "0.000000001SUI", 1 },
		{ "0.100000000SUI", 100000000 },
		{ "0SUI", 0 },
		{ "18446744073.709551615SUI", UINT64_MAX },
		{ "18446744073709551615", UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t mist = 77;

		assert_int_equal(amount_parse(cases[i].text, &mist, NULL), 0);
		assert_int_equal(mist, cases[i].mist);
	}
}

static void what_is_no_amount_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text, *part;
		int code;
	} cases[] = {
		{ "", "begin with a digit", -EINVAL },
		{ "SUI", "begin with a digit", -EINVAL },
		{ "-1SUI", "begin with a digit", -EINVAL },
		{ "+1", "begin with a digit", -EINVAL },
		{ " 1", "begin with a digit", -EINVAL },
		{ ".5SUI", "begin with a digit", -EINVAL },
		{ "5.SUI", "follows the point", -EINVAL },
		{ "1,5SUI", "neither SUI nor MIST", -EINVAL },
		{ "1e9", "neither SUI nor MIST", -EINVAL },
		{ "1.5e9SUI", "neither SUI nor MIST", -EINVAL },
		{ "0x10", "neither SUI nor MIST", -EINVAL },
		{ "1 ", "neither SUI nor MIST", -EINVAL },
		{ "1  SUI", "neither SUI nor MIST", -EINVAL },
		{ "1SUI ", "neither SUI nor MIST", -EINVAL },
		{ "1sui", "neither SUI nor MIST", -EINVAL },
		{ "1USDC", "neither SUI nor MIST", -EINVAL },
		{ "1.2.3SUI", "neither SUI nor MIST", -EINVAL },
		{ "1.5", "a MIST is the least", -EINVAL },
		{ "1.0MIST", "a MIST is the least", -EINVAL },
		{ "1.0000000000SUI", "more than 9 decimals", -EINVAL },
		{ "18446744073.709551616SUI", "2^64 - 1", -ERANGE },
		{ "18446744073709551616", "2^64 - 1", -ERANGE },
		{ "18446744074SUI", "2^64 - 1", -ERANGE },
		{ "99999999999999999999999999999999999999999999", "2^64 - 1", -ERANGE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {};
		uint64_t mist = 77;

		assert_int_equal(amount_parse(cases[i].text, &mist, &err), cases[i].code);
		assert_int_equal(mist, 77);
		if (!strstr(err.text, cases[i].part))
			fail_msg("'%s': %s", cases[i].text, err.text);
	}
}

static void an_amount_has_one_text_without_needless_digits(void **state)
{
	char text[AMOUNT_SIZE];

	(void)state;
	assert_string_equal(amount_format(0, text), "0SUI");
	assert_string_equal(amount_format(1, text), "0.000000001SUI");
	assert_string_equal(amount_format(1500000000, text), "1.5SUI");
	assert_string_equal(amount_format(10000000000, text), "10SUI");
	assert_string_equal(amount_format(UINT64_MAX, text), "18446744073.709551615SUI");
}

static void what_is_written_is_read_as_the_same(void **state)
{
	struct random rnd = { 9 };
	char text[AMOUNT_SIZE];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t mist = random_next(&rnd) >> random_next(&rnd) % 64, back = 0;

		assert_int_equal(amount_parse(amount_format(mist, text), &back, NULL), 0);
		assert_int_equal(back, mist);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_amount_is_read_to_the_mist),
		cmocka_unit_test(what_is_no_amount_is_refused_with_the_reason),
		cmocka_unit_test(an_amount_has_one_text_without_needless_digits),
		cmocka_unit_test(what_is_written_is_read_as_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
