/* SPDX-License-Identifier: Apache-2.0 */
/* The symbols themselves, from the erasure code alone: rows to all columns, columns to all rows. */
#include "interop/vectors/walrus.h"

#include <stdlib.h>
#include <string.h>

#include "core/parse.h"
#include "walrus/blobid.h"
#include "walrus/erasure.h"
#include "walrus/lanes.h"

#define HEAD_SYMBOLS 4

/* All shards x shards symbols, row by row. */
struct matrix {
	const struct blobid_shape *shape;
	uint8_t *at;
};

static uint8_t *symbol(const struct matrix *m, size_t row, size_t column)
{
	return m->at + (row * m->shape->shards + column) * m->shape->symbol_bytes;
}

static bool encode(struct run *r, const struct matrix *m, bool rows)
{
	const struct blobid_shape *shape = m->shape;
	size_t s = shape->symbol_bytes, row_bytes = shape->shards * s;
	size_t k = rows ? shape->columns : shape->rows;
	cleanup(erasure_free) struct erasure *e = NULL;

	if (!want(r, erasure_new(k, shape->shards - k, lanes_best(), &e) == 0, "no memory"))
		return false;
	cleanup(free_ptr) uint8_t *scratch = malloc(erasure_scratch_bytes(e));

	if (!want(r, scratch, "no memory"))
		return false;
	for (size_t i = 0; i < (rows ? shape->rows : shape->shards); i++) {
		struct erasure_word word = {
			.in = rows ? symbol(m, i, 0) : symbol(m, 0, i),
			.out = rows ? symbol(m, i, k) : symbol(m, k, i),
			.in_step = rows ? s : row_bytes,
			.out_step = rows ? s : row_bytes,
		};

		erasure_encode(e, &word, 1, s, scratch);
	}
	return true;
}

static bool fill(struct run *r, struct matrix *m, const uint8_t *content, size_t size)
{
	size_t row_bytes = (size_t)m->shape->columns * m->shape->symbol_bytes;

	for (size_t row = 0; row < m->shape->rows && row * row_bytes < size; row++) {
		size_t left = size - row * row_bytes;

		memcpy(symbol(m, row, 0), content + row * row_bytes,
		       left < row_bytes ? left : row_bytes);
	}
	return encode(r, m, true) && encode(r, m, false);
}

/* The source part of row i (primary), or of column i. */
static void copy_sliver(const struct matrix *m, bool primary, size_t i, uint8_t *ret)
{
	size_t s = m->shape->symbol_bytes;
	size_t n = primary ? m->shape->columns : m->shape->rows;

	for (size_t k = 0; k < n; k++)
		memcpy(ret + k * s, primary ? symbol(m, i, k) : symbol(m, k, i), s);
}

static void check_all(struct run *r, const struct json *v, const struct matrix *m, bool primary)
{
	size_t n = primary ? m->shape->columns : m->shape->rows;
	size_t bytes = n * m->shape->symbol_bytes;
	cleanup(free_ptr) uint8_t *all = malloc(m->shape->shards * bytes);

	if (!want(r, all, "no memory for all slivers"))
		return;
	for (size_t i = 0; i < m->shape->shards; i++)
		copy_sliver(m, primary, i, all + i * bytes);
	want_sha256(r, v,
		    primary ? "all_primary_slivers_sha256_hex" : "all_secondary_slivers_sha256_hex",
		    all, m->shape->shards * bytes);
}

/* Secondary slivers are listed by the pair they belong to. */
static void check_heads(struct run *r, const struct json *heads, const struct matrix *m,
			bool primary)
{
	size_t n = primary ? m->shape->columns : m->shape->rows, s = m->shape->symbol_bytes;
	cleanup(free_ptr) uint8_t *sliver = malloc(n * s);
	size_t head = n < HEAD_SYMBOLS ? n : HEAD_SYMBOLS;

	if (!want(r, sliver, "no memory for a sliver"))
		return;
	json_foreach(h, heads) {
		uint32_t i = 0;

		if (!want(r, parse_u32(json_key(h), 0, m->shape->shards - 1, &i) == 0,
			  "sliver \"%s\"", json_key(h)))
			continue;
		copy_sliver(m, primary, primary ? i : m->shape->shards - 1 - i, sliver);
		want_hex(r, heads, json_key(h), sliver, head * s);
	}
}

void check_slivers(struct run *r, const struct json *v, const uint8_t *content, size_t size,
		   const struct blobid_shape *shape)
{
	const struct json *heads = json_get(v, "sliver_heads_hex");
	size_t n = shape->shards;
	struct matrix m = { .shape = shape };

	if (!heads && !json_get(v, "all_primary_slivers_sha256_hex"))
		return;
	cleanup(free_ptr) uint8_t *at = calloc(n * n, shape->symbol_bytes);

	m.at = at;
	if (!want(r, at, "no memory for all symbols") || !fill(r, &m, content, size))
		return;
	check_all(r, v, &m, true);
	check_all(r, v, &m, false);
	check_heads(r, json_get(heads, "primary"), &m, true);
	check_heads(r, json_get(heads, "secondary_by_pair_index"), &m, false);
}
