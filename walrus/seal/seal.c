/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/seal/seal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/bcs.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "walrus/seal/digest.h"

#define H1_TAG "SUI-SEAL-IBE-BLS12381-00"
#define H2_TAG "SUI-SEAL-IBE-BLS12381-H2-00"
#define H3_TAG "SUI-SEAL-IBE-BLS12381-H3-00"
#define CTR_TAG "HMAC-CTR-ENC"
#define MAC_TAG "HMAC-CTR-MAC"
#define TEXT(s) { (s), sizeof(s) - 1 }

enum derived { RANDOMNESS_KEY, CONTENT_KEY };

/* A key is used for one content: a fixed nonce is what the scheme has. */
static const uint8_t gcm_iv[GCM_IV_LEN] = { 138, 55,  153, 253, 198, 46,  121, 219,
					    160, 128, 89,  7,	214, 156, 148, 220 };

void seal_hash_id(const uint8_t *full_id, size_t len, uint8_t ret[BLS_G1_LEN])
{
	uint8_t msg[sizeof(H1_TAG) - 1 + SEAL_FULL_ID_MAX];

	if (len > SEAL_FULL_ID_MAX)
		len = SEAL_FULL_ID_MAX; /* no caller has more: object.h */
	memcpy(msg, H1_TAG, sizeof(H1_TAG) - 1);
	memcpy(msg + sizeof(H1_TAG) - 1, full_id, len);
	bls_hash_to_g1(msg, sizeof(H1_TAG) - 1 + len, ret);
}

int seal_key_check(const struct seal_server *server, const uint8_t *full_id, size_t len,
		   const uint8_t key[BLS_G1_LEN], struct err *err)
{
	uint8_t hashed[BLS_G1_LEN];

	seal_hash_id(full_id, len, hashed);
	if (!bls_pairing_equal(key, hashed, server->public_key))
		return err_set(err, -EKEYREJECTED,
			       "the key server gave another key than its own for this id");
	return 0;
}

int seal_kdf(const uint8_t gt[BLS_GT_LEN], const uint8_t nonce[BLS_G2_LEN],
	     const uint8_t hashed_id[BLS_G1_LEN], const uint8_t server[SEAL_OBJECT_ID_LEN],
	     uint8_t index, uint8_t ret[SHARE_LEN])
{
	const struct hash_part parts[] = {
		TEXT(H2_TAG),
		{ gt, BLS_GT_LEN },
		{ nonce, BLS_G2_LEN },
		{ hashed_id, BLS_G1_LEN },
		{ server, SEAL_OBJECT_ID_LEN },
		{ &index, 1 },
	};

	return sha3_parts(parts, ARRAY_LEN(parts), ret);
}

static void xor_into(uint8_t *to, const uint8_t *with, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] ^= with[i];
}

/* Bound to all that the servers' shares are: nobody can mix two objects. */
static int derive(const struct seal_object *o, const uint8_t base_key[SEAL_KEY_LEN],
		  enum derived which, uint8_t ret[SEAL_KEY_LEN])
{
	const uint8_t tags[] = { which, o->threshold };
	struct hash_part parts[3 + 2 * SEAL_SERVICES_MAX] = {
		TEXT(H3_TAG),
		{ base_key, SEAL_KEY_LEN },
		{ tags, sizeof(tags) },
	};
	size_t n = 3;

	for (size_t i = 0; i < o->n_services; i++)
		parts[n++] = (struct hash_part){ o->services[i].encrypted_share, SHARE_LEN };
	for (size_t i = 0; i < o->n_services; i++)
		parts[n++] = (struct hash_part){ o->services[i].server, SEAL_OBJECT_ID_LEN };
	return sha3_parts(parts, n, ret);
}

/* ---- Opening -------------------------------------------------------------------------------- */

static const uint8_t *key_of(const struct seal_user_key *keys, size_t n, const uint8_t *server)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(keys[i].server, server, SEAL_OBJECT_ID_LEN) == 0)
			return keys[i].key;
	return NULL;
}

static int open_share(const struct seal_object *o, const uint8_t *hashed,
		      const struct seal_service *s, const uint8_t *key, struct seal_share *ret)
{
	uint8_t gt[BLS_GT_LEN];
	int rc = bls_pairing(key, o->nonce, gt);

	if (rc == 0)
		rc = seal_kdf(gt, o->nonce, hashed, s->server, s->index, ret->bytes);
	wipe(gt, sizeof(gt));
	if (rc < 0)
		return rc;
	ret->index = s->index;
	xor_into(ret->bytes, s->encrypted_share, SHARE_LEN);
	return 0;
}

static int open_shares(const struct seal_object *o, const struct seal_user_key *keys, size_t n,
		       struct seal_opened *ret, struct err *err)
{
	uint8_t full_id[SEAL_FULL_ID_MAX], hashed[BLS_G1_LEN];
	size_t len;

	len = seal_full_id(o->package, o->id, o->id_len, full_id);
	seal_hash_id(full_id, len, hashed);
	for (size_t i = 0; i < o->n_services; i++) {
		const uint8_t *key = key_of(keys, n, o->services[i].server);

		if (key &&
		    open_share(o, hashed, &o->services[i], key, &ret->shares[ret->n_shares++]) < 0)
			return err_set(err, -EBADMSG, "share %u: the key or the nonce is no point",
				       o->services[i].index);
	}
	if (ret->n_shares < o->threshold)
		return err_set(err, -EACCES, "keys for %zu of %u shares; %u are needed",
			       ret->n_shares, o->n_services, o->threshold);
	return 0;
}

/* Those beyond the threshold lie on the same polynomial. */
static bool shares_agree(const struct seal_object *o, const struct seal_opened *s)
{
	uint8_t want[SHARE_LEN];
	bool agree = true;

	for (size_t i = o->threshold; agree && i < s->n_shares; i++) {
		shamir_at(s->shares, o->threshold, s->shares[i].index, want);
		agree = memcmp(want, s->shares[i].bytes, SHARE_LEN) == 0;
		wipe(want, sizeof(want));
	}
	return agree;
}

void seal_user_key_wipe(struct seal_user_key *k)
{
	wipe(k, sizeof(*k));
}

void seal_opened_wipe(struct seal_opened *s)
{
	wipe(s, sizeof(*s));
}

int seal_open_key(const struct seal_object *o, const struct seal_user_key *keys, size_t n,
		  struct seal_opened *ret, struct err *err)
{
	cleanup(seal_opened_wipe) struct seal_opened s = {};
	uint8_t nonce[BLS_G2_LEN];
	int rc = open_shares(o, keys, n, &s, err);

	if (rc < 0)
		return rc;
	if (!shares_agree(o, &s))
		return err_set(err, -EBADMSG, "the shares of the key don't fit each other");
	shamir_join(s.shares, o->threshold, s.base_key);
	rc = derive(o, s.base_key, RANDOMNESS_KEY, s.randomness_key);
	if (rc == 0)
		rc = derive(o, s.base_key, CONTENT_KEY, s.content_key);
	if (rc < 0)
		return err_errno(err, rc, "SHA-3");
	memcpy(s.randomness, o->encrypted_randomness, sizeof(s.randomness));
	xor_into(s.randomness, s.randomness_key, sizeof(s.randomness));
	if (bls_scalar_check(s.randomness) < 0)
		return err_set(err, -EBADMSG, "the object was not encrypted with these keys");
	bls_g2_of(s.randomness, nonce);
	if (memcmp(nonce, o->nonce, sizeof(nonce)) != 0)
		return err_set(err, -EBADMSG, "the object was changed after it was encrypted");
	*ret = s;
	return 0;
}

static void put_u64le(uint8_t ret[8], uint64_t v)
{
	for (int i = 0; i < 8; i++)
		ret[i] = (uint8_t)(v >> (8 * i));
}

static int ctr_mac(const uint8_t *key, const struct seal_object *o, uint8_t ret[SHA3_LEN])
{
	uint8_t len[8];
	const struct hash_part parts[] = {
		TEXT(MAC_TAG),
		{ len, sizeof(len) },
		{ o->aad ? o->aad : len, o->aad_len },
		{ o->blob, o->blob_len },
	};

	put_u64le(len, o->aad_len);
	return hmac_sha3_parts(key, parts, ARRAY_LEN(parts), ret);
}

static int ctr_apply(const uint8_t *key, uint8_t *bytes, size_t len)
{
	uint8_t stream[SHA3_LEN];
	int rc = 0;

	for (uint64_t block = 0; rc == 0 && len; block++) {
		uint8_t counter[8];
		const struct hash_part parts[] = { TEXT(CTR_TAG), { counter, sizeof(counter) } };
		size_t n = len < sizeof(stream) ? len : sizeof(stream);

		put_u64le(counter, block);
		rc = hmac_sha3_parts(key, parts, ARRAY_LEN(parts), stream);
		if (rc == 0)
			xor_into(bytes, stream, n);
		bytes += n;
		len -= n;
	}
	wipe(stream, sizeof(stream));
	return rc;
}

static int ctr_open(const struct seal_object *o, const uint8_t *key, uint8_t *text)
{
	uint8_t mac[SHA3_LEN], differs = 0;
	int rc = ctr_mac(key, o, mac);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < sizeof(mac); i++)
		differs |= mac[i] ^ o->mac[i];
	if (differs)
		return -EBADMSG;
	memcpy(text, o->blob, o->blob_len);
	return ctr_apply(key, text, o->blob_len);
}

static int open_text(const struct seal_object *o, const uint8_t *key, uint8_t *text)
{
	if (o->cipher == SEAL_HMAC_CTR)
		return ctr_open(o, key, text);
	return aes_gcm_open(key, gcm_iv, o->aad, o->aad_len, o->blob, o->blob_len, text);
}

int seal_open(const struct seal_object *o, const uint8_t content_key[SEAL_KEY_LEN], struct buf *out,
	      struct err *err)
{
	cleanup(free_ptr) uint8_t *text = NULL;
	size_t len = o->blob_len;
	int rc;

	if (o->cipher == SEAL_PLAIN)
		return buf_append(out, content_key, SEAL_KEY_LEN);
	if (o->cipher == SEAL_AES_GCM)
		len = len < GCM_TAG_LEN ? 0 : len - GCM_TAG_LEN;
	text = malloc(len + 1);
	if (!text)
		return err_errno(err, -ENOMEM, "%zu bytes of content", len);
	rc = open_text(o, content_key, text);
	if (rc == 0)
		rc = buf_append(out, text, len);
	wipe(text, len);
	if (rc == -EBADMSG)
		return err_set(err, rc, "the content was changed after it was encrypted");
	return rc < 0 ? err_errno(err, rc, "decrypting") : 0;
}

/* ---- Sealing -------------------------------------------------------------------------------- */

static int seal_shares(const struct seal_for *to, const uint8_t *r, const uint8_t *base_key,
		       struct seal_object *o)
{
	uint8_t full_id[SEAL_FULL_ID_MAX], hashed[BLS_G1_LEN], blinded[BLS_G1_LEN];
	struct seal_share shares[SEAL_SERVICES_MAX];
	size_t len;
	int rc;

	len = seal_full_id(o->package, o->id, o->id_len, full_id);
	seal_hash_id(full_id, len, hashed);
	rc = bls_g1_mul(hashed, r, blinded);
	for (size_t i = 0; i < o->n_services; i++)
		shares[i].index = o->services[i].index = (uint8_t)(i + 1);
	shamir_split(base_key, o->threshold, shares, o->n_services);
	for (size_t i = 0; rc == 0 && i < o->n_services; i++) {
		struct seal_service *s = &o->services[i];
		uint8_t gt[BLS_GT_LEN];

		memcpy(s->server, to->servers[i].id, SEAL_OBJECT_ID_LEN);
		rc = bls_pairing(blinded, to->servers[i].public_key, gt);
		if (rc == 0)
			rc = seal_kdf(gt, o->nonce, hashed, s->server, s->index,
				      s->encrypted_share);
		xor_into(s->encrypted_share, shares[i].bytes, SHARE_LEN);
		wipe(gt, sizeof(gt));
	}
	wipe(blinded, sizeof(blinded)); /* each share's mask can be made of it */
	wipe(shares, sizeof(shares));
	return rc;
}

/* The key of the content, of which servers get shares. */
static int seal_key(const struct seal_for *to, struct seal_object *o, uint8_t ret_key[SEAL_KEY_LEN])
{
	uint8_t base_key[SEAL_KEY_LEN], r[SEAL_KEY_LEN];
	int rc;

	random_bytes(base_key, sizeof(base_key));
	bls_scalar_random(r);
	bls_g2_of(r, o->nonce);
	rc = seal_shares(to, r, base_key, o);
	if (rc == 0)
		rc = derive(o, base_key, RANDOMNESS_KEY, o->encrypted_randomness);
	if (rc == 0)
		rc = derive(o, base_key, CONTENT_KEY, ret_key);
	xor_into(o->encrypted_randomness, r, sizeof(r));
	wipe(base_key, sizeof(base_key));
	wipe(r, sizeof(r));
	return rc;
}

int seal_content(const struct seal_for *to, const void *content, uint32_t len, struct buf *out,
		 struct err *err)
{
	cleanup(free_ptr) uint8_t *blob = malloc((size_t)len + GCM_TAG_LEN);
	struct seal_object o = { .id = to->id,
				 .id_len = to->id_len,
				 .n_services = to->n_servers,
				 .threshold = to->threshold,
				 .cipher = SEAL_AES_GCM,
				 .blob = blob,
				 .blob_len = len + GCM_TAG_LEN,
				 .aad = to->aad,
				 .aad_len = to->aad_len,
				 .has_aad = to->aad != NULL };
	uint8_t key[SEAL_KEY_LEN];
	int rc;

	if (!blob)
		return err_errno(err, -ENOMEM, "%u bytes of content", len);
	if (len > SEAL_CONTENT_MAX)
		return err_set(err, -E2BIG, "%u bytes of content; %u are encrypted at most", len,
			       SEAL_CONTENT_MAX);
	if (!to->threshold || to->threshold > to->n_servers || to->id_len > SEAL_ID_MAX ||
	    to->aad_len > SEAL_AAD_MAX)
		return err_set(err, -EINVAL,
			       "a threshold of %u of %u key servers, an id of %u bytes",
			       to->threshold, to->n_servers, to->id_len);
	memcpy(o.package, to->package, sizeof(o.package));
	rc = seal_key(to, &o, key);
	if (rc == 0)
		rc = aes_gcm_seal(key, gcm_iv, o.aad, o.aad_len, content, len, blob);
	wipe(key, sizeof(key));
	if (rc == -EBADMSG)
		return err_set(err, rc, "a key server's public key is no point");
	if (rc < 0)
		return err_errno(err, rc, "encrypting");
	seal_object_encode(&o, out);
	return buf_error(out);
}
