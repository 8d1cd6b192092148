/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include "chain/sign.h"

static struct key *some_key(void)
{
	const uint8_t seed[KEY_SEED_LEN] = { 4, 5, 6 };
	struct key *key = NULL;

	assert_int_equal(key_from_seed(seed, &key), 0);
	return key;
}

static void a_signature_carries_scheme_and_key_and_verifies(void **state)
{
	cleanup(key_free) struct key *key = some_key();
	uint8_t sig[SUI_SIG_LEN], pub[PUBKEY_LEN];

	(void)state;
	sui_sign(INTENT_TRANSACTION, "bytes", 5, key, sig);
	assert_int_equal(sig[0], 0);
	assert_memory_equal(sig + 1 + SIG_LEN, key_public(key), PUBKEY_LEN);
	assert_int_equal(sui_verify(INTENT_TRANSACTION, "bytes", 5, sig, sizeof(sig), pub), 0);
	assert_memory_equal(pub, key_public(key), PUBKEY_LEN);
	assert_int_equal(sui_verify(INTENT_TRANSACTION, "bytes", 5, sig, sizeof(sig), NULL), 0);
}

static void it_is_worth_nothing_for_another_purpose_message_or_key(void **state)
{
	cleanup(key_free) struct key *key = some_key();
	uint8_t sig[SUI_SIG_LEN], pub[PUBKEY_LEN] = { 9 };

	(void)state;
	sui_sign(INTENT_TRANSACTION, "bytes", 5, key, sig);
	assert_int_equal(sui_verify(INTENT_PERSONAL_MESSAGE, "bytes", 5, sig, sizeof(sig), pub),
			 -EBADMSG);
	assert_int_equal(sui_verify(INTENT_TRANSACTION, "bytez", 5, sig, sizeof(sig), pub),
			 -EBADMSG);
	assert_int_equal(sui_verify(INTENT_TRANSACTION, "bytes", 5, sig, sizeof(sig) - 1, pub),
			 -EBADMSG);
	assert_int_equal(sui_verify(INTENT_TRANSACTION, "bytes", 5, sig, 0, pub), -EBADMSG);
	for (size_t i = 1; i < sizeof(sig); i++) {
		sig[i] ^= 0x10;
		assert_int_equal(sui_verify(INTENT_TRANSACTION, "bytes", 5, sig, sizeof(sig), pub),
				 -EBADMSG);
		sig[i] ^= 0x10;
	}
	sig[0] = 1;
	assert_int_equal(sui_verify(INTENT_TRANSACTION, "bytes", 5, sig, sizeof(sig), pub),
			 -ENOTSUP);
	assert_int_equal(pub[0], 9);
}

static void the_intent_is_three_bytes_in_front_of_the_message(void **state)
{
	uint8_t got[HASH_LEN], want[HASH_LEN];

	(void)state;
	intent_hash(INTENT_PERSONAL_MESSAGE, "\1x", 2, got);
	blake2b256("\3\0\0\1x", 5, want);
	assert_memory_equal(got, want, HASH_LEN);
	tx_digest("tx", 2, got);
	blake2b256("TransactionData::tx", 19, want);
	assert_memory_equal(got, want, HASH_LEN);
}

static void a_digest_is_the_text_of_32_bytes(void **state)
{
	static const char *const wrong[] = { "", "1", "1111111111111111111111111111111",
					     "111111111111111111111111111111111",
					     "4btiuiMPvEENsttpZC7CZ53DruC3MAgfznDbASZ7DR60" };
	uint8_t digest[HASH_LEN] = { 7 };
	char text[DIGEST_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(digest_parse(wrong[i], digest), -EINVAL);
	assert_int_equal(digest[0], 7);
	assert_int_equal(digest_parse("4btiuiMPvEENsttpZC7CZ53DruC3MAgfznDbASZ7DR6S", digest), 0);
	digest_format(digest, text);
	assert_string_equal(text, "4btiuiMPvEENsttpZC7CZ53DruC3MAgfznDbASZ7DR6S");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_signature_carries_scheme_and_key_and_verifies),
		TEST(it_is_worth_nothing_for_another_purpose_message_or_key),
		TEST(the_intent_is_three_bytes_in_front_of_the_message),
		TEST(a_digest_is_the_text_of_32_bytes),
	};

	return crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
