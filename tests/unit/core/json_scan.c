/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What json_parse() takes and what it refuses. Many cases after github.com/nst/JSONTestSuite.
 */
#include "unit/core/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/json.h"

#define MAX 10000

static int parse(const char *text, size_t len, struct err *err)
{
	/* On the heap and without a NUL, so that a read beyond the end is seen. */
	cleanup(free_ptr) char *copy = malloc(len ? len : 1);
	struct json *j = NULL;
	int rc;

	memcpy(copy, text, len);
	rc = json_parse(copy, len, MAX, "a.json", &j, err);
	assert_int_equal(rc == 0, j != NULL);
	json_free(&j);
	return rc;
}

static void json_is_accepted(void **state)
{
	static const char *const cases[] = {
		"null",
		"true",
		"false",
		"0",
		"-0",
		"1",
		"-1.5",
		"1e5",
		"1E+5",
		"0.5e-3",
		"\"\"",
		"[]",
		"{}",
		" [ ] ",
		"\t\r\n[1 , 2]\n",
		"{ \"a\" : 1 , \"b\":{} }",
		"[[[]]]",
		"\"\\u00e9\"",
		"\"\\ud83d\\ude00\"",
		"\"\\uD83D\\uDE00\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\x7f\"",
		"\"\xc3\xa9\xf0\x9f\x98\x80\"",
		"[\"a\",[],{},null,1.0]",
		"{\"\":0}",
		"123456789012345678901",
		"{\"a\":1,\"A\":2}",
		"1e-400",
		"\"\xef\xbf\xbf\"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {};

		if (parse(cases[i], strlen(cases[i]), &err) < 0)
			fail_msg("%s: %s", cases[i], err.text);
	}
}

static void what_is_not_json_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "1:1: the text ends too early" },
		{ " \n ", "2:2: the text ends too early" },
		{ "nul", "1:1: not a value" },
		{ "True", "1:1: not a value" },
		{ "nullx", "1:5: text behind the value" },
		{ "1 2", "1:3: text behind the value" },
		{ "{}\n{}", "2:1: text behind the value" },
		{ "[1]x", "1:4: text behind the value" },
		{ "\xef\xbb\xbf{}", "1:1: not a value" }, /* a byte order mark */
		{ "\x0c[]", "1:1: not a value" },
		{ "\x01[]", "1:1: not a value" }, /* cJSON skips these */
		{ "[1,\x0b"
		  "2]",
		  "1:4: not a value" },
		{ "\xc2\xa0[]", "1:1: not a value" },
		{ "// x\n1", "1:1: not a value" },
		{ "[1 /* x */]", "1:4: ',' or ']' is expected" },
		{ "[", "1:2: the text ends too early" },
		{ "[1", "1:3: ',' or ']' is expected" },
		{ "[1,", "1:4: the text ends too early" },
		{ "[1,]", "1:4: not a value" },
		{ "[,1]", "1:2: not a value" },
		{ "[1 2]", "1:4: ',' or ']' is expected" },
		{ "[1}", "1:3: ',' or ']' is expected" },
		{ "]", "1:1: not a value" },
		{ "{", "1:2: a string in double quotes is expected" },
		{ "{1:2}", "1:2: a string in double quotes is expected" },
		{ "{'a':2}", "1:2: a string in double quotes is expected" },
		{ "{a:2}", "1:2: a string in double quotes is expected" },
		{ "{\"a\"}", "1:5: ':' is expected" },
		{ "{\"a\":}", "1:6: not a value" },
		{ "{\"a\":1,}", "1:8: a string in double quotes is expected" },
		{ "{\"a\":1 \"b\":2}", "1:8: ',' or '}' is expected" },
		{ "01", "1:2: text behind the value" },
		{ "-01", "1:3: text behind the value" },
		{ "+1", "1:1: not a value" },
		{ "-", "1:2: a digit is missing" },
		{ ".5", "1:1: not a value" },
		{ "1.", "1:3: a digit is missing" },
		{ "1.e5", "1:3: a digit is missing" },
		{ "1e", "1:3: a digit is missing" },
		{ "1e+", "1:4: a digit is missing" },
		{ "0x10", "1:2: text behind the value" },
		{ "1_000", "1:2: text behind the value" },
		{ "NaN", "1:1: not a value" },
		{ "Infinity", "1:1: not a value" },
		{ "-Infinity", "1:2: a digit is missing" },
		{ "[1e400]", "1:7: the number is out of range" },
		{ "-1e999", "1:7: the number is out of range" },
		{ "1234567890123456789012345678901234567890123456789012345678901234",
		  "1:65: the number is too long" },
		{ "\"", "1:2: the string has no end" },
		{ "\"a", "1:3: the string has no end" },
		{ "'a'", "1:1: not a value" },
		{ "\"\n\"", "1:2: control character in a string; write it as \\u00XX" },
		{ "\"\t\"", "1:2: control character in a string; write it as \\u00XX" },
		{ "\"\x1f\"", "1:2: control character in a string; write it as \\u00XX" },
		{ "\"\\x\"", "1:3: unknown escape" },
		{ "\"\\\"", "1:4: the string has no end" },
		{ "\"\\", "1:3: unknown escape" },
		{ "\"\\u12g4\"", "1:6: \\u wants four hex digits" },
		{ "\"\\u123", "1:7: \\u wants four hex digits" },
		{ "\"\\u0000\"", "1:8: \\u0000 is refused" },
		{ "\"\\ud800\"", "1:8: half a surrogate pair" },
		{ "\"\\ud800x\"", "1:8: half a surrogate pair" },
		{ "\"\\ud800\\n\"", "1:9: half a surrogate pair" },
		{ "\"\\ud800\\u0041\"", "1:14: half a surrogate pair" },
		{ "\"\\udc00\\ud800\"", "1:8: half a surrogate pair" },
		{ "\"ab\xff\"", "1:4: not UTF-8" },
		{ "\"\xc3\"", "1:2: not UTF-8" },
		{ "\"\xc0\x80\"", "1:2: not UTF-8" },
		{ "\"\xed\xa0\x80\"", "1:2: not UTF-8" },
		{ "{\"a\":1,\n \"b\":2,\n \"a\":3}", "3:2: duplicate key \"a\"" },
		{ "{\"a\":{\"x\":1},\"b\":{\"y\":1,\"\\u0079\":2}}", "1:25: duplicate key \"y\"" },
		{ "{\"a\":1,\"b\":[{\"a\":1},{\"c\":1}],\"c\":1,\"c\":1,\"a\":1}",
		  "1:36: duplicate key \"c\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {};
		char want[128];

		snprintf(want, sizeof(want), "a.json:%s", cases[i].why);
		if (parse(cases[i].text, strlen(cases[i].text), &err) != -EBADMSG)
			fail_msg("%s is accepted", cases[i].text);
		assert_string_equal(err.text, want);
	}
}

static void nul_bytes_are_refused(void **state)
{
	(void)state;
	assert_int_equal(parse("1\0", 2, NULL), -EBADMSG);
	assert_int_equal(parse("\0001", 2, NULL), -EBADMSG);
	assert_int_equal(parse("[1,\0]", 5, NULL), -EBADMSG);
	assert_int_equal(parse("\"a\0b\"", 5, NULL), -EBADMSG);
	assert_int_equal(parse("{\"a\0\":1}", 8, NULL), -EBADMSG);
}

static void every_prefix_of_a_text_is_refused(void **state)
{
	static const char text[] =
		"{\"a\":[1.5e3,true,null,\"\\u00e9\\ud83d\\ude00\xc3\xa9\"],\"b\":{}}";

	(void)state;
	assert_int_equal(parse(text, strlen(text), NULL), 0);
	for (size_t len = 0; len < strlen(text); len++)
		assert_int_equal(parse(text, len, NULL), -EBADMSG);
}

/* Bit by bit: [[[...]]] and {"a":{"a":...}}. */
static int parse_nested(int depth, const char *open, const char *inner, const char *close)
{
	char text[1000] = "";
	size_t len = 0;

	for (int i = 0; i < depth; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", open);
	len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", inner);
	for (int i = 0; i < depth; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", close);
	return parse(text, len, NULL);
}

static void depth_is_limited(void **state)
{
	(void)state;
	assert_int_equal(parse_nested(JSON_MAX_DEPTH, "[", "", "]"), 0);
	assert_int_equal(parse_nested(JSON_MAX_DEPTH + 1, "[", "", "]"), -EBADMSG);
	assert_int_equal(parse_nested(JSON_MAX_DEPTH, "{\"a\":", "1", "}"), 0);
	assert_int_equal(parse_nested(JSON_MAX_DEPTH + 1, "{\"a\":", "1", "}"), -EBADMSG);
}

static void a_long_row_of_brackets_does_not_recurse(void **state)
{
	cleanup(free_ptr) char *text = malloc(1 << 20);
	struct json *j = NULL;

	(void)state;
	memset(text, '[', 1 << 20);
	assert_int_equal(json_parse(text, 1 << 20, 1 << 20, "x", &j, NULL), -EBADMSG);
	assert_null(j);
}

static void size_is_limited(void **state)
{
	struct err err = {};
	struct json *j = NULL;

	(void)state;
	assert_int_equal(json_parse("[1]", 3, 2, "a.json", &j, &err), -E2BIG);
	assert_string_equal(err.text, "a.json: larger than the limit of 2 bytes");
	assert_null(j);
	assert_int_equal(json_parse("[1]", 3, 3, "a.json", &j, &err), 0);
	json_free(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(json_is_accepted),	     TEST(what_is_not_json_is_refused_with_its_place),
		TEST(nul_bytes_are_refused), TEST(every_prefix_of_a_text_is_refused),
		TEST(depth_is_limited),	     TEST(a_long_row_of_brackets_does_not_recurse),
		TEST(size_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
