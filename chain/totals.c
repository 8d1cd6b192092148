/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/totals.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/usage.h"

static const char domain[16] = "NODE-TOTALS-V1"; /* with two NULs */

/* The forms as they are hashed and signed: little-endian, without padding. */
struct wire_sums {
	uint64_t cpu_ns, memory_low, memory_high, rx_bytes, tx_bytes;
};

struct wire_totals {
	char domain[16];
	uint8_t market[OBJECT_ID_LEN], provider[OBJECT_ID_LEN];
	uint64_t from_ms, to_ms;
	struct wire_sums sums;
	uint8_t root[HASH_LEN];
};

static_assert(sizeof(struct wire_totals) == TOTALS_LEN, "the fields fill the statement");
static_assert(1 + sizeof(struct wire_sums) + HASH_LEN == TOTALS_STEP_LEN, "and a step");

static struct wire_sums to_wire(const struct totals_sums *s)
{
	return (struct wire_sums){
		.cpu_ns = htole64(s->cpu_ns),
		.memory_low = htole64((uint64_t)s->memory_byte_ns),
		.memory_high = htole64((uint64_t)(s->memory_byte_ns >> 64)),
		.rx_bytes = htole64(s->rx_bytes),
		.tx_bytes = htole64(s->tx_bytes),
	};
}

static struct totals_sums from_wire(const struct wire_sums *w)
{
	return (struct totals_sums){
		.cpu_ns = le64toh(w->cpu_ns),
		.memory_byte_ns =
			(unsigned __int128)le64toh(w->memory_high) << 64 | le64toh(w->memory_low),
		.rx_bytes = le64toh(w->rx_bytes),
		.tx_bytes = le64toh(w->tx_bytes),
	};
}

static int sums_add(const struct totals_sums *a, const struct totals_sums *b,
		    struct totals_sums *ret)
{
	struct totals_sums sum;

	if (__builtin_add_overflow(a->cpu_ns, b->cpu_ns, &sum.cpu_ns) ||
	    __builtin_add_overflow(a->memory_byte_ns, b->memory_byte_ns, &sum.memory_byte_ns) ||
	    __builtin_add_overflow(a->rx_bytes, b->rx_bytes, &sum.rx_bytes) ||
	    __builtin_add_overflow(a->tx_bytes, b->tx_bytes, &sum.tx_bytes))
		return -EOVERFLOW;
	*ret = sum;
	return 0;
}

static bool sums_equal(const struct totals_sums *a, const struct totals_sums *b)
{
	return a->cpu_ns == b->cpu_ns && a->memory_byte_ns == b->memory_byte_ns &&
	       a->rx_bytes == b->rx_bytes && a->tx_bytes == b->tx_bytes;
}

static int bytes_of(const struct usage_dir *d, uint64_t *ret)
{
	uint64_t sum = 0;

	for (size_t c = 0; c < USAGE_CLASS_MAX_; c++)
		if (__builtin_add_overflow(sum, d->wire[c].bytes, &sum))
			return -EOVERFLOW;
	*ret = sum;
	return 0;
}

int totals_sums_of(const struct usage *u, struct totals_sums *ret)
{
	struct totals_sums s = { .cpu_ns = u->cpu_ns, .memory_byte_ns = u->memory_byte_ns };

	if (bytes_of(&u->rx, &s.rx_bytes) < 0 || bytes_of(&u->tx, &s.tx_bytes) < 0)
		return -EOVERFLOW;
	*ret = s;
	return 0;
}

/* ---- The tree ------------------------------------------------------------------------------- */

void totals_leaf(const struct totals_sums *sums, const void *content, size_t len,
		 struct totals_node *ret)
{
	const struct wire_sums wire = to_wire(sums);
	const struct hash_part parts[] = {
		{ "\0", 1 },
		{ &wire, sizeof(wire) },
		{ content, len },
	};

	ret->sums = *sums;
	blake2b256_parts(parts, ARRAY_LEN(parts), ret->hash);
}

/* ret may be one of the two. */
static int join(const struct totals_node *left, const struct totals_node *right,
		struct totals_node *ret)
{
	const struct wire_sums l = to_wire(&left->sums), r = to_wire(&right->sums);
	const struct hash_part parts[] = {
		{ "\1", 1 },	   { &l, sizeof(l) },	      { left->hash, HASH_LEN },
		{ &r, sizeof(r) }, { right->hash, HASH_LEN },
	};
	struct totals_node node;

	if (sums_add(&left->sums, &right->sums, &node.sums) < 0)
		return -EOVERFLOW;
	blake2b256_parts(parts, ARRAY_LEN(parts), node.hash);
	*ret = node;
	return 0;
}

/* Writes the level above the n nodes behind them. */
static int raise(const struct totals_node *below, size_t n, struct totals_node *ret)
{
	for (size_t i = 0; i < n; i += 2) {
		if (i + 1 == n)
			ret[i / 2] = below[i];
		else if (join(&below[i], &below[i + 1], &ret[i / 2]) < 0)
			return -EOVERFLOW;
	}
	return 0;
}

static size_t nodes_over(size_t leaves)
{
	size_t nodes = leaves;

	for (size_t n = leaves; n > 1; nodes += n)
		n = (n + 1) / 2;
	return nodes ? nodes : 1;
}

int totals_tree_make(const struct totals_node *leaves, size_t n, struct totals_tree *ret,
		     struct err *err)
{
	cleanup(totals_tree_fini) struct totals_tree t = { .leaves = n, .nodes = nodes_over(n) };
	struct totals_node *level;

	if (n > TOTALS_LEAVES_MAX)
		return err_set(err, -E2BIG, "totals: %zu pods, %u are the limit", n,
			       TOTALS_LEAVES_MAX);
	t.node = calloc(t.nodes, sizeof(*t.node));
	if (!t.node)
		return err_errno(err, -ENOMEM, "totals of %zu pods", n);
	if (n)
		memcpy(t.node, leaves, n * sizeof(*leaves));
	level = t.node;
	for (size_t width = n; width > 1; width = (width + 1) / 2) {
		if (raise(level, width, level + width) < 0)
			return err_set(err, -EOVERFLOW, "totals: the sums of %zu pods overflow", n);
		level += width;
	}
	*ret = t;
	t.node = NULL;
	return 0;
}

void totals_tree_fini(struct totals_tree *t)
{
	free(t->node);
	*t = (struct totals_tree){};
}

const struct totals_node *totals_tree_root(const struct totals_tree *t)
{
	return &t->node[t->nodes - 1];
}

size_t totals_tree_path(const struct totals_tree *t, size_t at,
			struct totals_step ret[TOTALS_DEPTH_MAX])
{
	const struct totals_node *level = t->node;
	size_t n = 0;

	assert(at < t->leaves);
	for (size_t width = t->leaves; width > 1; width = (width + 1) / 2) {
		if ((at ^ 1) < width)
			ret[n++] = (struct totals_step){ .on_left = at & 1, .node = level[at ^ 1] };
		level += width;
		at /= 2;
	}
	return n;
}

bool totals_includes(const struct totals *t, const struct totals_node *leaf,
		     const struct totals_step *path, size_t n)
{
	struct totals_node at = *leaf;

	if (n > TOTALS_DEPTH_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct totals_node *sibling = &path[i].node;
		int r = path[i].on_left ? join(sibling, &at, &at) : join(&at, sibling, &at);

		if (r < 0)
			return false;
	}
	return sums_equal(&at.sums, &t->root.sums) && memcmp(at.hash, t->root.hash, HASH_LEN) == 0;
}

void totals_step_encode(const struct totals_step *s, uint8_t ret[TOTALS_STEP_LEN])
{
	const struct wire_sums sums = to_wire(&s->node.sums);

	ret[0] = s->on_left;
	memcpy(ret + 1, &sums, sizeof(sums));
	memcpy(ret + 1 + sizeof(sums), s->node.hash, HASH_LEN);
}

int totals_step_decode(const uint8_t data[TOTALS_STEP_LEN], struct totals_step *ret)
{
	struct wire_sums sums;

	if (data[0] > 1)
		return -EBADMSG;
	memcpy(&sums, data + 1, sizeof(sums));
	ret->on_left = data[0];
	ret->node.sums = from_wire(&sums);
	memcpy(ret->node.hash, data + 1 + sizeof(sums), HASH_LEN);
	return 0;
}

/* ---- The statement -------------------------------------------------------------------------- */

void totals_encode(const struct totals *t, uint8_t ret[TOTALS_LEN])
{
	struct wire_totals w = {
		.from_ms = htole64(t->from_ms),
		.to_ms = htole64(t->to_ms),
		.sums = to_wire(&t->root.sums),
	};

	memcpy(w.domain, domain, sizeof(w.domain));
	memcpy(w.market, t->market, sizeof(w.market));
	memcpy(w.provider, t->provider, sizeof(w.provider));
	memcpy(w.root, t->root.hash, sizeof(w.root));
	memcpy(ret, &w, sizeof(w));
}

int totals_decode(const void *data, size_t len, struct totals *ret, struct err *err)
{
	struct wire_totals w;
	struct totals t = {};

	if (len != TOTALS_LEN)
		return err_set(err, -EBADMSG, "statement of totals: %zu bytes, want %d", len,
			       TOTALS_LEN);
	memcpy(&w, data, sizeof(w));
	if (memcmp(w.domain, domain, sizeof(domain)) != 0)
		return err_set(err, -EBADMSG, "statement of totals: does not begin with \"%s\"",
			       domain);
	memcpy(t.market, w.market, sizeof(t.market));
	memcpy(t.provider, w.provider, sizeof(t.provider));
	t.from_ms = le64toh(w.from_ms);
	t.to_ms = le64toh(w.to_ms);
	t.root.sums = from_wire(&w.sums);
	memcpy(t.root.hash, w.root, sizeof(t.root.hash));
	*ret = t;
	return 0;
}

int totals_verify(const void *data, size_t len, const uint8_t sig[SIG_LEN],
		  const uint8_t pub[PUBKEY_LEN], struct totals *ret, struct err *err)
{
	if (len == TOTALS_LEN && !sig_valid(pub, data, len, sig))
		return err_set(err, -EBADMSG,
			       "signature: not of this statement by the provider's key");
	return totals_decode(data, len, ret, err);
}

bool totals_conflict(const struct totals *a, const struct totals *b)
{
	uint8_t bytes_a[TOTALS_LEN], bytes_b[TOTALS_LEN];

	if (memcmp(a->market, b->market, sizeof(a->market)) != 0 ||
	    memcmp(a->provider, b->provider, sizeof(a->provider)) != 0 || a->from_ms >= b->to_ms ||
	    b->from_ms >= a->to_ms)
		return false;
	totals_encode(a, bytes_a);
	totals_encode(b, bytes_b);
	return memcmp(bytes_a, bytes_b, TOTALS_LEN) != 0;
}
