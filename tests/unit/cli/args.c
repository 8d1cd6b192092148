/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args.h"

#include "unit/cli/sample.h"

#define PARSE(args_, err_, ...) parse((args_), (err_), (const char *const[]){ __VA_ARGS__, NULL })

static int parse(struct args *a, struct err *err, const char *const *words)
{
	char *argv[80] = {};
	size_t n = 0;

	for (; words[n]; n++)
		argv[n] = (char *)(uintptr_t)words[n];
	return args_parse(sample_objects, n, argv, a, err);
}

static void finds_object_command_and_words(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "usage", "export", "gold", "out.json"), 0);
	assert_ptr_equal(a.object, &sample_usage);
	assert_string_equal(a.command->name, "export");
	assert_int_equal(a.words, 2);
	assert_string_equal(a.word[0], "gold");
	assert_string_equal(a.word[1], "out.json");
	assert_false(a.json || a.pretty || a.help || a.version);
}

static void prefixes_are_enough_everywhere(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "u", "s", "--win", "7d", "--js"), 0);
	assert_string_equal(a.command->name, "show");
	assert_string_equal(a.flag[0], "7d");
	assert_true(a.json);
}

static void options_stand_before_and_behind(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "-c", "x.yaml", "usage", "show", "-jp"), 0);
	assert_string_equal(a.config, "x.yaml");
	assert_true(a.json && a.pretty);
	assert_int_equal(PARSE(&a, NULL, "usage", "-p", "show"), 0);
	assert_true(a.json && a.pretty);
}

static void values_come_in_four_forms(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "usage", "show", "--window=7d"), 0);
	assert_string_equal(a.flag[0], "7d");
	assert_int_equal(PARSE(&a, NULL, "usage", "show", "--window", "7d"), 0);
	assert_string_equal(a.flag[0], "7d");
	assert_int_equal(PARSE(&a, NULL, "usage", "show", "-w7d"), 0);
	assert_string_equal(a.flag[0], "7d");
	assert_int_equal(PARSE(&a, NULL, "usage", "show", "-jw", "7d"), 0);
	assert_string_equal(a.flag[0], "7d");
	assert_true(a.json);
	assert_null(a.flag[1]);
}

static void value_may_look_like_an_option(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "usage", "show", "--window", "-j"), 0);
	assert_string_equal(a.flag[0], "-j");
	assert_false(a.json);
}

static void words_behind_two_dashes_are_words(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "usage", "export", "--", "-j", "--help"), 0);
	assert_int_equal(a.words, 2);
	assert_string_equal(a.word[1], "--help");
	assert_false(a.help || a.json);
	assert_int_equal(PARSE(&a, NULL, "usage", "export", "-"), 0);
	assert_string_equal(a.word[0], "-");
}

static void flag_that_stands_alone_is_given(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "usage", "show", "--wide"), 0);
	assert_string_equal(a.flag[1], "");
}

static void help_needs_nothing_else(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "help"), 0);
	assert_true(a.help);
	assert_null(a.object);
	assert_int_equal(PARSE(&a, NULL, "usage", "help"), 0);
	assert_true(a.help && a.object == &sample_usage && !a.command);
	assert_int_equal(PARSE(&a, NULL, "help", "usage", "export"), 0);
	assert_string_equal(a.command->name, "export");
	assert_int_equal(PARSE(&a, NULL, "usage", "export", "-h"), 0);
	assert_true(a.help);
	assert_int_equal(PARSE(&a, NULL, "help", "--man"), 0);
	assert_true(a.man);
	assert_int_equal(PARSE(&a, NULL, "-V"), 0);
	assert_true(a.version);
}

static void refused(const char *const *words, const char *text)
{
	struct err err = {};
	struct args a;

	assert_true(parse(&a, &err, words) < 0);
	assert_string_equal(err.text, text);
}

#define REFUSED(text_, ...) refused((const char *const[]){ __VA_ARGS__, NULL }, text_)

static void faults_name_the_word(void **state)
{
	(void)state;
	REFUSED("'s' is ambiguous: settlement, service", "s");
	REFUSED("'usgae' is not an object; try usage", "usgae", "show");
	REFUSED("usage: 'shwo' is not a command; try show", "usage", "shwo");
	REFUSED("'windwo' is not an option; try window", "usage", "show", "--windwo", "7d");
	REFUSED("'-x' is not an option; see 'weir help'", "-x", "usage", "show");
	REFUSED("'w' is ambiguous: window, wide", "usage", "show", "--w", "7d");
	REFUSED("--window needs a value: --window W", "usage", "show", "--window");
	REFUSED("--wide takes no value, 'yes' was given", "usage", "show", "--wide=yes");
	REFUSED("--window is given twice", "usage", "show", "-w1h", "-w2h");
	REFUSED("usage: a command is missing; see 'weir usage help'", "usage");
	REFUSED("usage export: LEASE is missing; see 'weir usage help'", "usage", "export");
	REFUSED("usage export: 'c' is one word too many; see 'weir usage help'", "usage", "export",
		"a", "b", "c");
	REFUSED("usage show: 'x' is one word too many; see 'weir usage help'", "usage", "show",
		"x");
	REFUSED("an object is missing; see 'weir help'", "-j");
	REFUSED("'usage' can't stand beside --batch; put it in the file", "--batch", "f", "usage");
	/* flags of a command are unknown before it, and the generators outside of help */
	REFUSED("'window' is not an option; try json, pretty, config, batch, version, help",
		"--window", "7d", "usage", "show");
	REFUSED("'bash' is not an option; try batch", "--bash");
}

static void dots_take_any_number_of_words(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "usage", "run", "n"), 0);
	assert_int_equal(PARSE(&a, NULL, "usage", "run", "n", "a", "b", "c", "d"), 0);
	assert_int_equal(a.words, 5);
	REFUSED("usage run: NAME is missing; see 'weir usage help'", "usage", "run");
}

static void too_many_words_are_refused(void **state)
{
	const char *words[ARGS_WORDS_MAX + 4] = { "usage", "run" };

	(void)state;
	for (size_t i = 2; i < ARGS_WORDS_MAX + 3; i++)
		words[i] = "x";
	refused(words, "more than 64 words");
}

static void fault_still_tells_how_to_answer(void **state)
{
	struct args a;

	(void)state;
	assert_true(PARSE(&a, NULL, "bogus", "-j") < 0);
	assert_true(a.json && !a.pretty);
	assert_true(PARSE(&a, NULL, "bogus", "--pretty") < 0);
	assert_true(a.json && a.pretty);
	assert_true(PARSE(&a, NULL, "bogus", "--", "-j") < 0);
	assert_false(a.json);
	assert_true(PARSE(&a, NULL, "bogus", "-") < 0);
	assert_false(a.json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_object_command_and_words),
		cmocka_unit_test(prefixes_are_enough_everywhere),
		cmocka_unit_test(options_stand_before_and_behind),
		cmocka_unit_test(values_come_in_four_forms),
		cmocka_unit_test(value_may_look_like_an_option),
		cmocka_unit_test(words_behind_two_dashes_are_words),
		cmocka_unit_test(flag_that_stands_alone_is_given),
		cmocka_unit_test(help_needs_nothing_else),
		cmocka_unit_test(faults_name_the_word),
		cmocka_unit_test(dots_take_any_number_of_words),
		cmocka_unit_test(too_many_words_are_refused),
		cmocka_unit_test(fault_still_tells_how_to_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
