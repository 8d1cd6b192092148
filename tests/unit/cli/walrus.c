/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/walrus.h"

#include "unit/cli/run.h"

/* "abc" in a committee of ten, by @mysten/walrus-wasm BlobEncoder(10). */
#define ID "J0-cFCl8gpG-D-d6mz1jNGfls47wpAlwXsYeFgbC2e8"
#define DECIMAL "108487515727338064060438300262081453105732839458438638314794357238715916242727"

static void write_abc(const struct run *f, char ret_path[128])
{
	snprintf(ret_path, 128, "%s/blob", f->dir);
	run_write(ret_path, "abc");
}

static void right_content_is_exit_0(void **state)
{
	static const char *const ids[] = { ID, DECIMAL };
	struct run *f = *state;
	char path[128];

	write_abc(f, path);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		run_ok(f, "-j", "workload", "verify", ids[i], path, "--shards", "10");
		cleanup(json_free) struct json *answer = run_json(f);

		assert_true(json_bool(answer, "matches", false));
		assert_string_equal(json_str(answer, "wanted", ""), ids[i]);
		assert_string_equal(json_str(answer, "blob_id", ""), ID);
		assert_string_equal(json_str(answer, "blob_id_u256", ""), DECIMAL);
	}
}

static void an_id_may_begin_with_a_dash(void **state)
{
	static const char id[] = "-Uj1nOhl_Qt2Pmlp-w1u3foHViEIfdoqUOMnUD0JTbo"; /* of "a49" */
	struct run *f = *state;
	char path[128];

	write_abc(f, path);
	run_write(path, "a49");
	run_ok(f, "-j", "workload", "verify", id, path, "--shards=4");
	run_ok(f, "workload", "verify", "--shards=4", "-j", "--", id, path);
	assert_int_equal(run(f, "workload", "verify", "-x", path), 2);
	assert_int_equal(run(f, "workload", "show", id), 2);
}

static void wrong_content_is_exit_1_and_told(void **state)
{
	struct run *f = *state;
	char path[128];

	write_abc(f, path);
	run_write(path, "abd");
	assert_int_equal(run(f, "-j", "workload", "verify", ID, path, "--shards", "10"), 1);
	cleanup(json_free) struct json *answer = run_json(f);

	assert_false(json_bool(answer, "matches", true));
	assert_string_equal(json_str(answer, "wanted", ""), ID);
	assert_string_not_equal(json_str(answer, "blob_id", ID), ID);
	assert_int_equal(run(f, "workload", "verify", ID, path), 1); /* of another committee */
	assert_non_null(strstr(f->out, "matches"));
}

static void what_cannot_be_checked_is_said(void **state)
{
	struct run *f = *state;
	char path[128];

	write_abc(f, path);
	assert_int_equal(run(f, "workload", "verify", "abc", path), 1);
	assert_non_null(strstr(f->err, "'abc' is not a blob id"));
	assert_int_equal(run(f, "workload", "verify", ID, "/nowhere"), 1);
	assert_non_null(strstr(f->err, "/nowhere"));
	assert_int_equal(run(f, "workload", "verify", ID, f->dir), 1);
	assert_non_null(strstr(f->err, f->dir));
	assert_int_equal(run(f, "workload", "verify", ID, path, "--shards", "5000"), 2);
	assert_int_equal(run(f, "workload", "verify", ID), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_TEST(right_content_is_exit_0),
		RUN_TEST(an_id_may_begin_with_a_dash),
		RUN_TEST(wrong_content_is_exit_1_and_told),
		RUN_TEST(what_cannot_be_checked_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
