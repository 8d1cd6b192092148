/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/crypto.h"
#include "walrus/gf16.h"

static bool always(void)
{
	return true;
}

static void add_product(uint8_t *a, const uint8_t *b, const struct gf16_factor *f)
{
	for (size_t i = 0; i < LANE_ELEMENTS; i++) {
		uint8_t low = b[i], high = b[i + LANE_ELEMENTS];

		for (size_t byte = 0; byte < 2; byte++)
			a[i + byte * LANE_ELEMENTS] ^=
				f->at[byte][0][low & 15] ^ f->at[byte][1][low >> 4] ^
				f->at[byte][2][high & 15] ^ f->at[byte][3][high >> 4];
	}
}

static void plain_ifft(uint8_t *a, uint8_t *b, size_t n, const struct gf16_factor *factor)
{
	lanes_xor(b, a, n * LANE_BYTES);
	for (size_t i = 0; i < n; i++)
		add_product(a + i * LANE_BYTES, b + i * LANE_BYTES, factor);
}

static void plain_fft(uint8_t *a, uint8_t *b, size_t n, const struct gf16_factor *factor)
{
	for (size_t i = 0; i < n; i++)
		add_product(a + i * LANE_BYTES, b + i * LANE_BYTES, factor);
	lanes_xor(b, a, n * LANE_BYTES);
}

void lanes_hash_one(uint8_t prefix, const uint8_t *data, size_t len, uint8_t ret[HASH_LEN])
{
	const struct hash_part parts[] = { { &prefix, sizeof(prefix) }, { data, len } };

	blake2b256_parts(parts, ARRAY_LEN(parts), ret);
}

void lanes_plain_hash(uint8_t prefix, const uint8_t *const data[LANES_HASHES], size_t len,
		      uint8_t *const ret[LANES_HASHES])
{
	uint8_t hashes[LANES_HASHES][HASH_LEN];

	for (size_t i = 0; i < LANES_HASHES; i++)
		lanes_hash_one(prefix, data[i], len, hashes[i]);
	for (size_t i = 0; i < LANES_HASHES; i++)
		memcpy(ret[i], hashes[i], HASH_LEN);
}

const struct lanes lanes_plain = {
	.name = "plain",
	.usable = always,
	.ifft = plain_ifft,
	.fft = plain_fft,
	.hash = lanes_plain_hash,
};

const struct lanes *const lanes_all[] = {
#if defined(__x86_64__)
	&lanes_avx2,
#elif defined(__aarch64__)
	&lanes_neon,
#endif
	&lanes_plain,
	NULL,
};

const struct lanes *lanes_best(void)
{
	for (size_t i = 0; lanes_all[i]; i++) {
		if (lanes_all[i]->usable())
			return lanes_all[i];
	}
	return &lanes_plain;
}

void lanes_xor(uint8_t *to, const uint8_t *from, size_t len)
{
	for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
		uint64_t a, b;

		memcpy(&a, to + i, sizeof(a));
		memcpy(&b, from + i, sizeof(b));
		a ^= b;
		memcpy(to + i, &a, sizeof(a));
	}
}
