/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/output.h"

#include <stdlib.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "unit/core/test.h"
#include "workload/record.h"

struct fixture {
	char state[64], dir[96];
};

static int setup(void **state)
{
	cleanup(workload_free) struct workload *w = calloc(1, sizeof(*w));
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->state, sizeof(f->state), "/tmp/weir-output-XXXXXX");
	assert_non_null(mkdtemp(f->state));
	snprintf(f->dir, sizeof(f->dir), "%s/workloads/app", f->state);
	snprintf(w->name, sizeof(w->name), "app");
	w->env = json_new_array();
	assert_int_equal(dir_make(f->dir, 0700, NULL), 0);
	assert_int_equal(record_save(f->dir, w, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	dir_remove(f->state, NULL);
	free(f);
	return 0;
}

static void print(const struct fixture *f, const char *file, const char *text, size_t len)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->dir, file);
	assert_int_equal(file_write_atomic(path, text, len, 0600, NULL), 0);
}

static void assert_output(const struct fixture *f, size_t last, const char *want)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(4096);

	assert_int_equal(workload_output(f->state, "app", last, &out, NULL), 0);
	assert_string_equal(out.data ? out.data : "", want);
}

static void the_last_lines_are_whole_and_of_both_files(void **state)
{
	const struct fixture *f = *state;

	assert_output(f, 100, "");
	print(f, "log", "three\nfour\n", 11);
	assert_output(f, 100, "three\nfour\n");
	print(f, "log.old", "one\ntwo\n", 8);
	assert_output(f, 100, "one\ntwo\nthree\nfour\n");
	assert_output(f, 19, "one\ntwo\nthree\nfour\n");
	assert_output(f, 18, "two\nthree\nfour\n");
	assert_output(f, 12, "three\nfour\n");
	assert_output(f, 6, "four\n");
	assert_output(f, 3, "");
	print(f, "log", "a line without end", 18);
	assert_output(f, 8, "hout end");
}

static void a_terminal_is_not_told_what_to_do(void **state)
{
	static const char dirty[] = "\x1b[31mred\r\b \xc3\xa9 \xff\xc3 \xc2\x9b\x7f tab\t\0 end\n";

	print(*state, "log", dirty, sizeof(dirty) - 1);
	assert_output(*state, 4096, "?[31mred?? \xc3\xa9 ?? ?? tab\t? end\n");
}

static void what_is_not_there_is_an_error(void **state)
{
	const struct fixture *f = *state;
	cleanup(buf_fini) struct buf out = BUF_INIT(4), large = BUF_INIT(4096);
	struct err err = {};

	assert_int_equal(workload_output(f->state, "none", 10, &large, &err), -ENOENT);
	assert_non_null(strstr(err.text, "none"));
	assert_int_equal(workload_output(f->state, "../x", 10, &large, NULL), -EINVAL);
	print(f, "log", "more than fits\n", 15);
	assert_int_equal(workload_output(f->state, "app", 15, &out, NULL), -E2BIG);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_last_lines_are_whole_and_of_both_files),
		T(a_terminal_is_not_told_what_to_do),
		T(what_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
