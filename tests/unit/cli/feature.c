/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/cli/kernel.h"

/* Which capabilities a process without all of them is said to have: tests/e2e, in a container. */
static void a_machine_that_has_all_passes(void **state)
{
	struct kernel *k = kernel_of(state);
	cleanup(json_free) struct json *j = NULL;
	size_t needed = 0;

	setenv("WEIR_PATHS_CGROUP", k->cgroup, 1);
	run_ok(&k->run, "-j", "feature", "probe");
	unsetenv("WEIR_PATHS_CGROUP");
	j = run_json(&k->run);
	json_foreach(f, j) {
		assert_string_not_equal(json_str(f, "needed_for", ""), "");
		if (json_bool(f, "needed", false)) {
			assert_true(json_bool(f, "have", false));
			needed++;
		}
	}
	assert_true(needed > 0 && needed < json_len(j));
}

static void what_weir_can_not_do_without_is_named_and_fails(void **state)
{
	struct kernel *k = kernel_of(state);
	cleanup(json_free) struct json *j = NULL;
	bool found = false;

	/* paths.cgroup is the folder of the configuration */
	setenv("WEIR_PATHS_BPFFS", "/proc", 1);
	assert_int_equal(run(&k->run, "feature", "probe"), 1);
	assert_string_equal(k->run.err, "weir: Weir can't run here; missing: bpffs, cgroup2\n");
	assert_int_equal(run(&k->run, "-j", "feature", "probe"), 1);
	assert_string_equal(k->run.err, "");
	j = run_json(&k->run);
	json_foreach(f, j) {
		if (strcmp(json_str(f, "feature", ""), "bpffs") != 0)
			continue;
		found = true;
		assert_false(json_bool(f, "have", true));
		assert_true(json_bool(f, "needed", false));
		assert_string_equal(json_str(f, "note", ""), "none is mounted at /proc");
	}
	assert_true(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KERNEL_TEST(a_machine_that_has_all_passes),
		KERNEL_TEST(what_weir_can_not_do_without_is_named_and_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
