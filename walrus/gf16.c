/* SPDX-License-Identifier: Apache-2.0 AND BSD-3-Clause */
/*
 * The construction of the tables follows Leopard-RS (LeopardFF16.cpp):
 *
 * Copyright (c) 2017 Christopher A. Taylor.  All rights reserved.
 *
 * Redistribution and use in source and binary forms, with or without modification, are permitted
 * provided that the following conditions are met:
 *
 * * Redistributions of source code must retain the above copyright notice, this list of conditions
 *   and the following disclaimer.
 * * Redistributions in binary form must reproduce the above copyright notice, this list of
 *   conditions and the following disclaimer in the documentation and/or other materials provided
 *   with the distribution.
 * * Neither the name of Leopard-RS nor the names of its contributors may be used to endorse or
 *   promote products derived from this software without specific prior written permission.
 *
 * THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR
 * IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND
 * FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR
 * CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
 * DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE,
 * DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY,
 * WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY
 * WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
 */
#include "walrus/gf16.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/cleanup.h"

#define BITS 16
#define POLYNOMIAL 0x1002Du
#define MODULUS (GF16_ORDER - 1) /* the order of the multiplicative group */

static const uint16_t cantor_basis[BITS] = { 0x0001, 0xACCA, 0x3C0E, 0x163E, 0xC582, 0xED2E,
					     0x914C, 0x4012, 0x6C98, 0x10D8, 0x6A72, 0xB900,
					     0xFDB8, 0xFB34, 0xFF38, 0x991E };

struct gf16 {
	size_t n;
	struct skew {
		bool is_zero;
		struct gf16_factor factor;
	} skews[];
};

/* Only needed while the factors are made. log[0] is MODULUS, which stands for "none". */
struct logs {
	uint16_t log[GF16_ORDER], exp[GF16_ORDER];
	uint16_t skew[GF16_ORDER];
};

static uint16_t add_mod(uint16_t a, uint16_t b)
{
	uint32_t sum = (uint32_t)a + b;

	return (uint16_t)(sum + (sum >> BITS));
}

/* x times the element whose logarithm is log_y. */
static uint16_t mul(const struct logs *l, uint16_t x, uint16_t log_y)
{
	return x == 0 ? 0 : l->exp[add_mod(l->log[x], log_y)];
}

/* Logarithms to the basis of a shift register, then of the same elements in Cantor's basis. */
static void make_logs(struct logs *l)
{
	uint32_t state = 1;

	for (uint32_t i = 0; i < MODULUS; i++) {
		l->exp[state] = (uint16_t)i;
		state <<= 1;
		if (state >= GF16_ORDER)
			state ^= POLYNOMIAL;
	}
	l->exp[0] = MODULUS;
	l->log[0] = 0;
	for (size_t i = 0; i < BITS; i++) {
		size_t width = (size_t)1 << i;

		for (size_t j = 0; j < width; j++)
			l->log[j + width] = l->log[j] ^ cantor_basis[i];
	}
	for (size_t i = 0; i < GF16_ORDER; i++)
		l->log[i] = l->exp[l->log[i]];
	for (size_t i = 0; i < GF16_ORDER; i++)
		l->exp[l->log[i]] = (uint16_t)i;
	l->exp[MODULUS] = l->exp[0];
}

static void make_skews(struct logs *l)
{
	uint16_t temp[BITS - 1];

	for (size_t i = 1; i < BITS; i++)
		temp[i - 1] = (uint16_t)(1u << i);
	for (size_t m = 0; m < BITS - 1; m++) {
		size_t step = (size_t)1 << (m + 1), first = ((size_t)1 << m) - 1;

		l->skew[first] = 0;
		for (size_t i = m; i < BITS - 1; i++) {
			size_t s = (size_t)1 << (i + 1);

			for (size_t j = first; j < s; j += step)
				l->skew[j + s] = l->skew[j] ^ temp[i];
		}
		temp[m] = (uint16_t)(MODULUS - l->log[mul(l, temp[m], l->log[temp[m] ^ 1])]);
		for (size_t i = m + 1; i < BITS - 1; i++)
			temp[i] = mul(l, temp[i], add_mod(l->log[temp[i] ^ 1], temp[m]));
	}
}

static void make_factor(const struct logs *l, uint16_t element, struct gf16_factor *ret)
{
	for (size_t nibble = 0; nibble < 4; nibble++) {
		for (size_t v = 0; v < 16; v++) {
			uint16_t x = mul(l, (uint16_t)(v << 4 * nibble), l->log[element]);

			ret->at[0][nibble][v] = (uint8_t)x;
			ret->at[1][nibble][v] = (uint8_t)(x >> 8);
		}
	}
}

int gf16_new(size_t n, struct gf16 **ret)
{
	cleanup(free_ptr) struct logs *l = calloc(1, sizeof(*l));
	cleanup(gf16_free) struct gf16 *g = calloc(1, sizeof(*g) + n * sizeof(g->skews[0]));

	assert(n <= GF16_ORDER);
	if (!l || !g)
		return -ENOMEM;
	make_logs(l);
	make_skews(l);
	g->n = n;
	for (size_t i = 0; i < n; i++) {
		g->skews[i].is_zero = l->skew[i] == 0;
		make_factor(l, l->skew[i], &g->skews[i].factor);
	}
	*ret = take_ptr(g);
	return 0;
}

void gf16_free(struct gf16 **g)
{
	free_ptr(g);
}

const struct gf16_factor *gf16_skew(const struct gf16 *g, size_t i)
{
	assert(i < g->n);
	return g->skews[i].is_zero ? NULL : &g->skews[i].factor;
}
