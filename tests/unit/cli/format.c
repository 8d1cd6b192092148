/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/format.h"

#include "unit/cli/sample.h"

static void bytes_are_cut_to_a_unit(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0B" },	       { 1023, "1023B" },	  { 1024, "1.0KiB" },
		{ 1535, "1.4KiB" },    { 1536, "1.5KiB" },	  { (1 << 20) - 1, "1023.9KiB" },
		{ 1 << 20, "1.0MiB" }, { UINT64_MAX, "15.9EiB" },
	};
	char text[FORMAT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(format_bytes(cases[i].bytes, text), cases[i].text);
}

static void nanoseconds_are_seconds_with_three_digits(void **state)
{
	char text[FORMAT_MAX];

	(void)state;
	assert_string_equal(format_ns(0, text), "0.000");
	assert_string_equal(format_ns(999999, text), "0.000");
	assert_string_equal(format_ns(1000000, text), "0.001");
	assert_string_equal(format_ns(4323456999999, text), "4323.456");
	assert_string_equal(format_ns(UINT64_MAX, text), "18446744073.709");
}

static void memory_is_gib_seconds(void **state)
{
	const unsigned __int128 gib_s = ((unsigned __int128)1 << 30) * 1000000000;
	char text[FORMAT_MAX];

	(void)state;
	assert_string_equal(format_gib_s(0, text), "0.000");
	assert_string_equal(format_gib_s(gib_s, text), "1.000");
	assert_string_equal(format_gib_s(gib_s - 1, text), "0.999");
	assert_string_equal(format_gib_s(gib_s * 12 + gib_s / 2, text), "12.500");
	assert_string_equal(format_gib_s(~(unsigned __int128)0, text), "316912650057057350374.175");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_cut_to_a_unit),
		cmocka_unit_test(nanoseconds_are_seconds_with_three_digits),
		cmocka_unit_test(memory_is_gib_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
