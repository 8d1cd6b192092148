/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include <stdio.h>

#include "core/buf.h"
#include "core/json.h"
#include "unit/core/random.h"

static struct json *parsed(const char *text)
{
	struct json *j = NULL;
	struct err err = {};

	if (json_parse(text, strlen(text), 1 << 20, "test", &j, &err) < 0)
		fail_msg("%s in %s", err.text, text);
	return j;
}

static void texts_are_printed_in_one_form(void **state)
{
	static const char *const cases[][2] = {
		{ " null ", "null" },
		{ "[ true , false ]", "[true,false]" },
		{ "{ \"b\" : 1 , \"a\" : [ ] }", "{\"b\":1,\"a\":[]}" }, /* the order stays */
		{ "{}", "{}" },
		{ "-0", "-0" },
		{ "1.0", "1" },
		{ "1.50", "1.5" },
		{ "0.1", "0.1" },
		{ "-12.25", "-12.25" },
		{ "1e5", "100000" },
		{ "9007199254740992", "9007199254740992" },
		{ "100000000000000000000", "100000000000000000000" },
		{ "1e21", "1e+21" },
		{ "1e-7", "1e-07" },
		{ "0.30000000000000004", "0.30000000000000004" },
		{ "5e-324", "4.94065645841247e-324" },
		{ "1.7976931348623157e308", "1.7976931348623157e+308" },
		{ "\"\\u00e9\\ud83d\\ude00\\/\"", "\"\xc3\xa9\xf0\x9f\x98\x80/\"" },
		{ "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\"",
		  "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\"" },
		{ "\"\\u2028\"", "\"\xe2\x80\xa8\"" },
		{ "{\"a\\nb\":1}", "{\"a\\nb\":1}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(buf_fini) struct buf b = BUF_INIT(1000);
		cleanup(json_free) struct json *j = parsed(cases[i][0]);

		assert_int_equal(json_print(j, false, &b), 0);
		assert_string_equal(b.data, cases[i][1]);
	}
}

static void pretty_has_two_blanks_a_level(void **state)
{
	cleanup(json_free) struct json *j = parsed("{\"a\":[1,{\"b\":[]}],\"c\":{}}");
	cleanup(buf_fini) struct buf b = BUF_INIT(1000);

	(void)state;
	assert_int_equal(json_print(j, true, &b), 0);
	assert_string_equal(b.data, "{\n"
				    "  \"a\": [\n"
				    "    1,\n"
				    "    {\n"
				    "      \"b\": []\n"
				    "    }\n"
				    "  ],\n"
				    "  \"c\": {}\n"
				    "}");
}

static void what_is_not_utf8_is_replaced(void **state)
{
	cleanup(json_free) struct json *j = json_new_object();
	cleanup(buf_fini) struct buf b = BUF_INIT(1000);

	(void)state;
	json_set_str(j, "k\xff", "a\x80\xc3(\xed\xa0\x80");
	assert_int_equal(json_print(j, false, &b), 0);
	assert_string_equal(b.data, "{\"k\xef\xbf\xbd\":\"a\xef\xbf\xbd\xef\xbf\xbd("
				    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}");
	json_free(&j);
	j = parsed(b.data);
}

static void a_full_buffer_is_reported(void **state)
{
	cleanup(json_free) struct json *j = parsed("[1,2,3]");
	cleanup(buf_fini) struct buf b = BUF_INIT(6), exact = BUF_INIT(7);

	(void)state;
	assert_int_equal(json_print(j, false, &b), -E2BIG);
	assert_int_equal(json_print(j, false, &exact), 0);
}

static void append_value(struct random *r, struct buf *b, int depth);

static void append_string(struct random *r, struct buf *b)
{
	static const char *const parts[] = { "a",
					     " ",
					     "\\n",
					     "\\\"",
					     "\\u00e9",
					     "\xc3\xa9",
					     "\\u0007",
					     "\\ud83d\\ude00",
					     "\xf0\x9f\x98\x80",
					     "/",
					     "\\/",
					     "\x7f" };

	buf_puts(b, "\"");
	for (uint64_t n = random_next(r) % 6; n; n--)
		buf_puts(b, parts[random_next(r) % ARRAY_LEN(parts)]);
	buf_puts(b, "\"");
}

static void append_number(struct random *r, struct buf *b)
{
	int64_t whole = (int64_t)random_number(r);

	buf_printf(b, "%" PRId64, whole);
	if (random_next(r) % 3 == 0)
		buf_printf(b, ".%" PRIu64, random_number(r));
	if (random_next(r) % 3 == 0)
		buf_printf(b, "e%d", (int)(random_next(r) % 500) - 250);
}

static void append_container(struct random *r, struct buf *b, int depth, bool object)
{
	buf_puts(b, object ? "{" : "[");
	for (uint64_t n = random_next(r) % 5; n; n--) {
		if (object)
			buf_printf(b, "\"k%" PRIu64 "\" : ", n);
		append_value(r, b, depth + 1);
		buf_puts(b, n > 1 ? " , " : "");
	}
	buf_puts(b, object ? "}" : "]");
}

static void append_value(struct random *r, struct buf *b, int depth)
{
	switch (random_next(r) % (depth < 5 ? 7 : 5)) {
	case 0:
		buf_puts(b, "null");
		break;
	case 1:
		buf_puts(b, "true");
		break;
	case 2:
		append_string(r, b);
		break;
	case 3:
	case 4:
		append_number(r, b);
		break;
	case 5:
		append_container(r, b, depth, true);
		break;
	default:
		append_container(r, b, depth, false);
	}
}

static void what_is_printed_parses_and_prints_the_same(void **state)
{
	struct random r = { 7 };

	(void)state;
	for (int i = 0; i < 5000; i++) {
		cleanup(buf_fini) struct buf in = BUF_INIT(1 << 20), once = in, twice = in,
					     pretty = in;
		cleanup(json_free) struct json *j = NULL, *back = NULL, *from_pretty = NULL;

		append_value(&r, &in, 0);
		j = parsed(in.data);
		assert_int_equal(json_print(j, false, &once), 0);
		back = parsed(once.data);
		assert_int_equal(json_print(back, false, &twice), 0);
		assert_string_equal(twice.data, once.data);
		assert_int_equal(json_print(j, true, &pretty), 0);
		from_pretty = parsed(pretty.data);
		buf_reset(&twice);
		assert_int_equal(json_print(from_pretty, false, &twice), 0);
		assert_string_equal(twice.data, once.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(texts_are_printed_in_one_form),
		TEST(pretty_has_two_blanks_a_level),
		TEST(what_is_not_utf8_is_replaced),
		TEST(a_full_buffer_is_reported),
		TEST(what_is_printed_parses_and_prints_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
