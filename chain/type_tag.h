/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Move types as transactions carry them. A type is kept in its BCS form, which is the only one it
 * has; the text ("0x2::coin::Coin<0x2::sui::SUI>") is for people and for GraphQL.
 *
 *	00 bool 01 u8 02 u64 03 u128 04 address 05 signer 06 vector T
 *	07 struct address module name vector<T> 08 u16 09 u32 0a u256
 *
 * The limits bound memory and recursion here. They are wider than the chain's own (depth 16, 16
 * arguments), which it checks itself and may change.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct bcs;
struct buf;
struct err;

#define TYPE_TAG_LEN_MAX (16U << 10) /* bytes in BCS */
#define TYPE_TAG_DEPTH_MAX 32
#define TYPE_TAG_ARGS_MAX 32
#define MOVE_NAME_MAX 128 /* letters, digits and '_', no digit first */

/* Appends the BCS form; out is unchanged on failure. -EINVAL: no type; err names the character.
 * -E2BIG: over a limit. */
int type_tag_parse(const char *text, struct buf *out, struct err *err);
/* Appends the text, with all 64 digits of addresses; out is unchanged on failure. -EBADMSG: not
 * exactly one type. */
int type_tag_format(const void *bcs, size_t len, struct buf *out, struct err *err);
/* Reads over one type and returns where it begins; NULL after a fault, which is the reader's. */
const uint8_t *type_tag_get(struct bcs *in, uint32_t *ret_len);

/* Reads a name of a module, function or type; the same for faults. */
const uint8_t *move_name_get(struct bcs *in, uint32_t *ret_len);
