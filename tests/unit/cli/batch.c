/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch.h"

#include "unit/cli/run.h"

static int batch(struct run *f, const char *text, const char *option)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/batch", f->dir);
	run_write(path, text);
	return option ? run(f, option, "--batch", path) : run(f, "--batch", path);
}

static void answers_follow_each_other(void **state)
{
	struct run *f = *state;

	assert_int_equal(batch(f, "# first\nkey new\n\nkey sh\n", NULL), 0);
	assert_string_equal(f->err, "");
	assert_memory_equal(f->out, "file ", 5);
	assert_non_null(strstr(strstr(f->out, "public_key") + 1, "public_key"));
}

static void json_is_one_array_of_commands_and_outputs(void **state)
{
	struct run *f = *state;
	cleanup(json_free) struct json *j = NULL;

	assert_int_equal(batch(f, "key new\nkey show\nhelp --bash", "-j"), 0);
	j = run_json(f);
	assert_int_equal(json_len(j), 3);
	assert_string_equal(json_text(json_at(json_get(json_at(j, 1), "command"), 1), ""), "show");
	assert_string_equal(json_str(json_path(json_at(j, 0), "output"), "public_key", "a"),
			    json_str(json_path(json_at(j, 1), "output"), "public_key", "b"));
	assert_non_null(strstr(json_str(json_at(j, 2), "output", ""), "complete -o default"));
}

static void stops_at_the_first_failure_and_names_the_line(void **state)
{
	struct run *f = *state;
	cleanup(json_free) struct json *j = NULL;
	char want[128];

	assert_int_equal(batch(f, "\nkey show\nkey new\n", NULL), 1);
	snprintf(want, sizeof(want), "weir: %s/batch:2: no key at ", f->dir);
	assert_memory_equal(f->err, want, strlen(want));
	assert_string_equal(f->out, "");

	assert_int_equal(batch(f, "key new\nkey nwe\nkey show\n", "-j"), 2);
	j = run_json(f);
	assert_string_equal(f->err, "");
	assert_int_equal(json_len(j), 2);
	assert_non_null(json_get(json_at(j, 0), "output"));
	assert_non_null(strstr(json_str(json_at(j, 1), "error", ""), "batch:2: key: 'nwe'"));
}

static void batch_in_a_batch_is_refused(void **state)
{
	struct run *f = *state;

	assert_int_equal(batch(f, "--batch x\n", NULL), 2);
	assert_non_null(strstr(f->err, "can't stand in a batch file"));
}

static void bad_files_are_refused(void **state)
{
	struct run *f = *state;
	char path[128];

	assert_int_equal(batch(f, "key 'show", NULL), 1);
	assert_non_null(strstr(f->err, "line 1: a quote is not closed"));
	assert_int_equal(run(f, "--batch", "/nonexistent/file"), 1);
	assert_non_null(strstr(f->err, "/nonexistent/file"));
	snprintf(path, sizeof(path), "%s/zero", f->dir);
	run_write(path, "key show\n");
	assert_int_equal(truncate(path, 20), 0);
	assert_int_equal(run(f, "--batch", path), 1);
	assert_non_null(strstr(f->err, "zero byte"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_TEST(answers_follow_each_other),
		RUN_TEST(json_is_one_array_of_commands_and_outputs),
		RUN_TEST(stops_at_the_first_failure_and_names_the_line),
		RUN_TEST(batch_in_a_batch_is_refused),
		RUN_TEST(bad_files_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
