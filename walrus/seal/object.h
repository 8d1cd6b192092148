/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seal's EncryptedObject: who may ask for the key (package and id), the key servers that each hold a share, and
 * what was encrypted. BCS:
 *
 *	version u8 = 0 | package 32 | id vec<u8> | services vec<(server 32, index u8)> | threshold u8 |
 *	0 | nonce G2 96 | encrypted shares vec<32> | encrypted randomness 32 |
 *	0 | blob vec<u8> | option<aad vec<u8>>			AES-256-GCM
 *	1 | blob vec<u8> | option<aad vec<u8>> | mac 32		HMAC-SHA3-256 in counter mode
 *	2							the key itself is what was encrypted
 *
 * O1. 1 <= threshold <= services, indices are not 0 and distinct, one share for each service. A server may
 *     be there several times: its weight.
 * O2. One content has one encoding: encode(decode(x)) = x.
 *
 * The object borrows the bytes that it was decoded from.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "walrus/seal/bls.h"
#include "walrus/seal/shamir.h"

#define SEAL_OBJECT_ID_LEN 32
#define SEAL_SERVICES_MAX 255
#define SEAL_ID_MAX 1024
#define SEAL_AAD_MAX 65536

struct buf;
struct err;

enum seal_cipher { SEAL_AES_GCM, SEAL_HMAC_CTR, SEAL_PLAIN, SEAL_CIPHER_MAX_ };

struct seal_service {
	uint8_t server[SEAL_OBJECT_ID_LEN];
	uint8_t index;
	uint8_t encrypted_share[SHARE_LEN];
};

struct seal_object {
	uint8_t package[SEAL_OBJECT_ID_LEN];
	const uint8_t *id;
	uint32_t id_len;
	struct seal_service services[SEAL_SERVICES_MAX];
	uint8_t n_services, threshold;
	uint8_t nonce[BLS_G2_LEN];
	uint8_t encrypted_randomness[SHARE_LEN];
	enum seal_cipher cipher;
	const uint8_t *blob, *aad;
	uint32_t blob_len, aad_len;
	bool has_aad;
	uint8_t mac[32]; /* SEAL_HMAC_CTR alone */
};

/* -EBADMSG names what is wrong, a blob of more than max_blob bytes too; -E2BIG: so long that it can't be one. */
int seal_object_decode(const void *data, size_t len, uint32_t max_blob, struct seal_object *ret,
		       struct err *err);
/* Errors are the buffer's own, which are sticky. */
void seal_object_encode(const struct seal_object *o, struct buf *out);

/* package | id: what key servers know the key by. At most SEAL_FULL_ID_MAX bytes. */
#define SEAL_FULL_ID_MAX (SEAL_OBJECT_ID_LEN + SEAL_ID_MAX)
size_t seal_full_id(const uint8_t package[SEAL_OBJECT_ID_LEN], const uint8_t *id, size_t id_len,
		    uint8_t ret[SEAL_FULL_ID_MAX]);
