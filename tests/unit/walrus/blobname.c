/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/blobname.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/parse.h"

/* Of the empty blob, by @mysten/walrus-wasm. */
#define TEXT "3GPQL3HZNnFhN_F7l5Aa-X1VOtAKwIsg9zuWk8R81v4"
#define HEX "dc63d02f71d936716137f17b97901af97d553ad00ac08b20f73b9693c47cd6fe"
#define DECIMAL "115266429928251495341554418733506437537355316002977678939293217155078572499932"

static int group_setup(void **state)
{
	(void)state;
	return crypto_init();
}

static void one_id_in_both_texts(void **state)
{
	char text[BLOBNAME_MAX], decimal[BLOBNAME_DECIMAL_MAX];
	uint8_t id[BLOBID_LEN], found[BLOBID_LEN];

	(void)state;
	assert_int_equal(parse_hex(HEX, id, sizeof(id)), 0);
	assert_string_equal(blobname_format(id, text), TEXT);
	assert_string_equal(blobname_decimal(id, decimal), DECIMAL);
	assert_int_equal(blobname_parse(TEXT, found, NULL), 0);
	assert_memory_equal(found, id, sizeof(id));
	memset(found, 0, sizeof(found));
	assert_int_equal(blobname_parse(DECIMAL, found, NULL), 0);
	assert_memory_equal(found, id, sizeof(id));
}

static void random_ids_read_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		char text[BLOBNAME_MAX], decimal[BLOBNAME_DECIMAL_MAX];
		uint8_t id[BLOBID_LEN] = {}, found[BLOBID_LEN];

		random_bytes(id, i % 2 ? BLOBID_LEN : 1 + i % 16); /* small numbers too */
		assert_int_equal(blobname_parse(blobname_format(id, text), found, NULL), 0);
		assert_memory_equal(found, id, sizeof(id));
		assert_int_equal(blobname_parse(blobname_decimal(id, decimal), found, NULL), 0);
		assert_memory_equal(found, id, sizeof(id));
	}
}

static void ends_of_the_numbers(void **state)
{
	static const char most[] =
		"115792089237316195423570985008687907853269984665640564039457584007913129639935";
	char decimal[BLOBNAME_DECIMAL_MAX];
	uint8_t id[BLOBID_LEN] = {}, found[BLOBID_LEN];

	(void)state;
	assert_string_equal(blobname_decimal(id, decimal), "0");
	assert_int_equal(blobname_parse("0", found, NULL), 0);
	assert_memory_equal(found, id, sizeof(id));
	memset(id, 0xff, sizeof(id));
	assert_string_equal(blobname_decimal(id, decimal), most);
	assert_int_equal(blobname_parse(most, found, NULL), 0);
	assert_memory_equal(found, id, sizeof(id));
}

static void what_is_no_id_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"3GPQL3HZNnFhN_F7l5Aa-X1VOtAKwIsg9zuWk8R81v",
		TEXT "=",
		TEXT "A",
		/* bits behind the last byte */
		"3GPQL3HZNnFhN_F7l5Aa-X1VOtAKwIsg9zuWk8R81v5",
		/* the other alphabet */
		"3GPQL3HZNnFhN/F7l5Aa+X1VOtAKwIsg9zuWk8R81v4",
		" 12",
		"-1",
		"012",
		"0x12",
		/* 2^256 */
		"115792089237316195423570985008687907853269984665640564039457584007913129639936",
		"999999999999999999999999999999999999999999999999999999999999999999999999999999999",
		HEX,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t id[BLOBID_LEN] = { 77 };
		struct err err = {};

		assert_int_equal(blobname_parse(cases[i], id, &err), -EINVAL);
		assert_non_null(strstr(err.text, "is not a blob id"));
		assert_int_equal(id[0], 77);
	}
}

/* RFC 4648 section 10, without padding. */
static void base64url_of_any_length(void **state)
{
	static const char *const texts[] = { "",       "Zg",	  "Zm8",     "Zm9v",
					     "Zm9vYg", "Zm9vYmE", "Zm9vYmFy" };

	(void)state;
	for (size_t len = 0; len < ARRAY_LEN(texts); len++) {
		char text[BASE64URL_LEN(6)];
		uint8_t found[6];

		base64url_encode("foobar", len, text);
		assert_string_equal(text, texts[len]);
		assert_int_equal(base64url_decode(text, found, len), 0);
		assert_memory_equal(found, "foobar", len);
		assert_int_equal(base64url_decode(text, found, len + 1), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_id_in_both_texts),
		cmocka_unit_test(random_ids_read_back),
		cmocka_unit_test(ends_of_the_numbers),
		cmocka_unit_test(what_is_no_id_is_refused),
		cmocka_unit_test(base64url_of_any_length),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
