/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/utf8.h"

static void valid_sequences_give_length_and_code(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		uint32_t code;
	} cases[] = {
		{ "a", 1, 'a' },
		{ "\x7f", 1, 0x7f },
		{ "\xc2\x80", 2, 0x80 },
		{ "\xdf\xbf", 2, 0x7ff },
		{ "\xe0\xa0\x80", 3, 0x800 },
		{ "\xed\x9f\xbf", 3, 0xd7ff },
		{ "\xee\x80\x80", 3, 0xe000 },
		{ "\xef\xbf\xbf", 3, 0xffff },
		{ "\xf0\x90\x80\x80", 4, 0x10000 },
		{ "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint32_t code = 0;

		assert_int_equal(utf8_next(cases[i].text, &code), cases[i].len);
		assert_int_equal(code, cases[i].code);
	}
}

static void invalid_sequences_give_nothing(void **state)
{
	static const char *const cases[] = {
		"", /* the end */
		"\x80", /* a continuation alone */
		"\xc0\x80", /* overlong NUL */
		"\xc1\xbf", /* overlong */
		"\xe0\x9f\xbf", /* overlong */
		"\xf0\x8f\xbf\xbf", /* overlong */
		"\xed\xa0\x80", /* a surrogate */
		"\xf4\x90\x80\x80", /* above U+10FFFF */
		"\xf8\x88\x80\x80\x80", /* five bytes */
		"\xff", /* never a byte of UTF-8 */
		"\xc3", /* cut at the NUL */
		"\xe2\x82", /* cut */
		"\xf0\x9f\x92", /* cut */
		"\xc3(", /* no continuation */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint32_t code = 7;

		assert_int_equal(utf8_next(cases[i], &code), 0);
		assert_int_equal(code, 7);
	}
}

static void valid_len_ends_where_the_first_fault_begins(void **state)
{
	static const struct {
		const char *text;
		size_t len, valid;
	} cases[] = {
		{ "", 0, 0 },
		{ "abc", 3, 3 },
		{ "a\0b", 3, 3 }, /* NUL is a character */
		{ "\xc3\xa9\xf0\x9f\x98\x80", 6, 6 },
		{ "\xc3\xa9\xf0\x9f\x98\x80", 5, 2 }, /* the length cuts it, not a NUL */
		{ "ab\xffz", 4, 2 },
		{ "\x80", 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(utf8_valid_len(cases[i].text, cases[i].len), cases[i].valid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_sequences_give_length_and_code),
		cmocka_unit_test(invalid_sequences_give_nothing),
		cmocka_unit_test(valid_len_ends_where_the_first_fault_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
