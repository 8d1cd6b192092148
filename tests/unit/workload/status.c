/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/status.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"

static int setup(void **state)
{
	char *dir = strdup("/tmp/weir-status-XXXXXX");

	assert_non_null(mkdtemp(dir));
	*state = dir;
	return 0;
}

static int teardown(void **state)
{
	dir_remove(*state, NULL);
	free(*state);
	return 0;
}

static struct status read_back(const char *dir, const char *content)
{
	cleanup(close_fd) int fd = -1;
	struct status s = { .word = 77 };

	assert_int_equal(status_open(dir, &fd, NULL), 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(status_read(dir, &s, NULL), 0);
	return s;
}

static void words_are_read_and_others_are_none(void **state)
{
	static const struct {
		const char *content;
		enum status_word word;
		uint32_t number;
	} cases[] = {
		{ "", STATUS_NONE, 0 },
		{ "starting       \n", STATUS_STARTING, 0 },
		{ "ready          \n", STATUS_READY, 0 },
		{ "unready        \n", STATUS_UNREADY, 0 },
		{ "exit 0         \n", STATUS_EXIT, 0 },
		{ "exit 255       \n", STATUS_EXIT, 255 },
		{ "signal 9       \n", STATUS_SIGNAL, 9 },
		{ "exit 256       \n", STATUS_NONE, 0 },
		{ "exit           \n", STATUS_NONE, 0 },
		{ "exit -1        \n", STATUS_NONE, 0 },
		{ "readyness", STATUS_NONE, 0 },
		{ "something else that is longer than a status", STATUS_NONE, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct status s = read_back(*state, cases[i].content);

		assert_int_equal(s.word, cases[i].word);
		assert_int_equal(s.number, cases[i].number);
		assert_true(s.at_ms > 0);
	}
}

static void without_one_there_is_no_word(void **state)
{
	struct status s = { .word = STATUS_READY };

	assert_int_equal(status_read(*state, &s, NULL), 0);
	assert_int_equal(s.word, STATUS_NONE);
	s.word = STATUS_READY;
	assert_int_equal(status_read("/dev/null", &s, NULL), -ENOTDIR);
	assert_int_equal(s.word, STATUS_READY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(words_are_read_and_others_are_none, setup,
						teardown),
		cmocka_unit_test_setup_teardown(without_one_there_is_no_word, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
