/* SPDX-License-Identifier: Apache-2.0 */
#include "core/near.h"

#include "unit/core/test.h"

static void distance_counts_what_was_mistyped(void **state)
{
	static const struct {
		const char *a, *b;
		size_t distance;
	} cases[] = {
		{ "", "", 0 },	       { "", "show", 4 },     { "show", "show", 0 },
		{ "shwo", "show", 2 }, { "sow", "show", 1 },  { "shoow", "show", 1 },
		{ "shew", "show", 1 }, { "SHOW", "show", 0 }, { "kitten", "sitting", 3 },
		{ "abcd", "bcda", 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(near_distance(cases[i].a, cases[i].b), cases[i].distance);
		assert_int_equal(near_distance(cases[i].b, cases[i].a), cases[i].distance);
	}
}

static void a_long_text_is_near_to_nothing(void **state)
{
	char most[NEAR_MAX] = "", longer[NEAR_MAX + 1] = "";

	(void)state;
	memset(most, 'a', sizeof(most) - 1);
	memset(longer, 'a', sizeof(longer) - 1);
	assert_int_equal(near_distance(most, most), 0);
	assert_int_equal(near_distance(most, ""), NEAR_MAX - 1);
	assert_true(near_distance(longer, longer) == SIZE_MAX);
	assert_true(near_distance(most, longer) == SIZE_MAX);
	assert_true(near_distance(longer, "") == SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(distance_counts_what_was_mistyped),
		TEST(a_long_text_is_near_to_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
