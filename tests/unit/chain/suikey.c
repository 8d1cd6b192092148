/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include "chain/suikey.h"

#include <ctype.h>

#include "core/file.h"
#include "unit/core/random.h"
#include "unit/core/temp.h"

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

static void a_file_holds_a_wallets_key_or_ours(void **state)
{
	cleanup(key_free) struct key *wallets = NULL, *made = NULL, *ours = NULL;
	struct temp_path wallet = temp_path(state, "wallet"), own = temp_path(state, "own");
	char text[100];

	snprintf(text, sizeof(text), "%s\n", alice);
	assert_int_equal(file_write_atomic(wallet.text, text, strlen(text), 0600, NULL), 0);
	assert_int_equal(suikey_load(wallet.text, &wallets, NULL), 0);
	assert_int_equal(key_save(wallets, own.text, NULL), 0);
	assert_int_equal(suikey_load(own.text, &ours, NULL), 0);
	assert_int_equal(suikey_parse(alice, &made, NULL), 0);
	assert_memory_equal(key_public(wallets), key_public(made), PUBKEY_LEN);
	assert_memory_equal(key_public(ours), key_public(made), PUBKEY_LEN);
}

static void a_file_that_others_see_or_that_holds_no_key_is_refused(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		int rc;
	} cases[] = {
		{ alice, 0644, -EACCES },
		{ alice, 0640, -EACCES },
		{ "suiprivkey1qsecret", 0600, -EINVAL },
		{ "secret", 0600, -EINVAL },
		{ "", 0600, -EINVAL },
	};
	struct temp_path path = temp_path(state, "key");
	char large[1100];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct key *key = NULL;
		struct err err = {};

		file_write_atomic(path.text, cases[i].text, strlen(cases[i].text), cases[i].mode,
				  NULL);
		assert_int_equal(suikey_load(path.text, &key, &err), cases[i].rc);
		assert_null(key);
		assert_non_null(strstr(err.text, path.text));
		assert_false(strstr(err.text, "secret") || strstr(err.text, "89j7k"));
	}
	memset(large, 'x', sizeof(large));
	file_write_atomic(path.text, large, sizeof(large), 0600, NULL);
	assert_int_equal(suikey_load(path.text, &(struct key *){ NULL }, NULL), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_key_comes_back),
		TEST(capital_letters_alone_are_the_same_key),
		TEST(any_one_character_changed_is_refused),
		TEST(the_error_names_what_is_wrong),
		TEMP_TEST(a_file_holds_a_wallets_key_or_ours),
		TEMP_TEST(a_file_that_others_see_or_that_holds_no_key_is_refused),
	};

	return crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
