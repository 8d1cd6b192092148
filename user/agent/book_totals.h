/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree over all pods of some windows, made from what the ledger has of them: when they are closed,
 * for the statement, and again whenever somebody wants a proof, as long as the windows are kept. Order
 * in the tree is that of the leaves' hashes, which say nothing of the pods (chain/leaf.h).
 */
#pragma once

#include "chain/leaf.h"
#include "chain/totals.h"
#include "ledger/signing.h"

#define BOOK_UNSAID_MAX 16 /* windows that one statement may speak of */

struct book;
struct err;
struct ledger;
struct ledger_tx;
struct proofs;
struct receipts;

struct book_tree {
	struct totals_tree tree;
	struct leaf *mine; /* those of the lease that was asked for, by window and pod */
	size_t *at; /* where each of them is in the tree */
	size_t n;
};

void book_tree_fini(struct book_tree *t);
/* first, window and secret are of t. lease NULL: of none. */
int book_tree_make(struct ledger *l, const struct ledger_totals *t, const uint8_t *lease,
		   struct book_tree *ret, struct err *err);

/* Writes what is to be said of the window that tx closes, and those before it of which nothing was
 * said. *ret_unsaid: how many wait, since it would be more than the capacity. */
int book_totals_write(struct book *b, struct ledger_tx *tx, size_t *ret_unsaid, struct err *err);

/* Proofs of all receipts in the file whose windows the ledger keeps and has a statement about; of one
 * moment, if that is the caller's transaction. -ENOENT: there is none; -EBADMSG: the usage in the ledger
 * is not what was stated. */
int book_prove(struct ledger *l, const struct receipts *file, struct proofs *ret, struct err *err);
