/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/yaml.h"

static struct yaml *parsed(const char *text)
{
	struct yaml *y = NULL;
	struct err err = {};

	if (yaml_parse(text, strlen(text), "a.yaml", &y, &err) < 0)
		fail_msg("%s", err.text);
	return y;
}

/* The documents as compact JSON, one a line. */
static void assert_means(const char *text, const char *want)
{
	cleanup(yaml_free) struct yaml *y = parsed(text);
	cleanup(buf_fini) struct buf b = BUF_INIT(1 << 20);

	for (size_t i = 0; i < yaml_len(y); i++) {
		buf_puts(&b, i ? "\n" : "");
		assert_int_equal(json_print(yaml_doc(y, i), false, &b), 0);
	}
	assert_string_equal(b.len ? b.data : "", want);
	assert_null(yaml_doc(y, yaml_len(y)));
}

/* "NAME:LINE:" and "what" are ours; which column of a fault libfyaml points at is its version's. */
static void assert_told(const char *told, const char *want)
{
	unsigned int line = 0, column = 0;
	int at = 0;

	if (sscanf(want, "a.yaml:%u:%u%n", &line, &column, &at) != 2) {
		assert_string_equal(told, want);
		return;
	}
	want += at;
	at = 0;
	assert_int_equal(sscanf(told, "a.yaml:%u:%u%n", &column, &column, &at), 2);
	assert_int_equal(sscanf(told, "a.yaml:%u", &column), 1);
	assert_int_equal(column, line);
	assert_string_equal(told + at, want);
}

static void assert_refused(const char *text, size_t len, int code, const char *why)
{
	struct yaml *y = NULL;
	struct err err = {};

	if (yaml_parse(text, len, "a.yaml", &y, &err) != code)
		fail_msg("%s gives %d %s", text, err.code, err.text);
	assert_null(y);
	assert_told(err.text, why);
}

static void plain_scalars_follow_the_core_schema(void **state)
{
	static const char *const cases[][2] = {
		{ "~", "null" },
		{ "null", "null" },
		{ "Null", "null" },
		{ "NULL", "null" },
		{ "", "null" },
		{ "nULL", "\"nULL\"" },
		{ "true", "true" },
		{ "True", "true" },
		{ "FALSE", "false" },
		{ "yes", "\"yes\"" },
		{ "no", "\"no\"" },
		{ "on", "\"on\"" },
		{ "off", "\"off\"" },
		{ "y", "\"y\"" },
		{ "0", "0" },
		{ "80", "80" },
		{ "-5", "-5" },
		{ "+5", "5" },
		{ "-0", "0" },
		{ "007", "7" },
		{ "0o17", "15" },
		{ "0x1F", "31" },
		{ "0xfF", "255" },
		{ "0o18", "\"0o18\"" },
		{ "0xg", "\"0xg\"" },
		{ "0x", "\"0x\"" },
		{ "-0x1", "\"-0x1\"" },
		{ "9007199254740992", "9007199254740992" },
		{ "-9007199254740992", "-9007199254740992" },
		{ "9007199254740993", "\"9007199254740993\"" },
		{ "18446744073709551615", "\"18446744073709551615\"" },
		{ "0x20000000000000", "9007199254740992" },
		{ "0x20000000000001", "\"0x20000000000001\"" },
		{ "0xffffffffffffffffffff", "\"0xffffffffffffffffffff\"" },
		{ "1_000", "\"1_000\"" },
		{ "0.5", "0.5" },
		{ "-12.25", "-12.25" },
		{ "1.50", "1.5" },
		{ "1.", "\"1.\"" },
		{ ".5", "\".5\"" },
		{ "+0.5", "\"+0.5\"" },
		{ "00.5", "\"00.5\"" },
		{ "1e3", "\"1e3\"" },
		{ "1.5e3", "\"1.5e3\"" },
		{ ".inf", "\".inf\"" },
		{ ".nan", "\".nan\"" },
		{ "1.2.3.4", "\"1.2.3.4\"" },
		{ "10.0.0.0/8", "\"10.0.0.0/8\"" },
		{ "::1", "\"::1\"" },
		{ "12:30:45", "\"12:30:45\"" },
		{ "2026-11-20", "\"2026-11-20\"" },
		{ "'80'", "\"80\"" },
		{ "\"true\"", "\"true\"" },
		{ "''", "\"\"" },
		{ "\"\\u00e9\"", "\"é\"" },
		{ "a # comment", "\"a\"" },
		{ "a#b", "\"a#b\"" },
		{ "-", "[null]" },
		{ "--", "\"--\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[100], want[100];

		snprintf(text, sizeof(text), "k:\n  %s\n", cases[i][0]);
		snprintf(want, sizeof(want), "{\"k\":%s}", cases[i][1]);
		assert_means(text, want);
	}
}

static void block_scalars_are_strings(void **state)
{
	(void)state;
	assert_means("a: |\n  1\n  2\nb: >-\n  x\n  y\nc: |-\n  true\n",
		     "{\"a\":\"1\\n2\\n\",\"b\":\"x y\",\"c\":\"true\"}");
}

/* YAML 1.2.2, 7.3 */
static void quoted_scalars_are_unfolded(void **state)
{
	static const char *const cases[][2] = {
		{ "''", "" },
		{ "'it''s'", "it's" },
		{ "'a''''b'", "a''b" },
		{ "''''", "'" },
		{ "''''''", "''" },
		{ "' a\tb '", " a\tb " },
		{ "'a\\nb'", "a\\nb" },
		{ "'a \n  \tb'", "a b" },
		{ "'a\n\n \n b'", "a\n\nb" },
		{ "'a\r\n b\r\n'", "a b " },
		{ "' 1st\n\n 2nd \n\t3rd '", " 1st\n2nd 3rd " }, /* example 7.9 */
		{ "\"\"", "" },
		{ "\"it's\"", "it's" },
		{ "\"\\a\\b\\t\\n\\v\\f\\r\\e\\ \\\"\\/\\\\\"", "\a\b\t\n\v\f\r\x1b \"/\\" },
		{ "\"\\N\\_\\L\\P\"", "\xc2\x85\xc2\xa0\xe2\x80\xa8\xe2\x80\xa9" },
		{ "\"\\x41\\u00e9\\U0001F600\\ud83d\\ude00\"",
		  "A\xc3\xa9\xf0\x9f\x98\x80\xf0\x9f\x98\x80" },
		{ "\"a \n  b\"", "a b" },
		{ "\"a\\\n  b\"", "ab" },
		{ "\"a \\\n  \\ b\"", "a  b" },
		{ "\"a\\\n\n  b\"", "a\nb" },
		{ "\"a\\t\n b\"", "a\t b" }, /* an escaped blank stays */
		/* example 7.5 */
		{ "\"folded \nto a space,\t\n \nto a line feed, or \t\\\n \\ \tnon-content\"",
		  "folded to a space,\nto a line feed, or \t \tnon-content" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(yaml_free) struct yaml *y = parsed(cases[i][0]);

		assert_int_equal(yaml_len(y), 1);
		assert_string_equal(json_text(yaml_doc(y, 0), "not a string"), cases[i][1]);
	}
}

static void keys_are_strings(void **state)
{
	(void)state;
	assert_means(
		"1: a\ntrue: b\nnull: c\n\"\": d\n? e\n: f\n0x10: g",
		"{\"1\":\"a\",\"true\":\"b\",\"null\":\"c\",\"\":\"d\",\"e\":\"f\",\"0x10\":\"g\"}");
}

static void documents_that_are_empty_are_left_out(void **state)
{
	(void)state;
	assert_means("", "");
	assert_means("# only a comment\n", "");
	assert_means("---\n---\na: 1\n...\n---\n# c\n---\nnull\n---\n- b\n", "{\"a\":1}\n[\"b\"]");
	assert_means("\xef\xbb\xbf"
		     "a: 1\r\nb: 2\r\n",
		     "{\"a\":1,\"b\":2}");
}

static void json_is_read_as_well(void **state)
{
	(void)state;
	assert_means(
		"{\n\t\"a\": [1, 2.5, -3, true, null, \"x\\/\\ud83d\\ude00\"],\n\t\"b\":{\"c\":{}}}\n",
		"{\"a\":[1,2.5,-3,true,null,\"x/\xf0\x9f\x98\x80\"],\"b\":{\"c\":{}}}");
	assert_means("{\"long\":\"a\",\"b\":\"\"}", "{\"long\":\"a\",\"b\":\"\"}");
}

static void aliases_are_copies(void **state)
{
	(void)state;
	assert_means("a: &x {k: [1]}\nb: *x\nc: &x 2\nd: *x\n",
		     "{\"a\":{\"k\":[1]},\"b\":{\"k\":[1]},\"c\":2,\"d\":2}");
}

static void lines_are_those_of_keys_and_values(void **state)
{
	cleanup(yaml_free) struct yaml *y = parsed("# first\n"
						   "a: &x\n"
						   "  b:\n"
						   "    - 1\n"
						   "\n"
						   "    - c: 2\n"
						   "d: *x\n"
						   "---\n"
						   "e:\n"
						   "  |\n"
						   "  text\n");
	const struct json *one = yaml_doc(y, 0), *two = yaml_doc(y, 1);
	cleanup(json_free) struct json *foreign = json_new_object();

	(void)state;
	assert_int_equal(yaml_line(y, one), 2);
	assert_int_equal(yaml_line(y, json_get(one, "a")), 2);
	assert_int_equal(yaml_line(y, json_path(one, "a.b")), 3);
	assert_int_equal(yaml_line(y, json_at(json_path(one, "a.b"), 0)), 4);
	assert_int_equal(yaml_line(y, json_at(json_path(one, "a.b"), 1)), 6);
	assert_int_equal(yaml_line(y, json_get(json_at(json_path(one, "a.b"), 1), "c")), 6);
	assert_int_equal(yaml_line(y, json_get(one, "d")), 7);
	assert_int_equal(yaml_line(y, json_path(one, "d.b")), 7); /* by the alias */
	assert_int_equal(yaml_line(y, two), 9);
	assert_int_equal(yaml_line(y, json_get(two, "e")), 9);
	assert_int_equal(yaml_line(y, foreign), 0);
	assert_int_equal(yaml_line(y, NULL), 0);
}

static void faults_name_their_place(void **state)
{
	static const char *const cases[][2] = {
		{ "a: 1\nb: 2\na: 3\n", "a.yaml:3:1: duplicate key \"a\"" },
		{ "x:\n- {a: 1, \"a\": 2}\n", "a.yaml:2:11: duplicate key \"a\"" },
		{ "a: b: c", "a.yaml:1:5: invalid nested block mapping on the same line" },
		{ "a: \"x", "a.yaml:1:5: double-quoted scalar without closing quote" },
		{ "{a: 1}\nb: 2\n", "a.yaml:2:1: invalid mapping in plain multiline" },
		{ "a: [1\n", "a.yaml:2:1: flow sequence without a closing bracket" },
		{ "a: @b", "a.yaml:1:4: plain scalar cannot start with '@'" },
		{ "a: *x", "a.yaml:1:5: there is no anchor &x before this alias" },
		{ "a: &x 1\n---\nb: *x\n", "a.yaml:3:5: there is no anchor &x before this alias" },
		{ "a: &x [1, *x]", "a.yaml:1:12: *x is inside of what it names" },
		{ "a: &x 1\n*x : 2", "a.yaml:2:2: an alias as a key is not supported" },
		{ "&x a: 1", "a.yaml:1:4: an anchor at a key is not supported" },
		{ "<<: {a: 1}", "a.yaml:1:1: YAML 1.2 has no merge key <<; write the members out" },
		{ "a: 1\n: 2", "a.yaml:1:4: a key is missing before ':'" },
		{ "? [a]\n: b", "a.yaml:1:3: a key must be a scalar" },
		{ "{{a: 1}: 2}", "a.yaml:1:2: a key must be a scalar" },
		{ "a: !!str 1", "a.yaml:1:10: tags (!) are not supported" },
		{ "a: !x {}", "a.yaml:1:7: tags (!) are not supported" },
		{ "a: \"x\\0\"",
		  "a.yaml:1:5: an escape that is none, or of \\0 or half a character" },
		{ "a: \"\\u0000\"",
		  "a.yaml:1:5: an escape that is none, or of \\0 or half a character" },
		{ "a: \"\\ud83d\\n\"", "a.yaml:1:5: double-quoted scalar has invalid UTF8 escape" },
		{ "a: 1\nb: \x01", "a.yaml:2:4: control character" },
		{ "a: \x7f", "a.yaml:1:4: control character" },
		{ "a: 1\nb: \x80\nc: 1\n", "a.yaml:2:4: not UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_refused(cases[i][0], strlen(cases[i][0]), -EBADMSG, cases[i][1]);
	assert_refused("a: \0b", 5, -EBADMSG, "a.yaml:1:4: control character");
}

static void repeat(struct buf *b, int n, const char *text)
{
	for (int i = 0; i < n; i++)
		buf_puts(b, text);
}

static void depth_is_limited(void **state)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(1000), bad = BUF_INIT(1000),
				     alias = BUF_INIT(1000);
	cleanup(yaml_free) struct yaml *y = NULL;

	(void)state;
	repeat(&b, JSON_MAX_DEPTH, "[");
	repeat(&b, JSON_MAX_DEPTH, "]");
	y = parsed(b.data);
	repeat(&bad, JSON_MAX_DEPTH + 1, "[");
	repeat(&bad, JSON_MAX_DEPTH + 1, "]");
	assert_refused(bad.data, bad.len, -EBADMSG, "a.yaml:1:65: nested too deeply");
	/* 40 levels named, and used 40 levels down */
	buf_puts(&alias, "a: &x ");
	repeat(&alias, 40, "[");
	repeat(&alias, 40, "]");
	buf_puts(&alias, "\nb: ");
	repeat(&alias, 40, "[");
	buf_puts(&alias, "*x");
	repeat(&alias, 40, "]");
	assert_refused(alias.data, alias.len, -EBADMSG, "a.yaml:2:45: nested too deeply");
}

/* Each line has ten times the one before: "billion laughs". */
static void aliases_count_each_time(void **state)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(10000);
	struct yaml *y = NULL;
	struct err err = {};

	(void)state;
	buf_puts(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 10; i++) {
		buf_printf(&b, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			buf_printf(&b, "*a%d, ", i - 1);
		buf_puts(&b, "]\n");
	}
	assert_int_equal(yaml_parse(b.data, b.len, "a.yaml", &y, &err), -E2BIG);
	assert_null(y);
	assert_non_null(strstr(err.text, "more than 200000 values"));
}

static void text_behind_aliases_counts_each_time(void **state)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(YAML_MAX_BYTES);
	struct yaml *y = NULL;
	struct err err = {};

	(void)state;
	buf_puts(&b, "- &x ");
	repeat(&b, 1 << 20, "x");
	buf_puts(&b, "\n");
	repeat(&b, 17, "- *x\n");
	assert_int_equal(yaml_parse(b.data, b.len, "a.yaml", &y, &err), -E2BIG);
	assert_null(y);
	assert_non_null(strstr(err.text, "bytes of text"));
}

static void counts_are_limited(void **state)
{
	cleanup(buf_fini) struct buf docs = BUF_INIT(YAML_MAX_BYTES),
				     anchors = BUF_INIT(YAML_MAX_BYTES);
	cleanup(yaml_free) struct yaml *y = NULL;
	struct err err = {};

	(void)state;
	repeat(&docs, YAML_MAX_DOCS, "--- a\n");
	y = parsed(docs.data);
	assert_int_equal(yaml_len(y), YAML_MAX_DOCS);
	buf_puts(&docs, "--- a\n");
	yaml_free(&y);
	/* where a document begins, at its marker or its value, is libfyaml's version's */
	assert_int_equal(yaml_parse(docs.data, docs.len, "a.yaml", &y, &err), -E2BIG);
	assert_non_null(strstr(err.text, ": more than 4096 documents"));
	repeat(&anchors, YAML_MAX_ANCHORS, "- &x 1\n");
	y = parsed(anchors.data);
	buf_puts(&anchors, "- &x 1\n");
	assert_refused(anchors.data, anchors.len, -E2BIG, "a.yaml:1025:6: more than 1024 anchors");
}

static void size_is_limited(void **state)
{
	cleanup(free_ptr) char *text = malloc(YAML_MAX_BYTES + 1);

	(void)state;
	memset(text, '\n', YAML_MAX_BYTES + 1);
	assert_refused(text, YAML_MAX_BYTES + 1, -E2BIG,
		       "a.yaml: larger than the limit of 4194304 bytes");
}

/* Twice the members would be four times the time, if they were compared with each other. */
static void many_members_are_read(void **state)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(YAML_MAX_BYTES);
	cleanup(yaml_free) struct yaml *y = NULL;

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_printf(&b, "k%d: %d\n", i, i);
	y = parsed(b.data);
	assert_int_equal(json_len(yaml_doc(y, 0)), 100000);
	buf_puts(&b, "k77: 1\n");
	assert_refused(b.data, b.len, -EBADMSG, "a.yaml:100001:1: duplicate key \"k77\"");
}

static void faults_are_not_printed(void **state)
{
	int saved = dup(STDERR_FILENO), fd = memfd_create("stderr", MFD_CLOEXEC);
	off_t len;

	(void)state;
	dup2(fd, STDERR_FILENO);
	assert_refused("a: b: c", 7, -EBADMSG,
		       "a.yaml:1:5: invalid nested block mapping on the same line");
	len = lseek(fd, 0, SEEK_END);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd);
	assert_int_equal(len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(plain_scalars_follow_the_core_schema),
		TEST(block_scalars_are_strings),
		TEST(quoted_scalars_are_unfolded),
		TEST(keys_are_strings),
		TEST(documents_that_are_empty_are_left_out),
		TEST(json_is_read_as_well),
		TEST(aliases_are_copies),
		TEST(lines_are_those_of_keys_and_values),
		TEST(faults_name_their_place),
		TEST(depth_is_limited),
		TEST(aliases_count_each_time),
		TEST(text_behind_aliases_counts_each_time),
		TEST(counts_are_limited),
		TEST(size_is_limited),
		TEST(many_members_are_read),
		TEST(faults_are_not_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
