/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The field of 65536 elements that Walrus' erasure code calculates in, and the factors of its
 * additive Fourier transform (Lin, Chung, Han). Field, basis and factors are those of Leopard
 * (FF16), whose notice is in gf16.c; that is what makes our symbols those of every other client.
 *
 * A struct gf16 is read-only once it is made: any number of threads may use it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define GF16_ORDER 65536u

/* An element is multiplied nibble by nibble: byte b of the product is the sum (xor) over i of
 * at[b][i][the element's nibble i]. The rows of 16 are what a vector shuffle looks up at once. */
struct gf16_factor {
	uint8_t at[2][4][16];
};

struct gf16;

/* Factors for transforms that touch points below n (a power of two, at most GF16_ORDER). */
int gf16_new(size_t n, struct gf16 **ret);
void gf16_free(struct gf16 **g);
/* The factor of the butterflies at the point with this index; NULL is the factor 0. */
const struct gf16_factor *gf16_skew(const struct gf16 *g, size_t i);
