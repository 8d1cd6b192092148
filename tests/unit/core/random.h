/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random input for properties: SplitMix64 from a fixed seed, so that a failure comes back.
 * Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Numbers of all lengths, since the edges are among the short ones. */
static inline uint64_t random_number(struct random *r)
{
	return random_next(r) >> random_next(r) % 64;
}

static inline void random_fill(struct random *r, void *ret, size_t len)
{
	uint8_t *bytes = ret;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)random_next(r);
}
