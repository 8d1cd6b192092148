/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/erasure.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "walrus/gf16.h"
#include "walrus/lanes.h"

struct erasure {
	size_t k, m;
	size_t chunk; /* points of one transform */
	bool high_rate; /* chunks of the source are folded into one; else one gives all the recovery */
	struct gf16 *field;
	const struct lanes *lanes;
};

static size_t next_pow2(size_t n)
{
	size_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

static size_t chunks_of(const struct erasure *e, size_t n)
{
	return (n + e->chunk - 1) / e->chunk;
}

int erasure_new(size_t k, size_t m, const struct lanes *lanes, struct erasure **ret)
{
	cleanup(erasure_free) struct erasure *e = calloc(1, sizeof(*e));
	size_t of_k = next_pow2(k), of_m = next_pow2(m);

	assert(k > 0 && m > 0 && k + m < GF16_ORDER / 2);
	if (!e)
		return -ENOMEM;
	e->k = k;
	e->m = m;
	e->lanes = lanes;
	e->high_rate = of_k > of_m || (of_k == of_m && k <= m);
	e->chunk = e->high_rate ? of_m : of_k;
	assert(e->chunk > 0);
	/* The last chunk begins at the points behind all others. */
	size_t points = (chunks_of(e, e->high_rate ? k : m) + 1) * e->chunk;
	int r = gf16_new(points, &e->field);

	if (r < 0)
		return r;
	*ret = take_ptr(e);
	return 0;
}

void erasure_free(struct erasure **e)
{
	if (!*e)
		return;
	gf16_free(&(*e)->field);
	free(*e);
	*e = NULL;
}

size_t erasure_scratch_bytes(const struct erasure *e)
{
	return 2 * e->chunk * LANE_BYTES;
}

/* Values of a polynomial at the points from delta on to its coefficients; behind the first used
 * values all are zero. */
static void transform_back(const struct erasure *e, uint8_t *work, size_t used, size_t delta)
{
	for (size_t half = 1; half < e->chunk; half *= 2) {
		for (size_t at = 0; at < used; at += 2 * half) {
			const struct gf16_factor *f = gf16_skew(e->field, at + half + delta - 1);
			uint8_t *a = work + at * LANE_BYTES, *b = a + half * LANE_BYTES;

			if (f)
				e->lanes->ifft(a, b, half, f);
			else
				lanes_xor(b, a, half * LANE_BYTES);
		}
	}
}

/* Coefficients to the first wanted values at the points from delta on. */
static void transform(const struct erasure *e, uint8_t *work, size_t wanted, size_t delta)
{
	for (size_t half = e->chunk / 2; half > 0; half /= 2) {
		for (size_t at = 0; at < wanted; at += 2 * half) {
			const struct gf16_factor *f = gf16_skew(e->field, at + half + delta - 1);
			uint8_t *a = work + at * LANE_BYTES, *b = a + half * LANE_BYTES;

			if (f)
				e->lanes->fft(a, b, half, f);
			else
				lanes_xor(b, a, half * LANE_BYTES);
		}
	}
}

/* Elements at one place of the symbols of some words, which are calculated at a time. */
struct pass {
	const struct erasure_word *words;
	size_t n;
	size_t at; /* in a symbol; their high bytes are as many behind */
	size_t elements; /* of each word; the next word's come next in the lane */
};

static void gather(const struct pass *p, size_t symbol, uint8_t lane[LANE_BYTES])
{
	size_t elements = p->elements;

	if (p->n * elements < LANE_ELEMENTS)
		memset(lane, 0, LANE_BYTES);
	for (size_t i = 0; i < p->n; i++) {
		const uint8_t *from = p->words[i].in + symbol * p->words[i].in_step + p->at;

		memcpy(lane + i * elements, from, elements);
		memcpy(lane + LANE_ELEMENTS + i * elements, from + elements, elements);
	}
}

static void scatter(const struct pass *p, size_t symbol, const uint8_t lane[LANE_BYTES])
{
	size_t elements = p->elements;

	for (size_t i = 0; i < p->n; i++) {
		uint8_t *to = p->words[i].out + symbol * p->words[i].out_step + p->at;

		memcpy(to, lane + i * elements, elements);
		memcpy(to + elements, lane + LANE_ELEMENTS + i * elements, elements);
	}
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Symbols from first on into the chunk, zeros behind; returns how many there were. */
static size_t gather_chunk(const struct erasure *e, const struct pass *p, size_t first,
			   uint8_t *work)
{
	size_t n = min_size(e->k - first, e->chunk);

	for (size_t i = 0; i < n; i++)
		gather(p, first + i, work + i * LANE_BYTES);
	memset(work + n * LANE_BYTES, 0, (e->chunk - n) * LANE_BYTES);
	return n;
}

static void scatter_chunk(const struct erasure *e, const struct pass *p, size_t first,
			  const uint8_t *work)
{
	size_t n = min_size(e->m - first, e->chunk);

	for (size_t i = 0; i < n; i++)
		scatter(p, first + i, work + i * LANE_BYTES);
}

/* The source lies behind the recovery symbols' points: all its chunks are summed up in front. */
static void encode_high(const struct erasure *e, const struct pass *p, uint8_t *sum, uint8_t *next)
{
	for (size_t first = 0; first < e->k; first += e->chunk) {
		uint8_t *work = first == 0 ? sum : next;
		size_t n = gather_chunk(e, p, first, work);

		transform_back(e, work, n, first + e->chunk);
		if (work == next)
			lanes_xor(sum, next, e->chunk * LANE_BYTES);
	}
	transform(e, sum, e->m, 0);
	scatter_chunk(e, p, 0, sum);
}

/* The source lies in front, the recovery symbols are values at the points behind it. */
static void encode_low(const struct erasure *e, const struct pass *p, uint8_t *source,
		       uint8_t *next)
{
	transform_back(e, source, gather_chunk(e, p, 0, source), 0);
	for (size_t first = 0; first < e->m; first += e->chunk) {
		memcpy(next, source, e->chunk * LANE_BYTES);
		transform(e, next, min_size(e->m - first, e->chunk), first + e->chunk);
		scatter_chunk(e, p, first, next);
	}
}

static void encode(const struct erasure *e, const struct pass *p, uint8_t *scratch)
{
	uint8_t *second = scratch + e->chunk * LANE_BYTES;

	if (e->high_rate)
		encode_high(e, p, scratch, second);
	else
		encode_low(e, p, scratch, second);
}

size_t erasure_batch(size_t symbol_bytes)
{
	size_t rest = symbol_bytes % LANE_BYTES / 2;

	return rest ? LANE_ELEMENTS / rest : 1;
}

void erasure_encode(const struct erasure *e, const struct erasure_word *words, size_t n,
		    size_t symbol_bytes, uint8_t *scratch)
{
	size_t full = symbol_bytes / LANE_BYTES * LANE_BYTES, rest = symbol_bytes - full;
	size_t batch = erasure_batch(symbol_bytes);

	for (size_t i = 0; i < n; i++) {
		for (size_t at = 0; at < full; at += LANE_BYTES)
			encode(e, &(struct pass){ words + i, 1, at, LANE_ELEMENTS }, scratch);
	}
	for (size_t i = 0; i < n && rest > 0; i += batch)
		encode(e, &(struct pass){ words + i, min_size(batch, n - i), full, rest / 2 },
		       scratch);
}
