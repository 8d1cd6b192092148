/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner loops of the erasure code and of the hash trees, in versions for the machine at hand:
 * AVX2 or NEON where there is one, else plain C. All give the same bytes.
 *
 * A lane is 32 elements of GF(2^16): their low bytes, then their high bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/crypto.h"

#define LANE_ELEMENTS 32
#define LANE_BYTES 64
#define LANES_HASHES 4 /* that are calculated side by side */

struct gf16_factor;

struct lanes {
	const char *name;
	bool (*usable)(void); /* on this processor */
	/* Butterflies of n lanes of a with n of b, by one factor (not NULL).
	 * ifft: b += a, then a += b * factor.  fft: a += b * factor, then b += a. */
	void (*ifft)(uint8_t *a, uint8_t *b, size_t n, const struct gf16_factor *factor);
	void (*fft)(uint8_t *a, uint8_t *b, size_t n, const struct gf16_factor *factor);
	/* Blake2b-256 of prefix and len bytes of data, four times. ret may overlap data: all is read
	 * before anything is written. */
	void (*hash)(uint8_t prefix, const uint8_t *const data[LANES_HASHES], size_t len,
		     uint8_t *const ret[LANES_HASHES]);
};

extern const struct lanes lanes_plain, lanes_avx2, lanes_neon; /* those this compiler can make */

/* All that were compiled, best first, NULL behind the last; the last is always usable. */
extern const struct lanes *const lanes_all[];
const struct lanes *lanes_best(void);

void lanes_hash_one(uint8_t prefix, const uint8_t *data, size_t len, uint8_t ret[HASH_LEN]);
void lanes_plain_hash(uint8_t prefix, const uint8_t *const data[LANES_HASHES], size_t len,
		      uint8_t *const ret[LANES_HASHES]);
/* to ^= from; len is a multiple of LANE_BYTES. */
void lanes_xor(uint8_t *to, const uint8_t *from, size_t len);
