/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/docs.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "unit/cli/sample.h"

static void must_have(const char *page, const char *text)
{
	if (!strstr(page, text))
		fail_msg("the page lacks: %s", text);
}

static void text_survives_roff(void **state)
{
	cleanup(buf_fini) struct buf page = BUF_INIT(1 << 20);

	(void)state;
	assert_int_equal(docs_man(sample_objects, "1.0-rc", &page), 0);
	must_have(page.data, "weir 1.0\\-rc");
	must_have(page.data, "\ndon\\(aqt \\(dqquote\\(dq a \\e here.\n");
	must_have(page.data, "\n\\&.not a macro\n\\&\\(aqnor this\n");
	must_have(page.data, "\\fB\\-\\-\\fR\\fBwindow\\fR \\fIW\\fR\n");
}

/* The synopsis line of each command, as put together from the tables. */
static void every_command_and_flag_is_in_the_page(void **state)
{
	cleanup(buf_fini) struct buf page = BUF_INIT(1 << 20);

	(void)state;
	assert_int_equal(docs_man(cli_objects, "test", &page), 0);
	for (size_t i = 0; cli_objects[i]; i++) {
		for (const struct cli_command *c = cli_objects[i]->commands; c->name; c++) {
			char line[128], dashed[64];
			size_t n = 0;

			for (const char *s = c->name; *s; s++)
				n += (size_t)snprintf(dashed + n, sizeof(dashed) - n,
						      *s == '-' ? "\\-" : "%c", *s);
			snprintf(line, sizeof(line), "\n\\fBweir \\fR\\fB%s\\fR \\fB%s\\fR",
				 cli_objects[i]->name, dashed);
			must_have(page.data, line);
		}
	}
	must_have(page.data, "\\fBmeter\\-window\\fR");
}

/* man -l reads a file and tells of bad markup on standard error. */
static void man_has_nothing_to_complain_about(void **state)
{
	cleanup(buf_fini) struct buf page = BUF_INIT(1 << 20);
	char path[] = "/tmp/weir-man-XXXXXX", command[256];
	int fd = mkstemp(path), status;
	char told[512] = "";
	FILE *p;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(docs_man(cli_objects, "test", &page), 0);
	assert_int_equal(write(fd, page.data, page.len), page.len);
	close(fd);
	snprintf(command, sizeof(command),
		 "LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l %s 2>&1 >/dev/null", path);
	p = popen(command, "r");
	assert_non_null(p);
	told[fread(told, 1, sizeof(told) - 1, p)] = '\0';
	status = pclose(p);
	unlink(path);
	if (status == -1 || WEXITSTATUS(status) == 127)
		skip(); /* no man here */
	assert_string_equal(told, "");
	assert_int_equal(status, 0);
}

static void limit_of_the_buffer_is_told(void **state)
{
	cleanup(buf_fini) struct buf page = BUF_INIT(100);

	(void)state;
	assert_int_equal(docs_man(sample_objects, "1", &page), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_survives_roff),
		cmocka_unit_test(every_command_and_flag_is_in_the_page),
		cmocka_unit_test(man_has_nothing_to_complain_about),
		cmocka_unit_test(limit_of_the_buffer_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
