/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settling on Sui: the due receipts of many leases in one transaction, each lease's newest alone,
 * since amounts are cumulative. Blocking, on the work queue's thread; one settle_step() asks the
 * chain a few questions and moves one step on:
 *
 *	now and then:	read all leases
 *	nothing open:	read the epoch and the leases; build, simulate, sign; journal it
 *	built:		journal that it is sent, send it
 *	submitted:	ask for it; send the same bytes again, or learn that it never came
 *	executed:	read each lease until it shows the report
 *
 * E1. The journal (ledger/intent.h) is on disk before a byte leaves. After a crash at any
 *     instruction, or with an old copy of the ledger, the next step goes on from what it says.
 * E2. While a transaction may have been taken, no other is made. It is given up only when the
 *     chain, read twice, is past its window and does not know it.
 * E3. A receipt is final when the lease on chain shows its number. A server that lags can only make
 *     that later: not to show it counts only from a checkpoint on that has the transaction.
 * E4. What the chain refuses costs no one else: a report that would be skipped leaves the batch, a
 *     batch that fails is halved, down to the one that fails. What failed is tried again after two
 *     minutes, four, ... six hours: disputes end, stakes come back.
 * E5. No transaction is allowed more gas than gas_max, and those of 24 hours, allowed or spent, not
 *     more than fee_max; over either, work waits.
 * E6. A lease of which the chain has a newest report that the ledger does not hold, with the same
 *     content, is not settled: another ledger made it.
 * E7. Whatever reads a lease takes what it says into the ledger (chain/lease_follow.h): the ledger's
 *     view, and what became free to be tried again by it, in one transaction. A read that fails, or
 *     finds no object, changes nothing.
 * E8. What the chain pays or ends only when it is called (lease_call_due()) is called when nothing
 *     else is due: one lease in a transaction, each at most once in look_every_ms.
 * E9. A report that the tenant co-signed goes with both signatures (settle_cosign.h), before newer
 *     ones. A co-signature that the chain does not want is forgotten, and the report goes without.
 *
 * E10. Receipts wait until one of them has done so for every_ms; then those of all leases go together, each
 *     lease's newest saying all that the others said. What is co-signed does not wait, nor do leases that
 *     are told to end, or whose deposit has just run out, nor what is tried again.
 *
 * Whatever the chain does is a result, not an error; errors are the ledger's and memory's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/lease.h"
#include "chain/sui.h"
#include "core/err.h"
#include "ledger/usage.h"

struct key;
struct ledger;

#define SETTLE_BATCH_MAX 50 /* leases; well within what a transaction holds */
#define SETTLE_CONFIRMATIONS 2 /* E2 */
/* The chain takes no report of a window that is not over by its clock, which is behind ours. */
#define SETTLE_LAG_MS 5000

/* A lease as it was read from the chain. */
struct settle_lease {
	uint64_t initial_version;
	struct lease lease; /* with version and checkpoint; without label, key and confirmations */
	bool has_tenant_key; /* reports can be co-signed */
	uint8_t tenant_key[PUBKEY_LEN];
	uint8_t hash[HASH_LEN]; /* of its newest report, if it has one */
};

/* The chain: sui.h over the network, or what a test makes of it. Codes as in sui.h. */
struct settle_chain {
	int (*epoch)(void *arg, struct sui_epoch *ret, struct err *err);
	int (*lease)(void *arg, const uint8_t id[OBJECT_ID_LEN], struct settle_lease *ret,
		     struct err *err);
	int (*simulate)(void *arg, const void *tx, size_t len, struct sui_effects *ret,
			struct json **ret_outputs, struct err *err);
	int (*execute)(void *arg, const void *tx, size_t len, const uint8_t sig[SUI_SIG_LEN],
		       struct sui_effects *ret, struct err *err);
	int (*find)(void *arg, const uint8_t digest[HASH_LEN], struct sui_effects *ret,
		    uint64_t *ret_epoch, struct err *err);
};

struct settle_object {
	uint8_t id[OBJECT_ID_LEN];
	uint64_t initial_version;
};

/* Where the reading of leases stands. */
struct settle_look {
	uint64_t all_ms; /* when all are read next */
	uint64_t again_ms; /* when those are whose end is not confirmed; 0: none is */
	char after[LEDGER_LABEL_MAX]; /* the last one that was read; "": no round is under way */
	bool all; /* the round is one of all */
};

/* E8: where the going over leases stands. */
struct settle_calls {
	uint64_t at_ms; /* when it begins */
	char after[LEDGER_LABEL_MAX]; /* the last one that was called; "": none yet */
};

struct settle {
	struct ledger *ledger; /* borrowed, as is all here */
	const struct key *key; /* pays for gas; never the key that signs reports */
	const struct settle_chain *chain;
	void *arg;
	uint8_t genesis[HASH_LEN]; /* which chain */
	uint8_t package[OBJECT_ID_LEN];
	struct settle_object market, provider;
	const char *coin; /* type of the leases' coin */
	uint64_t gas_max; /* MIST of one transaction */
	uint64_t fee_max; /* MIST in 24 hours */
	uint64_t every_ms; /* E10; 0: at once */
	uint64_t look_every_ms; /* E7; 0: leases are only read to be settled */
	struct settle_look look; /* starts as zeros */
	struct settle_calls calls; /* the same */
	uint64_t rests_until_ms; /* something went wrong; zero at the start */
};

struct settle_result {
	bool more; /* another step can be taken at once */
	size_t settled, failed; /* receipts that became so */
	uint64_t wait_ms; /* else: until when not to try again; 0: there is nothing to do */
	struct err why; /* what went wrong, if that is why */
	uint64_t look_ms; /* when leases are read again whatever else there is; 0: never */
	bool foreign; /* E6: a lease has a report that this ledger does not hold */
	bool closing; /* a lease was told to end: close a window */
	bool ended; /* that is confirmed of one: end its work */
	char lease[LEDGER_LABEL_MAX]; /* the last of these */
	bool looked; /* leases were read for their own sake */
	struct err odd; /* of a lease that could not be read or called, or says what can't be */
};

int settle_step(struct settle *s, uint64_t now_ms, struct settle_result *ret, struct err *err);

/* E4: how long what failed so often is left alone. */
uint64_t settle_rest_ms(uint64_t attempts);

/* Receipts that are due again, and those that an open transaction carries, which stay as they are (E2). */
struct settle_again {
	size_t due, open;
};

/* Ends the rest of what failed: of all leases (NULL), of one, or of one number of it (seq, unless 0). -ENOENT: no such
 * lease or number; -EBUSY: that number may have been taken; -EINVAL: it did not fail. */
int settle_again(struct ledger *l, const char *lease, uint64_t seq, uint64_t now_ms,
		 struct settle_again *ret, struct err *err);

/* The back end over a struct sui, which is its arg. */
extern const struct settle_chain settle_sui;
