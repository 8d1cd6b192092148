/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/blobname.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/err.h"

#define PADDING 2 /* at most this much base64 puts behind, and base64url leaves out */
#define DIGITS "0123456789"

/* The two alphabets differ in their last two characters. */
static void swap_chars(char *text, const char from[2], const char to[2])
{
	for (; *text; text++) {
		if (*text == from[0])
			*text = to[0];
		else if (*text == from[1])
			*text = to[1];
	}
}

void base64url_encode(const void *data, size_t len, char *ret)
{
	size_t groups = len / 3 * 3;
	char rest[BASE64_LEN(3)] = "";

	/* The last group goes elsewhere: its padding has no room. */
	base64_encode(data, groups, ret);
	if (len > groups)
		base64_encode((const uint8_t *)data + groups, len - groups, rest);
	rest[strcspn(rest, "=")] = '\0';
	memcpy(ret + groups / 3 * 4, rest, strlen(rest) + 1);
	swap_chars(ret, "+/", "-_");
}

int base64url_decode(const char *text, uint8_t *ret, size_t len)
{
	size_t n = BASE64URL_LEN(len) - 1, found = 0;
	cleanup(free_ptr) char *padded = NULL;

	if (strnlen(text, n + 1) != n || text[strcspn(text, "+/=")])
		return -EINVAL;
	padded = calloc(1, n + PADDING + 1);
	if (!padded)
		return -ENOMEM;
	memcpy(padded, text, n);
	memset(padded + n, '=', (3 - len % 3) % 3);
	swap_chars(padded, "-_", "+/");
	int r = base64_decode(padded, ret, len, &found);

	return r == 0 && found != len ? -EINVAL : r;
}

char *blobname_format(const uint8_t id[BLOBID_LEN], char ret[BLOBNAME_MAX])
{
	base64url_encode(id, BLOBID_LEN, ret);
	return ret;
}

char *blobname_decimal(const uint8_t id[BLOBID_LEN], char ret[BLOBNAME_DECIMAL_MAX])
{
	char digits[BLOBNAME_DECIMAL_MAX]; /* the last first */
	uint8_t n[BLOBID_LEN];
	size_t len = 0, bytes = BLOBID_LEN;

	memcpy(n, id, sizeof(n));
	do {
		unsigned int rest = 0;

		for (size_t i = bytes; i-- > 0;) {
			rest = rest << 8 | n[i];
			n[i] = (uint8_t)(rest / 10);
			rest %= 10;
		}
		digits[len++] = (char)('0' + rest);
		while (bytes > 0 && n[bytes - 1] == 0)
			bytes--;
	} while (bytes > 0);
	for (size_t i = 0; i < len; i++)
		ret[i] = digits[len - 1 - i];
	ret[len] = '\0';
	return ret;
}

/* No sign, no leading zero, below 2^256. */
static int parse_decimal(const char *text, uint8_t ret[BLOBID_LEN])
{
	uint8_t id[BLOBID_LEN] = {};

	if (!*text || text[strspn(text, DIGITS)] || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		unsigned int carry = (unsigned int)(*text - '0');

		for (size_t i = 0; i < BLOBID_LEN; i++) {
			carry += id[i] * 10u;
			id[i] = (uint8_t)carry;
			carry >>= 8;
		}
		if (carry)
			return -EINVAL;
	}
	memcpy(ret, id, sizeof(id));
	return 0;
}

int blobname_parse(const char *text, uint8_t ret[BLOBID_LEN], struct err *err)
{
	int r = base64url_decode(text, ret, BLOBID_LEN);

	if (r == -EINVAL)
		r = parse_decimal(text, ret);
	if (r == -EINVAL)
		return err_set(err, r,
			       "'%.100s' is not a blob id: 43 characters of base64url, or the "
			       "decimal number Sui shows",
			       text);
	return r < 0 ? err_errno(err, r, "reading a blob id") : 0;
}
