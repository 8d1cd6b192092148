/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 as RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes (1 to 4) of the character at text and its code point, or 0 if there is none: at the NUL and
 * at a byte that begins no valid sequence. Never reads beyond the NUL. */
size_t utf8_next(const char *text, uint32_t *ret_code);
/* How many of the len bytes, from the first, are whole characters: len if all is UTF-8. NUL is
 * one. */
size_t utf8_valid_len(const void *text, size_t len);
