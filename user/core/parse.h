/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to numbers and back. Every function reads the whole text: no leading blank, no sign where
 * none belongs, nothing behind. Returns 0, -EINVAL (not of the form) or -ERANGE (out of bounds).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret);
int parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *ret);
/* 128-bit decimal, as memory_byte_ns travels. */
int parse_u128(const char *text, unsigned __int128 *ret);
/* "42", "64KiB", "256MiB", "1GiB", "2TiB": bytes. Only binary units, to leave no doubt. */
int parse_size(const char *text, uint64_t *ret_bytes);
/* "500ms", "60s", "5m", "2h", "7d": milliseconds; a bare number is an error. */
int parse_duration_ms(const char *text, uint64_t *ret_ms);
/* The text that reads back to the value, in the largest unit that leaves no rest; QUANTITY_TEXT_MAX bytes. Both
 * return ret. */
#define QUANTITY_TEXT_MAX 24
char *format_size(uint64_t bytes, char *ret);
char *format_duration_ms(uint64_t ms, char *ret);

/* Lower-case hex only, so that one value has one text. parse_hex: exactly len bytes. */
int parse_hex(const char *text, uint8_t *ret, size_t len);
void format_hex(const uint8_t *data, size_t len, char *ret /* 2 * len + 1 */);

#define U128_TEXT_MAX 40
/* Decimal; ret has U128_TEXT_MAX bytes. Returns ret. */
char *format_u128(unsigned __int128 v, char *ret);
