/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/seal/shamir.h"

#include <string.h>

#include "core/crypto.h"

#define MAX_SHARES 255

/* Without tables or branches: shares are secret, and tables tell by the cache what was looked up. */
static uint8_t gf_mul(uint8_t a, uint8_t b)
{
	uint8_t product = 0;

	for (int i = 0; i < 8; i++) {
		product ^= (uint8_t)(-(b & 1)) & a;
		a = (uint8_t)(a << 1) ^ ((uint8_t)(-(a >> 7)) & 0x1b);
		b >>= 1;
	}
	return product;
}

/* a^254 */
static uint8_t gf_inverse(uint8_t a)
{
	uint8_t square = a, inverse = 1;

	for (int i = 1; i < 8; i++) {
		square = gf_mul(square, square);
		inverse = gf_mul(inverse, square);
	}
	return inverse;
}

void shamir_at(const struct seal_share *shares, size_t n, uint8_t index, uint8_t ret[SHARE_LEN])
{
	uint8_t sum[SHARE_LEN] = {};

	for (size_t i = 0; i < n; i++) {
		uint8_t weight = 1;

		for (size_t j = 0; j < n; j++) {
			uint8_t apart = shares[i].index ^ shares[j].index;

			if (j != i)
				weight = gf_mul(weight,
						gf_mul(index ^ shares[j].index, gf_inverse(apart)));
		}
		for (size_t b = 0; b < SHARE_LEN; b++)
			sum[b] ^= gf_mul(weight, shares[i].bytes[b]);
	}
	memcpy(ret, sum, sizeof(sum));
	wipe(sum, sizeof(sum));
}

void shamir_join(const struct seal_share *shares, size_t n, uint8_t ret[SHARE_LEN])
{
	shamir_at(shares, n, 0, ret);
}

void shamir_split(const uint8_t secret[SHARE_LEN], size_t threshold, struct seal_share *shares,
		  size_t n)
{
	uint8_t coefficients[MAX_SHARES][SHARE_LEN];

	memcpy(coefficients[0], secret, SHARE_LEN);
	for (size_t t = 1; t < threshold; t++)
		random_bytes(coefficients[t], SHARE_LEN);
	for (size_t i = 0; i < n; i++) {
		memset(shares[i].bytes, 0, SHARE_LEN);
		for (size_t t = threshold; t-- > 0;)
			for (size_t b = 0; b < SHARE_LEN; b++)
				shares[i].bytes[b] = gf_mul(shares[i].bytes[b], shares[i].index) ^
						     coefficients[t][b];
	}
	wipe(coefficients, sizeof(coefficients));
}
