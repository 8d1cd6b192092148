/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/docs.h"

#include "unit/cli/sample.h"

/* Completes the words, of which the last is at the cursor, in a real bash. */
static char *complete(const struct cli_object *const objects[], const char *words, char *ret,
		      size_t size)
{
	cleanup(buf_fini) struct buf script = BUF_INIT(1 << 20);
	char path[] = "/tmp/weir-bash-XXXXXX", command[512];
	int fd = mkstemp(path);
	size_t n;
	FILE *p;

	assert_true(fd >= 0);
	assert_int_equal(docs_bash(objects, &script), 0);
	buf_printf(&script,
		   "COMP_WORDS=(%s)\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_weir\n"
		   "echo \"${COMPREPLY[*]}\"\n",
		   words);
	assert_int_equal(write(fd, script.data, script.len), script.len);
	close(fd);
	snprintf(command, sizeof(command), "bash -u %s 2>&1", path);
	p = popen(command, "r");
	assert_non_null(p);
	n = fread(ret, 1, size - 1, p);
	ret[n] = '\0';
	assert_int_equal(pclose(p), 0);
	unlink(path);
	if (n && ret[n - 1] == '\n')
		ret[n - 1] = '\0';
	return ret;
}

static void completes_objects_commands_and_flags(void **state)
{
	static const struct {
		const char *words, *want;
	} cases[] = {
		{ "weir ''", "usage settlement service help" },
		{ "weir se", "settlement service" },
		{ "weir usage ''", "show export run help" },
		{ "weir -j usage e", "export" },
		{ "weir -c FILE usage e", "export" },
		{ "weir --batch x us", "usage" },
		{ "weir usage show --w", "--window --wide" },
		{ "weir usage show --window 7d --out", "--output" },
		{ "weir usage show -w show --wi", "--window --wide" },
		{ "weir usage export --j", "--json" },
		{ "weir usage export ''", "" }, /* files, by complete -o default */
		{ "weir --pre", "--pretty" },
		{ "weir bogus ''", "" },
	};
	char got[4096];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		complete(sample_objects, cases[i].words, got, sizeof(got));
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s: '%s'", cases[i].words, got);
	}
}

static void every_command_and_flag_is_offered(void **state)
{
	char got[16384];

	(void)state;
	for (size_t i = 0; cli_objects[i]; i++) {
		char words[128];

		snprintf(words, sizeof(words), "weir %s ''", cli_objects[i]->name);
		complete(cli_objects, words, got, sizeof(got));
		for (const struct cli_command *c = cli_objects[i]->commands; c->name; c++)
			assert_non_null(strstr(got, c->name));
	}
	complete(cli_objects, "weir agent run --meter-w", got, sizeof(got));
	assert_string_equal(got, "--meter-window");
}

static void bash_reads_the_script(void **state)
{
	cleanup(buf_fini) struct buf script = BUF_INIT(1 << 20);
	FILE *p = popen("bash -n", "w");

	(void)state;
	assert_non_null(p);
	assert_int_equal(docs_bash(cli_objects, &script), 0);
	assert_int_equal(fwrite(script.data, 1, script.len, p), script.len);
	assert_int_equal(pclose(p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completes_objects_commands_and_flags),
		cmocka_unit_test(every_command_and_flag_is_offered),
		cmocka_unit_test(bash_reads_the_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
