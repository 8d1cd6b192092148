/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/sign.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "chain/base58.h"
#include "core/cleanup.h"

#define SCHEME_ED25519 0
static_assert(DIGEST_SIZE == BASE58_SIZE(HASH_LEN), "a digest in base58");

void intent_hash(enum intent scope, const void *message, size_t len, uint8_t ret[HASH_LEN])
{
	const uint8_t intent[] = { (uint8_t)scope, 0, 0 };
	const struct hash_part parts[] = { { intent, sizeof(intent) }, { message, len } };

	blake2b256_parts(parts, ARRAY_LEN(parts), ret);
}

void sui_sign(enum intent scope, const void *message, size_t len, const struct key *key,
	      uint8_t ret[SUI_SIG_LEN])
{
	uint8_t hash[HASH_LEN];

	intent_hash(scope, message, len, hash);
	ret[0] = SCHEME_ED25519;
	key_sign(key, hash, sizeof(hash), ret + 1);
	memcpy(ret + 1 + SIG_LEN, key_public(key), PUBKEY_LEN);
}

int sui_verify(enum intent scope, const void *message, size_t len, const void *sig, size_t sig_len,
	       uint8_t ret_pub[PUBKEY_LEN])
{
	const uint8_t *bytes = sig, *pub = bytes + 1 + SIG_LEN;
	uint8_t hash[HASH_LEN];

	if (sig_len > 0 && bytes[0] != SCHEME_ED25519)
		return -ENOTSUP;
	if (sig_len != SUI_SIG_LEN)
		return -EBADMSG;
	intent_hash(scope, message, len, hash);
	if (!sig_valid(pub, hash, sizeof(hash), bytes + 1))
		return -EBADMSG;
	if (ret_pub)
		memcpy(ret_pub, pub, PUBKEY_LEN);
	return 0;
}

void tx_digest(const void *tx, size_t len, uint8_t ret[HASH_LEN])
{
	static const char domain[] = "TransactionData::";
	const struct hash_part parts[] = { { domain, sizeof(domain) - 1 }, { tx, len } };

	blake2b256_parts(parts, ARRAY_LEN(parts), ret);
}

void digest_format(const uint8_t digest[HASH_LEN], char ret[DIGEST_SIZE])
{
	base58_encode(digest, HASH_LEN, ret);
}

int digest_parse(const char *text, uint8_t ret[HASH_LEN])
{
	uint8_t bytes[HASH_LEN];
	size_t len;

	if (base58_decode(text, bytes, sizeof(bytes), &len) < 0 || len != HASH_LEN)
		return -EINVAL;
	memcpy(ret, bytes, HASH_LEN);
	return 0;
}
