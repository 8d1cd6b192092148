/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by book.c and book_lease.c: leases as the ledger keeps them and as the rules know them. */
#pragma once

#include "agent/book.h"
#include "chain/lease.h"
#include "ledger/lease.h"

struct ledger_tx;

struct book_leases {
	struct ledger_lease *row;
	size_t n;
};

/* All leases; a list first, since a statement must not run while its table is written. */
int book_leases(struct ledger *l, struct book_leases *ret, struct err *err);
void book_leases_fini(struct book_leases *ls);

/* The id of the local market of the provider with this key. */
int book_local_market(const uint8_t provider[OBJECT_ID_LEN], uint8_t ret[OBJECT_ID_LEN]);

/* The settlement back end's own record of the lease. */
int book_account(const struct ledger_lease *row, struct lease *ret, struct err *err);
/* Puts it back into its row, with what the ledger itself guards. */
int book_account_put(struct ledger_tx *tx, struct ledger_lease *row, const struct lease *l,
		     uint64_t now_ms, struct err *err);
