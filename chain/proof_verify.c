/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "chain/proof.h"
#include "core/cleanup.h"
#include "core/err.h"

/* Where the walk through all leaves stands. */
struct leaf_walk {
	const struct proofs *p;
	size_t totals, leaf;
};

static const struct leaf *next_leaf(struct leaf_walk *w)
{
	while (w->totals < w->p->count && w->leaf == w->p->at[w->totals].count) {
		w->totals++;
		w->leaf = 0;
	}
	return w->totals < w->p->count ? &w->p->at[w->totals].list[w->leaf].leaf : NULL;
}

static int refuse_leaf(const struct leaf_walk *w, struct err *err)
{
	err_wrap(err, "proofs: statement %zu: leaf %zu", w->totals + 1, w->leaf + 1);
	return -EBADMSG;
}

/* ---- Statements and their trees ------------------------------------------------------------- */

static int check_leaf(const struct proof *proof, const struct totals *t, const struct receipts *rs,
		      struct err *err)
{
	const struct leaf *l = &proof->leaf;
	struct totals_node node;
	int r = leaf_node(l, &node, err);

	if (r < 0)
		return r;
	if (memcmp(l->lease, rs->list[0].record.lease, sizeof(l->lease)) != 0)
		return err_set(err, -EBADMSG, "lease: it is another one's");
	if (l->from_ms < t->from_ms || l->to_ms > t->to_ms)
		return err_set(err, -EBADMSG, "its window is not within the statement's");
	if (!totals_includes(t, &node, proof->path, proof->steps))
		return err_set(err, -EBADMSG,
			       "path: does not lead to the root and the sums that were signed");
	return 0;
}

static int check_totals(const struct proof_totals *at, const struct receipts *rs,
			struct totals *before, bool first, struct err *err)
{
	struct totals t;
	int r = totals_verify(at->statement, TOTALS_LEN, at->sig, rs->provider, &t, err);

	if (r < 0)
		return r;
	if (memcmp(t.market, rs->market, sizeof(t.market)) != 0)
		return err_set(err, -EBADMSG, "market: not the receipts'");
	if (t.from_ms >= t.to_ms)
		return err_set(err, -EBADMSG, "to: not after from");
	if (!first && memcmp(t.provider, before->provider, sizeof(t.provider)) != 0)
		return err_set(err, -EBADMSG, "provider: not that of the statement before");
	if (!first && t.from_ms < before->to_ms)
		return err_set(err, -EBADMSG, "from: before the end of the statement before");
	*before = t;
	for (size_t i = 0; i < at->count; i++) {
		r = check_leaf(&at->list[i], &t, rs, err);
		if (r < 0)
			return err_wrap(err, "leaf %zu", i + 1);
	}
	return 0;
}

/* ---- Leaves and receipts -------------------------------------------------------------------- */

static int check_pod(const struct leaf *l, const struct record *r, size_t k, struct err *err)
{
	const struct record_pod *pod = &r->pods[k];
	const char *field;

	if (k == r->npods || record_pod_cmp(&l->pod, pod) != 0)
		return err_set(err, -EBADMSG,
			       "pod %s/%s: not the one that receipt seq %" PRIu64
			       " bills there; a pod is missing, twice, or out of order",
			       l->pod.namespace, l->pod.name, r->seq);
	field = strcmp(l->pod.namespace, pod->namespace) != 0 ? "namespace" :
		strcmp(l->pod.name, pod->name) != 0	      ? "name" :
		strcmp(l->pod.uid, pod->uid) != 0	      ? "uid" :
		l->from_ms < r->from_ms			      ? "from" :
								usage_diff(&l->pod.use, &pod->use);
	if (field)
		return err_set(err, -EBADMSG, "%s: not what receipt seq %" PRIu64 " says", field,
			       r->seq);
	return 0;
}

/* I2: takes the leaves of the receipt's window. */
static int match(struct leaf_walk *w, const struct record *r, struct proofs_summary *s,
		 struct err *err)
{
	const struct leaf *l;
	size_t k = 0;

	for (; (l = next_leaf(w)) && l->to_ms <= r->to_ms; w->leaf++, k++) {
		if (l->to_ms < r->to_ms) {
			err_set(err, -EBADMSG, "no receipt ends with its window");
			return refuse_leaf(w, err);
		}
		if (check_pod(l, r, k, err) < 0)
			return refuse_leaf(w, err);
	}
	if (k && k < r->npods)
		return err_set(err, -EBADMSG,
			       "proofs: pod %s/%s of receipt seq %" PRIu64 " has no leaf",
			       r->pods[k].namespace, r->pods[k].name, r->seq);
	s->proven += r->npods && k;
	s->unproven += r->npods && !k;
	return 0;
}

int proofs_verify(const struct proofs *p, const struct receipts *rs, struct proofs_summary *ret,
		  struct err *err)
{
	struct proofs_summary s = { .statements = p->count };
	struct leaf_walk w = { .p = p };
	struct totals before = {};
	int r = 0;

	for (size_t i = 0; i < p->count; i++) {
		r = check_totals(&p->at[i], rs, &before, i == 0, err);
		if (r < 0)
			return err_wrap(err, "proofs: statement %zu", i + 1);
	}
	for (size_t i = 0; r == 0 && i < rs->count; i++)
		r = match(&w, &rs->list[i].record, &s, err);
	if (r == 0 && next_leaf(&w)) {
		err_set(err, -EBADMSG, "no receipt ends with its window");
		r = refuse_leaf(&w, err);
	}
	if (r < 0)
		return r;
	memcpy(s.provider, before.provider, sizeof(s.provider));
	*ret = s;
	return 0;
}
