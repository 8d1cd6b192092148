/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/record.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"

static int setup(void **state)
{
	char *dir = strdup("/tmp/weir-record-XXXXXX");

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

static struct workload *make(void)
{
	struct workload *w = calloc(1, sizeof(*w));

	snprintf(w->name, sizeof(w->name), "app");
	snprintf(w->sri, sizeof(w->sri), "sha512-xyz");
	snprintf(w->package.name, sizeof(w->package.name), "@a/b");
	snprintf(w->cgroup, sizeof(w->cgroup), "/weir/app");
	snprintf(w->lease, sizeof(w->lease), "0xabc");
	w->env = json_new_array();
	json_add_str(w->env, "SECRET=s");
	w->limits =
		(struct workload_limits){ .memory_bytes = 1ull << 40, .cpu_millis = 1, .pids = 2 };
	snprintf(w->ready, sizeof(w->ready), "http:/up");
	snprintf(w->last_exit, sizeof(w->last_exit), "exit 3");
	w->started_ms = 1763670000123;
	w->ended_ms = 1763670000456;
	w->restart = WORKLOAD_RESTART_ON_FAILURE;
	w->restarts = 7;
	w->soon = 3;
	w->state = WORKLOAD_STATE_RUNNING;
	w->pid = 4711;
	w->port = 65535;
	return w;
}

static void what_is_saved_is_loaded(void **state)
{
	cleanup(workload_free) struct workload *w = make();
	cleanup(workload_free) struct workload *seen = NULL;
	struct stat st;
	char path[128];

	assert_int_equal(record_save(*state, w, NULL), 0);
	snprintf(path, sizeof(path), "%s/workload.json", (const char *)*state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(record_load(*state, &seen, NULL), 0);
	assert_string_equal(json_text(json_at(seen->env, 0), ""), "SECRET=s");
	/* all but the pointer */
	json_free(&w->env);
	json_free(&seen->env);
	assert_memory_equal(w, seen, sizeof(*w));
}

static void a_waiting_one_keeps_its_time(void **state)
{
	cleanup(workload_free) struct workload *w = make();
	cleanup(workload_free) struct workload *seen = NULL;

	w->state = WORKLOAD_STATE_WAITING;
	w->again_ms = 1763670010456;
	assert_int_equal(record_save(*state, w, NULL), 0);
	assert_int_equal(record_load(*state, &seen, NULL), 0);
	assert_int_equal(seen->state, WORKLOAD_STATE_WAITING);
	assert_int_equal(seen->again_ms, w->again_ms);
}

/* As they were before workloads were run again. */
static void an_old_record_is_of_one_that_is_not_run_again(void **state)
{
	static const char *const later[] = { "ready", "last_exit", "restart", "restarts",
					     "soon",  "ended",	   "again" };
	cleanup(workload_free) struct workload *w = make();
	cleanup(workload_free) struct workload *seen = NULL;
	cleanup(buf_fini) struct buf text = BUF_INIT(1 << 16);
	char path[128];

	assert_int_equal(record_save(*state, w, NULL), 0);
	snprintf(path, sizeof(path), "%s/workload.json", (const char *)*state);
	assert_int_equal(file_read(path, &text, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(later); i++) {
		char key[32], *at;

		snprintf(key, sizeof(key), "\"%s\"", later[i]);
		at = strstr(text.data, key);
		assert_non_null(at);
		at[1] = '_'; /* another key */
	}
	assert_int_equal(file_write_atomic(path, text.data, text.len, 0600, NULL), 0);
	assert_int_equal(record_load(*state, &seen, NULL), 0);
	assert_int_equal(seen->restart, WORKLOAD_RESTART_NEVER);
	assert_string_equal(seen->ready, "");
	assert_int_equal(seen->started_ms, w->started_ms);
}

static void policies_are_read_by_name(void **state)
{
	enum workload_restart r = WORKLOAD_RESTART_NEVER;

	(void)state;
	assert_int_equal(workload_restart_parse("always", &r, NULL), 0);
	assert_int_equal(r, WORKLOAD_RESTART_ALWAYS);
	assert_int_equal(workload_restart_parse("on-failure", &r, NULL), 0);
	assert_int_equal(r, WORKLOAD_RESTART_ON_FAILURE);
	assert_int_equal(workload_restart_parse("Always", &r, NULL), -EINVAL);
	assert_int_equal(r, WORKLOAD_RESTART_ON_FAILURE);
}

static void display_has_no_secrets(void **state)
{
	cleanup(workload_free) struct workload *w = make();
	cleanup(json_free) struct json *j = workload_json(w);
	cleanup(buf_fini) struct buf text = BUF_INIT(1 << 16);

	(void)state;
	assert_int_equal(json_print(j, false, &text), 0);
	assert_null(strstr(text.data, "SECRET"));
	assert_string_equal(json_str(j, "state", ""), "starting");
	assert_string_equal(json_str(j, "started", ""), "2025-11-20T20:20:00.123Z");
	w->started_ms = 0;
	cleanup(json_free) struct json *never = workload_json(w);

	assert_non_null(json_get(never, "started"));
	assert_null(json_str(never, "started", NULL));
}

static void foreign_and_missing_records_are_told_apart(void **state)
{
	static const char *const bad[] = { "", "{", "{}", "[]", "{\"name\":\"app\"}" };
	struct workload *seen = NULL;
	char path[128];

	assert_int_equal(record_load(*state, &seen, NULL), -ENOENT);
	snprintf(path, sizeof(path), "%s/workload.json", (const char *)*state);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(file_write_atomic(path, bad[i], strlen(bad[i]), 0600, NULL), 0);
		assert_int_equal(record_load(*state, &seen, NULL), -EBADMSG);
		assert_null(seen);
	}
}

static void what_runs_is_shown_by_its_health(void **state)
{
	(void)state;
	assert_string_equal(workload_shown_state(WORKLOAD_STATE_RUNNING, WORKLOAD_HEALTH_READY),
			    "ready");
	assert_string_equal(workload_shown_state(WORKLOAD_STATE_RUNNING, WORKLOAD_HEALTH_UNREADY),
			    "unready");
	assert_string_equal(workload_shown_state(WORKLOAD_STATE_WAITING, WORKLOAD_HEALTH_READY),
			    "waiting");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_saved_is_loaded, setup, teardown),
		cmocka_unit_test(display_has_no_secrets),
		cmocka_unit_test_setup_teardown(foreign_and_missing_records_are_told_apart, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_waiting_one_keeps_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(an_old_record_is_of_one_that_is_not_run_again,
						setup, teardown),
		cmocka_unit_test(policies_are_read_by_name),
		cmocka_unit_test(what_runs_is_shown_by_its_health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
