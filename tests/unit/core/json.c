/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h> /* only to take its memory away */

#include "core/buf.h"
#include "core/json.h"

static struct json *parsed(const char *text)
{
	struct json *j = NULL;
	struct err err = {};

	if (json_parse(text, strlen(text), 1 << 20, "test", &j, &err) < 0)
		fail_msg("%s", err.text);
	return j;
}

static void assert_printed(const struct json *j, const char *want)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(1 << 20);

	assert_int_equal(json_print(j, false, &b), 0);
	assert_string_equal(b.data, want);
}

static void members_are_found_by_key_and_path(void **state)
{
	cleanup(json_free) struct json *j = parsed(
		"{\"spec\":{\"ports\":[{\"port\":80}],\"a.b\":1},\"Spec\":2,\"s\":\"x\",\"t\":true}");

	(void)state;
	assert_int_equal(json_type(json_get(j, "spec")), JSON_OBJECT);
	assert_int_equal(json_type(json_get(j, "Spec")), JSON_NUMBER); /* case counts */
	assert_null(json_get(j, "SPEC"));
	assert_null(json_get(j, ""));
	assert_int_equal(json_len(json_path(j, "spec.ports")), 1);
	assert_ptr_equal(json_path(j, ""), j);
	assert_null(json_path(j, "spec.none.more"));
	assert_null(json_path(j, "s.x"));
	assert_null(json_path(j, "spec.a.b"));
	assert_string_equal(json_str(j, "s", "f"), "x");
	assert_true(json_bool(j, "t", false));
	assert_string_equal(json_key(json_get(j, "s")), "s");
	assert_null(json_key(j));
	assert_null(json_key(json_first(json_path(j, "spec.ports"))));
}

static void what_is_missing_gives_the_fallback(void **state)
{
	cleanup(json_free) struct json *j = parsed("{\"n\":1,\"null\":null,\"a\":[\"x\"]}");

	(void)state;
	assert_string_equal(json_str(j, "n", "f"), "f");
	assert_string_equal(json_str(j, "none", "f"), "f");
	assert_null(json_str(j, "null", NULL));
	assert_true(json_bool(j, "n", true));
	assert_true(json_bool(j, "none", true));
	assert_null(json_get(json_get(j, "a"), "x")); /* an array has no keys */
	assert_int_equal(json_type(NULL), JSON_NULL);
	assert_null(json_get(NULL, "a"));
	assert_null(json_path(NULL, "a.b"));
	assert_null(json_first(NULL));
	assert_null(json_next(NULL));
	assert_null(json_at(NULL, 0));
	assert_null(json_key(NULL));
	assert_int_equal(json_len(NULL), 0);
	assert_string_equal(json_text(NULL, "f"), "f");
}

static void numbers_are_exact_or_refused(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t v;
	} cases[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "80", 0, 80 },
		{ "8e1", 0, 80 },
		{ "80.0", 0, 80 },
		{ "9007199254740992", 0, 1ull << 53 },
		{ "9007199254740994", -EINVAL, 0 }, /* a double, but one among rounded ones */
		{ "18446744073709551615", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "1e300", -EINVAL, 0 },
		{ "\"18446744073709551615\"", 0, UINT64_MAX },
		{ "\"18446744073709551616\"", -EINVAL, 0 },
		{ "\"0\"", 0, 0 },
		{ "\"\"", -EINVAL, 0 },
		{ "\"-1\"", -EINVAL, 0 },
		{ "\"1.0\"", -EINVAL, 0 },
		{ "\" 1\"", -EINVAL, 0 },
		{ "true", -EINVAL, 0 },
		{ "[1]", -EINVAL, 0 },
		{ "{}", -EINVAL, 0 },
		{ "null", -ENOENT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(json_free) struct json *j = json_new_object(),
					       *value = parsed(cases[i].text);
		unsigned __int128 big = 4711;
		uint64_t v = 4711;

		assert_int_equal(json_set(j, "n", take_ptr(value)), 0);
		if (json_u64(j, "n", &v) != cases[i].rc)
			fail_msg("%s gives %d", cases[i].text, json_u64(j, "n", &v));
		assert_int_equal(v, cases[i].rc ? 4711 : cases[i].v);
		if (cases[i].rc == 0) {
			assert_int_equal(json_u128(j, "n", &big), 0);
			assert_true(big == cases[i].v);
			assert_int_equal(json_number(json_get(j, "n"), &v), 0);
		} else {
			assert_int_equal(json_number(json_get(j, "n"), &v), -EINVAL);
		}
		assert_int_equal(json_u64(j, "none", &v), -ENOENT);
	}
}

static void u128_goes_to_its_end(void **state)
{
	cleanup(json_free) struct json *j = json_new_object();
	unsigned __int128 v = 0;

	(void)state;
	assert_int_equal(json_set_u128(j, "a", ~(unsigned __int128)0), 0);
	assert_int_equal(json_u128(j, "a", &v), 0);
	assert_true(v == ~(unsigned __int128)0);
	assert_int_equal(json_set_str(j, "a", "340282366920938463463374607431768211456"), 0);
	assert_int_equal(json_u128(j, "a", &v), -EINVAL);
	assert_int_equal(json_u128(j, "b", &v), -ENOENT);
	assert_int_equal(json_set_bool(j, "b", true), 0);
	assert_int_equal(json_u128(j, "b", &v), -EINVAL);
	assert_true(v == ~(unsigned __int128)0);
}

static void children_are_walked_in_order(void **state)
{
	cleanup(json_free) struct json *j = parsed("{\"b\":1,\"a\":2,\"c\":[10,11,12]}");
	const struct json *arr = json_get(j, "c");
	char keys[4] = "";
	size_t n = 0;
	uint64_t v;

	(void)state;
	json_foreach(m, j)
		keys[n++] = *json_key(m);
	assert_string_equal(keys, "bac");
	assert_int_equal(json_len(j), 3);
	assert_int_equal(json_number(json_at(arr, 2), &v), 0);
	assert_int_equal(v, 12);
	assert_null(json_at(arr, 3));
	json_foreach(m, json_get(j, "b"))
		fail();
}

static void setters_build_what_is_printed(void **state)
{
	cleanup(json_free) struct json *j = json_new_object();
	struct json *arr = json_new_array();

	(void)state;
	assert_int_equal(json_set_str(j, "s", "x"), 0);
	assert_int_equal(json_set_str(j, "none", NULL), 0);
	assert_int_equal(json_set_bool(j, "t", true), 0);
	assert_int_equal(json_set_u64(j, "n", 1ull << 53), 0);
	assert_int_equal(json_set_u64(j, "big", (1ull << 53) + 1), 0);
	assert_int_equal(json_set_u64_text(j, "text", 7), 0);
	assert_int_equal(json_set_u128(j, "u128", 8), 0);
	assert_int_equal(json_set_base64(j, "base64", "\1\2", 2), 0);
	assert_int_equal(json_set_null(j, "null"), 0);
	assert_int_equal(json_add_str(arr, "y"), 0);
	assert_int_equal(json_add_u64(arr, UINT64_MAX), 0);
	assert_int_equal(json_add(arr, json_new_object()), 0);
	assert_int_equal(json_set(j, "arr", arr), 0);
	assert_printed(
		j,
		"{\"s\":\"x\",\"none\":null,\"t\":true,\"n\":9007199254740992,"
		"\"big\":\"9007199254740993\",\"text\":\"7\",\"u128\":\"8\",\"base64\":\"AQI=\",\"null\":null,"
		"\"arr\":[\"y\",\"18446744073709551615\",{}]}");
}

static void setting_again_replaces_in_place(void **state)
{
	cleanup(json_free) struct json *j = parsed("{\"a\":1,\"b\":2,\"c\":3}");

	(void)state;
	assert_int_equal(json_set_str(j, "a", "x"), 0);
	assert_int_equal(json_set(j, "b", json_new_array()), 0);
	assert_int_equal(json_set_null(j, "c"), 0);
	assert_int_equal(json_set_u64(j, "d", 4), 0);
	assert_int_equal(json_set_u64(j, "c", 5), 0);
	assert_printed(j, "{\"a\":\"x\",\"b\":[],\"c\":5,\"d\":4}");
}

static void a_copy_is_its_own(void **state)
{
	cleanup(json_free) struct json *j = parsed("{\"a\":{\"x\":[1]},\"b\":2}"),
				       *arr = json_new_array();
	struct json *copy = json_dup(json_get(j, "a"));

	(void)state;
	assert_null(json_key(copy));
	assert_int_equal(json_set_u64(copy, "y", 2), 0);
	assert_int_equal(json_set(j, "b", json_dup(copy)), 0);
	assert_int_equal(json_add(arr, copy), 0);
	assert_printed(arr, "[{\"x\":[1],\"y\":2}]");
	assert_printed(j, "{\"a\":{\"x\":[1]},\"b\":{\"x\":[1],\"y\":2}}");
}

static void a_failure_is_remembered_until_printing(void **state)
{
	cleanup(json_free) struct json *j = parsed("{\"a\":{\"deep\":[]},\"b\":1}"), *copy = NULL;
	cleanup(buf_fini) struct buf b = BUF_INIT(100);

	(void)state;
	/* NULL is what a constructor without memory gives. */
	assert_int_equal(json_set(j, "b", NULL), -ENOMEM);
	assert_int_equal(json_len(j), 2);
	assert_int_equal(json_set_u64(j, "c", 1), 0);
	assert_int_equal(json_print(j, false, &b), -ENOMEM);
	assert_int_equal(b.len, 0);
	copy = json_dup(j);
	assert_int_equal(json_print(copy, false, &b), -ENOMEM);
	assert_int_equal(json_print(NULL, false, &b), -ENOMEM);
}

static void a_failure_deep_inside_is_remembered(void **state)
{
	cleanup(json_free) struct json *j = json_new_object();
	cleanup(buf_fini) struct buf b = BUF_INIT(100);
	struct json *arr = json_new_array();

	(void)state;
	assert_int_equal(json_add(arr, NULL), -ENOMEM);
	assert_int_equal(json_set(j, "arr", arr), 0);
	assert_int_equal(json_print(j, false, &b), -ENOMEM);
}

static void setters_of_nothing_free_the_value(void **state)
{
	(void)state;
	assert_int_equal(json_set(NULL, "a", json_new_object()), -ENOMEM);
	assert_int_equal(json_add(NULL, json_new_object()), -ENOMEM);
	assert_int_equal(json_set_str(NULL, "a", "x"), -ENOMEM);
}

/* Fails from the n-th allocation on. */
static int allocations_left;

static void *scarce(size_t size)
{
	return allocations_left-- > 0 ? malloc(size) : NULL;
}

static int take_memory(void **state)
{
	cJSON_Hooks hooks = { .malloc_fn = scarce, .free_fn = free };

	(void)state;
	cJSON_InitHooks(&hooks);
	return 0;
}

static int give_memory(void **state)
{
	(void)state;
	cJSON_InitHooks(NULL);
	return 0;
}

static struct json *build(void)
{
	struct json *j = json_new_object(), *arr = json_new_array();

	json_set_str(j, "s", "x");
	json_set_str(j, "s", "y");
	json_add_u64(arr, 1);
	json_add(arr, json_new_object());
	json_set(j, "arr", arr);
	json_set_u128(j, "n", 3);
	return j;
}

static void no_memory_at_any_point_is_reported(void **state)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(1000);
	int n = 0, rc;

	(void)state;
	do {
		cleanup(json_free) struct json *j = NULL;

		allocations_left = n++;
		j = build();
		buf_reset(&b);
		rc = json_print(j, false, &b);
		if (rc < 0)
			assert_int_equal(rc, -ENOMEM);
	} while (rc < 0);
	assert_string_equal(b.data, "{\"s\":\"y\",\"arr\":[1,{}],\"n\":\"3\"}");
	assert_true(n > 10);
}

static void parsing_without_memory_fails_clean(void **state)
{
	static const char text[] = "{\"a\":[1,\"x\",{\"b\":null}],\"c\":true}";
	struct json *j = NULL;
	int n = 0, rc;

	(void)state;
	do {
		struct err err = {};

		allocations_left = n++;
		rc = json_parse(text, strlen(text), 100, "test", &j, &err);
		if (rc < 0) {
			assert_int_equal(rc, -ENOMEM);
			assert_null(j);
		}
	} while (rc < 0);
	assert_true(n > 5);
	json_free(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(members_are_found_by_key_and_path),
		TEST(what_is_missing_gives_the_fallback),
		TEST(numbers_are_exact_or_refused),
		TEST(u128_goes_to_its_end),
		TEST(children_are_walked_in_order),
		TEST(setters_build_what_is_printed),
		TEST(setting_again_replaces_in_place),
		TEST(a_copy_is_its_own),
		TEST(a_failure_is_remembered_until_printing),
		TEST(a_failure_deep_inside_is_remembered),
		TEST(setters_of_nothing_free_the_value),
		cmocka_unit_test_setup_teardown(no_memory_at_any_point_is_reported, take_memory,
						give_memory),
		cmocka_unit_test_setup_teardown(parsing_without_memory_fails_clean, take_memory,
						give_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
