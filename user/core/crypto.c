/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "core/cleanup.h"

_Static_assert(PUBKEY_LEN == crypto_sign_PUBLICKEYBYTES, "an Ed25519 public key");
_Static_assert(SIG_LEN == crypto_sign_BYTES, "an Ed25519 signature");
_Static_assert(KEY_SEED_LEN == crypto_sign_SEEDBYTES, "an Ed25519 seed");
_Static_assert(SHA512_LEN == crypto_hash_sha512_BYTES, "a SHA-512 hash");

/* In sodium_malloc() memory: locked, not in core dumps, between guard pages, wiped when freed. */
struct key {
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	uint8_t public[PUBKEY_LEN];
};

struct sha512 {
	crypto_hash_sha512_state state;
};

int crypto_init(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

void blake2b256(const void *data, size_t len, uint8_t ret[HASH_LEN])
{
	crypto_generichash(ret, HASH_LEN, data, len, NULL, 0);
}

void blake2b256_parts(const struct hash_part *parts, size_t n, uint8_t ret[HASH_LEN])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, HASH_LEN);
	for (size_t i = 0; i < n; i++)
		crypto_generichash_update(&state, parts[i].data, parts[i].len);
	crypto_generichash_final(&state, ret, HASH_LEN);
}

int sha512_new(struct sha512 **ret)
{
	struct sha512 *s = malloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	crypto_hash_sha512_init(&s->state);
	*ret = s;
	return 0;
}

void sha512_update(struct sha512 *s, const void *data, size_t len)
{
	crypto_hash_sha512_update(&s->state, data, len);
}

void sha512_final(struct sha512 *s, uint8_t ret[SHA512_LEN])
{
	crypto_hash_sha512_final(&s->state, ret);
}

void sha512_free(struct sha512 **s)
{
	free_ptr(s);
}

void random_bytes(void *ret, size_t len)
{
	randombytes_buf(ret, len);
}

void wipe(void *data, size_t len)
{
	sodium_memzero(data, len);
}

static struct key *key_alloc(void)
{
	return sodium_malloc(sizeof(struct key));
}

int key_new(struct key **ret)
{
	struct key *k = key_alloc();

	if (!k)
		return -ENOMEM;
	crypto_sign_keypair(k->public, k->secret);
	sodium_mprotect_readonly(k);
	*ret = k;
	return 0;
}

int key_from_seed(const uint8_t seed[KEY_SEED_LEN], struct key **ret)
{
	struct key *k = key_alloc();

	if (!k)
		return -ENOMEM;
	crypto_sign_seed_keypair(k->public, k->secret, seed);
	sodium_mprotect_readonly(k);
	*ret = k;
	return 0;
}

void key_free(struct key **k)
{
	sodium_free(*k);
	*k = NULL;
}

const uint8_t *key_public(const struct key *k)
{
	return k->public;
}

void key_seed(const struct key *k, uint8_t ret[KEY_SEED_LEN])
{
	crypto_sign_ed25519_sk_to_seed(ret, k->secret);
}

void key_sign(const struct key *k, const void *msg, size_t len, uint8_t ret[SIG_LEN])
{
	crypto_sign_detached(ret, NULL, msg, len, k->secret);
}

bool sig_valid(const uint8_t pub[PUBKEY_LEN], const void *msg, size_t len,
	       const uint8_t sig[SIG_LEN])
{
	return crypto_sign_verify_detached(sig, msg, len, pub) == 0;
}

void base64_encode(const void *data, size_t len, char *ret)
{
	sodium_bin2base64(ret, BASE64_LEN(len), data, len, sodium_base64_VARIANT_ORIGINAL);
}

/* The number of bytes in a text of the one form that encodes them, or -EINVAL. */
static ssize_t base64_bytes(const char *text)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = strspn(text, alphabet), pad = strspn(text + n, "=");
	/* The bits of the last character that lie beyond the last byte. */
	size_t loose = pad == 1 ? 3 : pad == 2 ? 15 : 0;

	if (text[n + pad] || (n + pad) % 4 || pad > 2)
		return -EINVAL;
	if (pad && ((size_t)(strchr(alphabet, text[n - 1]) - alphabet) & loose))
		return -EINVAL;
	return (ssize_t)((n + pad) / 4 * 3 - pad);
}

int base64_decode(const char *text, uint8_t *ret, size_t size, size_t *ret_len)
{
	ssize_t n = base64_bytes(text);

	/* Judged whole before the first byte is written: ret is untouched on failure. */
	if (n < 0)
		return (int)n;
	if ((size_t)n > size)
		return -E2BIG;
	if (n == 0) { /* ret may be NULL then */
		*ret_len = 0;
		return 0;
	}
	if (sodium_base642bin(ret, size, text, strlen(text), NULL, ret_len, NULL,
			      sodium_base64_VARIANT_ORIGINAL) < 0)
		return -EINVAL;
	return 0;
}
