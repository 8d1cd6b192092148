/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a receipt's money. The state is written before the action it names is taken, so a
 * restart resumes where it was:
 *
 *	due -> built -> submitted -> final
 *	          \         \
 *	           `---------`-> failed -> due	(retry)
 *
 * Any state but final may also be written again (attempts, error). Unknown is not failed: what was
 * submitted stays submitted until the chain has answered.
 */
#pragma once

#include "ledger/usage.h"

#define LEDGER_ERROR_MAX 512

enum ledger_settle {
	LEDGER_SETTLE_DUE,
	LEDGER_SETTLE_BUILT,
	LEDGER_SETTLE_SUBMITTED,
	LEDGER_SETTLE_FINAL,
	LEDGER_SETTLE_FAILED,
	LEDGER_SETTLE_MAX_,
};

struct ledger_settlement {
	char lease[LEDGER_LABEL_MAX];
	uint64_t seq; /* of the receipt */
	enum ledger_settle state;
	uint64_t amount; /* MIST */
	uint64_t created_ms, updated_ms;
	uint64_t attempts;
	char error[LEDGER_ERROR_MAX]; /* of the last attempt; '' for none */
};

/* "due", "built", "submitted", "final", "failed" */
const char *ledger_settle_name(enum ledger_settle state);

/* Adds (as due) or changes. -EINVAL: a step that the picture doesn't have, another amount or
 * created_ms, or fewer attempts than before; -ENOENT: no such receipt. An identical one that is
 * there is fine, also a final one. */
int ledger_settlement_put(struct ledger_tx *tx, const struct ledger_settlement *s, struct err *err);
int ledger_settlement_get(struct ledger *l, const char *lease, uint64_t seq,
			  struct ledger_settlement *ret, struct err *err); /* -ENOENT */

#define LEDGER_SETTLE_ANY 0
/* In order of lease and seq. lease NULL: of all; states: an OR of 1U << enum ledger_settle, or
 * LEDGER_SETTLE_ANY. fn as in ledger_usage_query(). */
int ledger_settlement_list(struct ledger *l, const char *lease, unsigned int states,
			   int (*fn)(const struct ledger_settlement *s, void *arg), void *arg,
			   struct err *err);
