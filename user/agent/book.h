/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books: what turns readings into usage, usage into signed receipts, and receipts into money,
 * all in the ledger. Blocking, on the work queue's thread; knows no loop and no kernel.
 *
 *	readings -> window: usage of each pod -> per lease: record -> report, not signed yet
 *	report   -> noted by the guard -> signature, due
 *	due      -> settled against the lease's escrow (chain: local)
 *
 * B1. A window with all that follows from it but signatures is one transaction, on disk before
 *     anything of it leaves the process. A crash before leaves nothing; the next window then covers
 *     its time.
 * B2. A lease's receipts are contiguous from its opening on. A window in which no pod of the lease
 *     was there is covered by its next receipt.
 * B3. Opening and closing a lease close a window first, so no lease pays for another time.
 * B4. Money moves only in book_settle(), by the rules of chain/lease.h.
 * B5. A lease that owes more than a receipt can say (2^63 - 1 MIST) gets no further one; usage and
 *     the receipts of others are written all the same.
 * B6. A pod whose counters are below what was booked of it (something else than the kernel wrote
 *     them) is left out, and said; all others are booked. Once they are past it again, the rise is.
 * B7. What is signed was in the ledger and then in the guard's file (guard.h) before. A lease of
 *     which the guard or the chain knows a report that this ledger does not have is held: its usage
 *     and its reports are written, and nothing of it is signed.
 *
 * B8. Of each window, or of a few in a row, the node's totals are stated once (chain/totals.h), over all
 *     pods, with leases or without. What was read late, or a window that a clock made short, can be
 *     more than the node has in that time: such a window waits for the next ones, and what is over the
 *     capacity even with BOOK_UNSAID_MAX of them is left unsaid.
 *
 * What the local market is: its id and those of its leases are hashes of the provider's key and the
 * lease's label, so they are the same after a restart and differ between providers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/lease.h"
#include "chain/price.h"
#include "core/clock.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/usage.h"
#include "meter/podtab.h"

struct guard;
struct json;
struct key;
struct ledger;

/* What the node is registered with: to say that it used more costs the stake. */
struct book_capacity {
	bool bounds; /* nothing is said of totals over it */
	uint64_t cpu_millis, memory_bytes, net_bytes_s; /* the last one in each direction */
};

struct book {
	struct ledger *ledger; /* borrowed, as is all here */
	const struct key *key; /* signs the reports, and what is said of the node's totals */
	struct guard *guard; /* knows what it has signed */
	bool asks; /* nothing is signed of a lease before the chain was asked about it */
	const char *node; /* its name */
	char boot[BOOT_ID_LEN];
	const uint8_t *market, *provider; /* the ids on chain; NULL: the local ones */
	struct book_capacity capacity;
	uint64_t started_ms; /* where the first window of an empty ledger begins */
};

/* What was read of one pod. */
struct book_reading {
	uint64_t cgroup_id;
	struct meter_pod pod;
	struct usage total; /* cumulative */
	struct usage_interface interface; /* the same of its interfaces; evidence */
	bool has_interface;
	bool final; /* nothing can come any more */
	bool booked; /* out: closed in the ledger; the kernel may forget it */
};

struct book_window {
	uint64_t from_ms, to_ms;
	size_t pods, receipts;
	size_t unsaid; /* windows up to this one of which no statement is made yet: B8 */
	size_t unbilled; /* leases of B5 */
	struct err why; /* of the last of them */
	size_t fallen; /* pods of B6 */
	struct err why_fallen;
};

/* What would make every window fail, to be said at the start: a node's name that no record can
 * hold, or a key that is not the one of the leases in the ledger. */
int book_check(const struct book *b, struct err *err);

#define BOOK_PODS_MAX 4096 /* more take a further window; a record holds no more */

/* Closes the window up to now_ms (later if the clock went backwards). -E2BIG: n is over
 * BOOK_PODS_MAX. */
int book_window(struct book *b, uint64_t now_ms, struct book_reading *readings, size_t n,
		struct book_window *ret, struct err *err);
struct book_signed {
	size_t receipts; /* that were signed now */
	size_t held; /* leases of which something is not signed */
	bool ask; /* some of these wait for book_chain_says() */
	struct err why; /* of the last one that does not; code 0: there is none */
};

/* Signs what windows have written, and makes it due. What can't be signed now can be later. */
int book_sign(struct book *b, struct book_signed *ret, struct err *err);
/* What the chain knows of the lease: its newest report's number (0: none) and hash. */
int book_chain_says(struct book *b, const char *label, uint64_t seq, const uint8_t hash[HASH_LEN],
		    struct err *err);
/* Asks it about each lease that waits for that; -ENOENT: it has no such lease. *ret_why: why it did not
 * answer, if so; the rest then wait on. */
typedef int (*book_ask_fn)(void *arg, const uint8_t lease[OBJECT_ID_LEN], uint64_t *ret_seq,
			   uint8_t ret_hash[HASH_LEN], struct err *err);
int book_ask(struct book *b, book_ask_fn ask, void *arg, struct err *ret_why, struct err *err);
/* At the start: what the ledger holds is known to the guard as well. */
int book_guard(struct book *b, struct err *err);

/* Lets windows go that begin before from_ms and whole days, a bounded part of them in one call. */
int book_keep(struct book *b, uint64_t from_ms, struct err *err);
/* Settles what is due; what a lease refuses is failed with its reason, the others go on. */
int book_settle(struct book *b, uint64_t now_ms, size_t *ret_settled, struct err *err);

struct book_lease {
	const char *label;
	const char *tenant; /* 0x and 64 hex digits, or a name that is hashed to such */
	uint64_t deposit;
	struct prices prices;
	uint64_t grace_ms;
};

/* The lease begins at opened_ms, the end of a window that was closed before. *ret is a JSON view. */
int book_lease_open(struct book *b, const struct book_lease *l, uint64_t opened_ms,
		    struct json **ret, struct err *err);
/* A lease that was opened elsewhere, on chain: no report of it may have been made yet. */
int book_lease_adopt(struct book *b, const struct lease *lease, struct json **ret, struct err *err);
int book_lease_top_up(struct book *b, const char *label, uint64_t amount, struct json **ret,
		      struct err *err);
/* After a window was closed and settled. */
int book_lease_close(struct book *b, const char *label, uint64_t now_ms, struct json **ret,
		     struct err *err);

/* The pods of this boot that are not closed, with their last readings. */
int book_recall(struct book *b,
		int (*fn)(void *arg, uint64_t cgroup_id, const struct meter_pod *p,
			  const struct usage *last),
		void *arg, struct err *err);
