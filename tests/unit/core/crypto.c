/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include "core/crypto.h"
#include "core/parse.h"
#include "unit/core/random.h"

static int init(void **state)
{
	(void)state;
	return crypto_init();
}

static void blake2b256_has_the_known_value(void **state)
{
	uint8_t hash[HASH_LEN];
	char text[2 * HASH_LEN + 1];

	(void)state;
	/* b2sum -l 256, and Python's hashlib.blake2b(b"abc", digest_size=32) */
	blake2b256("abc", 3, hash);
	format_hex(hash, HASH_LEN, text);
	assert_string_equal(text,
			    "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	blake2b256(NULL, 0, hash);
	format_hex(hash, HASH_LEN, text);
	assert_string_equal(text,
			    "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}

static void blake2b256_of_parts_is_that_of_the_whole(void **state)
{
	const struct hash_part parts[] = { { "a", 1 }, { NULL, 0 }, { "bc", 2 } };
	uint8_t hash[HASH_LEN], whole[HASH_LEN];

	(void)state;
	blake2b256("abc", 3, whole);
	blake2b256_parts(parts, ARRAY_LEN(parts), hash);
	assert_memory_equal(hash, whole, HASH_LEN);
	blake2b256(NULL, 0, whole);
	blake2b256_parts(parts, 0, hash);
	assert_memory_equal(hash, whole, HASH_LEN);
}

static void sha512_of_parts_is_that_of_the_whole(void **state)
{
	/* FIPS 180-2, C.1 */
	static const char want[] =
		"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
	cleanup(sha512_free) struct sha512 *s = NULL;
	uint8_t hash[SHA512_LEN];
	char text[2 * SHA512_LEN + 1];

	(void)state;
	assert_int_equal(sha512_new(&s), 0);
	sha512_update(s, "a", 1);
	sha512_update(s, "", 0);
	sha512_update(s, "bc", 2);
	sha512_final(s, hash);
	format_hex(hash, SHA512_LEN, text);
	assert_string_equal(text, want);
}

/* RFC 8032, section 7.1 */
static const struct {
	const char *seed, *public, *msg, *sig;
} vectors[] = {
	{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
	  "f9b46bd25bf5f0595bbe24655141438e7a100b" },
	{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
	  "f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
	{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	  "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
	  "4dc6594a7c15e9716ed28dc027beceea1ec40a" },
};

static void signatures_are_those_of_rfc_8032(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		cleanup(key_free) struct key *k = NULL;
		uint8_t seed[KEY_SEED_LEN], public[PUBKEY_LEN], msg[8], want[SIG_LEN], sig[SIG_LEN];
		size_t len = strlen(vectors[i].msg) / 2;

		assert_int_equal(parse_hex(vectors[i].seed, seed, sizeof(seed)), 0);
		assert_int_equal(parse_hex(vectors[i].public, public, sizeof(public)), 0);
		assert_int_equal(parse_hex(vectors[i].msg, msg, len), 0);
		assert_int_equal(parse_hex(vectors[i].sig, want, sizeof(want)), 0);
		assert_int_equal(key_from_seed(seed, &k), 0);
		assert_memory_equal(key_public(k), public, sizeof(public));
		key_sign(k, msg, len, sig);
		assert_memory_equal(sig, want, sizeof(want));
		assert_true(sig_valid(public, msg, len, sig));
	}
}

static void any_flipped_bit_makes_a_signature_invalid(void **state)
{
	cleanup(key_free) struct key *k = NULL, *other = NULL;
	uint8_t msg[] = "receipt", sig[SIG_LEN];

	(void)state;
	assert_int_equal(key_new(&k), 0);
	assert_int_equal(key_new(&other), 0);
	key_sign(k, msg, sizeof(msg), sig);
	assert_true(sig_valid(key_public(k), msg, sizeof(msg), sig));
	assert_false(sig_valid(key_public(other), msg, sizeof(msg), sig));
	assert_false(sig_valid(key_public(k), msg, sizeof(msg) - 1, sig));
	for (size_t bit = 0; bit < 8 * SIG_LEN; bit++) {
		sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(sig_valid(key_public(k), msg, sizeof(msg), sig));
		sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(msg); bit++) {
		msg[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(sig_valid(key_public(k), msg, sizeof(msg), sig));
		msg[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void new_keys_differ_and_keep_their_seed(void **state)
{
	cleanup(key_free) struct key *a = NULL, *b = NULL, *again = NULL;
	uint8_t seed[KEY_SEED_LEN];

	(void)state;
	assert_int_equal(key_new(&a), 0);
	assert_int_equal(key_new(&b), 0);
	assert_memory_not_equal(key_public(a), key_public(b), PUBKEY_LEN);
	key_seed(a, seed);
	assert_int_equal(key_from_seed(seed, &again), 0);
	assert_memory_equal(key_public(again), key_public(a), PUBKEY_LEN);
	key_free(&again);
	assert_null(again);
	key_free(&again);
}

static void wipe_zeroes(void **state)
{
	uint8_t bytes[] = { 1, 2, 3 };

	(void)state;
	wipe(bytes, 2);
	assert_memory_equal(bytes, "\0\0\3", 3);
}

static void random_bytes_fill_all_and_differ(void **state)
{
	uint8_t a[32] = {}, b[32] = {};

	(void)state;
	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a + 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

/* RFC 4648, section 10 */
static void base64_has_the_known_values(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff", "+/8=" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[BASE64_LEN(6)];
		uint8_t bytes[6];
		size_t len;

		base64_encode(cases[i][0], strlen(cases[i][0]), text);
		assert_string_equal(text, cases[i][1]);
		assert_int_equal(base64_decode(text, bytes, sizeof(bytes), &len), 0);
		assert_int_equal(len, strlen(cases[i][0]));
		assert_memory_equal(bytes, cases[i][0], len);
	}
}

static void base64_has_one_text_for_one_value(void **state)
{
	static const char *const bad[] = {
		"Z",	    "Zg",	"Zg=",	   "Zg===", "Zm8==",
		"=",	    "==",	"====",	   "Zm9v=", "Zh==", /* loose bits */
		"Zm9=",	    "Zm9v\n",	" Zm9v",   "Zm 9v", "Zm-_",
		"Zg==Zg==", "Zm9v====", "Zm9v===", "Z===",
	};
	uint8_t bytes[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	size_t len = 99;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (base64_decode(bad[i], bytes, sizeof(bytes), &len) != -EINVAL)
			fail_msg("\"%s\" is accepted", bad[i]);
	assert_int_equal(base64_decode("Zm9v", bytes, 2, &len), -E2BIG);
	assert_int_equal(len, 99);
	assert_memory_equal(bytes, "\1\2\3\4\5\6\7\x8", 8);
	assert_int_equal(base64_decode("Zm9v", bytes, 3, &len), 0);
	assert_int_equal(base64_decode("", NULL, 0, &len), 0);
	assert_int_equal(len, 0);
}

static void base64_comes_back(void **state)
{
	struct random r = { 5 };

	(void)state;
	for (size_t len = 0; len < 200; len++) {
		uint8_t bytes[200], back[200];
		char text[BASE64_LEN(200)];
		size_t got;

		random_fill(&r, bytes, len);
		base64_encode(bytes, len, text);
		assert_int_equal(strlen(text) + 1, BASE64_LEN(len));
		assert_int_equal(base64_decode(text, back, len, &got), 0);
		assert_int_equal(got, len);
		assert_memory_equal(back, bytes, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(blake2b256_has_the_known_value),
		TEST(blake2b256_of_parts_is_that_of_the_whole),
		TEST(sha512_of_parts_is_that_of_the_whole),
		TEST(signatures_are_those_of_rfc_8032),
		TEST(any_flipped_bit_makes_a_signature_invalid),
		TEST(new_keys_differ_and_keep_their_seed),
		TEST(wipe_zeroes),
		TEST(random_bytes_fill_all_and_differ),
		TEST(base64_has_the_known_values),
		TEST(base64_has_one_text_for_one_value),
		TEST(base64_comes_back),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
