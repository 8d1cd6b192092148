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
	w->started_ms = 1763670000123;
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

static void display_has_no_secrets(void **state)
{
	cleanup(workload_free) struct workload *w = make();
	cleanup(json_free) struct json *j = workload_json(w);
	cleanup(buf_fini) struct buf text = BUF_INIT(1 << 16);

	(void)state;
	assert_int_equal(json_print(j, false, &text), 0);
	assert_null(strstr(text.data, "SECRET"));
	assert_string_equal(json_str(j, "state", ""), "running");
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

static void each_state_has_a_name(void **state)
{
	(void)state;
	for (int s = 0; s < WORKLOAD_STATE_MAX_; s++)
		assert_string_not_equal(workload_state_name((enum workload_state)s), "unknown");
	assert_string_equal(workload_state_name(WORKLOAD_STATE_MAX_), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_saved_is_loaded, setup, teardown),
		cmocka_unit_test(display_has_no_secrets),
		cmocka_unit_test_setup_teardown(foreign_and_missing_records_are_told_apart, setup,
						teardown),
		cmocka_unit_test(each_state_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
