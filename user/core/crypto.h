/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes, Ed25519 and text encodings. core/crypto.c is the only file that includes
 * libsodium; key files are in core/keyfile.c.
 * A struct key holds its seed in locked memory (sodium_malloc), wiped when it is freed; the secret
 * never appears in an error, a log or a core dump. Call crypto_init() once before anything else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_LEN 32
#define SHA512_LEN 64
#define PUBKEY_LEN 32
#define SIG_LEN 64
#define KEY_SEED_LEN 32

struct err;
struct key; /* an Ed25519 key pair */

int crypto_init(void);

void blake2b256(const void *data, size_t len, uint8_t ret[HASH_LEN]);
struct hash_part {
	const void *data;
	size_t len;
};
/* Of all parts one behind the other. */
void blake2b256_parts(const struct hash_part *parts, size_t n, uint8_t ret[HASH_LEN]);
struct sha512; /* streaming, for subresource integrity */
int sha512_new(struct sha512 **ret);
void sha512_update(struct sha512 *s, const void *data, size_t len);
void sha512_final(struct sha512 *s, uint8_t ret[SHA512_LEN]);
void sha512_free(struct sha512 **s);
void random_bytes(void *ret, size_t len);
void wipe(void *data, size_t len); /* zeroes what the compiler must not leave out */

int key_new(struct key **ret);
int key_from_seed(const uint8_t seed[KEY_SEED_LEN], struct key **ret);
void key_free(struct key **k);
const uint8_t *key_public(const struct key *k); /* PUBKEY_LEN, borrowed */
/* The secret itself, for a file or a derived key: wipe() the copy. */
void key_seed(const struct key *k, uint8_t ret[KEY_SEED_LEN]);
void key_sign(const struct key *k, const void *msg, size_t len, uint8_t ret[SIG_LEN]);
bool sig_valid(const uint8_t pub[PUBKEY_LEN], const void *msg, size_t len,
	       const uint8_t sig[SIG_LEN]);

/* A key file holds the 32-byte seed in hex and a newline. Refused unless it is a regular file of
 * this user with mode 0600 or 0400 (-EACCES). key_save() never overwrites (-EEXIST). */
int key_load(const char *path, struct key **ret, struct err *err);
int key_save(const struct key *k, const char *path, struct err *err);
/* The text of such a file, whatever secret it holds, closed by a NUL; wipe() it. -E2BIG: of size
 * bytes or more. */
int secret_read(const char *path, char *ret, size_t size, struct err *err);

/* Standard base64 with padding; strict when decoding (no blanks, canonical last character):
 * -EINVAL, or -E2BIG if it holds more than size bytes. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4 + 1)
void base64_encode(const void *data, size_t len, char *ret /* BASE64_LEN(len) */);
int base64_decode(const char *text, uint8_t *ret, size_t size, size_t *ret_len);
