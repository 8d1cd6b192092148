/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/lanes.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#include "walrus/gf16.h"

#define HALF 16 /* bytes in a vector */

struct factor_rows {
	uint8x16_t at[2][4];
};

static inline struct factor_rows factor_load(const struct gf16_factor *from)
{
	struct factor_rows f;

	for (size_t byte = 0; byte < 2; byte++) {
		for (size_t i = 0; i < 4; i++)
			f.at[byte][i] = vld1q_u8(from->at[byte][i]);
	}
	return f;
}

static bool always(void)
{
	return true; /* every AArch64 has it */
}

/* 16 elements: low bytes, and high bytes LANE_ELEMENTS behind. */
struct part {
	uint8x16_t low, high;
};

static inline struct part part_load(const uint8_t *from)
{
	return (struct part){ vld1q_u8(from), vld1q_u8(from + LANE_ELEMENTS) };
}

static inline void part_store(uint8_t *to, struct part p)
{
	vst1q_u8(to, p.low);
	vst1q_u8(to + LANE_ELEMENTS, p.high);
}

static inline struct part part_add(struct part a, struct part b)
{
	return (struct part){ veorq_u8(a.low, b.low), veorq_u8(a.high, b.high) };
}

static inline uint8x16_t product(const uint8x16_t at[4], const uint8x16_t nibbles[4])
{
	return veorq_u8(veorq_u8(vqtbl1q_u8(at[0], nibbles[0]), vqtbl1q_u8(at[1], nibbles[1])),
			veorq_u8(vqtbl1q_u8(at[2], nibbles[2]), vqtbl1q_u8(at[3], nibbles[3])));
}

static inline struct part part_mul(struct part b, const struct factor_rows *f)
{
	const uint8x16_t mask = vdupq_n_u8(15);
	const uint8x16_t nibbles[4] = {
		vandq_u8(b.low, mask),
		vshrq_n_u8(b.low, 4),
		vandq_u8(b.high, mask),
		vshrq_n_u8(b.high, 4),
	};

	return (struct part){ product(f->at[0], nibbles), product(f->at[1], nibbles) };
}

static void neon_ifft(uint8_t *a, uint8_t *b, size_t n, const struct gf16_factor *factor)
{
	const struct factor_rows f = factor_load(factor);

	for (size_t i = 0; i < 2 * n; i++) {
		size_t at = i / 2 * LANE_BYTES + i % 2 * HALF;
		struct part x = part_load(a + at), y = part_add(part_load(b + at), x);

		part_store(b + at, y);
		part_store(a + at, part_add(x, part_mul(y, &f)));
	}
}

static void neon_fft(uint8_t *a, uint8_t *b, size_t n, const struct gf16_factor *factor)
{
	const struct factor_rows f = factor_load(factor);

	for (size_t i = 0; i < 2 * n; i++) {
		size_t at = i / 2 * LANE_BYTES + i % 2 * HALF;
		struct part y = part_load(b + at), x = part_add(part_load(a + at), part_mul(y, &f));

		part_store(a + at, x);
		part_store(b + at, part_add(y, x));
	}
}

const struct lanes lanes_neon = {
	.name = "neon",
	.usable = always,
	.ifft = neon_ifft,
	.fft = neon_fft,
	.hash = lanes_plain_hash,
};

#endif
