/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The money of one lease: the tenant's deposit, and what a provider's signed reports take from it.
 * Pure: no clock, no store. The `local` back end keeps a lease in the ledger (lease_encode()) and
 * writes it back in the transaction that records the payment. A lease on chain is kept there, by the
 * package; what the ledger has of it is a copy, which lease_follow.h keeps up. The rules are the
 * same but for what waits there for a challenge, and what disputes strike: both are 0 here.
 *
 * After every call, whether it succeeded or not:
 * I1. deposited = paid + refunded + escrow.
 * I2. paid <= total_due, and nothing is paid twice: a report pays the rise of total_due alone.
 * I3. Until the lease is closed the provider has all that is due, or the escrow is empty:
 *     paid = min(total_due - waiting - struck, deposited). What is left to refund is therefore never
 *     owed.
 * I4. seq, last_to_ms and total_due never fall. A failed call changes nothing.
 *
 *	open <-> exhausted	total_due - struck > deposited: the escrow did not cover a report;
 *	  \        /		a top-up pays the rest at once. The provider should stop the work.
 *	   closing		no new deposits; reports of windows up to closing_ms are still taken
 *	      |			until the last of them came, or grace_ms went by
 *	   closed		the rest is refunded
 *
 * Amounts are MIST, times UTC milliseconds that the caller passes in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/price.h"
#include "chain/record.h"
#include "chain/report.h"

#define LEASE_LEN_MAX 540
#define LEASE_CLAIMS_MAX 8 /* lease.move has the same */
/* So many reads, each as of a later checkpoint, show that a lease on chain ends: then its work does. */
#define LEASE_CONFIRMATIONS 3

struct buf;
struct err;

enum lease_state { LEASE_OPEN, LEASE_EXHAUSTED, LEASE_CLOSING, LEASE_CLOSED, LEASE_STATE_MAX_ };

/* Agreed when the lease is opened, never changed. */
struct lease_terms {
	uint8_t id[OBJECT_ID_LEN];
	uint8_t market[OBJECT_ID_LEN];
	uint8_t provider[PUBKEY_LEN]; /* whose signature a report needs */
	uint8_t tenant[OBJECT_ID_LEN]; /* who gets the refund */
	char label[RECORD_LABEL_SIZE];
	struct prices prices; /* with the rate cap */
	uint64_t opened_ms;
	uint64_t grace_ms; /* how long a closing lease waits for its last report */
};

/* A total on chain that is released at that time, unless it is disputed before. */
struct lease_claim {
	uint64_t total_due, release_ms;
};

/* What only a lease on chain has; all zero for one that the ledger itself keeps. */
struct lease_on_chain {
	uint64_t version; /* of the object, as it was read last; 0: never */
	uint64_t checkpoint; /* as of which that was */
	uint64_t confirmations; /* LEASE_CONFIRMATIONS at most */
	uint64_t waiting; /* claimed and not released: by claims, or since a dispute is open */
	uint64_t struck; /* claimed, and taken away by disputes */
	struct lease_claim claims[LEASE_CLAIMS_MAX]; /* rising */
	size_t nclaims;
	uint64_t
		disputed_until_ms; /* of the open dispute, which is about all that waits; 0: none */
};

struct lease {
	struct lease_terms terms;
	enum lease_state state;
	uint64_t deposited, paid, refunded;
	uint64_t total_due;
	uint64_t seq; /* of the newest report; 0: none yet */
	uint64_t last_to_ms; /* end of its window; opened_ms while there is none */
	uint8_t last_hash[HASH_LEN]; /* report_hash() of it; zeros while there is none */
	uint64_t closing_ms; /* when it was told to end; 0: it was not */
	struct lease_on_chain chain;
};

const char *lease_state_name(enum lease_state state); /* "open" ... */
uint64_t lease_escrow(const struct lease *l); /* what is left of the deposit */
uint64_t lease_unpaid(const struct lease *l); /* the provider's, but not covered by the deposit */
/* Nothing that runs now is paid for: it was told to end, which on chain takes confirmations. */
bool lease_ended(const struct lease *l);
/* Which of open and exhausted a lease is that nobody told to end. */
enum lease_state lease_state_live(const struct lease *l);

/* -EINVAL: terms without a label, a time out of range. */
int lease_open(const struct lease_terms *terms, uint64_t deposit, struct lease *ret,
	       struct err *err);
/* Pays at once what the escrow did not cover before; *ret_payout goes to the provider.
 * -EINVAL: amount 0. -EOVERFLOW. -ESHUTDOWN: the lease is closing or closed. */
int lease_top_up(struct lease *l, uint64_t amount, uint64_t *ret_payout, struct err *err);

/*
 * Takes a signed report; *ret_payout (may be 0) goes to the provider. The report that was taken
 * last may come again: 0, nothing happens.
 *
 *	-EBADMSG	not a report, or not signed by the provider
 *	-EINVAL		of another market or lease; window empty or overlapping; total_due falls
 *	-ESTALE		an older seq: a newer report has said more
 *	-EEXIST		equivocation: the same seq with other content
 *	-EAGAIN		its window ends after now_ms
 *	-EDQUOT		more than the rate cap allows for the time since the lease was opened
 *	-ESHUTDOWN	the lease is closed, or the window ends after closing_ms
 */
int lease_submit(struct lease *l, const uint8_t report[REPORT_LEN], const uint8_t sig[SIG_LEN],
		 uint64_t now_ms, uint64_t *ret_payout, struct err *err);

/* Returns the refund, which goes to the tenant. The first call starts closing. The lease is closed
 * by the first call at which no report can come any more (all up to closing_ms is reported) or
 * grace_ms is over; with grace_ms 0 that is the first call itself. Any other call returns 0. */
uint64_t lease_close(struct lease *l, uint64_t now_ms);

/* Checks a lease that was stored: -EBADMSG names the invariant that does not hold. */
int lease_check(const struct lease *l, struct err *err);

/* The form in which it is stored: BCS behind a version byte, at most LEASE_LEN_MAX bytes. Errors
 * are the buffer's own, which are sticky. */
void lease_encode(const struct lease *l, struct buf *out);
/* -EBADMSG names what is wrong: the version, the bytes, or what lease_check() finds. */
int lease_decode(const void *data, size_t len, struct lease *ret, struct err *err);
