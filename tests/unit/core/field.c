/* SPDX-License-Identifier: Apache-2.0 */
#include "core/field.h"

#include "core/json.h"
#include "unit/core/test.h"

static struct json *parse(const char *text)
{
	struct json *j = NULL;
	struct err err = {};

	if (json_parse(text, strlen(text), 4096, "test", &j, &err) < 0)
		fail_msg("%s", err.text);
	return j;
}

/* The error must name the member. */
static void refused(int r, const struct err *err, const char *key)
{
	assert_int_equal(r, -EBADMSG);
	assert_int_equal(err->code, -EBADMSG);
	assert_int_equal(strncmp(err->text, key, strlen(key)), 0);
}

static void members_are_read(void **state)
{
	cleanup(json_free) struct json *j =
		parse("{\"n\":\"18446744073709551615\",\"w\":\"18446744073709551616\","
		      "\"h\":\"00ff\",\"s\":\"abc\",\"o\":{},\"a\":[]}");
	const struct json *o = NULL, *a = NULL;
	unsigned __int128 w = 0;
	uint8_t bytes[2] = {};
	char text[4] = "";
	uint64_t n = 0;

	(void)state;
	assert_int_equal(field_u64(j, "n", &n, NULL), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(field_u128(j, "w", &w, NULL), 0);
	assert_true(w == (unsigned __int128)UINT64_MAX + 1);
	assert_int_equal(field_hex(j, "h", bytes, 2, NULL), 0);
	assert_int_equal(bytes[1], 0xff);
	assert_int_equal(field_text(j, "s", text, sizeof(text), NULL), 0);
	assert_string_equal(text, "abc");
	assert_int_equal(field_object(j, "o", &o, NULL), 0);
	assert_ptr_equal(o, json_get(j, "o"));
	assert_int_equal(field_array(j, "a", &a, NULL), 0);
	assert_ptr_equal(a, json_get(j, "a"));
}

static void what_is_written_is_read(void **state)
{
	cleanup(json_free) struct json *j = json_new_object();
	uint8_t in[FIELD_HEX_MAX], out[FIELD_HEX_MAX] = {};
	uint64_t ms = 0;

	(void)state;
	memset(in, 0xa5, sizeof(in));
	field_set_time(j, "t", 1795000000000);
	field_set_hex(j, "h", in, sizeof(in));
	assert_int_equal(field_time(j, "t", &ms, NULL), 0);
	assert_int_equal(ms, 1795000000000);
	assert_int_equal(field_hex(j, "h", out, sizeof(out), NULL), 0);
	assert_memory_equal(in, out, sizeof(in));
}

static void a_wrong_or_missing_member_is_named_and_changes_nothing(void **state)
{
	cleanup(json_free) struct json *j =
		parse("{\"n\":-1,\"h\":\"00f\",\"s\":\"abcd\",\"o\":[],\"a\":{}}");
	const struct json *o = j;
	unsigned __int128 w = 42;
	uint8_t bytes[FIELD_HEX_MAX + 1] = { 42 };
	char text[4] = "old";
	uint64_t n = 42;
	struct err err = {};

	(void)state;
	refused(field_u64(j, "n", &n, &err), &err, "n:");
	refused(field_u64(j, "none", &n, &err), &err, "none:");
	refused(field_u128(j, "n", &w, &err), &err, "n:");
	refused(field_time(j, "s", &n, &err), &err, "s:");
	refused(field_hex(j, "h", bytes, 2, &err), &err, "h:");
	refused(field_hex(j, "h", bytes, sizeof(bytes), &err), &err, "h:");
	refused(field_text(j, "s", text, sizeof(text), &err), &err, "s:");
	refused(field_text(j, "o", text, sizeof(text), &err), &err, "o:");
	refused(field_object(j, "o", &o, &err), &err, "o:");
	refused(field_array(j, "a", &o, &err), &err, "a:");
	assert_int_equal(n, 42);
	assert_true(w == 42);
	assert_int_equal(bytes[0], 42);
	assert_string_equal(text, "old");
	assert_ptr_equal(o, j);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(members_are_read),
		TEST(what_is_written_is_read),
		TEST(a_wrong_or_missing_member_is_named_and_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
