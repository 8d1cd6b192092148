/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cgroup.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/err.h"

static int setup(void **state)
{
	static char path[] = "/tmp/weir-mountinfo-XXXXXX";
	cleanup(close_fd) int fd = mkstemp(path);

	*state = path;
	return fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	return unlink(*state);
}

static void write_text(const char *path, const char *text)
{
	cleanup(close_file) FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

#define V1 "33 32 0:28 / /sys/fs/cgroup/cpu rw,nosuid - cgroup cgroup rw,cpu\n"
#define PROC "22 28 0:20 / /proc rw,nosuid,nodev - proc proc rw\n"

static void the_first_cgroup2_mount_is_found(void **state)
{
	static const struct {
		const char *text, *point;
	} cases[] = {
		{ PROC "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n",
		  "/sys/fs/cgroup" },
		{ V1 "42 32 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n",
		  "/sys/fs/cgroup/unified" },
		{ "1 2 0:3 / /a\\040b\\134c rw shared:1 master:2 - cgroup2 none rw", "/a b\\c" },
		{ "1 2 0:3 / /first rw - cgroup2 none rw\n4 2 0:3 / /second rw - cgroup2 none rw\n",
		  "/first" },
		/* a mount point that only looks like it */
		{ "9 2 0:3 / /x\\040-\\040cgroup2\\040y rw - tmpfs t rw\n"
		  "1 2 0:3 / /real rw - cgroup2 none rw\n",
		  "/real" },
	};
	const char *path = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char point[PATH_MAX];

		write_text(path, cases[i].text);
		assert_int_equal(cgroup2_mount(path, point, sizeof(point), NULL), 0);
		assert_string_equal(point, cases[i].point);
	}
}

static void without_a_cgroup2_mount_the_error_says_what_to_do(void **state)
{
	static const char *const cases[] = { "", PROC V1, "garbage\n - cgroup2 x\n",
					     " - cgroup2 \n" };
	const char *path = *state;
	char text[300];

	snprintf(text, sizeof(text),
		 "%s: no cgroup2 file system is mounted; mount one (mount -t cgroup2 none "
		 "/sys/fs/cgroup) or set paths.cgroup",
		 path);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char point[PATH_MAX] = "untouched";
		struct err err = {};

		write_text(path, cases[i]);
		assert_int_equal(cgroup2_mount(path, point, sizeof(point), &err), -ENOENT);
		assert_string_equal(point, "untouched");
		assert_string_equal(err.text, text);
	}
}

static int count(const char *mount, bool v2, void *arg, struct err *err)
{
	int *n = arg;

	(void)mount;
	(void)err;
	n[v2]++;
	return n[v2] == 2 ? -ECANCELED : 0;
}

static void every_hierarchy_is_visited_until_the_callback_says_no(void **state)
{
	int n[2] = {};

	write_text(*state, PROC V1 "42 32 0:29 / /u rw - cgroup2 cgroup2 rw\n");
	assert_int_equal(cgroup_mounts(*state, count, n, NULL), 0);
	assert_int_equal(n[0], 1);
	assert_int_equal(n[1], 1);
	assert_int_equal(cgroup_mounts(*state, count, n, NULL), -ECANCELED);
	assert_int_equal(n[1], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_cgroup2_mount_is_found),
		cmocka_unit_test(without_a_cgroup2_mount_the_error_says_what_to_do),
		cmocka_unit_test(every_hierarchy_is_visited_until_the_callback_says_no),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
