/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include "core/parse.h"
#include "unit/core/random.h"

#define UNTOUCHED 4711

struct u64_case {
	const char *text;
	int rc;
	uint64_t v;
};

static void check(int (*parse)(const char *, uint64_t *), const struct u64_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v = UNTOUCHED;

		if (parse(cases[i].text, &v) != cases[i].rc)
			fail_msg("\"%s\" gives %d", cases[i].text, parse(cases[i].text, &v));
		assert_int_equal(v, cases[i].rc ? UNTOUCHED : cases[i].v);
	}
}

static int parse_any_u64(const char *text, uint64_t *ret)
{
	return parse_u64(text, 0, UINT64_MAX, ret);
}

static void u64_reads_decimal_and_nothing_else(void **state)
{
	static const struct u64_case cases[] = {
		{ "0", 0, 0 },
		{ "007", 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "340282366920938463463374607431768211456", -ERANGE, 0 },
		{ "999999999999999999999999999999999999999999999x", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
		{ "\xd9\xa1", -EINVAL, 0 }, /* ARABIC-INDIC DIGIT ONE */
	};

	(void)state;
	check(parse_any_u64, cases, ARRAY_LEN(cases));
}

static void bounds_are_inclusive(void **state)
{
	uint64_t v = UNTOUCHED;
	uint32_t w = UNTOUCHED;

	(void)state;
	assert_int_equal(parse_u64("10", 10, 20, &v), 0);
	assert_int_equal(parse_u64("20", 10, 20, &v), 0);
	assert_int_equal(parse_u64("9", 10, 20, &v), -ERANGE);
	assert_int_equal(parse_u64("21", 10, 20, &v), -ERANGE);
	assert_int_equal(v, 20);
	assert_int_equal(parse_u32("4294967295", 0, UINT32_MAX, &w), 0);
	assert_int_equal(w, UINT32_MAX);
	assert_int_equal(parse_u32("4294967296", 0, UINT32_MAX, &w), -ERANGE);
	assert_int_equal(parse_u32("65536", 1, 65535, &w), -ERANGE);
	assert_int_equal(parse_u32("x", 1, 65535, &w), -EINVAL);
	assert_int_equal(w, UINT32_MAX);
}

static void u128_goes_to_its_end(void **state)
{
	const char *max = "340282366920938463463374607431768211455";
	unsigned __int128 v = 1;
	char text[U128_TEXT_MAX];

	(void)state;
	assert_int_equal(parse_u128(max, &v), 0);
	assert_true(v == ~(unsigned __int128)0);
	assert_string_equal(format_u128(v, text), max);
	assert_int_equal(parse_u128("340282366920938463463374607431768211456", &v), -ERANGE);
	assert_int_equal(parse_u128("", &v), -EINVAL);
	assert_true(v == ~(unsigned __int128)0);
	assert_string_equal(format_u128(0, text), "0");
}

static void u128_text_comes_back(void **state)
{
	struct random r = { 1 };

	(void)state;
	for (int i = 0; i < 10000; i++) {
		unsigned __int128 v = (unsigned __int128)random_number(&r) << 64 | random_next(&r);
		unsigned __int128 back = 0;
		char text[U128_TEXT_MAX];

		v >>= random_next(&r) % 128;
		assert_int_equal(parse_u128(format_u128(v, text), &back), 0);
		assert_true(back == v);
	}
}

static void sizes_have_binary_units(void **state)
{
	static const struct u64_case cases[] = {
		{ "42", 0, 42 },
		{ "0", 0, 0 },
		{ "64KiB", 0, 65536 },
		{ "256MiB", 0, 256ull << 20 },
		{ "1GiB", 0, 1ull << 30 },
		{ "2TiB", 0, 2ull << 40 },
		{ "16777215TiB", 0, 16777215ull << 40 },
		{ "16777216TiB", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "64KB", -EINVAL, 0 },
		{ "64kib", -EINVAL, 0 },
		{ "64K", -EINVAL, 0 },
		{ "KiB", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "1 KiB", -EINVAL, 0 },
		{ "1.5KiB", -EINVAL, 0 },
		{ "1KiB ", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
	};

	(void)state;
	check(parse_size, cases, ARRAY_LEN(cases));
}

static void durations_have_a_unit(void **state)
{
	static const struct u64_case cases[] = {
		{ "500ms", 0, 500 },
		{ "60s", 0, 60000 },
		{ "5m", 0, 300000 },
		{ "2h", 0, 7200000 },
		{ "7d", 0, 604800000 },
		{ "0s", 0, 0 },
		{ "213503982334d", 0, 213503982334ull * 86400000 },
		{ "213503982335d", -ERANGE, 0 },
		{ "60", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "1h30m", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "1S", -EINVAL, 0 },
	};

	(void)state;
	check(parse_duration_ms, cases, ARRAY_LEN(cases));
}

static void quantities_are_written_in_the_largest_unit_and_come_back(void **state)
{
	static const struct {
		uint64_t v;
		const char *size, *duration;
	} cases[] = {
		{ 0, "0", "0ms" },
		{ 1, "1", "1ms" },
		{ 1024, "1KiB", "1024ms" },
		{ 86400000, "84375KiB", "1d" },
		{ 5400000, "5400000", "90m" },
		{ 3ull << 40, "3TiB", "3298534883328ms" },
		{ UINT64_MAX, "18446744073709551615", "18446744073709551615ms" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[QUANTITY_TEXT_MAX];
		uint64_t v = UNTOUCHED;

		assert_string_equal(format_size(cases[i].v, text), cases[i].size);
		assert_int_equal(parse_size(text, &v), 0);
		assert_int_equal(v, cases[i].v);
		assert_string_equal(format_duration_ms(cases[i].v, text), cases[i].duration);
		assert_int_equal(parse_duration_ms(text, &v), 0);
		assert_int_equal(v, cases[i].v);
	}
}

static void hex_wants_lower_case_and_its_length(void **state)
{
	static const char *const bad[] = {
		"", "0", "00f", "00FF", "00fg", "00ff00", " 0ff", "0x0f"
	};
	uint8_t bytes[2] = { 1, 2 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(parse_hex(bad[i], bytes, 2), -EINVAL);
	assert_memory_equal(bytes, "\x01\x02", 2);
	assert_int_equal(parse_hex("00ff", bytes, 2), 0);
	assert_memory_equal(bytes, "\x00\xff", 2);
	assert_int_equal(parse_hex("", bytes, 0), 0);
}

static void hex_comes_back(void **state)
{
	struct random r = { 2 };

	(void)state;
	for (size_t len = 0; len < 64; len++) {
		uint8_t bytes[64], back[64];
		char text[129];

		random_fill(&r, bytes, len);
		format_hex(bytes, len, text);
		assert_int_equal(strlen(text), 2 * len);
		assert_int_equal(parse_hex(text, back, len), 0);
		assert_memory_equal(back, bytes, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(u64_reads_decimal_and_nothing_else),
		TEST(bounds_are_inclusive),
		TEST(u128_goes_to_its_end),
		TEST(u128_text_comes_back),
		TEST(sizes_have_binary_units),
		TEST(durations_have_a_unit),
		TEST(quantities_are_written_in_the_largest_unit_and_come_back),
		TEST(hex_wants_lower_case_and_its_length),
		TEST(hex_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
