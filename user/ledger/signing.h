/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between writing and signing. What is to be signed is on disk first, with zeros for a signature; then
 * it is signed, and the signature written beside it, in another transaction. In between a crash leaves
 * what can be signed later with the same content, and nothing that could be signed with another.
 */
#pragma once

#include "ledger/receipt.h"

/* Adds the signature. -ENOENT: no such receipt; -EPERM: it has another; -EINVAL: one before it in the
 * lease has none, or it is zeros. */
int ledger_receipt_sign(struct ledger_tx *tx, const char *lease, uint64_t seq,
			const uint8_t signature[LEDGER_SIG_LEN], struct err *err);

/* Why the lease's receipts are not signed; "": they are. Cut to what fits. -ENOENT */
int ledger_lease_hold(struct ledger_tx *tx, const char *lease, const char *why, struct err *err);

/* What the node used in all, from the beginning of one window to the end of another. */
#define LEDGER_TOTALS_LEN 168
#define LEDGER_SECRET_LEN 32

struct ledger_totals {
	uint64_t first, window; /* the first and the last one it speaks of */
	uint8_t statement[LEDGER_TOTALS_LEN], signature[LEDGER_SIG_LEN];
	uint8_t secret[LEDGER_SECRET_LEN]; /* behind the blinds of its leaves */
};

/* Adds one that is not signed, of the window of this transaction and those before it from `first` on,
 * which no other speaks of. It goes with the usage of its windows (ledger_keep()). */
int ledger_totals_put(struct ledger_tx *tx, const struct ledger_totals *t, struct err *err);
int ledger_totals_sign(struct ledger_tx *tx, uint64_t window,
		       const uint8_t signature[LEDGER_SIG_LEN], struct err *err);
/* The window that the next one begins with: behind the last statement, and kept still. 0: none yet. */
int ledger_totals_next(struct ledger *l, uint64_t *ret, struct err *err);

enum ledger_signed { LEDGER_UNSIGNED, LEDGER_SIGNED };
/* In order of windows, those that end behind from_ms; fn as in ledger_usage_query(). */
int ledger_totals_list(struct ledger *l, enum ledger_signed which, uint64_t from_ms,
		       int (*fn)(const struct ledger_totals *t, void *arg), void *arg,
		       struct err *err);
