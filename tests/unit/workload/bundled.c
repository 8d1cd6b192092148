/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/bundled.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"

struct item {
	const char *path, *text;
};

/* Writes the files and checks a listing of them. */
static int check(const struct item *items, size_t n, uint64_t *ret, struct err *err)
{
	char root[] = "/tmp/weir-bundled-XXXXXX";
	cleanup(json_free) struct json *files = json_new_array();

	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < n; i++) {
		struct json *file = json_new_object();
		char path[PATH_MAX];

		assert_int_equal(path_format(path, sizeof(path), "%s/%s", root, items[i].path), 0);
		*strrchr(path, '/') = '\0';
		assert_int_equal(dir_make(path, 0755, NULL), 0);
		path[strlen(path)] = '/';
		assert_int_equal(
			file_write_atomic(path, items[i].text, strlen(items[i].text), 0644, NULL),
			0);
		json_set_str(file, "path", items[i].path);
		json_add(files, file);
	}
	int r = bundled_check(root, files, ret, err);

	assert_int_equal(dir_remove(root, NULL), 0);
	return r;
}

#define CHECK(items, ret, err) check((items), ARRAY_LEN(items), (ret), (err))

static void dependencies_are_found_as_node_finds_them(void **state)
{
	static const struct item items[] = {
		{ "package.json", "{\"dependencies\":{\"a\":\"1\",\"@s/b\":\"1\"}}" },
		{ "index.js", "" },
		{ "node_modules/a/package.json", "{\"dependencies\":{\"c\":\"1\",\"d\":\"2\"}}" },
		{ "node_modules/a/node_modules/c/package.json",
		  "{\"dependencies\":{\"@s/b\":\"1\",\"d\":\"2\"}}" },
		{ "node_modules/a/lib/package.json", "not looked at" },
		{ "node_modules/@s/b/package.json", "{}" },
		{ "node_modules/d/package.json",
		  "{\"dependencies\":{\"o\":\"1\"},\"optionalDependencies\":{\"o\":\"1\"}}" },
	};
	uint64_t n = 0;

	(void)state;
	assert_int_equal(CHECK(items, &n, NULL), 0);
	assert_int_equal(n, 4);
}

static void nothing_to_bundle_is_fine(void **state)
{
	static const struct item items[] = { { "package.json", "{}" } };
	uint64_t n = 77;

	(void)state;
	assert_int_equal(CHECK(items, &n, NULL), 0);
	assert_int_equal(n, 0);
}

static void what_is_missing_is_named(void **state)
{
	static const struct item direct[] = { { "package.json",
						"{\"dependencies\":{\"a\":\"1\"}}" } };
	/* c is there, but not where node would look from b */
	static const struct item elsewhere[] = {
		{ "package.json", "{\"dependencies\":{\"a\":\"1\",\"b\":\"1\"}}" },
		{ "node_modules/a/package.json", "{}" },
		{ "node_modules/a/node_modules/c/package.json", "{}" },
		{ "node_modules/b/package.json", "{\"dependencies\":{\"c\":\"1\"}}" },
	};
	static const struct item none[] = { { "index.js", "" } };
	static const struct item broken[] = { { "package.json", "{" } };
	uint64_t n = 77;
	struct err err = {};

	(void)state;
	assert_int_equal(CHECK(direct, &n, &err), -EINVAL);
	assert_non_null(strstr(err.text, "'a', which package.json depends on"));
	assert_int_equal(CHECK(elsewhere, &n, &err), -EINVAL);
	assert_non_null(strstr(err.text, "'c', which node_modules/b/package.json depends on"));
	assert_int_equal(CHECK(none, &n, &err), -EINVAL);
	assert_int_equal(CHECK(broken, &n, &err), -EBADMSG);
	assert_int_equal(n, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dependencies_are_found_as_node_finds_them),
		cmocka_unit_test(nothing_to_bundle_is_fine),
		cmocka_unit_test(what_is_missing_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
