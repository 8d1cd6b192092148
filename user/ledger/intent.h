/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of transactions: what was signed, before it is sent. A transaction that may have been
 * sent is sent again as the same bytes, never as others, until the chain has answered or its window
 * is over:
 *
 *	built -> submitted -> executed -> final		the chain has the receipts
 *	   \         \  \          `----> failed	executed, paid for, without effect
 *	    \         `--`--------------> expired	its window is over, the chain does not know it
 *	     `--------`-----------------> refused	can't be executed, and never was on its way
 *
 * I1. Digest, bytes, signature, window and receipts of an intent never change, and none is deleted
 *     (triggers): what was signed stays known, also to whoever restores an old copy.
 * I2. At most one intent is open (built, submitted, executed): what it carries is in no other one.
 * I3. attempts and confirmations only grow.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/settlement.h"

#define LEDGER_INTENT_BYTES_MAX 131072
#define LEDGER_DIGEST_LEN 32
#define LEDGER_INTENT_SIG_LEN 97

enum ledger_intent_state {
	LEDGER_INTENT_BUILT,
	LEDGER_INTENT_SUBMITTED,
	LEDGER_INTENT_EXECUTED,
	LEDGER_INTENT_FINAL,
	LEDGER_INTENT_FAILED,
	LEDGER_INTENT_EXPIRED,
	LEDGER_INTENT_REFUSED,
	LEDGER_INTENT_MAX_,
};

struct ledger_intent {
	uint8_t digest[LEDGER_DIGEST_LEN];
	uint8_t signature[LEDGER_INTENT_SIG_LEN];
	uint8_t *bytes; /* ledger_intent_fini() frees them; borrowed by ledger_intent_add() */
	size_t len;
	uint64_t max_epoch; /* the last one in which it can be executed */
	enum ledger_intent_state state;
	uint64_t attempts; /* to send it */
	bool open; /* one of them may have been taken: set before it is sent */
	uint64_t confirmations; /* that the chain does not know it, behind its window */
	uint64_t fee; /* MIST: the budget; once executed, the cost */
	uint64_t checkpoint; /* that has it; 0: none known */
	uint64_t created_ms, updated_ms;
	char error[LEDGER_ERROR_MAX];
};

/* A lease and the newest receipt of it that the transaction carries: with it all before. */
struct ledger_intent_item {
	char lease[LEDGER_LABEL_MAX];
	uint64_t seq;
};

const char *ledger_intent_name(enum ledger_intent_state state); /* "built" ... */
void ledger_intent_fini(struct ledger_intent *i);

/* As built. -EBUSY: another one is open; -EEXIST: this digest is there; -ENOENT: an item without a
 * settlement. */
int ledger_intent_add(struct ledger_tx *tx, const struct ledger_intent *i,
		      const struct ledger_intent_item *items, size_t n, struct err *err);
/* Changes state, attempts, open, confirmations, fee, checkpoint, updated_ms and error. -ENOENT;
 * -EINVAL: a step that the picture doesn't have, or against I3. */
int ledger_intent_put(struct ledger_tx *tx, const struct ledger_intent *i, struct err *err);

/* The open one; ret owns its bytes. -ENOENT: none is. */
int ledger_intent_open(struct ledger *l, struct ledger_intent *ret, struct err *err);
int ledger_intent_get(struct ledger *l, const uint8_t digest[LEDGER_DIGEST_LEN],
		      struct ledger_intent *ret, struct err *err); /* -ENOENT */
/* In order of the lease; fn as in ledger_usage_query(). */
int ledger_intent_items(struct ledger *l, const uint8_t digest[LEDGER_DIGEST_LEN],
			int (*fn)(const struct ledger_intent_item *item, void *arg), void *arg,
			struct err *err);
/* Every lease and number that was ever in a transaction, with that one's digest and state: in order of lease and number, then of
 * time. lease NULL: of all; fn as in ledger_usage_query(). */
struct ledger_carried {
	struct ledger_intent_item item;
	uint8_t digest[LEDGER_DIGEST_LEN];
	enum ledger_intent_state state;
};
int ledger_intent_carried(struct ledger *l, const char *lease,
			  int (*fn)(const struct ledger_carried *c, void *arg), void *arg,
			  struct err *err);
/* What was spent, or may be, by intents made since then. */
int ledger_intent_fees(struct ledger *l, uint64_t since_ms, uint64_t *ret, struct err *err);
