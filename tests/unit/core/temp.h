/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of its own for each test; what is left in it goes with it.
 */
#pragma once

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/core/test.h"

/* Setup and teardown: *state is the path. */
static inline int temp_make(void **state)
{
	char *path = strdup("/tmp/weir-test-XXXXXX");

	*state = path;
	return path && mkdtemp(path) ? 0 : -1;
}

/* Not by dir_remove(), which is under test. */
static inline int temp_remove(void **state)
{
	char *const argv[] = { (char[]){ "rm" }, (char[]){ "-rf" }, *state, NULL };
	pid_t pid = fork();

	if (pid == 0) {
		execv("/bin/rm", argv);
		_exit(127);
	}
	free(*state);
	return pid > 0 && waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

struct temp_path {
	char text[PATH_MAX];
};

static inline struct temp_path temp_path(void **state, const char *name)
{
	struct temp_path p;

	snprintf(p.text, sizeof(p.text), "%s/%s", (const char *)*state, name);
	return p;
}

#define TEMP_TEST(name) cmocka_unit_test_setup_teardown(name, temp_make, temp_remove)
