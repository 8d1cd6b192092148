/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto.h"
#include "core/parse.h"
#include "unit/cli/run.h"

static void new_key_is_shown_and_never_overwritten(void **state)
{
	struct run *f = *state;
	cleanup(json_free) struct json *made = NULL, *shown = NULL;
	cleanup(key_free) struct key *key = NULL;
	char hex[2 * PUBKEY_LEN + 1];
	struct stat st;

	run_ok(f, "-j", "key", "new");
	made = run_json(f);
	run_ok(f, "-j", "key", "show");
	shown = run_json(f);
	assert_int_equal(key_load(json_str(made, "file", ""), &key, NULL), 0);
	format_hex(key_public(key), PUBKEY_LEN, hex);
	assert_string_equal(json_str(made, "public_key", ""), hex);
	assert_string_equal(json_str(shown, "public_key", ""), hex);
	assert_int_equal(stat(json_str(made, "file", ""), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_int_equal(run(f, "key", "new"), 1);
	assert_non_null(strstr(f->err, "never overwritten"));
	run_ok(f, "-j", "key", "show");
	assert_non_null(strstr(f->out, hex));
}

static void file_may_be_named(void **state)
{
	struct run *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/mine", f->dir);
	run_ok(f, "key", "new", path);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(run(f, "key", "show", path), 1);
	assert_non_null(strstr(f->err, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_TEST(new_key_is_shown_and_never_overwritten),
		RUN_TEST(file_may_be_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
