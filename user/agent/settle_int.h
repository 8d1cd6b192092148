/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of settling share: making a transaction, and carrying it through. */
#pragma once

#include "agent/settle.h"
#include "chain/lease_follow.h"
#include "ledger/intent.h"
#include "ledger/ledger.h"

/* Nothing is open: makes a transaction of what is due and journals it, if anything is. */
int settle_begin(struct settle *s, uint64_t now_ms, struct settle_result *ret, struct err *err);

/* The chain did not do as asked: what to wait for, longer after each attempt. Returns 0. */
int settle_wait(struct settle_result *ret, uint64_t attempts, int code, const struct err *why);

/* Receipts of a lease, from one number to another. */
struct settle_span {
	const char *lease;
	uint64_t first, last;
};

/* Takes every receipt of the span that is on its way through the states to `to`, to final those
 * that failed as well; *count grows by them. */
int settle_rows(struct ledger_tx *tx, const struct settle_span *span, enum ledger_settle to,
		const char *error, uint64_t now_ms, size_t *count, struct err *err);

/* E4: what has failed and rested is due again, but of leases that are closed. */
int settle_retry(struct ledger *l, uint64_t now_ms, struct err *err);
/* All of the lease that failed is due again. */
int settle_due_again(struct ledger_tx *tx, const char *lease, uint64_t now_ms, struct err *err);

/* E8: the next lease that a call is due of, as the ledger knows it; LEASE_CALL_NONE: there is none now. */
int settle_call_next(struct settle *s, uint64_t now_ms, struct ledger_intent_item *ret,
		     enum lease_call *ret_call, struct err *err);
/* The call that is due of the lease, as the ledger knows it. */
int settle_call_of(struct settle *s, const char *lease, uint64_t now_ms, enum lease_call *ret,
		   struct err *err);

/* E10: its end waits for its receipts, or they have just used up its deposit, and the chain does not know yet. */
int settle_is_pressing(struct ledger *l, const char *label, bool *ret, struct err *err);

/* E6: whether the newest report that the chain has of it is another than this ledger's of that number. */
int settle_is_foreign(const struct settle *s, const char *lease,
		      const struct settle_lease *on_chain, bool *ret, struct err *err);

/* E7: what was read of the lease. What it says that can't be is told in *ret, and is no error. */
int settle_follow(struct settle *s, const char *lease, const struct settle_lease *seen,
		  uint64_t now_ms, struct settle_result *ret, struct err *err);
bool settle_look_due(const struct settle *s, uint64_t now_ms);
uint64_t settle_look_wait(const struct settle *s, uint64_t now_ms); /* as settle_result.look_ms */
/* E7: reads leases, a part of them in one call; ret->more: there are more. */
int settle_look(struct settle *s, uint64_t now_ms, struct settle_result *ret, struct err *err);

/* How many leases the next batch may have: halved by what fails, doubled by what succeeds. */
int settle_batch_get(struct ledger *l, size_t *ret, struct err *err);
int settle_batch_set(struct ledger_tx *tx, size_t n, struct err *err);
