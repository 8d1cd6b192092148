/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Systematic Reed-Solomon over GF(2^16): from k symbols of a word to m recovery symbols, byte for
 * byte as reed-solomon-simd 3.1 (and, where it can, Leopard) makes them.
 *
 * A symbol of an even number of bytes is a row of elements: each full 64 bytes are 32 low bytes and
 * their 32 high bytes, a rest of t bytes is t/2 low and t/2 high ones. Elements at one place of all
 * symbols form a code word of their own, so 32 of them are calculated at a time, in a piece of memory
 * that stays in the processor's cache. Short symbols of several words share it.
 *
 * A struct erasure is read-only once it is made: any number of threads may use it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct erasure;
struct gf16;
struct lanes;

/* k and m above 0, both together below 32768. Borrows lanes. */
int erasure_new(size_t k, size_t m, const struct lanes *lanes, struct erasure **ret);
void erasure_free(struct erasure **e);

/* One word. Symbol i of the source is at in + i * in_step, recovery symbol i goes to
 * out + i * out_step. */
struct erasure_word {
	const uint8_t *in;
	uint8_t *out;
	size_t in_step, out_step;
};

/* Words of these many bytes in a symbol that fill the lanes; encode as many at a time. */
size_t erasure_batch(size_t symbol_bytes);

/* What erasure_encode() works in, one for each thread. */
size_t erasure_scratch_bytes(const struct erasure *e);
void erasure_encode(const struct erasure *e, const struct erasure_word *words, size_t n,
		    size_t symbol_bytes, uint8_t *scratch);
