/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs for receipts, from what the ledger still has of their windows. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/book_totals.h"
#include "chain/proof.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/ledger.h"

struct statements {
	struct ledger_totals *at;
	size_t n;
};

static void statements_fini(struct statements *s)
{
	free(s->at);
}

static int add_statement(const struct ledger_totals *t, void *arg)
{
	struct statements *s = arg;
	struct ledger_totals *more = reallocarray(s->at, s->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	s->at = more;
	s->at[s->n++] = *t;
	return 0;
}

static int by_end(const void *to_ms, const void *receipt)
{
	uint64_t a = *(const uint64_t *)to_ms, b = ((const struct receipt *)receipt)->record.to_ms;

	return (a > b) - (a < b);
}

/* Whether the file has the receipt that bills the leaf. */
static bool is_billed(const struct receipts *file, const struct leaf *leaf)
{
	const struct receipt *r =
		bsearch(&leaf->to_ms, file->list, file->count, sizeof(*file->list), by_end);

	return r && r->record.npods;
}

static int add_leaves(const struct book_tree *tree, const struct receipts *file,
		      const struct ledger_totals *t, struct proofs *ret, struct err *err)
{
	struct proof_totals *to = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < tree->n; i++) {
		struct totals_step path[TOTALS_DEPTH_MAX];

		if (!is_billed(file, &tree->mine[i]))
			continue;
		if (!to) {
			r = proofs_add(ret, &to);
			if (r < 0)
				break;
			memcpy(to->statement, t->statement, sizeof(to->statement));
			memcpy(to->sig, t->signature, sizeof(to->sig));
		}
		r = proofs_add_leaf(to, &tree->mine[i], path,
				    totals_tree_path(&tree->tree, tree->at[i], path));
	}
	return r < 0 ? err_errno(err, r, "proofs") : 0;
}

static int prove(struct ledger *l, const struct receipts *file, const struct ledger_totals *t,
		 struct proofs *ret, struct err *err)
{
	cleanup(book_tree_fini) struct book_tree tree = {};
	struct totals said;
	struct err why = {};
	int r = totals_decode(t->statement, TOTALS_LEN, &said, err);

	if (r < 0 || said.from_ms >= file->list[file->count - 1].record.to_ms)
		return r;
	r = book_tree_make(l, t, file->list[0].record.lease, &tree, &why);
	if (r == -ENODATA)
		return 0; /* its windows are being let go */
	if (r < 0)
		return err_set(err, r, "%s", why.text);
	if (memcmp(totals_tree_root(&tree.tree)->hash, said.root.hash, HASH_LEN) != 0)
		return err_set(err, -EBADMSG,
			       "window %" PRIu64 ": the usage in the ledger is not what was stated",
			       t->window);
	return add_leaves(&tree, file, t, ret, err);
}

int book_prove(struct ledger *l, const struct receipts *file, struct proofs *ret, struct err *err)
{
	cleanup(statements_fini) struct statements list = {};
	cleanup(proofs_fini) struct proofs p = {};
	int r = ledger_totals_list(l, LEDGER_SIGNED, file->list[0].record.from_ms, add_statement,
				   &list, err);

	for (size_t i = 0; r == 0 && i < list.n; i++)
		r = prove(l, file, &list.at[i], &p, err);
	if (r == 0 && !p.count)
		r = err_set(
			err, -ENOENT,
			"nothing can be proven of these receipts: usage is kept window by window "
			"for meter.keep, and of windows over the node's capacity nothing is stated");
	if (r < 0)
		return r;
	*ret = p;
	p = (struct proofs){};
	return 0;
}
