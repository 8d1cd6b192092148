/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Seal needs and libsodium has not: SHA3-256, its HMAC, and AES-256-GCM with a nonce of 16 bytes.
 * By OpenSSL, which libcurl brings; digest.c is its only includer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/crypto.h"

struct err;

#define SHA3_LEN 32
#define AES_KEY_LEN 32
#define GCM_IV_LEN 16
#define GCM_TAG_LEN 16

/* Of all parts one behind the other. -ENOMEM; -ENOTSUP: this OpenSSL has no SHA-3. */
int sha3_parts(const struct hash_part *parts, size_t n, uint8_t ret[SHA3_LEN]);
int hmac_sha3_parts(const uint8_t key[SHA3_LEN], const struct hash_part *parts, size_t n,
		    uint8_t ret[SHA3_LEN]);

/* out: len + GCM_TAG_LEN bytes, the tag behind. */
int aes_gcm_seal(const uint8_t key[AES_KEY_LEN], const uint8_t iv[GCM_IV_LEN], const void *aad,
		 size_t aad_len, const void *text, size_t len, uint8_t *out);
/* len with the tag; out: len - GCM_TAG_LEN bytes. -EBADMSG: not what was sealed; out is zeroed then. */
int aes_gcm_open(const uint8_t key[AES_KEY_LEN], const uint8_t iv[GCM_IV_LEN], const void *aad,
		 size_t aad_len, const uint8_t *sealed, size_t len, uint8_t *out);
