/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/bundle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/json.h"

static const char *const env[] = { "GREETING=hi", NULL };

static const struct bundle_spec spec = {
	.dir = "/state/workloads/app/bundle",
	.code = "/state/packages/sha512-00",
	.entry = "lib/server.js",
	.hostname = "app",
	.cgroup = "/weir/pods/app",
	.netns = "/run/netns/app",
	.host = "::",
	.ready = "http:/up",
	.port = 8080,
	.env = env,
	.limits = { .memory_bytes = 256 << 20, .cpu_millis = 1500, .pids = 100 },
};

static struct json *config_of(const struct bundle_spec *s)
{
	struct json *config = NULL;

	assert_int_equal(bundle_config(s, "/usr/bin/node", &config, NULL), 0);
	return config;
}

/* The element of a list whose member `key` is `value`. */
static const struct json *find(const struct json *list, const char *key, const char *value)
{
	json_foreach(j, list) {
		if (strcmp(json_str(j, key, ""), value) == 0)
			return j;
	}
	return NULL;
}

static bool has(const struct json *list, const char *text)
{
	json_foreach(j, list) {
		if (strcmp(json_text(j, ""), text) == 0)
			return true;
	}
	return false;
}

static uint64_t number(const struct json *config, const char *path, const char *key)
{
	uint64_t n = 0;

	assert_int_equal(json_u64(json_path(config, path), key, &n), 0);
	return n;
}

static void there_is_no_capability_anywhere(void **state)
{
	static const char *const sets[] = { "bounding", "effective", "inheritable", "permitted",
					    "ambient" };
	cleanup(json_free) struct json *config = config_of(&spec);
	const struct json *caps = json_path(config, "process.capabilities");

	(void)state;
	assert_int_equal(json_len(caps), ARRAY_LEN(sets));
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		assert_int_equal(json_type(json_get(caps, sets[i])), JSON_ARRAY);
		assert_int_equal(json_len(json_get(caps, sets[i])), 0);
	}
	assert_true(json_bool(json_get(config, "process"), "noNewPrivileges", false));
	assert_int_equal(number(config, "process.user", "uid"), 65534);
	assert_int_equal(number(config, "process.user", "gid"), 65534);
}

static void everything_but_tmp_is_read_only(void **state)
{
	cleanup(json_free) struct json *config = config_of(&spec);
	const struct json *mounts = json_get(config, "mounts");

	(void)state;
	assert_true(json_bool(json_get(config, "root"), "readonly", false));
	assert_string_equal(json_str(find(mounts, "destination", "/app"), "source", ""), spec.code);
	json_foreach(m, mounts) {
		const char *at = json_str(m, "destination", "");
		const struct json *options = json_get(m, "options");

		assert_true(has(options, "nosuid"));
		if (strcmp(at, "/tmp") == 0)
			assert_true(has(options, "size=64m") && has(options, "nodev"));
		else if (strcmp(at, "/proc") != 0)
			assert_true(has(options, "ro"));
		assert_null(strstr(at, "/etc"));
	}
	assert_true(json_len(json_path(config, "linux.maskedPaths")) > 0);
	assert_true(has(json_path(config, "linux.readonlyPaths"), "/proc/sys"));
}

static void process_is_node_with_the_environment_that_was_asked_for(void **state)
{
	cleanup(json_free) struct json *config = config_of(&spec);
	const struct json *args = json_path(config, "process.args");
	const struct json *vars = json_path(config, "process.env");

	(void)state;
	assert_int_equal(json_len(args), 4);
	assert_string_equal(json_text(json_at(args, 0), ""), "/init");
	assert_string_equal(json_text(json_at(args, 1), ""), "http:/up");
	assert_string_equal(json_text(json_at(args, 2), ""), "/usr/bin/node");
	assert_string_equal(json_text(json_at(args, 3), ""), "/app/lib/server.js");
	assert_true(has(vars, "PORT=8080") && has(vars, "HOST=::"));
	assert_true(has(vars, "NODE_ENV=production") && has(vars, "GREETING=hi"));
	assert_string_equal(json_str(config, "hostname", ""), "app");
}

static void namespaces_and_cgroup_are_its_own(void **state)
{
	static const char *const own[] = { "pid", "mount", "uts", "ipc", "cgroup" };
	struct bundle_spec fresh = spec;
	cleanup(json_free) struct json *config = config_of(&spec);
	const struct json *list = json_path(config, "linux.namespaces");

	(void)state;
	assert_string_equal(json_str(json_get(config, "linux"), "cgroupsPath", ""), spec.cgroup);
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		assert_non_null(find(list, "type", own[i]));
		assert_null(json_get(find(list, "type", own[i]), "path"));
	}
	assert_string_equal(json_str(find(list, "type", "network"), "path", ""), spec.netns);
	fresh.netns = NULL;
	cleanup(json_free) struct json *without = config_of(&fresh);

	list = json_path(without, "linux.namespaces");
	assert_non_null(find(list, "type", "network"));
	assert_null(json_get(find(list, "type", "network"), "path"));
}

static void limits_are_set_only_where_they_are_given(void **state)
{
	struct bundle_spec s = spec;
	cleanup(json_free) struct json *config = config_of(&s);

	(void)state;
	assert_int_equal(number(config, "linux.resources.memory", "limit"), 256 << 20);
	assert_int_equal(number(config, "linux.resources.memory", "swap"), 256 << 20);
	assert_int_equal(number(config, "linux.resources.pids", "limit"), 101);
	assert_int_equal(number(config, "linux.resources.cpu", "quota"), 150000);
	assert_int_equal(number(config, "linux.resources.cpu", "period"), 100000);
	s.limits = (struct workload_limits){ .cpu_millis = 1 };
	cleanup(json_free) struct json *small = config_of(&s);

	assert_int_equal(number(small, "linux.resources.cpu", "quota"), 1000);
	assert_null(json_path(small, "linux.resources.memory"));
	assert_null(json_path(small, "linux.resources.pids"));
	/* no device but those runc makes, whatever the limits */
	const struct json *device = json_first(json_path(small, "linux.resources.devices"));

	assert_non_null(device);
	assert_false(json_bool(device, "allow", true));
}

static void system_calls_are_an_allow_list(void **state)
{
	static const char *const never[] = { "mount",
					     "umount2",
					     "unshare",
					     "setns",
					     "bpf",
					     "ptrace",
					     "keyctl",
					     "add_key",
					     "kexec_load",
					     "init_module",
					     "reboot",
					     "io_uring_setup",
					     "userfaultfd",
					     "perf_event_open",
					     "pivot_root",
					     "open_by_handle_at",
					     "process_vm_writev" };
	cleanup(json_free) struct json *config = config_of(&spec);
	const struct json *profile = json_path(config, "linux.seccomp");

	(void)state;
	assert_string_equal(json_str(profile, "defaultAction", ""), "SCMP_ACT_ERRNO");
	json_foreach(rule, json_get(profile, "syscalls")) {
		const struct json *names = json_get(rule, "names");

		for (size_t i = 0; i < ARRAY_LEN(never); i++)
			assert_false(has(names, never[i]));
		/* these two only under a condition */
		if (has(names, "clone") || has(names, "socket"))
			assert_int_equal(json_len(json_get(rule, "args")), 1);
		if (has(names, "clone3"))
			assert_string_equal(json_str(rule, "action", ""), "SCMP_ACT_ERRNO");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_no_capability_anywhere),
		cmocka_unit_test(everything_but_tmp_is_read_only),
		cmocka_unit_test(process_is_node_with_the_environment_that_was_asked_for),
		cmocka_unit_test(namespaces_and_cgroup_are_its_own),
		cmocka_unit_test(limits_are_set_only_where_they_are_given),
		cmocka_unit_test(system_calls_are_an_allow_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
