/* SPDX-License-Identifier: Apache-2.0 */
#include "core/utf8.h"

#include <string.h>

static size_t sequence_len(unsigned char first)
{
	return first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* The character at text of `left` bytes, one or more; 0 if there is none. */
static size_t decode(const char *text, size_t left, uint32_t *ret_code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *c = (const unsigned char *)text;
	size_t len = sequence_len(c[0]);
	uint32_t code = len == 1 ? c[0] : c[0] & (0x7fu >> len);

	if (len == 0 || len > left || c[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (c[i] & 0x3fu);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return len;
}

size_t utf8_next(const char *text, uint32_t *ret_code)
{
	size_t left = strnlen(text, 4);

	return left ? decode(text, left, ret_code) : 0;
}

size_t utf8_valid_len(const void *text, size_t len)
{
	const char *at = text;
	size_t done = 0, step = 1;
	uint32_t code;

	while (step && done < len) {
		step = decode(at + done, len - done, &code);
		done += step;
	}
	return done;
}
