/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seal: content whose key is shared among key servers, of which a threshold has to agree that one may have
 * it. Encrypting asks nobody; decrypting needs a key for the object's id from enough servers.
 *
 * D1. A key that a server gave is checked against the server's public key before it is used
 *     (seal_key_check()), and the key of the content against the object itself: who has fewer than the
 *     threshold, or a wrong one, gets an error and never other content.
 * D2. Content is not let out before it is authenticated.
 *
 * Source: MystenLabs/seal crates/crypto (ibe.rs, tss.rs, dem.rs); the scheme is Boneh and Franklin's with the
 * Fujisaki-Okamoto check. Errors: -EBADMSG with what is wrong, -EACCES: too few keys.
 */
#pragma once

#include "walrus/seal/object.h"

#define SEAL_KEY_LEN 32
#define SEAL_CONTENT_MAX (1u << 30) /* encrypted in one piece, in memory */
/* What the encoding of an object is longer than its content at most, without additional data. */
#define SEAL_OVERHEAD_MAX \
	(2048 + SEAL_ID_MAX + SEAL_SERVICES_MAX * (SEAL_OBJECT_ID_LEN + 1 + SHARE_LEN))

/* A key server: its object on chain and its public key, both pinned by who encrypts or decrypts. */
struct seal_server {
	uint8_t id[SEAL_OBJECT_ID_LEN];
	uint8_t public_key[BLS_G2_LEN];
};

/* What a server gave for one full id; secret: cleanup(seal_user_key_wipe). */
struct seal_user_key {
	uint8_t server[SEAL_OBJECT_ID_LEN];
	uint8_t key[BLS_G1_LEN];
};
void seal_user_key_wipe(struct seal_user_key *k);

/* H1 of a full id: what servers sign with their key. */
void seal_hash_id(const uint8_t *full_id, size_t len, uint8_t ret[BLS_G1_LEN]);
/* Is it the server's key for this id? -EKEYREJECTED. */
int seal_key_check(const struct seal_server *server, const uint8_t *full_id, size_t len,
		   const uint8_t key[BLS_G1_LEN], struct err *err);

/* The mask of one share. */
int seal_kdf(const uint8_t gt[BLS_GT_LEN], const uint8_t nonce[BLS_G2_LEN],
	     const uint8_t hashed_id[BLS_G1_LEN], const uint8_t server[SEAL_OBJECT_ID_LEN],
	     uint8_t index, uint8_t ret[SHARE_LEN]);

/* What leads from keys to content; each can be compared with others' implementations. Wipe it:
 * cleanup(seal_opened_wipe). */
struct seal_opened {
	struct seal_share shares[SEAL_SERVICES_MAX];
	size_t n_shares;
	uint8_t base_key[SEAL_KEY_LEN];
	uint8_t randomness_key[SEAL_KEY_LEN], randomness[SEAL_KEY_LEN];
	uint8_t content_key[SEAL_KEY_LEN];
};
void seal_opened_wipe(struct seal_opened *s);

/* Keys must have been checked; more than the threshold are used to check each other. */
int seal_open_key(const struct seal_object *o, const struct seal_user_key *keys, size_t n,
		  struct seal_opened *ret, struct err *err);
/* Appends the content: of SEAL_PLAIN the key itself. out keeps what it had on failure. */
int seal_open(const struct seal_object *o, const uint8_t content_key[SEAL_KEY_LEN], struct buf *out,
	      struct err *err);

/* Encrypts by AES-256-GCM for servers with indices 1, 2, ...; appends the object's encoding. Needs about
 * three times the content's size in memory. -E2BIG: over SEAL_CONTENT_MAX. */
struct seal_for {
	uint8_t package[SEAL_OBJECT_ID_LEN];
	const uint8_t *id;
	uint32_t id_len;
	const struct seal_server *servers;
	uint8_t n_servers, threshold;
	const uint8_t *aad;
	uint32_t aad_len;
};
int seal_content(const struct seal_for *to, const void *content, uint32_t len, struct buf *out,
		 struct err *err);
