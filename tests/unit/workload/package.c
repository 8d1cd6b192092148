/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/package.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "unit/workload/tree.h"

#define NV "\"name\":\"@acme/app\",\"version\":\"1.2.3-rc.1\""

/* Makes DIR with package.json and the files, "" of them a folder ("d/"). */
static void make_tree(char dir[64], const char *manifest, const char *const *files)
{
	char path[256];

	snprintf(dir, 64, "/tmp/weir-package-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/package.json", dir);
	if (manifest)
		assert_int_equal(file_write_atomic(path, manifest, strlen(manifest), 0644, NULL),
				 0);
	for (; *files; files++) {
		snprintf(path, sizeof(path), "%s/%s", dir, *files);
		char *slash = strrchr(path, '/');

		*slash = '\0';
		assert_int_equal(dir_make(path, 0755, NULL), 0);
		*slash = '/';
		if (slash[1])
			assert_int_equal(file_write_atomic(path, "", 0, 0644, NULL), 0);
	}
}

static void the_start_file_is_found_in_the_stated_order(void **state)
{
	static const struct {
		const char *manifest, *entry;
		const char *files[5];
	} cases[] = {
		{ "{" NV ",\"bin\":\"cli.js\",\"main\":\"lib.js\"}",
		  "cli.js",
		  { "cli.js", "lib.js" } },
		{ "{" NV ",\"bin\":{\"app\":\"./cli.js\"}}", "cli.js", { "cli.js", "server.js" } },
		{ "{" NV ",\"bin\":{\"a\":\"a.js\",\"b\":\"b.js\"},\"main\":\"lib.js\"}",
		  "lib.js",
		  { "a.js", "b.js", "lib.js" } },
		{ "{" NV ",\"main\":\"lib\"}", "lib.js", { "lib.js", "lib/index.js" } },
		{ "{" NV ",\"main\":\"lib\"}", "lib/index.js", { "lib/index.js" } },
		{ "{" NV ",\"main\":\"./a/b.cjs\"}", "a/b.cjs", { "a/b.cjs" } },
		{ "{" NV ",\"scripts\":{\"start\":\"rm -rf /\"}}",
		  "server.js",
		  { "server.js", "index.js" } },
		{ "{" NV "}", "index.js", { "index.js" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct package p = {};
		struct err err = {};
		char dir[64];

		make_tree(dir, cases[i].manifest, cases[i].files);
		if (package_read(dir, &p, &err) < 0)
			fail_msg("case %zu: %s", i, err.text);
		assert_string_equal(p.entry, cases[i].entry);
		assert_string_equal(p.name, "@acme/app");
		assert_string_equal(p.version, "1.2.3-rc.1");
		tree_remove(dir);
	}
}

static void bad_packages_are_refused_and_leave_the_result_alone(void **state)
{
	static const struct {
		const char *manifest;
		int code;
		const char *says;
		const char *files[3];
	} cases[] = {
		{ NULL, -ENOENT, "package.json", { "index.js" } },
		{ "{", -EBADMSG, "package.json", { "index.js" } },
		{ "[]", -EBADMSG, "object", { "index.js" } },
		{ "{\"version\":\"1.0.0\"}", -EBADMSG, "name", { "index.js" } },
		{ "{\"name\":\"a\"}", -EBADMSG, "version", { "index.js" } },
		{ "{\"name\":\"a b\",\"version\":\"1\"}", -EBADMSG, "name", { "index.js" } },
		{ "{\"name\":7,\"version\":\"1\"}", -EBADMSG, "name", { "index.js" } },
		{ "{" NV "}", -ENOENT, "main", { "other.js" } },
		{ "{" NV ",\"main\":\"missing.js\"}", -ENOENT, "missing.js", { "index.js" } },
		{ "{" NV ",\"main\":\"../../etc/passwd\"}", -ENOENT, "passwd", { "index.js" } },
		{ "{" NV ",\"main\":\"/etc/passwd\"}", -ENOENT, "passwd", { "index.js" } },
		{ "{" NV ",\"main\":\"folder\"}", -ENOENT, "folder", { "folder/" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct package p = { .name = "untouched" };
		struct err err = {};
		char dir[64];

		make_tree(dir, cases[i].manifest, cases[i].files);
		assert_int_equal(package_read(dir, &p, &err), cases[i].code);
		if (!strstr(err.text, cases[i].says))
			fail_msg("case %zu: '%s' does not say '%s'", i, err.text, cases[i].says);
		assert_string_equal(p.name, "untouched");
		tree_remove(dir);
	}
}

static void a_link_is_no_start_file(void **state)
{
	static const char *const none[] = { NULL };
	struct package p = {};
	char dir[64], path[128];

	(void)state;
	make_tree(dir, "{" NV ",\"main\":\"link.js\"}", none);
	snprintf(path, sizeof(path), "%s/link.js", dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(package_read(dir, &p, NULL), -ENOENT);
	tree_remove(dir);
}

static void engines_are_kept(void **state)
{
	static const char *const files[] = { "index.js", NULL };
	struct package p = {};
	char dir[64];

	(void)state;
	make_tree(dir, "{" NV ",\"engines\":{\"node\":\">=18 <23\"}}", files);
	assert_int_equal(package_read(dir, &p, NULL), 0);
	assert_string_equal(p.engines_node, ">=18 <23");
	tree_remove(dir);
	static const char *const bad[] = { "\"\\u001b[31m\"", "18", "[\"18\"]", "null" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char manifest[160];

		snprintf(manifest, sizeof(manifest), "{" NV ",\"engines\":{\"node\":%s}}", bad[i]);
		make_tree(dir, manifest, files);
		assert_int_equal(package_read(dir, &p, NULL), -EBADMSG);
		tree_remove(dir);
	}
	make_tree(dir, "{" NV ",\"engines\":[\"node >= 0.2\"]}", files); /* as of old: no range */
	p.engines_node[0] = 'x';
	assert_int_equal(package_read(dir, &p, NULL), 0);
	assert_string_equal(p.engines_node, "");
	tree_remove(dir);
}

static void manifest_over_its_limit_is_refused(void **state)
{
	static const char *const files[] = { "index.js", NULL };
	size_t len = (1 << 20) + 1;
	cleanup(free_ptr) char *text = malloc(len + 1);
	struct package p = {};
	char dir[64];

	(void)state;
	memset(text, ' ', len);
	memcpy(text, "{" NV "}", strlen("{" NV "}"));
	text[len] = '\0';
	make_tree(dir, text, files);
	assert_int_equal(package_read(dir, &p, NULL), -E2BIG);
	tree_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_start_file_is_found_in_the_stated_order),
		cmocka_unit_test(bad_packages_are_refused_and_leave_the_result_alone),
		cmocka_unit_test(a_link_is_no_start_file),
		cmocka_unit_test(engines_are_kept),
		cmocka_unit_test(manifest_over_its_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
