/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binary Canonical Serialization (BCS), the byte form of receipts, Sui transactions and Seal.
 * Integers little-endian of fixed width, vectors and strings with a minimal ULEB128 count that fits
 * 32 bits, structs as their fields in order. One value has one encoding.
 * Source: github.com/diem/bcs README; Sui's limits.
 *
 * The writer appends to a struct buf (whose limit and sticky error apply). The reader borrows its
 * bytes and has a sticky error as well: after the first fault every read gives 0 or NULL, so a row
 * of reads is checked once with bcs_end(), which also refuses bytes left over.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct buf;

int bcs_put_bool(struct buf *b, int v);
int bcs_put_u8(struct buf *b, uint8_t v);
int bcs_put_u16(struct buf *b, uint16_t v);
int bcs_put_u32(struct buf *b, uint32_t v);
int bcs_put_u64(struct buf *b, uint64_t v);
int bcs_put_u128(struct buf *b, unsigned __int128 v);
int bcs_put_uleb(struct buf *b, uint32_t v);
int bcs_put_bytes(struct buf *b, const void *data, uint32_t len); /* count + bytes */
int bcs_put_fixed(struct buf *b, const void *data, size_t len); /* bytes alone */
int bcs_put_str(struct buf *b, const char *text);

struct bcs {
	const uint8_t *at, *end;
	int error; /* 0 or -EBADMSG */
};

void bcs_init(struct bcs *r, const void *data, size_t len);
int bcs_get_bool(struct bcs *r);
uint8_t bcs_get_u8(struct bcs *r);
uint16_t bcs_get_u16(struct bcs *r);
uint32_t bcs_get_u32(struct bcs *r);
uint64_t bcs_get_u64(struct bcs *r);
unsigned __int128 bcs_get_u128(struct bcs *r);
uint32_t bcs_get_uleb(struct bcs *r, uint32_t max); /* over max is a fault */
const uint8_t *bcs_get_fixed(struct bcs *r, size_t len);
void bcs_copy_fixed(struct bcs *r, void *ret, size_t len); /* after a fault ret stays as it was */
const uint8_t *bcs_get_bytes(struct bcs *r, uint32_t max, uint32_t *ret_len);
/* Copies a string of at most size - 1 bytes, NUL behind; refuses NUL inside and bad UTF-8. */
int bcs_get_str(struct bcs *r, char *ret, size_t size);
/* 0 if all was read without a fault and nothing is left, else -EBADMSG. */
int bcs_end(const struct bcs *r);
