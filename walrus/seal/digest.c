/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/seal/digest.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "core/cleanup.h"

#define SHA3_BLOCK 136 /* of SHA3-256 */

static void digest_free(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

static void cipher_free(EVP_CIPHER_CTX **ctx)
{
	EVP_CIPHER_CTX_free(*ctx);
}

int sha3_parts(const struct hash_part *parts, size_t n, uint8_t ret[SHA3_LEN])
{
	cleanup(digest_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx)
		return -ENOMEM;
	if (EVP_DigestInit_ex(ctx, EVP_sha3_256(), NULL) != 1)
		return -ENOTSUP;
	for (size_t i = 0; i < n; i++)
		if (EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) != 1)
			return -ENOTSUP;
	return EVP_DigestFinal_ex(ctx, ret, NULL) == 1 ? 0 : -ENOTSUP;
}

/* RFC 2104, for a key that is shorter than a block. */
int hmac_sha3_parts(const uint8_t key[SHA3_LEN], const struct hash_part *parts, size_t n,
		    uint8_t ret[SHA3_LEN])
{
	uint8_t inner[SHA3_BLOCK], outer[SHA3_BLOCK], hash[SHA3_LEN];
	struct hash_part in[8] = { { inner, sizeof(inner) } };
	const struct hash_part out[] = { { outer, sizeof(outer) }, { hash, sizeof(hash) } };
	int rc;

	if (n >= ARRAY_LEN(in))
		return -E2BIG;
	memset(inner, 0x36, sizeof(inner));
	memset(outer, 0x5c, sizeof(outer));
	for (size_t i = 0; i < SHA3_LEN; i++) {
		inner[i] ^= key[i];
		outer[i] ^= key[i];
	}
	memcpy(in + 1, parts, n * sizeof(*parts));
	rc = sha3_parts(in, n + 1, hash);
	if (rc == 0)
		rc = sha3_parts(out, ARRAY_LEN(out), ret);
	wipe(inner, sizeof(inner));
	wipe(outer, sizeof(outer));
	wipe(hash, sizeof(hash));
	return rc;
}

/* A context for one message, with its additional data in it. */
static int gcm_begin(bool seal, const uint8_t *key, const uint8_t *iv, const void *aad,
		     size_t aad_len, EVP_CIPHER_CTX **ret)
{
	cleanup(cipher_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len;

	if (!ctx)
		return -ENOMEM;
	if (aad_len > INT_MAX)
		return -E2BIG;
	if (EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL, seal) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, GCM_IV_LEN, NULL) != 1 ||
	    EVP_CipherInit_ex(ctx, NULL, NULL, key, iv, seal) != 1 ||
	    (aad_len && EVP_CipherUpdate(ctx, NULL, &len, aad, (int)aad_len) != 1))
		return -ENOTSUP;
	*ret = take_ptr(ctx);
	return 0;
}

int aes_gcm_seal(const uint8_t key[AES_KEY_LEN], const uint8_t iv[GCM_IV_LEN], const void *aad,
		 size_t aad_len, const void *text, size_t len, uint8_t *out)
{
	cleanup(cipher_free) EVP_CIPHER_CTX *ctx = NULL;
	int rc = len > INT_MAX ? -E2BIG : gcm_begin(true, key, iv, aad, aad_len, &ctx);
	int n = 0;

	if (rc < 0)
		return rc;
	if ((len && EVP_CipherUpdate(ctx, out, &n, text, (int)len) != 1) ||
	    EVP_CipherFinal_ex(ctx, out + n, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_LEN, out + len) != 1)
		return -ENOTSUP;
	return 0;
}

int aes_gcm_open(const uint8_t key[AES_KEY_LEN], const uint8_t iv[GCM_IV_LEN], const void *aad,
		 size_t aad_len, const uint8_t *sealed, size_t len, uint8_t *out)
{
	cleanup(cipher_free) EVP_CIPHER_CTX *ctx = NULL;
	size_t text_len = len - GCM_TAG_LEN;
	uint8_t tag[GCM_TAG_LEN];
	int n = 0, rc;

	if (len < GCM_TAG_LEN || text_len > INT_MAX)
		return -EBADMSG;
	rc = gcm_begin(false, key, iv, aad, aad_len, &ctx);
	if (rc < 0)
		return rc;
	memcpy(tag, sealed + text_len, sizeof(tag));
	if ((text_len && EVP_CipherUpdate(ctx, out, &n, sealed, (int)text_len) != 1) ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_LEN, tag) != 1)
		return -ENOTSUP;
	if (EVP_CipherFinal_ex(ctx, out + n, &n) == 1)
		return 0;
	wipe(out, text_len);
	return -EBADMSG;
}
