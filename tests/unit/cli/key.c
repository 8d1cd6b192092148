/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto.h"
#include "core/file.h"
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

static void a_wallets_key_is_imported_once(void **state)
{
	static const char exported[] =
		"suiprivkey1qr89j7kyd4ps795gat3lwzczrqk3xwyw0q0tancdra2d9hnm606jjcsxuaq\n";
	struct run *f = *state;
	cleanup(json_free) struct json *made = NULL;
	char source[128], path[128];

	snprintf(source, sizeof(source), "%s/wallet", f->dir);
	snprintf(path, sizeof(path), "%s/imported", f->dir);
	assert_int_equal(file_write_atomic(source, exported, strlen(exported), 0600, NULL), 0);
	run_ok(f, "-j", "key", "import", source, path);
	made = run_json(f);
	assert_string_equal(json_str(made, "sui_address", ""),
			    "0x728fb5758bd67e3dcc6ef997f4144979a8bff30d4e7c87f77d916252f12b36e6");
	run_ok(f, "-j", "key", "show", path);
	assert_non_null(strstr(f->out, json_str(made, "public_key", "?")));
	assert_int_equal(run(f, "key", "import", source, path), 1);
	assert_non_null(strstr(f->err, "never overwritten"));
}

static void what_is_no_key_is_not_imported_and_not_quoted(void **state)
{
	struct run *f = *state;
	char source[128], path[128];

	snprintf(source, sizeof(source), "%s/typo", f->dir);
	snprintf(path, sizeof(path), "%s/none", f->dir);
	assert_int_equal(file_write_atomic(source, "suiprivkey1qsecret", 18, 0600, NULL), 0);
	assert_int_equal(run(f, "key", "import", source, path), 1);
	assert_non_null(strstr(f->err, source));
	assert_null(strstr(f->err, "qsecret"));
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(file_write_atomic(source, "", 0, 0600, NULL), 0);
	assert_int_equal(run(f, "key", "import", source, path), 1);
	assert_int_equal(run(f, "key", "import"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_TEST(new_key_is_shown_and_never_overwritten),
		RUN_TEST(file_may_be_named),
		RUN_TEST(a_wallets_key_is_imported_once),
		RUN_TEST(what_is_no_key_is_not_imported_and_not_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
