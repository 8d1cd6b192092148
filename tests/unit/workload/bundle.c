/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/bundle.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "unit/workload/tree.h"

static void environment_is_checked(void **state)
{
	static char huge[BUNDLE_ENV_BYTES + 2];
	static const struct {
		const char *text;
		int code;
	} cases[] = {
		{ "A=1", 0 },	       { "_a_9=", 0 },	     { "A=b=c", 0 },
		{ "A", -EINVAL },      { "=x", -EINVAL },    { "", -EINVAL },
		{ "9A=1", -EINVAL },   { "A B=1", -EINVAL }, { "PORT=1", -EINVAL },
		{ "HOST=h", -EINVAL }, { "PATH=", -EINVAL }, { "NODE_ENV=test", -EINVAL },
		{ "PORTS=1", 0 },      { huge, -E2BIG },
	};

	(void)state;
	memset(huge, 'A', BUNDLE_ENV_BYTES + 1);
	huge[1] = '=';
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const env[] = { cases[i].text, NULL };

		assert_int_equal(bundle_check_env(env, NULL), cases[i].code);
	}
	assert_int_equal(bundle_check_env(NULL, NULL), 0);
}

static void too_many_variables_are_refused(void **state)
{
	const char *env[BUNDLE_ENV_MAX + 2] = {};

	(void)state;
	for (size_t i = 0; i < BUNDLE_ENV_MAX; i++)
		env[i] = "A=1";
	assert_int_equal(bundle_check_env(env, NULL), 0);
	env[BUNDLE_ENV_MAX] = "A=1";
	assert_int_equal(bundle_check_env(env, NULL), -E2BIG);
}

static void mode_is(const char *dir, const char *inner, mode_t mode)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/bundle/%s", dir, inner);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

/* The folder is written anew, whatever was in it and whatever the umask is. */
static void bundle_is_written_whole(void **state)
{
	char dir[] = "/tmp/weir-bundle-XXXXXX", path[64], node[256];
	cleanup(buf_fini) struct buf text = BUF_INIT(1 << 20);
	cleanup(json_free) struct json *config = NULL;
	struct err err = {};

	(void)state;
	if (bundle_find_node(node, sizeof(node), &err) < 0) {
		assert_non_null(strstr(err.text, "node")); /* the one clear error there is for it */
		print_message("skipped: %s\n", err.text);
		skip();
	}
	assert_int_equal(strncmp(node, "/usr/", 5), 0);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/bundle", dir);
	const struct bundle_spec spec = { .dir = path,
					  .code = "/tmp",
					  .entry = "a.js",
					  .hostname = "h",
					  .cgroup = "/c",
					  .host = "::1",
					  .ready = "tcp",
					  .port = 1 };
	mode_t mask = umask(0077);

	assert_int_equal(bundle_write(&spec, &err), 0);
	assert_int_equal(bundle_write(&spec, &err), 0);
	umask(mask);
	mode_is(dir, "config.json", 0600);
	mode_is(dir, "rootfs", 0755);
	mode_is(dir, "rootfs/app", 0755);
	mode_is(dir, "rootfs/tmp", 01777);
	mode_is(dir, "rootfs/etc/passwd", 0444);
	mode_is(dir, "rootfs/init", 0555);
	snprintf(path, sizeof(path), "%s/bundle/config.json", dir);
	assert_int_equal(file_read(path, &text, NULL), 0);
	assert_int_equal(json_parse(text.data, text.len, 1 << 20, path, &config, NULL), 0);
	assert_string_equal(json_text(json_at(json_path(config, "process.args"), 2), ""), node);
	tree_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(environment_is_checked),
		cmocka_unit_test(too_many_variables_are_refused),
		cmocka_unit_test(bundle_is_written_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
