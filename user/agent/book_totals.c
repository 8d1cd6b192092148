/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/book_totals.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/book_int.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/ledger.h"

_Static_assert(BOOK_UNSAID_MAX *BOOK_PODS_MAX <= TOTALS_LEAVES_MAX, "any statement fits");
_Static_assert(LEDGER_TOTALS_LEN == TOTALS_LEN && LEDGER_SECRET_LEN == LEAF_SECRET_LEN, "one form");

/* A leaf while its place is looked for. */
struct spot {
	struct totals_node node;
	size_t mine; /* 1 + its index there; 0: another's */
};

struct growing {
	struct book_leases leases;
	const struct ledger_totals *totals;
	const uint8_t *lease;
	struct spot *spots;
	size_t n, cap;
	struct leaf *mine;
	size_t n_mine, cap_mine;
	struct err *err;
};

static void growing_fini(struct growing *g)
{
	book_leases_fini(&g->leases);
	free(g->spots);
	free(g->mine);
}

void book_tree_fini(struct book_tree *t)
{
	totals_tree_fini(&t->tree);
	free(t->mine);
	free(t->at);
	*t = (struct book_tree){};
}

static int by_label(const void *label, const void *row)
{
	return strcmp(label, ((const struct ledger_lease *)row)->label);
}

/* The lease that the label meant in this window; zeros: none. */
static void lease_of(const struct growing *g, const struct ledger_usage_row *row,
		     uint8_t ret[OBJECT_ID_LEN])
{
	const struct ledger_lease *lease = NULL;

	if (row->lease[0] && g->leases.n)
		lease = bsearch(row->lease, g->leases.row, g->leases.n, sizeof(*lease), by_label);
	if (lease && lease->since_window <= row->window)
		memcpy(ret, lease->id, OBJECT_ID_LEN);
}

static void leaf_of(const struct growing *g, const struct ledger_usage_row *row, struct leaf *ret)
{
	struct record_pod *pod = &ret->pod;

	*ret = (struct leaf){ .from_ms = row->from_ms, .to_ms = row->to_ms };
	lease_of(g, row, ret->lease);
	snprintf(pod->namespace, sizeof(pod->namespace), "%s", row->namespace);
	snprintf(pod->name, sizeof(pod->name), "%s", row->name);
	snprintf(pod->uid, sizeof(pod->uid), "%s", row->uid);
	snprintf(pod->boot_id, sizeof(pod->boot_id), "%s", row->boot);
	pod->cgroup_id = row->cgroup_id;
	pod->use = row->usage;
	leaf_blind(ret, g->totals->secret);
}

static int keep_mine(struct growing *g, const struct leaf *leaf)
{
	if (g->n_mine == g->cap_mine) {
		size_t cap = g->cap_mine ? 2 * g->cap_mine : 16;
		struct leaf *more = reallocarray(g->mine, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		g->mine = more;
		g->cap_mine = cap;
	}
	g->mine[g->n_mine++] = *leaf;
	return 0;
}

static int add_row(const struct ledger_usage_row *row, void *arg)
{
	struct growing *g = arg;
	struct spot *spot;
	struct leaf leaf;
	int r;

	if (!row->window)
		return err_set(g->err, -ENODATA, "totals: their windows are not kept any more");
	if (g->n == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 64;
		struct spot *more = reallocarray(g->spots, cap, sizeof(*more));

		if (!more)
			return err_errno(g->err, -ENOMEM, "totals");
		g->spots = more;
		g->cap = cap;
	}
	leaf_of(g, row, &leaf);
	spot = &g->spots[g->n++];
	*spot = (struct spot){};
	r = leaf_node(&leaf, &spot->node, g->err);
	if (r == 0 && g->lease && memcmp(leaf.lease, g->lease, OBJECT_ID_LEN) == 0) {
		r = keep_mine(g, &leaf) < 0 ? err_errno(g->err, -ENOMEM, "totals") : 0;
		spot->mine = g->n_mine;
	}
	return r;
}

static int by_hash(const void *a, const void *b)
{
	return memcmp(((const struct spot *)a)->node.hash, ((const struct spot *)b)->node.hash,
		      HASH_LEN);
}

/* What the ledger has of windows [first, window]. */
static int collect(struct ledger *l, struct growing *g, struct err *err)
{
	struct ledger_query q = { .by = LEDGER_BY_WINDOW };
	struct ledger_window first = {}, last = {};
	int r = ledger_window_get(l, g->totals->first, &first, err);

	if (r == 0)
		r = ledger_window_get(l, g->totals->window, &last, err);
	if (r == 0)
		r = book_leases(l, &g->leases, err);
	if (r < 0)
		return r;
	q.from_ms = first.from_ms;
	q.to_ms = last.to_ms;
	return ledger_usage_query(l, &q, add_row, g, err);
}

/* In the order of receipts: by window, then as their records have pods. */
static int by_receipt(const void *a, const void *b, void *arg)
{
	const struct leaf *mine = arg, *x = &mine[*(const size_t *)a],
			  *y = &mine[*(const size_t *)b];

	if (x->from_ms != y->from_ms)
		return x->from_ms < y->from_ms ? -1 : 1;
	return record_pod_cmp(&x->pod, &y->pod);
}

/* Hands over the lease's leaves, in order, with their places. */
static int take_mine(struct growing *g, struct book_tree *t)
{
	cleanup(free_ptr) size_t *order = calloc(g->n_mine + 1, sizeof(*order));
	cleanup(free_ptr) size_t *place = calloc(g->n_mine + 1, sizeof(*place));

	t->mine = calloc(g->n_mine + 1, sizeof(*t->mine));
	t->at = calloc(g->n_mine + 1, sizeof(*t->at));
	if (!order || !place || !t->mine || !t->at)
		return -ENOMEM;
	for (size_t i = 0; i < g->n; i++)
		if (g->spots[i].mine)
			place[g->spots[i].mine - 1] = i;
	for (size_t i = 0; i < g->n_mine; i++)
		order[i] = i;
	qsort_r(order, g->n_mine, sizeof(*order), by_receipt, g->mine);
	for (size_t i = 0; i < g->n_mine; i++) {
		t->mine[i] = g->mine[order[i]];
		t->at[i] = place[order[i]];
	}
	t->n = g->n_mine;
	return 0;
}

int book_tree_make(struct ledger *l, const struct ledger_totals *t, const uint8_t *lease,
		   struct book_tree *ret, struct err *err)
{
	cleanup(growing_fini) struct growing g = { .totals = t, .lease = lease, .err = err };
	cleanup(book_tree_fini) struct book_tree tree = {};
	cleanup(free_ptr) struct totals_node *nodes = NULL;
	int r = collect(l, &g, err);

	if (r < 0)
		return r;
	if (g.n)
		qsort(g.spots, g.n, sizeof(*g.spots), by_hash);
	nodes = calloc(g.n + 1, sizeof(*nodes));
	if (!nodes || take_mine(&g, &tree) < 0)
		return err_errno(err, -ENOMEM, "totals of %zu pods", g.n);
	for (size_t i = 0; i < g.n; i++)
		nodes[i] = g.spots[i].node;
	r = totals_tree_make(nodes, g.n, &tree.tree, err);
	if (r < 0)
		return r;
	*ret = tree;
	tree = (struct book_tree){};
	return 0;
}

/* ---- What is said --------------------------------------------------------------------------- */

/* As slash::over_capacity has it. 1 milli-core for 1 ms is 1,000 ns of CPU. */
static bool within(const struct totals *t, const struct book_capacity *c)
{
	const struct totals_sums *s = &t->root.sums;
	unsigned __int128 ms = t->to_ms - t->from_ms, net = ms * c->net_bytes_s / 1000;
	unsigned __int128 memory;

	if (!c->bounds)
		return true;
	if (__builtin_mul_overflow(ms * c->memory_bytes, (unsigned __int128)1000000, &memory))
		memory = ~(unsigned __int128)0;
	return s->cpu_ns <= ms * c->cpu_millis * 1000 && s->memory_byte_ns <= memory &&
	       s->rx_bytes <= net && s->tx_bytes <= net;
}

static int statement_of(struct book *b, const struct ledger_totals *t, struct totals *ret,
			struct err *err)
{
	cleanup(book_tree_fini) struct book_tree tree = {};
	struct ledger_window first = {}, last = {};
	int r = book_tree_make(b->ledger, t, NULL, &tree, err);

	if (r == 0)
		r = ledger_window_get(b->ledger, t->first, &first, err);
	if (r == 0)
		r = ledger_window_get(b->ledger, t->window, &last, err);
	if (r < 0)
		return r;
	*ret = (struct totals){ .from_ms = first.from_ms,
				.to_ms = last.to_ms,
				.root = *totals_tree_root(&tree.tree) };
	memcpy(ret->provider, b->provider ? b->provider : key_public(b->key), OBJECT_ID_LEN);
	if (b->market)
		memcpy(ret->market, b->market, OBJECT_ID_LEN);
	else
		r = book_local_market(ret->provider, ret->market);
	return r < 0 ? err_errno(err, r, "totals") : 0;
}

int book_totals_write(struct book *b, struct ledger_tx *tx, size_t *ret_unsaid, struct err *err)
{
	struct ledger_totals row = { .window = tx->window };
	struct err why = {};
	struct totals said;
	int r = ledger_totals_next(b->ledger, &row.first, err);

	if (r < 0)
		return r;
	if (row.window - row.first >= BOOK_UNSAID_MAX)
		row.first = row.window - BOOK_UNSAID_MAX + 1;
	random_bytes(row.secret, sizeof(row.secret));
	r = statement_of(b, &row, &said, &why);
	*ret_unsaid = row.window - row.first + 1;
	if (r == -ENODATA || r == -EOVERFLOW || (r == 0 && !within(&said, &b->capacity)))
		return 0;
	if (r < 0)
		return err_set(err, r, "%s", why.text);
	*ret_unsaid = 0;
	totals_encode(&said, row.statement);
	return ledger_totals_put(tx, &row, err);
}
