/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/out.h"

#include "unit/cli/sample.h"

static void shows(const char *json, const struct view *views, const char *want)
{
	cleanup(json_free) struct json *result = sample_json(json);
	cleanup(buf_fini) struct buf out = BUF_INIT(1 << 16);

	assert_int_equal(out_plain(result, views, &out), 0);
	assert_string_equal(out.data ? out.data : "", want);
}

static const struct column amounts[] = {
	{ "POD", "pod", FORM_TEXT },	  { "N", "n", FORM_NUMBER },
	{ "BYTES", "bytes", FORM_BYTES }, { "CPU(s)", "cpu", FORM_NS },
	{ "MEM", "mem", FORM_BYTE_NS },	  {},
};

static void array_is_a_table(void **state)
{
	const struct view views[] = { { .path = "", .columns = amounts }, {} };

	(void)state;
	shows("[{\"pod\":\"a/b\",\"n\":7,\"bytes\":2048,\"cpu\":1500000000,"
	      "\"mem\":\"1073741824000000000\"},"
	      "{\"pod\":true,\"n\":\"18446744073709551616\",\"bytes\":\"99999999999999999999\"}]",
	      views,
	      "POD                     N    BYTES  CPU(s)    MEM\n"
	      "a/b                     7   2.0KiB   1.500  1.000\n"
	      "yes  18446744073709551616  15.9EiB       -      -\n");
}

static void money_is_in_sui_to_the_mist(void **state)
{
	const struct column columns[] = { { "PAID", "paid", FORM_SUI }, {} };
	const struct view table[] = { { .path = "", .columns = columns }, {} };
	const struct view members[] = {
		{ .path = "", .money = (const char *const[]){ "paid", "due", NULL } }, {}
	};

	(void)state;
	shows("[{\"paid\":\"1\"},{\"paid\":2500000000},{\"paid\":null}]", table,
	      "          PAID\n0.000000001SUI\n        2.5SUI\n             -\n");
	shows("{\"paid\":\"18446744073709551615\",\"seq\":\"7\",\"due\":null}", members,
	      "paid  18446744073.709551615SUI\nseq   7\ndue   -\n");
}

static void empty_array_is_its_header(void **state)
{
	const struct column columns[] = { { "POD", "pod", FORM_TEXT }, {} };
	const struct view header[] = { { .path = "", .columns = columns }, {} };
	const struct view text[] = { { .path = "", .columns = columns, .empty = "all is well" },
				     {} };

	(void)state;
	shows("[]", header, "POD\n");
	shows("[]", text, "all is well\n");
	shows("[{\"pod\":\"x\"}]", text, "POD\nx\n");
}

static void null_missing_and_empty_are_a_dash(void **state)
{
	const struct column columns[] = {
		{ "A", "a", FORM_TEXT }, { "B", "b.c", FORM_NUMBER }, { "C", "c.x", FORM_TEXT }, {}
	};
	const struct view views[] = { { .path = "", .columns = columns }, {} };

	(void)state;
	shows("[{\"a\":null,\"c\":[]},{\"a\":\"\",\"b\":{\"c\":0}}]", views,
	      "A  B  C\n-  -  -\n-  0  -\n");
}

static void nested_list_goes_on_lines_of_its_own(void **state)
{
	const struct column columns[] = { { "NAME", "name", FORM_TEXT },
					  { "BACKEND", "backends.ip", FORM_TEXT },
					  { "PORT", "backends.port", FORM_NUMBER },
					  { "TAGS", "tags", FORM_TEXT },
					  {} };
	const struct view views[] = { { .path = "", .columns = columns }, {} };

	(void)state;
	shows("[{\"name\":\"a\",\"backends\":[{\"ip\":\"x\",\"port\":1},{\"ip\":\"y\",\"port\":22}],"
	      "\"tags\":[\"p\",\"q\",\"r\"]},{\"name\":\"b\"}]",
	      views,
	      "NAME  BACKEND  PORT  TAGS\n"
	      "a     x           1  p\n"
	      "      y          22  q\n"
	      "                     r\n"
	      "b     -           -  -\n");
}

static void rows_of_an_element_know_what_is_around(void **state)
{
	const struct column columns[] = { { "NAME", "^name", FORM_TEXT },
					  { "PORT", "port", FORM_NUMBER },
					  { "BACKEND", "backends.ip", FORM_TEXT },
					  {} };
	const struct view views[] = { { .path = "", .rows = "ports", .columns = columns }, {} };

	(void)state;
	shows("[{\"name\":\"a\",\"ports\":[{\"port\":80,\"backends\":[{\"ip\":\"x\"},{\"ip\":\"y\"}]},"
	      "{\"port\":443}]},{\"name\":\"b\",\"ports\":[]}]",
	      views,
	      "NAME  PORT  BACKEND\n"
	      "a       80  x\n"
	      "            y\n"
	      "a      443  -\n"
	      "b        -  -\n");
}

static void object_is_lines_of_members(void **state)
{
	const struct column columns[] = { { "MAP", "name", FORM_TEXT }, {} };
	const struct view views[] = { { .path = "" }, { .path = "maps", .columns = columns }, {} };

	(void)state;
	shows("{\"abi\":1,\"maps\":[{\"name\":\"m\"}],\"on\":false,\"to\":null,\"o\":{\"x\":1},"
	      "\"list\":[\"a\",\"b\"]}",
	      views,
	      "abi   1\n"
	      "on    no\n"
	      "to    -\n"
	      "list  a\n"
	      "      b\n"
	      "\n"
	      "MAP\n"
	      "m\n");
}

static void each_reason_is_told_once(void **state)
{
	const struct column columns[] = { { "M", "m", FORM_NUMBER }, {} };
	const struct view views[] = {
		{ .path = "", .columns = columns, .notes = { "not_measured" } }, {}
	};

	(void)state;
	shows("[{\"m\":null,\"not_measured\":{\"m\":\"no controller\"}},{\"m\":5},"
	      "{\"m\":null,\"not_measured\":{\"m\":\"no controller\",\"x\":\"bad\\u001bname\"}}]",
	      views, "M\n-\n5\n-\n- m: no controller\n- x: bad?name\n");
}

static void limit_of_the_buffer_is_told(void **state)
{
	cleanup(json_free) struct json *result = sample_json("[{\"pod\":\"some name\"}]");
	const struct view views[] = { { .path = "", .columns = amounts }, {} };
	cleanup(buf_fini) struct buf out = BUF_INIT(8);

	(void)state;
	assert_int_equal(out_plain(result, views, &out), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(array_is_a_table),
		cmocka_unit_test(money_is_in_sui_to_the_mist),
		cmocka_unit_test(empty_array_is_its_header),
		cmocka_unit_test(null_missing_and_empty_are_a_dash),
		cmocka_unit_test(nested_list_goes_on_lines_of_its_own),
		cmocka_unit_test(rows_of_an_element_know_what_is_around),
		cmocka_unit_test(object_is_lines_of_members),
		cmocka_unit_test(each_reason_is_told_once),
		cmocka_unit_test(limit_of_the_buffer_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
