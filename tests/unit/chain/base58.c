/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include "chain/base58.h"
#include "unit/core/random.h"

static void any_bytes_come_back(void **state)
{
	struct random rnd = { 58 };
	char text[BASE58_SIZE(BASE58_BYTES_MAX)];

	(void)state;
	for (size_t len = 0; len <= BASE58_BYTES_MAX; len++) {
		uint8_t bytes[BASE58_BYTES_MAX] = {}, again[BASE58_BYTES_MAX];
		size_t zeros = len ? random_next(&rnd) % 4 % (len + 1) : 0, got = SIZE_MAX;

		random_fill(&rnd, bytes + zeros, len - zeros);
		base58_encode(bytes, len, text);
		assert_true(strlen(text) < BASE58_SIZE(len));
		assert_int_equal(base58_decode(text, again, sizeof(again), &got), 0);
		assert_int_equal(got, len);
		assert_memory_equal(again, bytes, len);
	}
}

static void the_largest_bytes_fit_the_size(void **state)
{
	char text[BASE58_SIZE(BASE58_BYTES_MAX)];
	uint8_t bytes[BASE58_BYTES_MAX];

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		base58_encode(bytes, len, text);
		assert_true(strlen(text) < BASE58_SIZE(len));
	}
}

static void zero_bytes_in_front_are_ones(void **state)
{
	char text[BASE58_SIZE(4)];

	(void)state;
	base58_encode("", 0, text);
	assert_string_equal(text, "");
	base58_encode("\0\0\0\1", 4, text);
	assert_string_equal(text, "1112");
}

static void what_does_not_fit_or_is_no_base58_leaves_the_result_alone(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ "0", -EINVAL },   { "O", -EINVAL },	{ "I", -EINVAL },	 { "l", -EINVAL },
		{ "2 ", -EINVAL },  { "1+1", -EINVAL }, { "\xc3\xa9", -EINVAL }, { "111", -E2BIG },
		{ "1LUv", -E2BIG }, { "zzzz", -E2BIG },
	};
	uint8_t ret[2] = { 7, 8 };
	size_t len = 9;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(base58_decode(cases[i].text, ret, sizeof(ret), &len), cases[i].rc);
		assert_int_equal(ret[0] + ret[1] + len, 7 + 8 + 9);
	}
	assert_int_equal(base58_decode("LUv", ret, sizeof(ret), &len), 0);
	assert_memory_equal(ret, "\xff\xff", 2);
}

static void a_text_far_too_long_is_refused(void **state)
{
	static char text[100000];
	uint8_t ret[BASE58_BYTES_MAX];
	size_t len;

	(void)state;
	memset(text, 'z', sizeof(text) - 1);
	assert_int_equal(base58_decode(text, ret, sizeof(ret), &len), -E2BIG);
	memset(text, '1', sizeof(text) - 1);
	assert_int_equal(base58_decode(text, ret, sizeof(ret), &len), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_bytes_come_back),
		TEST(the_largest_bytes_fit_the_size),
		TEST(zero_bytes_in_front_are_ones),
		TEST(what_does_not_fit_or_is_no_base58_leaves_the_result_alone),
		TEST(a_text_far_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
