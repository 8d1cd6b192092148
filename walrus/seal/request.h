/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking key servers. A session key of our own, which the user's Sui key vouches for during some minutes, signs a
 * request; the answer is encrypted to a key made for this request (ElGamal over G1).
 *
 *	personal message  --- user's Ed25519 key (Sui's intent of personal messages) --->  certificate
 *	BCS{ptb, enc_key, enc_verification_key}  --- session's Ed25519 key --->  request_signature
 *
 * Pure: who sends it is another's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "walrus/seal/seal.h"

struct json;
struct key;

#define SEAL_TTL_MAX 30 /* minutes */
#define SEAL_MESSAGE_MAX 256
#define SEAL_PTB_MAX 65536

/* Whom the certificate speaks for, and for how long. */
struct seal_session {
	const struct key *user; /* the Sui account's */
	const struct key *key; /* the session's own */
	uint8_t package[SEAL_OBJECT_ID_LEN];
	uint64_t created_ms; /* UTC */
	uint32_t ttl_min;
};

/* "Accessing keys of package 0x... for 10 mins from ..., session key ..." */
void seal_personal_message(const struct seal_session *s, char ret[SEAL_MESSAGE_MAX]);
/* user, session_vk, creation_time, ttl_min, signature; the caller frees. NULL: no memory. */
struct json *seal_certificate(const struct seal_session *s, const uint8_t user[SEAL_OBJECT_ID_LEN]);

struct seal_request {
	const uint8_t *ptb; /* BCS of the transaction kind, without its first byte */
	size_t ptb_len;
	uint8_t secret[BLS_SCALAR_LEN]; /* of this request alone: bls_scalar_random() */
};

/* What the session's key signs. Errors are the buffer's own. */
void seal_request_bytes(const struct seal_request *r, struct buf *out);
/* The whole body of POST /v1/fetch_key. -ENOMEM, -E2BIG. */
int seal_request_body(const struct seal_request *r, const struct seal_session *s,
		      const uint8_t user[SEAL_OBJECT_ID_LEN], struct buf *out, struct err *err);

/* Who was asked what, for which key. */
struct seal_query {
	const struct seal_request *request;
	const struct seal_server *server;
	const uint8_t *full_id; /* at most SEAL_FULL_ID_MAX */
	size_t full_id_len;
};

/* The key in an answer: {"decryption_keys":[{"id":[...],"encrypted_key":["...","..."]}]}, decrypted and checked
 * against the server's public key. -EBADMSG: it is no such answer; -EKEYREJECTED: it is, and the key is not the
 * server's own. */
int seal_answer_key(const struct json *answer, const struct seal_query *q,
		    struct seal_user_key *ret, struct err *err);
