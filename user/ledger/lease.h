/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: what was deposited, how far it is billed, what is paid. The ledger knows the types and
 * that nothing signed or paid is taken back; what the values mean is the agent's.
 *
 * L1. A label means one lease for ever: its id, market and provider never change.
 * L2. deposited, paid, refunded and total never decrease; paid + refunded <= deposited.
 * L3. seq, last_to_ms and last_total_due are those of the lease's last receipt, and moved on by
 *     ledger_receipt_put() in the same transaction. ledger_lease_put() reads them for a new lease
 *     only, where they say what was signed elsewhere before (normally 0).
 */
#pragma once

#include "ledger/usage.h"

#define LEDGER_ID_LEN 32
#define LEDGER_STATE_MAX 32
#define LEDGER_ACCOUNT_MAX 1024
#define LEDGER_HELD_MAX 256

struct ledger_lease {
	char label[LEDGER_LABEL_MAX]; /* value of the pods' label: 1 to 63 of [A-Za-z0-9._-] */
	uint8_t id[LEDGER_ID_LEN], market[LEDGER_ID_LEN], provider[LEDGER_ID_LEN];
	uint64_t deposited, paid, refunded;
	uint64_t seq, last_to_ms, last_total_due; /* L3 */
	char state[LEDGER_STATE_MAX];
	uint64_t opened_ms, closed_ms; /* closed_ms 0: open */
	struct usage total; /* all that was billed */
	/* The settlement back end's own record of the lease (prices, tenant, ...), opaque here: BCS. */
	uint8_t account[LEDGER_ACCOUNT_MAX];
	size_t account_len;
	/* Read only: */
	char held[LEDGER_HELD_MAX]; /* why its receipts are not signed (signing.h); "": they are */
	uint64_t signed_seq; /* up to this one they are */
	uint64_t since_window; /* from this one on the label means this lease */
};

/* Adds or changes. -EINVAL: not a label, or paid + refunded > deposited; -EPERM: would change what
 * L1 fixes; -ERANGE: would decrease what L2 protects; -EEXIST: another label has this id; -E2BIG: account_len. */
int ledger_lease_put(struct ledger_tx *tx, const struct ledger_lease *lease, struct err *err);
int ledger_lease_get(struct ledger *l, const char *label, struct ledger_lease *ret,
		     struct err *err); /* -ENOENT */
/* In byte order of the label; fn as in ledger_usage_query(). */
int ledger_lease_list(struct ledger *l, int (*fn)(const struct ledger_lease *lease, void *arg),
		      void *arg, struct err *err);
