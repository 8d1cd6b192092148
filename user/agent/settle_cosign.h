/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Co-signatures that wait: a tenant has accepted a report, and the next transaction hands both
 * signatures to the chain, which pays all of it at once instead of after the challenge. They are in the
 * ledger until the chain has them, at most one a lease (the newest says all) and one transaction's
 * worth in all.
 */
#pragma once

#include <stdint.h>

#include "agent/settle.h"
#include "chain/cosign.h"

struct ledger_tx;

struct settle_cosigned {
	char lease[LEDGER_LABEL_MAX];
	uint64_t seq;
	uint8_t sig[SIG_LEN];
	bool sent; /* the transaction that is open has it */
};

struct settle_cosigns {
	struct settle_cosigned at[SETTLE_BATCH_MAX];
	size_t n;
};

/*
 * Takes one for a report that this ledger made and the chain has no newer one of:
 *	-ENOENT		no such lease or receipt here	-EBADMSG	another content than the receipt's
 *	-EPERM		not the key that the lease on chain names
 *	-ESTALE		the chain has a newer report	-EALREADY	nothing of it waits on chain
 *	-EBUSY		so many wait that no more fit
 * and those of asking the chain.
 */
int settle_accept(struct settle *s, const struct cosign *c, struct settle_cosigned *ret,
		  struct err *err);

int settle_cosigns_get(struct ledger *l, struct settle_cosigns *ret, struct err *err);
/* Of this lease none waits any more, up to this number. */
int settle_cosigns_drop(struct ledger_tx *tx, const char *lease, uint64_t seq, struct err *err);
/* The lease's is in the transaction that is journaled now. */
int settle_cosigns_sent(struct ledger_tx *tx, const char *lease, struct err *err);
/* The chain has this report of the lease: its co-signature is needed no more, unless it has just come. */
int settle_cosigns_done(struct ledger_tx *tx, const char *lease, uint64_t seq, struct err *err);
