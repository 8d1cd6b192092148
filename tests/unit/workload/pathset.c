/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/pathset.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "workload/unpack.h"

static const struct unpack_limits limits = { .entries = 3,
					     .depth = 3,
					     .name_bytes = 8,
					     .path_bytes = 20 };

static void paths_are_checked(void **state)
{
	static const struct {
		const char *path;
		int code;
	} cases[] = {
		{ "a", 0 },
		{ "a/b/c", 0 },
		{ "..a", 0 },
		{ ".a", 0 },
		{ "12345678", 0 },
		{ "\xe6\x97\xa5", 0 },
		{ "a b", 0 },
		{ "", -EPERM },
		{ "/a", -EPERM },
		{ "a/", -EPERM },
		{ "a//b", -EPERM },
		{ ".", -EPERM },
		{ "a/..", -EPERM },
		{ "../a", -EPERM },
		{ "a\\b", -EPERM },
		{ "a\x7f", -EPERM },
		{ "a\x01", -EPERM },
		{ "a\xff", -EPERM }, /* no UTF-8 */
		{ "\xc0\xaf", -EPERM }, /* '/' in an overlong form */
		{ "\xed\xa0\x80", -EPERM }, /* a surrogate */
		{ "\xe3\x82\x99", -EPERM }, /* voiced mark of Kana */
		{ "\xe1\x84\x80", -EPERM }, /* conjoining Hangul */
		{ "\xef\xbb\xbf"
		  "a",
		  -EPERM }, /* byte order mark */
		{ "123456789", -E2BIG },
		{ "a/b/c/d", -E2BIG },
		{ "12345678/12345678/123", -E2BIG },
	};
	cleanup(pathset_fini) struct pathset set;

	(void)state;
	pathset_init(&set, &limits);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {};
		int r = pathset_check(&set, cases[i].path, &err);

		if (r != cases[i].code)
			fail_msg("'%s' gives %d: %s", cases[i].path, r, err.text);
	}
}

static void new_known_and_colliding_names(void **state)
{
	static const struct {
		const char *path;
		bool is_dir;
		int result;
	} steps[] = {
		{ "lib", true, 1 },
		{ "lib", true, 0 },
		{ "lib", false, -EPERM },
		{ "LIB", true, -EPERM },
		{ "a", false, 1 },
		{ "a", false, -EPERM },
		{ "a", true, -EPERM },
		{ "A", false, -EPERM },
		{ "\xcf\x83", false, 1 },
		{ "\xcf\x82", false, -EPERM },
		{ "\xce\xa3", false, -EPERM },
		{ "more", false, -E2BIG },
	};
	cleanup(pathset_fini) struct pathset set;

	(void)state;
	pathset_init(&set, &limits);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		assert_int_equal(pathset_add(&set, steps[i].path, steps[i].is_dir, NULL),
				 steps[i].result);
	assert_int_equal(set.len, 3);
	assert_string_equal(set.first->path, "lib");
	assert_true(set.first->is_dir);
	assert_string_equal(set.first->next->path, "a");
	assert_null(set.first->next->next->next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_checked),
		cmocka_unit_test(new_known_and_colliding_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
