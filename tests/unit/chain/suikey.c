/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include "chain/suikey.h"

#include <ctype.h>

#include "unit/core/random.h"

/* alice of tests/vectors/sui-vectors.json */
static const char alice[] =
	"suiprivkey1qr89j7kyd4ps795gat3lwzczrqk3xwyw0q0tancdra2d9hnm606jjcsxuaq";

static void expect_refused(const char *text, int rc, const char *says)
{
	struct err err = {};
	struct key *key = NULL;

	assert_int_equal(suikey_parse(text, &key, &err), rc);
	assert_null(key);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	/* nothing of the secret */
	assert_null(strstr(err.text, "89j7k"));
}

static void every_key_comes_back(void **state)
{
	struct random rnd = { 1 };

	(void)state;
	for (int i = 0; i < 100; i++) {
		cleanup(key_free) struct key *key = NULL;
		cleanup(key_free) struct key *again = NULL;
		uint8_t seed[KEY_SEED_LEN], got[KEY_SEED_LEN];
		char text[SUIKEY_SIZE];

		random_fill(&rnd, seed, sizeof(seed));
		assert_int_equal(key_from_seed(seed, &key), 0);
		suikey_format(key, text);
		assert_int_equal(strlen(text), SUIKEY_SIZE - 1);
		assert_int_equal(suikey_parse(text, &again, NULL), 0);
		key_seed(again, got);
		assert_memory_equal(got, seed, sizeof(seed));
	}
}

static void capital_letters_alone_are_the_same_key(void **state)
{
	cleanup(key_free) struct key *key = NULL;
	char text[sizeof(alice)];

	(void)state;
	for (size_t i = 0; i < sizeof(alice); i++)
		text[i] = (char)toupper((unsigned char)alice[i]);
	assert_int_equal(suikey_parse(text, &key, NULL), 0);
	suikey_format(key, text);
	assert_string_equal(text, alice);
}

static void any_one_character_changed_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(alice) - 1; i++) {
		for (const char *c = "qpzry9x8gf2tvdw0s3jn54khce6mua7l1bio -"; *c; c++) {
			char text[sizeof(alice)];
			struct key *key = NULL;

			memcpy(text, alice, sizeof(alice));
			if (text[i] == *c)
				continue;
			text[i] = *c;
			assert_int_equal(suikey_parse(text, &key, NULL), -EINVAL);
			assert_null(key);
		}
	}
}

static void the_error_names_what_is_wrong(void **state)
{
	char text[sizeof(alice) + 1];

	(void)state;
	expect_refused("", -EINVAL, "does not begin with");
	expect_refused("suiprivkey", -EINVAL, "does not begin with");
	expect_refused("0xce597ac46d430f16", -EINVAL, "does not begin with");
	expect_refused("suiprivkey1qr89j7k", -EINVAL, "18 characters, want 70");
	memcpy(text, alice, sizeof(alice));
	text[20] = 'P';
	expect_refused(text, -EINVAL, "capital");
	text[20] = 'b';
	expect_refused(text, -EINVAL, "character 21 belongs in no bech32 text");
	text[20] = alice[20] == 'q' ? 'p' : 'q';
	expect_refused(text, -EINVAL, "checksum");
	memcpy(text, alice, sizeof(alice));
	memcpy(text + sizeof(alice) - 1, "q", 2);
	expect_refused(text, -EINVAL, "71 characters, want 70");
	expect_refused("suiprivkey1q8g5eupvc5rjaxr425p2ag9k3rx8u4v3x8k56vmc995gjvcvqf6usnw770e",
		       -ENOTSUP, "scheme 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_key_comes_back),
		TEST(capital_letters_alone_are_the_same_key),
		TEST(any_one_character_changed_is_refused),
		TEST(the_error_names_what_is_wrong),
	};

	return crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
