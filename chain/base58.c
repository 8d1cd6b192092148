/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/base58.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/* n = n * factor + carry, a number of *len digits below base, the least first; returns what does
 * not fit into size digits. */
static unsigned int multiply_add(uint8_t *digits, size_t size, size_t *len, unsigned int base,
				 unsigned int factor, unsigned int carry)
{
	for (size_t i = 0; i < *len; i++) {
		carry += digits[i] * factor;
		digits[i] = (uint8_t)(carry % base);
		carry /= base;
	}
	for (; carry && *len < size; carry /= base)
		digits[(*len)++] = (uint8_t)(carry % base);
	return carry;
}

void base58_encode(const void *data, size_t len, char *ret)
{
	uint8_t digits[BASE58_SIZE(BASE58_BYTES_MAX)];
	const uint8_t *bytes = data;
	size_t zeros = 0, n = 0;

	assert(len <= BASE58_BYTES_MAX);
	while (zeros < len && !bytes[zeros])
		zeros++;
	for (size_t i = zeros; i < len; i++)
		multiply_add(digits, sizeof(digits), &n, 58, 256, bytes[i]);
	memset(ret, alphabet[0], zeros);
	for (size_t i = 0; i < n; i++)
		ret[zeros + i] = alphabet[digits[n - 1 - i]];
	ret[zeros + n] = '\0';
}

int base58_decode(const char *text, uint8_t *ret, size_t size, size_t *ret_len)
{
	uint8_t bytes[BASE58_BYTES_MAX];
	size_t zeros = strspn(text, "1"), n = 0;

	if (text[strspn(text, alphabet)])
		return -EINVAL;
	for (const char *at = text + zeros; *at; at++)
		if (multiply_add(bytes, sizeof(bytes), &n, 256, 58,
				 (unsigned int)(strchr(alphabet, *at) - alphabet)))
			return -E2BIG;
	if (zeros > size || n > size - zeros)
		return -E2BIG;
	for (size_t i = 0; i < zeros; i++)
		ret[i] = 0;
	for (size_t i = 0; i < n; i++)
		ret[zeros + i] = bytes[n - 1 - i];
	*ret_len = zeros + n;
	return 0;
}
