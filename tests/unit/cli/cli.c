/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "cli/version.h"
#include "unit/cli/run.h"

static void version_and_help_go_to_standard_output(void **state)
{
	struct run *f = *state;
	cleanup(json_free) struct json *j = NULL;

	run_ok(f, "-V");
	assert_non_null(strstr(f->out, weir_version));
	run_ok(f, "-jV");
	j = run_json(f);
	assert_string_equal(json_str(j, "version", ""), weir_version);
	run_ok(f, "help");
	assert_memory_equal(f->out, "usage: weir", 11);
	run_ok(f, "usage", "help");
	assert_memory_equal(f->out, "usage: weir [OPTIONS] usage {", 29);
	run_ok(f, "agent", "run", "--help");
	assert_non_null(strstr(f->out, "--meter-window VALUE"));
}

static void help_as_json_has_every_object(void **state)
{
	struct run *f = *state;
	cleanup(json_free) struct json *j = NULL;
	size_t n = 0;

	run_ok(f, "-j", "help");
	j = run_json(f);
	while (cli_objects[n])
		n++;
	assert_int_equal(json_len(j), n);
}

static void wrong_words_exit_with_2(void **state)
{
	struct run *f = *state;

	assert_int_equal(run(f, "usgae", "show"), 2);
	assert_string_equal(f->err, "weir: 'usgae' is not an object; try usage\n");
	assert_string_equal(f->out, "");
	assert_int_equal(run(f, "s", "show"), 2);
	assert_string_equal(f->err, "weir: 's' is ambiguous: service, settlement\n");
	assert_int_equal(run(f, "usage", "show", "--window", "tomorow"), 2);
	assert_non_null(strstr(f->err, "weir: --window: 'tomorow' is not a window"));
	assert_int_equal(run(f, "usage", "show", "--by", "colour"), 2);
	assert_int_equal(run(f, "usage", "show", "--pod", "web"), 2);
	assert_int_equal(run(f, "service", "show", "web"), 2);
	assert_int_equal(run(f, "receipt", "export"), 2);
	assert_int_equal(run(f, "receipt", "verify", "--key", "xyz", "-"), 2);
	assert_int_equal(run(f, "lease", "top-up", "gold", "1.5"), 2);
	assert_int_equal(run(f, "lease", "open", "gold"), 2);
	assert_int_equal(run(f, "usage", "export", "--format", "xml"), 2);
}

static void errors_are_json_when_json_is_asked_for(void **state)
{
	struct run *f = *state;

	assert_int_equal(run(f, "usgae", "-j"), 2);
	assert_string_equal(f->out, "{\"error\":\"'usgae' is not an object; try usage\"}\n");
	assert_string_equal(f->err, "");
	assert_int_equal(run(f, "-j", "usage", "show"), 1);
	assert_memory_equal(f->out, "{\"error\":\"no ledger at ", 23);
	assert_string_equal(f->err, "");
}

static void missing_state_is_told_with_what_to_do(void **state)
{
	static const char *const commands[][2] = {
		{ "service", "show" }, { "usage", "show" },	 { "receipt", "show" },
		{ "lease", "show" },   { "settlement", "show" }, { "agent", "status" },
		{ "key", "show" },
	};
	struct run *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		assert_int_equal(run(f, commands[i][0], commands[i][1]), 1);
		assert_string_equal(f->out, "");
		assert_non_null(strstr(f->err, f->dir));
		assert_non_null(strstr(f->err, "weir "));
		assert_int_equal(f->err[strlen(f->err) - 1], '\n');
	}
}

static void configuration_is_read_and_its_faults_named(void **state)
{
	struct run *f = *state;

	run_write(f->config, "node: {name: n}\npaths:\n  stat: /x\n");
	assert_int_equal(run(f, "usage", "show"), 1);
	assert_non_null(strstr(f->err, f->config));
	assert_non_null(strstr(f->err, "stat"));
	unlink(f->config);
	assert_int_equal(run(f, "usage", "show"), 1);
	assert_non_null(strstr(f->err, f->config));
}

static void text_from_outside_can_not_move_the_cursor(void **state)
{
	struct run *f = *state;

	assert_int_equal(run(f, "usage", "show", "x\x1b[2J"), 2);
	assert_null(strchr(f->err, '\x1b'));
}

static void full_disk_is_a_failure(void **state)
{
	struct run *f = *state;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), old;
	char *argv[] = { (char *)(uintptr_t)"help" };
	int code;

	(void)f;
	assert_true(full >= 0);
	fflush(stdout);
	old = dup(STDOUT_FILENO);
	dup2(full, STDOUT_FILENO);
	code = cli_main(1, argv);
	clearerr(stdout);
	dup2(old, STDOUT_FILENO);
	close(old);
	close(full);
	assert_int_equal(code, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_TEST(version_and_help_go_to_standard_output),
		RUN_TEST(help_as_json_has_every_object),
		RUN_TEST(wrong_words_exit_with_2),
		RUN_TEST(errors_are_json_when_json_is_asked_for),
		RUN_TEST(missing_state_is_told_with_what_to_do),
		RUN_TEST(configuration_is_read_and_its_faults_named),
		RUN_TEST(text_from_outside_can_not_move_the_cursor),
		RUN_TEST(full_disk_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
