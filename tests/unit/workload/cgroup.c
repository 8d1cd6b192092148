/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/cgroup.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cgroup.h"
#include "core/cleanup.h"
#include "core/err.h"

struct fixture {
	char top[32]; /* "/weir-cg-XXXXXX" */
	char mount[256];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char unique[] = "/tmp/weir-cg-XXXXXX";

	/* a name nobody else has, for a cgroup */
	assert_non_null(mkdtemp(unique));
	rmdir(unique);
	snprintf(f->top, sizeof(f->top), "%s", strrchr(unique, '/'));
	*state = f;
	if (geteuid() == 0 &&
	    cgroup2_mount(CGROUP_MOUNTINFO, f->mount, sizeof(f->mount), NULL) == 0)
		return 0;
	f->mount[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void need_cgroups(const struct fixture *f)
{
	if (f->mount[0])
		return;
	if (getenv("WEIR_REQUIRE_KERNEL"))
		fail_msg("WEIR_REQUIRE_KERNEL is set, but there is no root or no cgroup2");
	print_message("skipped: it needs root and cgroup2\n");
	skip();
}

static const char *path_of(const struct fixture *f, const char *sub, char ret[128])
{
	snprintf(ret, 128, "%s%s", f->top, sub);
	return ret;
}

static int exists(const struct fixture *f, const char *sub)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s%s", f->mount, f->top, sub);
	return access(path, F_OK) == 0;
}

static void shared_parents_go_with_the_last_user(void **state)
{
	const struct fixture *f = *state;
	char a[128], b[128];

	need_cgroups(f);
	assert_int_equal(cgroup_make(path_of(f, "/pods/a", a), NULL), 0);
	assert_int_equal(cgroup_make(path_of(f, "/pods/b", b), NULL), 0);
	assert_true(exists(f, "/pods/a") && exists(f, "/pods/b"));
	assert_int_equal(cgroup_remove(a, NULL), 0);
	assert_true(!exists(f, "/pods/a") && exists(f, "/pods/b"));
	assert_int_equal(cgroup_remove(b, NULL), 0);
	assert_false(exists(f, ""));
	assert_int_equal(cgroup_remove(b, NULL), 0); /* there is nothing, and that is fine */
}

static void cgroups_of_others_stay_though_empty(void **state)
{
	const struct fixture *f = *state;
	char path[PATH_MAX], a[128];

	need_cgroups(f);
	snprintf(path, sizeof(path), "%s%s", f->mount, f->top);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(cgroup_make(path_of(f, "/pods/a", a), NULL), 0);
	assert_int_equal(cgroup_remove(a, NULL), 0);
	assert_false(exists(f, "/pods"));
	assert_true(exists(f, ""));
	assert_int_equal(cgroup_remove(f->top, NULL), 0);
	assert_true(exists(f, ""));
	assert_int_equal(rmdir(path), 0);
}

static void cgroup_with_a_process_is_refused(void **state)
{
	const struct fixture *f = *state;
	char path[PATH_MAX], a[128];
	struct err err = {};
	int hold[2];

	need_cgroups(f);
	assert_int_equal(cgroup_make(path_of(f, "/a", a), NULL), 0);
	assert_int_equal(pipe(hold), 0);
	pid_t pid = fork();

	if (pid == 0) {
		char byte;

		close(hold[1]);
		_exit(read(hold[0], &byte, 1) != 0);
	}
	close(hold[0]);
	snprintf(path, sizeof(path), "%s%s/cgroup.procs", f->mount, a);
	FILE *procs = fopen(path, "w");

	assert_non_null(procs);
	fprintf(procs, "%d", pid);
	assert_int_equal(fclose(procs), 0);
	assert_int_equal(cgroup_check(a, pid, NULL), 0);
	assert_int_equal(cgroup_check("/elsewhere", pid, &err), -EXDEV);
	assert_non_null(strstr(err.text, a));
	assert_int_equal(cgroup_make(a, &err), -EBUSY);
	assert_true(exists(f, "/a"));
	close(hold[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(cgroup_remove(a, NULL), 0);
	assert_false(exists(f, ""));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(shared_parents_go_with_the_last_user),
		T(cgroups_of_others_stay_though_empty),
		T(cgroup_with_a_process_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
