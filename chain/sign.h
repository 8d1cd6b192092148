/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures as Sui takes them: Ed25519 over the Blake2b-256 of three intent bytes and the message,
 * so that a signature made for one purpose is worth nothing for another. The intent is (scope,
 * version 0, app 0). Reports are signed without it (report.h): they can be taken for neither.
 *
 * A transaction's digest is the same before and after it is signed: it is the key under which a
 * transaction is journaled and looked up.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/crypto.h"

struct buf;

#define DIGEST_SIZE 46 /* of the base58 text of 32 bytes, with its NUL */
#define SUI_SIG_LEN (1 + SIG_LEN + PUBKEY_LEN) /* scheme 00, signature, key */
#define SUI_SIG_SIZE BASE64_LEN(SUI_SIG_LEN)

enum intent { INTENT_TRANSACTION = 0, INTENT_PERSONAL_MESSAGE = 3 };

/* What is signed: for a transaction its bytes; for a personal message its BCS byte vector. */
void intent_hash(enum intent scope, const void *message, size_t len, uint8_t ret[HASH_LEN]);
void sui_sign(enum intent scope, const void *message, size_t len, const struct key *key,
	      uint8_t ret[SUI_SIG_LEN]);
/* Checks the signature against the key it carries; the caller compares address_of_key() of that key
 * (*ret_pub, unless NULL) with whom it expects. -EBADMSG; -ENOTSUP: not Ed25519. */
int sui_verify(enum intent scope, const void *message, size_t len, const void *sig, size_t sig_len,
	       uint8_t ret_pub[PUBKEY_LEN]);

/* Blake2b-256 of "TransactionData::" and the bytes. */
void tx_digest(const void *tx, size_t len, uint8_t ret[HASH_LEN]);
void digest_format(const uint8_t digest[HASH_LEN], char ret[DIGEST_SIZE]);
/* -EINVAL unless it is the text of 32 bytes. */
int digest_parse(const char *text, uint8_t ret[HASH_LEN]);
