/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following a lease on chain: what the ledger knows of it, and what a server says of it now, make
 * what the ledger knows next and what is to be done. Pure, and level-triggered: nothing depends on
 * which reads came before, so a read that was missed, doubled or late changes nothing in the end.
 *
 * F1. News is by the version of the object: what is older never overwrites what is newer, and the
 *     same version has one content.
 * F2. What can't be taken back on chain is not taken back here: a reply in which it would be is
 *     refused as a whole (the sums of lease_check(), terms, amounts that fall, a lease that opens
 *     again).
 * F3. That a lease ends is known at once, but ends its work only after LEASE_CONFIRMATIONS reads,
 *     each as of a later checkpoint. A read that failed, or found no object, is no read: the package
 *     deletes no lease, so one that is missing is a server's fault.
 */
#pragma once

#include "chain/lease.h"

enum lease_news {
	LEASE_NEWS_KEEP = 1, /* it is not as it was: write it back */
	LEASE_NEWS_RETRY = 2, /* more was deposited, or a dispute is over: what failed may go now */
	LEASE_NEWS_CLOSING = 4, /* it was told to end, for the first time: close a window */
	LEASE_NEWS_AGAIN = 8, /* it ends, and that is not confirmed yet: read it again soon */
	LEASE_NEWS_ENDED = 16, /* that is confirmed now: end its work */
};

/* Calls that anybody may make of a lease on chain, and that move nobody's money but as it is due. */
enum lease_call {
	LEASE_CALL_NONE,
	LEASE_CALL_SETTLE,
	LEASE_CALL_FINISH,
	LEASE_CALL_TIME_OUT,
	LEASE_CALL_MAX_,
};
const char *lease_call_name(enum lease_call call); /* in lease.move; NULL for none */
/* So long after a claim's release no report came that would have paid it, and after the end of a
 * dispute's time nobody settled it. */
#define LEASE_CALL_IDLE_MS 600000
/* What is to be called at that time, so that the provider has what was released to it, the tenant the
 * rest, and no dispute stays open for ever. A lease that was never reported to is left to its tenant. */
enum lease_call lease_call_due(const struct lease *l, uint64_t now_ms);

/*
 * `seen` is as read; its label, provider's key and confirmations don't matter. *ret may be mine.
 *	-ESTALE		older than mine
 *	-EBADMSG	against F1 or F2; says how
 * With 0 news bits nothing is to be done.
 */
int lease_follow(const struct lease *mine, const struct lease *seen, struct lease *ret,
		 unsigned int *ret_news, struct err *err);
