/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pick.h"

#include "unit/cli/sample.h"

static const struct names names = { { "show", "service", "settlement", "set", "usage" }, 5 };

static size_t picked(const char *word)
{
	size_t i = 99;

	assert_int_equal(pick(&names, "an object", word, &i, NULL), 0);
	return i;
}

static void exact_name_wins_over_longer_ones(void **state)
{
	(void)state;
	assert_int_equal(picked("set"), 3);
	assert_int_equal(picked("settlement"), 2);
}

static void unique_prefix_is_enough(void **state)
{
	(void)state;
	assert_int_equal(picked("u"), 4);
	assert_int_equal(picked("sh"), 0);
	assert_int_equal(picked("sett"), 2);
}

static void refused(const char *word, int code, const char *text)
{
	struct err err = {};
	size_t i = 99;

	assert_int_equal(pick(&names, "an object", word, &i, &err), code);
	assert_int_equal(i, 99);
	assert_string_equal(err.text, text);
}

static void ambiguous_prefix_lists_candidates(void **state)
{
	(void)state;
	refused("se", -EEXIST, "'se' is ambiguous: service, settlement, set");
}

static void unknown_word_names_the_nearest(void **state)
{
	(void)state;
	refused("usgae", -ENOENT, "'usgae' is not an object; try usage");
	refused("servce", -ENOENT, "'servce' is not an object; try service");
}

static void word_like_none_lists_all(void **state)
{
	(void)state;
	refused("frobnicate", -ENOENT,
		"'frobnicate' is not an object; try show, service, settlement, set, usage");
	refused("", -ENOENT, "'' is not an object; try show, service, settlement, set, usage");
}

static void long_word_is_cut_in_the_error(void **state)
{
	struct err err = {};
	char word[5000];
	size_t i;

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_int_equal(pick(&names, "an object", word, &i, &err), -ENOENT);
	assert_true(strlen(err.text) < 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_name_wins_over_longer_ones),
		cmocka_unit_test(unique_prefix_is_enough),
		cmocka_unit_test(ambiguous_prefix_lists_candidates),
		cmocka_unit_test(unknown_word_names_the_nearest),
		cmocka_unit_test(word_like_none_lists_all),
		cmocka_unit_test(long_word_is_cut_in_the_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
