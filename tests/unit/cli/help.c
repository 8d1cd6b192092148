/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include "unit/cli/sample.h"

static void overview_lists_objects_and_options(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(1 << 16);

	(void)state;
	assert_int_equal(help_text(sample_objects, NULL, NULL, &out), 0);
	assert_non_null(strstr(out.data, "usage: weir [OPTIONS] OBJECT { COMMAND | help }\n"));
	assert_non_null(strstr(out.data, "\n  usage       what pods used\n"));
	assert_non_null(strstr(out.data, "\n  -c, --config FILE  "));
	assert_non_null(strstr(out.data, "\n      --batch FILE   "));
	assert_null(strstr(out.data, "--man"));
}

static void object_lists_commands_with_their_options(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(1 << 16);

	(void)state;
	assert_int_equal(help_text(sample_objects, &sample_usage, NULL, &out), 0);
	assert_string_equal(out.data, "usage: weir [OPTIONS] usage { COMMAND | help }\n"
				      "what pods used\n"
				      "\n"
				      "COMMAND\n"
				      "  show                 what was used\n"
				      "  export LEASE [FILE]  a file of it\n"
				      "  run NAME [WORD ...]  run it\n"
				      "\n"
				      "OPTIONS of show\n"
				      "  -w, --window W     a window of time\n"
				      "      --wide         more columns\n"
				      "  -o, --output FILE  write there\n");
}

static void command_has_all_that_is_known(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(1 << 16);

	(void)state;
	assert_int_equal(help_text(sample_objects, &sample_settle, sample_settle_commands, &out),
			 0);
	assert_string_equal(out.data, "usage: weir [OPTIONS] settlement show\n"
				      "don't \"quote\" a \\ here\n"
				      "\n"
				      ".not a macro\n"
				      "'nor this\n");
}

static void json_has_the_same_tables(void **state)
{
	cleanup(json_free) struct json *all = NULL, *one = NULL;

	(void)state;
	assert_int_equal(help_json(sample_objects, NULL, NULL, &all), 0);
	assert_int_equal(json_len(all), 3);
	assert_string_equal(json_str(json_at(all, 1), "name", ""), "settlement");
	assert_int_equal(help_json(sample_objects, &sample_usage, &sample_usage_commands[0], &one),
			 0);
	assert_int_equal(json_len(one), 1);
	assert_int_equal(json_len(json_get(json_at(one, 0), "commands")), 1);
	assert_string_equal(
		json_str(json_at(json_get(json_at(json_get(json_at(one, 0), "commands"), 0),
					  "flags"),
				 0),
			 "letter", ""),
		"w");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overview_lists_objects_and_options),
		cmocka_unit_test(object_lists_commands_with_their_options),
		cmocka_unit_test(command_has_all_that_is_known),
		cmocka_unit_test(json_has_the_same_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
