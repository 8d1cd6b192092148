/* SPDX-License-Identifier: Apache-2.0 */
/* What can be told without a container; runtime.c runs real ones. */
#include "workload/workload.h"

#include <errno.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "unit/workload/tarball.h"
#include "unit/workload/tree.h"
#include "workload/record.h"

struct fixture {
	char state[64];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(crypto_init(), 0);
	snprintf(f->state, sizeof(f->state), "/tmp/weir-workload-XXXXXX");
	assert_non_null(mkdtemp(f->state));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tree_remove(f->state);
	free(f);
	return 0;
}

/* A record as an agent that was killed would have left it. */
static void plant(const struct fixture *f, const char *name, enum workload_state s)
{
	cleanup(workload_free) struct workload *w = calloc(1, sizeof(*w));
	char dir[128];

	snprintf(w->name, sizeof(w->name), "%s", name);
	snprintf(w->cgroup, sizeof(w->cgroup), "%s", strrchr(f->state, '/'));
	w->state = s;
	w->pid = s == WORKLOAD_STATE_RUNNING ? 4711 : 0;
	w->env = json_new_array();
	snprintf(dir, sizeof(dir), "%s/workloads/%s", f->state, name);
	assert_int_equal(dir_make(dir, 0700, NULL), 0);
	assert_int_equal(record_save(dir, w, NULL), 0);
}

static void bad_spec_changes_nothing(void **state)
{
	const struct fixture *f = *state;
	const struct workload_spec spec = { .name = "Not A Label", .cgroup = "/a", .port = 1 };
	struct workload *w = NULL;
	char path[128];

	assert_int_equal(workload_run(f->state, &spec, &w, NULL), -EINVAL);
	assert_null(w);
	snprintf(path, sizeof(path), "%s/workloads", f->state);
	assert_int_equal(access(path, F_OK), -1);
}

static void hostile_package_fails_and_the_record_says_why(void **state)
{
	const struct fixture *f = *state;
	const struct tar_item items[] = {
		{ .path = "package/evil", .type = AE_IFLNK, .link = "/etc" },
	};
	cleanup(close_fd) int fd = tar_make(items, 1);
	const struct workload_spec spec = {
		.name = "app", .cgroup = "/weir-none", .port = 1, .blob_fd = fd
	};
	cleanup(workload_free) struct workload *seen = NULL;
	struct workload *w = NULL;
	struct err err = {};

	assert_int_equal(workload_run(f->state, &spec, &w, &err), -EPERM);
	assert_null(w);
	assert_non_null(strstr(err.text, "package/evil"));
	assert_int_equal(workload_get(f->state, "app", &seen, NULL), 0);
	assert_int_equal(seen->state, WORKLOAD_STATE_FAILED);
	assert_non_null(strstr(seen->reason, "package/evil"));
	assert_int_equal(access(seen->code, F_OK), -1);
}

static void what_no_longer_runs_is_seen_so_after_a_restart(void **state)
{
	const struct fixture *f = *state;
	cleanup(workloads_fini) struct workloads all = {};

	plant(f, "was-running", WORKLOAD_STATE_RUNNING);
	plant(f, "half-started", WORKLOAD_STATE_CREATED);
	plant(f, "ended", WORKLOAD_STATE_STOPPED);
	assert_int_equal(workload_list(f->state, &all, NULL), 0);
	assert_int_equal(all.len, 3);
	assert_string_equal(all.at[0]->name, "ended");
	assert_int_equal(all.at[0]->state, WORKLOAD_STATE_STOPPED);
	assert_string_equal(all.at[1]->name, "half-started");
	assert_int_equal(all.at[1]->state, WORKLOAD_STATE_FAILED);
	assert_true(all.at[1]->reason[0]);
	assert_string_equal(all.at[2]->name, "was-running");
	assert_int_equal(all.at[2]->state, WORKLOAD_STATE_FAILED);
	assert_string_equal(all.at[2]->last_exit, "killed");
	assert_int_equal(all.at[2]->pid, 0);
}

static void what_has_ended_can_be_stopped_again_and_removed(void **state)
{
	const struct fixture *f = *state;
	struct workload *w = NULL;

	plant(f, "app", WORKLOAD_STATE_RUNNING);
	assert_int_equal(workload_stop(f->state, "app", 0, NULL), 0);
	assert_int_equal(workload_stop(f->state, "app", 0, NULL), 0);
	assert_int_equal(workload_remove(f->state, "app", NULL), 0);
	assert_int_equal(workload_remove(f->state, "app", NULL), -ENOENT);
	assert_int_equal(workload_get(f->state, "app", &w, NULL), -ENOENT);
}

static void unknown_names_and_states_are_clear_errors(void **state)
{
	const struct fixture *f = *state;
	cleanup(workloads_fini) struct workloads all = {};
	struct workload *w = NULL;
	struct err err = {};

	assert_int_equal(workload_stop(f->state, "none", 0, &err), -ENOENT);
	assert_non_null(strstr(err.text, "none"));
	assert_int_equal(workload_get(f->state, "../x", &w, &err), -EINVAL);
	assert_int_equal(workload_stop("/no/such/state", "app", 0, &err), -ENOENT);
	assert_int_equal(workload_list(f->state, &all, NULL), 0);
	assert_int_equal(all.len, 0);
}

static void record_of_another_name_is_refused(void **state)
{
	const struct fixture *f = *state;
	struct workload *w = NULL;
	char from[128], to[128];

	plant(f, "one", WORKLOAD_STATE_STOPPED);
	snprintf(from, sizeof(from), "%s/workloads/one", f->state);
	snprintf(to, sizeof(to), "%s/workloads/two", f->state);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(workload_get(f->state, "two", &w, NULL), -EBADMSG);
}

static void sweep_removes_what_was_half_unpacked(void **state)
{
	const struct fixture *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/packages/.tmp-00", f->state);
	assert_int_equal(dir_make(path, 0700, NULL), 0);
	assert_int_equal(workload_sweep(f->state, NULL), 0);
	assert_int_equal(access(path, F_OK), -1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(bad_spec_changes_nothing),
		T(hostile_package_fails_and_the_record_says_why),
		T(what_no_longer_runs_is_seen_so_after_a_restart),
		T(what_has_ended_can_be_stopped_again_and_removed),
		T(unknown_names_and_states_are_clear_errors),
		T(record_of_another_name_is_refused),
		T(sweep_removes_what_was_half_unpacked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
