/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sui addresses and object ids: 32 bytes, written "0x" and up to 64 hex digits. An address is the
 * Blake2b-256 of a public key behind the flag of its scheme (00, Ed25519: the only one made here).
 * The ids of what hangs below an object can be computed, so that one look-up finds it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/crypto.h"

#define OBJECT_ID_LEN 32
#define ADDRESS_SIZE (2 + 2 * OBJECT_ID_LEN + 1) /* of its text, with the NUL */

struct buf;

/* Short forms ("0x2") and capital digits are taken. -EINVAL. */
int address_parse(const char *text, uint8_t ret[OBJECT_ID_LEN]);
/* All 64 digits, in lower case. */
void address_format(const uint8_t id[OBJECT_ID_LEN], char ret[ADDRESS_SIZE]);

void address_of_key(const uint8_t pub[PUBKEY_LEN], uint8_t ret[OBJECT_ID_LEN]);

/* The object that holds the field of parent whose name has this type and value, both in BCS. */
void dynamic_field_id(const uint8_t parent[OBJECT_ID_LEN], const struct buf *type, const void *key,
		      size_t key_len, uint8_t ret[OBJECT_ID_LEN]);
/* The object that 0x2::derived_object makes below parent for this key. -E2BIG, -ENOMEM. */
int derived_object_id(const uint8_t parent[OBJECT_ID_LEN], const struct buf *type, const void *key,
		      size_t key_len, uint8_t ret[OBJECT_ID_LEN]);
