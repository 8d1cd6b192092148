/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/csv.h"

#include "unit/cli/sample.h"

static void prints(const char *json, const char *want)
{
	static const char *const keys[] = { "pod", "n", NULL };
	cleanup(json_free) struct json *list = sample_json(json);
	cleanup(buf_fini) struct buf out = BUF_INIT(1 << 16);

	assert_int_equal(csv_print(list, keys, &out), 0);
	assert_string_equal(out.data, want);
}

static void empty_list_is_a_header(void **state)
{
	(void)state;
	prints("[]", "pod,n\n");
}

static void values_are_quoted_where_needed(void **state)
{
	(void)state;
	prints("[{\"n\":7,\"pod\":\"a/b\"},{\"pod\":null},{\"pod\":\"a,\\\"b\\\"\\n\",\"n\":\"99999999999999999999\"}]",
	       "pod,n\na/b,7\n,\n\"a,\"\"b\"\"\n\",99999999999999999999\n");
}

static void an_object_is_one_value(void **state)
{
	(void)state;
	prints("[{\"pod\":{\"app\":\"web\"},\"n\":{}}]", "pod,n\n\"{\"\"app\"\":\"\"web\"\"}\",\n");
}

static void formulas_are_disarmed(void **state)
{
	(void)state;
	prints("[{\"pod\":\"=1+1\",\"n\":true},{\"pod\":\"@x\",\"n\":\"-1+1\"}]",
	       "pod,n\n\"'=1+1\",true\n\"'@x\",\"'-1+1\"\n");
}

static void a_number_below_zero_is_a_number(void **state)
{
	(void)state;
	prints("[{\"pod\":\"-0.5\",\"n\":\"-\"}]", "pod,n\n-0.5,\"'-\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_list_is_a_header),
		cmocka_unit_test(an_object_is_one_value),
		cmocka_unit_test(values_are_quoted_where_needed),
		cmocka_unit_test(formulas_are_disarmed),
		cmocka_unit_test(a_number_below_zero_is_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
