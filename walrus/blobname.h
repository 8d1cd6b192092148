/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of a blob id: base64url without padding as Walrus' HTTP and its users write it, and the
 * decimal number that Sui shows (the 32 bytes as a little-endian u256). Each has one text only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "walrus/blobid.h"

#define BASE64URL_LEN(n) ((4 * (n) + 2) / 3 + 1) /* with its NUL */
#define BLOBNAME_MAX BASE64URL_LEN(BLOBID_LEN)
#define BLOBNAME_DECIMAL_MAX 79

void base64url_encode(const void *data, size_t len, char *ret /* BASE64URL_LEN(len) */);
/* Strict: -EINVAL unless text stands for exactly len bytes. */
int base64url_decode(const char *text, uint8_t *ret, size_t len);

/* Returns ret. */
char *blobname_format(const uint8_t id[BLOBID_LEN], char ret[BLOBNAME_MAX]);
char *blobname_decimal(const uint8_t id[BLOBID_LEN], char ret[BLOBNAME_DECIMAL_MAX]);
/* Either text; what could be both (43 digits, one id in 2^110) is base64url. -EINVAL with what it
 * should be. */
int blobname_parse(const char *text, uint8_t ret[BLOBID_LEN], struct err *err);
