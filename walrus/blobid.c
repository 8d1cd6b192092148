/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/blobid.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "walrus/crew.h"
#include "walrus/erasure.h"
#include "walrus/lanes.h"
#include "walrus/merkle.h"

#define ENCODING_RS2 1
#define STRIP 16u /* columns that are one job; a power of two */
#define STRIP_LEVELS 4u
#define READ_BYTES 1024u /* of a row at a time, to make columns of it */
#define ROWS_BYTES (512u << 10) /* of whole rows at a time */
#define THREADS_BYTES (5u << 20) /* of the 8 MB, for all threads; tables and hashes have the rest */

/* One calculation. What has "recovery" in its name is behind the source symbols. */
struct encoding {
	int fd;
	uint64_t size;
	struct blobid_shape shape;
	size_t recovery_columns;
	const struct lanes *lanes;
	struct erasure *across, *down; /* rows to all columns, columns to all rows */
	uint8_t *recovery; /* rows x recovery_columns symbols */
	struct merkle_node *strip_roots; /* of each row: one a strip, and one to spare */
	size_t strips;
	struct blobid_pair *pairs;
};

static void encoding_fini(struct encoding *e)
{
	erasure_free(&e->across);
	erasure_free(&e->down);
	free(e->recovery);
	free(e->strip_roots);
}

int blobid_shape(uint64_t size, uint32_t shards, struct blobid_shape *ret, struct err *err)
{
	uint32_t faulty = (shards - 1) / 3;
	struct blobid_shape s = { shards, shards - 2 * faulty, shards - faulty, 0 };
	uint64_t symbols = (uint64_t)s.rows * s.columns, bytes;

	if (shards < BLOBID_SHARDS_MIN || shards > BLOBID_SHARDS_MAX)
		return err_set(err, -EINVAL, "%" PRIu32 " shards; there can be %u to %u", shards,
			       BLOBID_SHARDS_MIN, BLOBID_SHARDS_MAX);
	bytes = size == 0 ? 1 : size / symbols + (size % symbols > 0);
	bytes += bytes % 2;
	if (bytes > BLOBID_SYMBOL_MAX)
		return err_set(err, -E2BIG,
			       "%" PRIu64 " bytes are more than one blob can hold (%" PRIu64 ")",
			       size, symbols * BLOBID_SYMBOL_MAX);
	s.symbol_bytes = (uint32_t)bytes;
	*ret = s;
	return 0;
}

/* Content from offset on, zeros behind its end. */
static int read_content(const struct encoding *e, uint64_t offset, uint8_t *ret, size_t len)
{
	size_t inside = offset >= e->size ? 0 : len;

	if (inside > e->size - offset && inside > 0)
		inside = (size_t)(e->size - offset);
	memset(ret + inside, 0, len - inside);
	for (size_t done = 0; done < inside;) {
		ssize_t n = pread(e->fd, ret + done, inside - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ESTALE; /* it became shorter */
		done += (size_t)n;
	}
	return 0;
}

/* As many rows as fill the lanes, if they are short. */
static size_t row_batch(const struct encoding *e)
{
	size_t fill = erasure_batch(e->shape.symbol_bytes);
	size_t fit = ROWS_BYTES / ((size_t)e->shape.columns * e->shape.symbol_bytes);

	return fit < 1 ? 1 : fit < fill ? fit : fill;
}

static int encode_rows(struct encoding *e, size_t first, uint8_t *content, uint8_t *scratch)
{
	size_t s = e->shape.symbol_bytes, row_bytes = e->shape.columns * s;
	size_t n = e->shape.rows - first < row_batch(e) ? e->shape.rows - first : row_batch(e);
	struct erasure_word words[LANE_ELEMENTS];
	int r = read_content(e, (uint64_t)first * row_bytes, content, n * row_bytes);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		words[i] = (struct erasure_word){
			.in = content + i * row_bytes,
			.in_step = s,
			.out = e->recovery + (first + i) * e->recovery_columns * s,
			.out_step = s,
		};
	erasure_encode(e->across, words, n, s, scratch);
	return 0;
}

static int rows_work(struct crew *crew, void *arg)
{
	struct encoding *e = arg;
	size_t row_bytes = (size_t)e->shape.columns * e->shape.symbol_bytes;
	cleanup(free_ptr) uint8_t *content = malloc(row_batch(e) * row_bytes);
	cleanup(free_ptr) uint8_t *scratch = malloc(erasure_scratch_bytes(e->across));
	size_t job;
	int r = content && scratch ? 0 : -ENOMEM;

	while (r == 0 && crew_next(crew, &job))
		r = encode_rows(e, job * row_batch(e), content, scratch);
	return r;
}

/* What a thread needs to make columns. */
struct columns {
	struct encoding *e;
	size_t width; /* columns read at a time */
	uint8_t *source; /* rows x width symbols */
	uint8_t *more; /* width x the recovery rows */
	uint8_t *scratch;
	struct merkle_node *leaves; /* of all rows: STRIP */
	struct merkle_node *column; /* all leaves of one, and one to spare */
};

/* Some columns beside each other, all their source symbols: where they are. */
struct source_view {
	size_t first, n;
	const uint8_t *at; /* row 0 of the first */
	size_t row_step;
};

static void columns_fini(struct columns *c)
{
	free(c->source);
	free(c->more);
	free(c->scratch);
	free(c->leaves);
	free(c->column);
}

static size_t read_width(const struct encoding *e)
{
	size_t width = READ_BYTES / e->shape.symbol_bytes;

	return width < 1 ? 1 : width > STRIP ? STRIP : width;
}

static int columns_init(struct columns *c, struct encoding *e)
{
	size_t n = e->shape.shards, rows = e->shape.rows, s = e->shape.symbol_bytes;

	c->e = e;
	c->width = read_width(e);
	c->source = malloc(rows * c->width * s);
	c->more = malloc(c->width * (n - rows) * s);
	c->scratch = malloc(erasure_scratch_bytes(e->down));
	c->leaves = calloc(n * STRIP, sizeof(c->leaves[0]));
	c->column = calloc(n + 1, sizeof(c->column[0]));
	return c->source && c->more && c->scratch && c->leaves && c->column ? 0 : -ENOMEM;
}

/* An upper bound of what columns_init() and rows_work() take. */
static size_t thread_bytes(const struct encoding *e)
{
	size_t n = e->shape.shards, s = e->shape.symbol_bytes;
	size_t columns = n * read_width(e) * s + n * (STRIP + 1) * sizeof(struct merkle_node) +
			 erasure_scratch_bytes(e->down);
	size_t rows = row_batch(e) * e->shape.columns * s + erasure_scratch_bytes(e->across);

	return columns > rows ? columns : rows;
}

/* Up to a width of columns from first on, before end; source columns are read. */
static int view_columns(struct columns *c, size_t first, size_t end, struct source_view *ret)
{
	const struct encoding *e = c->e;
	size_t s = e->shape.symbol_bytes, columns = e->shape.columns;
	struct source_view v = { .first = first,
				 .n = end - first < c->width ? end - first : c->width };

	if (first >= columns) {
		v.at = e->recovery + (first - columns) * s;
		v.row_step = e->recovery_columns * s;
		*ret = v;
		return 0;
	}
	if (v.n > columns - first)
		v.n = columns - first;
	v.at = c->source;
	v.row_step = v.n * s;
	for (size_t row = 0; row < e->shape.rows; row++) {
		int r = read_content(e, ((uint64_t)row * columns + first) * s,
				     c->source + row * v.row_step, v.row_step);

		if (r < 0)
			return r;
	}
	*ret = v;
	return 0;
}

static uint8_t *recovery_of(const struct columns *c, size_t i)
{
	const struct blobid_shape *shape = &c->e->shape;

	return c->more + i * (shape->shards - shape->rows) * shape->symbol_bytes;
}

static void expand(struct columns *c, const struct source_view *v)
{
	size_t s = c->e->shape.symbol_bytes;
	struct erasure_word words[STRIP];

	for (size_t i = 0; i < v->n; i++)
		words[i] = (struct erasure_word){
			.in = v->at + i * s,
			.in_step = v->row_step,
			.out = recovery_of(c, i),
			.out_step = s,
		};
	erasure_encode(c->e->down, words, v->n, s, c->scratch);
}

/* Hashes all symbols of the i-th column in view into its place of the strip, and its own tree. */
static void hash_column(struct columns *c, const struct source_view *v, size_t i)
{
	struct encoding *e = c->e;
	size_t n = e->shape.shards, rows = e->shape.rows, s = e->shape.symbol_bytes;
	size_t number = v->first + i, in_strip = number % STRIP;
	struct merkle m;

	merkle_begin(&m, e->lanes, MERKLE_LEAF, s);
	for (size_t row = 0; row < n; row++)
		merkle_add(&m,
			   row < rows ? v->at + row * v->row_step + i * s :
					recovery_of(c, i) + (row - rows) * s,
			   &c->column[row]);
	merkle_flush(&m);
	for (size_t row = 0; row < n; row++)
		c->leaves[row * STRIP + in_strip] = c->column[row];
	merkle_climb(e->lanes, c->column, 1, n + 1, n, MERKLE_TO_ROOT);
	memcpy(e->pairs[n - 1 - number].secondary, c->column[0].hash, HASH_LEN);
}

static int hash_strip(struct columns *c, size_t strip)
{
	struct encoding *e = c->e;
	size_t n = e->shape.shards, first = strip * STRIP;
	size_t end = n - first < STRIP ? n : first + STRIP;
	struct source_view v = { .first = first };

	for (size_t at = first; at < end; at = v.first + v.n) {
		int r = view_columns(c, at, end, &v);

		if (r < 0)
			return r;
		expand(c, &v);
		for (size_t i = 0; i < v.n; i++)
			hash_column(c, &v, i);
	}
	/* A strip is a whole part of each row's tree; where it is the only one, the whole tree. */
	merkle_climb(e->lanes, c->leaves, n, STRIP, end - first,
		     e->strips > 1 ? STRIP_LEVELS : MERKLE_TO_ROOT);
	for (size_t row = 0; row < n; row++)
		e->strip_roots[row * (e->strips + 1) + strip] = c->leaves[row * STRIP];
	return 0;
}

static int columns_work(struct crew *crew, void *arg)
{
	cleanup(columns_fini) struct columns c = {};
	int r = columns_init(&c, arg);
	size_t job;

	while (r == 0 && crew_next(crew, &job))
		r = hash_strip(&c, job);
	return r;
}

static int encoding_init(struct encoding *e)
{
	const struct blobid_shape *s = &e->shape;
	size_t recovery_bytes;

	e->recovery_columns = s->shards - s->columns;
	e->strips = (s->shards + STRIP - 1) / STRIP;
	if (__builtin_mul_overflow((size_t)s->rows * e->recovery_columns, s->symbol_bytes,
				   &recovery_bytes))
		return -ENOMEM;
	e->recovery = malloc(recovery_bytes);
	e->strip_roots = calloc(s->shards * (e->strips + 1), sizeof(e->strip_roots[0]));
	if (!e->recovery || !e->strip_roots)
		return -ENOMEM;
	int r = erasure_new(s->columns, s->shards - s->columns, e->lanes, &e->across);

	return r < 0 ? r : erasure_new(s->rows, s->shards - s->rows, e->lanes, &e->down);
}

static size_t threads_of(const struct encoding *e, uint32_t wanted)
{
	size_t fit = (size_t)((THREADS_BYTES + e->size / 11) / thread_bytes(e));
	cpu_set_t cpus;

	if (wanted == 0)
		wanted = sched_getaffinity(0, sizeof(cpus), &cpus) < 0 ? 1 :
									 (uint32_t)CPU_COUNT(&cpus);
	return fit < 1 ? 1 : fit < wanted ? fit : wanted;
}

static int encode(struct encoding *e, uint32_t threads)
{
	size_t rows = e->shape.rows, n = threads_of(e, threads);
	int r = crew_run(n, (rows + row_batch(e) - 1) / row_batch(e), rows_work, e);

	return r < 0 ? r : crew_run(n, e->strips, columns_work, e);
}

/* From the roots of strips and columns to the blob's root. */
static int finish(struct encoding *e, uint8_t ret_root[HASH_LEN])
{
	size_t n = e->shape.shards, step = e->strips + 1;
	cleanup(free_ptr) struct merkle_node *nodes = calloc(n + 1, sizeof(nodes[0]));
	struct merkle m;

	if (!nodes)
		return -ENOMEM;
	merkle_climb(e->lanes, e->strip_roots, n, step, e->strips, MERKLE_TO_ROOT);
	merkle_begin(&m, e->lanes, MERKLE_LEAF, sizeof(e->pairs[0]));
	for (size_t i = 0; i < n; i++) {
		memcpy(e->pairs[i].primary, e->strip_roots[i * step].hash, HASH_LEN);
		merkle_add(&m, e->pairs[i].primary, &nodes[i]);
	}
	merkle_flush(&m);
	merkle_climb(e->lanes, nodes, 1, n + 1, n, MERKLE_TO_ROOT);
	memcpy(ret_root, nodes[0].hash, HASH_LEN);
	return 0;
}

/* BLAKE2b-256 of the encoding type, the size as 8 little-endian bytes, and the root. */
static void name_blob(struct blobid *b)
{
	uint8_t text[1 + sizeof(b->size) + HASH_LEN] = { ENCODING_RS2 };

	for (size_t i = 0; i < sizeof(b->size); i++)
		text[1 + i] = (uint8_t)(b->size >> 8 * i);
	memcpy(text + 1 + sizeof(b->size), b->root, HASH_LEN);
	blake2b256(text, sizeof(text), b->id);
}

static int calculate(struct encoding *e, uint32_t threads, struct blobid *ret)
{
	struct blobid b = {
		.size = e->size,
		.shards = e->shape.shards,
		.symbol_bytes = e->shape.symbol_bytes,
	};
	int r = encoding_init(e);

	if (r == 0)
		r = encode(e, threads);
	if (r == 0)
		r = finish(e, b.root);
	if (r < 0)
		return r;
	name_blob(&b);
	*ret = b;
	return 0;
}

int blobid_of(int fd, const struct blobid_options *options, struct blobid *ret, struct err *err)
{
	static const struct blobid_options defaults = {};
	const struct blobid_options *o = options ? options : &defaults;
	cleanup(encoding_fini) struct encoding e = { .fd = fd };
	cleanup(free_ptr) struct blobid_pair *pairs = NULL;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_errno(err, -errno, "reading the blob");
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "a blob is read from a regular file");
	e.size = (uint64_t)st.st_size;
	r = blobid_shape(e.size, o->shards ? o->shards : BLOBID_SHARDS, &e.shape, err);
	if (r < 0)
		return r;
	e.lanes = o->lanes ? o->lanes : lanes_best();
	e.pairs = o->ret_pairs;
	if (!e.pairs)
		e.pairs = pairs = calloc(e.shape.shards, sizeof(pairs[0]));
	r = e.pairs ? calculate(&e, o->threads, ret) : -ENOMEM;
	if (r == -ESTALE)
		return err_set(err, r, "the file became shorter while it was read");
	return r < 0 ? err_errno(err, r, "calculating the blob id") : 0;
}
