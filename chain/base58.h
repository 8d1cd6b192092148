/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base58 with Bitcoin's alphabet and no checksum, as Sui writes digests: the bytes are one big
 * number, and each zero byte in front of it is a '1'. The cost grows with the square of the length,
 * hence the limit.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BASE58_BYTES_MAX 256
#define BASE58_SIZE(n) ((n) * 138 / 100 + 2) /* of the text of n bytes, with its NUL */

/* len <= BASE58_BYTES_MAX. */
void base58_encode(const void *data, size_t len, char *ret /* BASE58_SIZE(len) */);
/* -EINVAL: a character of another alphabet. -E2BIG: more than size or BASE58_BYTES_MAX bytes. */
int base58_decode(const char *text, uint8_t *ret, size_t size, size_t *ret_len);
