/* SPDX-License-Identifier: Apache-2.0 */
/* E7: the ledger's view of leases follows the chain. E8: what is to be called of them. */
#include <errno.h>
#include <string.h>

#include "agent/book_int.h"
#include "agent/settle_int.h"
#include "chain/lease_follow.h"
#include "core/cleanup.h"
#include "core/err.h"

#define AGAIN_MS 1000 /* until the end of a lease is read once more */
#define LEAD_MS 3000
/* So many reads without an answer end a round: each may have waited for a time-out. */
#define FAILURES_MAX 3

static int keep(struct settle *s, struct ledger_lease *row, const struct lease *now,
		unsigned int news, uint64_t now_ms, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	int r = ledger_begin(s->ledger, &tx, err);

	if (r == 0)
		r = book_account_put(&tx, row, now, now_ms, err);
	if (r == 0 && news & LEASE_NEWS_RETRY)
		r = settle_due_again(&tx, row->label, now_ms, err);
	return r < 0 ? r : ledger_commit(&tx, err);
}

int settle_follow(struct settle *s, const char *lease, const struct settle_lease *seen,
		  uint64_t now_ms, struct settle_result *ret, struct err *err)
{
	struct lease mine, now;
	struct ledger_lease row;
	unsigned int news = 0;
	int r = ledger_lease_get(s->ledger, lease, &row, err);

	if (r == 0)
		r = book_account(&row, &mine, err);
	if (r < 0)
		return r;
	r = lease_follow(&mine, &seen->lease, &now, &news, &ret->odd);
	if (r < 0) {
		if (r == -ESTALE) /* the next read will do */
			ret->odd = (struct err){};
		return 0;
	}
	if (news & LEASE_NEWS_KEEP)
		r = keep(s, &row, &now, news, now_ms, err);
	if (r < 0)
		return r;
	ret->closing |= news & LEASE_NEWS_CLOSING;
	ret->ended |= news & LEASE_NEWS_ENDED;
	if (news & (LEASE_NEWS_CLOSING | LEASE_NEWS_ENDED))
		snprintf(ret->lease, sizeof(ret->lease), "%s", lease);
	if (news & LEASE_NEWS_AGAIN && s->look_every_ms)
		s->look.again_ms = now_ms + AGAIN_MS;
	return 0;
}

/* Is there anything left to learn of it? */
static bool is_open(const struct settle *s, const struct ledger_lease *row)
{
	struct lease l;

	if (book_account(row, &l, NULL) < 0)
		return false; /* who settles it will say so */
	if (l.state == LEASE_CLOSED && lease_ended(&l))
		return false;
	return s->look.all || (l.closing_ms && !lease_ended(&l));
}

/* *failures grows when the chain did not answer. */
static int look_at(struct settle *s, const struct ledger_lease *row, uint64_t now_ms,
		   size_t *failures, struct settle_result *ret, struct err *err)
{
	struct settle_lease seen = {};
	int r = s->chain->lease(s->arg, row->id, &seen, &ret->odd);

	if (r == 0)
		return settle_follow(s, row->label, &seen, now_ms, ret, err);
	*failures += r != -ENOENT;
	return 0;
}

/* By a wall clock, which may have been put back. */
static bool is_time(uint64_t at_ms, uint64_t now_ms, uint64_t every_ms)
{
	return now_ms >= at_ms || at_ms - now_ms > every_ms;
}

/* Shortly before a multiple of the time between two, where windows end: a lease that was told to end is
 * known before a window is billed to it, whose receipt the chain would refuse. */
static uint64_t next_look(uint64_t now_ms, uint64_t every_ms)
{
	uint64_t lead_ms = every_ms / 8 < LEAD_MS ? every_ms / 8 : LEAD_MS;
	uint64_t at_ms = (now_ms / every_ms + 1) * every_ms - lead_ms;

	return at_ms > now_ms ? at_ms : at_ms + every_ms;
}

bool settle_look_due(const struct settle *s, uint64_t now_ms)
{
	const struct settle_look *k = &s->look;

	return s->look_every_ms && (k->after[0] || is_time(k->all_ms, now_ms, s->look_every_ms) ||
				    (k->again_ms && is_time(k->again_ms, now_ms, AGAIN_MS)));
}

uint64_t settle_look_wait(const struct settle *s, uint64_t now_ms)
{
	const struct settle_look *k = &s->look;
	uint64_t at_ms = k->again_ms && k->again_ms < k->all_ms ? k->again_ms : k->all_ms;

	if (!s->look_every_ms)
		return 0;
	return at_ms > now_ms ? at_ms - now_ms : 1;
}

int settle_look(struct settle *s, uint64_t now_ms, struct settle_result *ret, struct err *err)
{
	cleanup(book_leases_fini) struct book_leases leases = {};
	struct settle_look *k = &s->look;
	size_t read = 0, failures = 0;
	int r = book_leases(s->ledger, &leases, err);

	ret->looked = true;
	if (!k->after[0]) {
		k->all = is_time(k->all_ms, now_ms, s->look_every_ms);
		k->again_ms = 0;
	}
	for (size_t i = 0; r == 0 && i < leases.n && failures < FAILURES_MAX; i++) {
		const struct ledger_lease *row = &leases.row[i];

		if (strcmp(row->label, k->after) <= 0 || !is_open(s, row))
			continue;
		if (read++ == SETTLE_BATCH_MAX) {
			ret->more = true;
			return 0;
		}
		r = look_at(s, row, now_ms, &failures, ret, err);
		snprintf(k->after, sizeof(k->after), "%s", row->label);
	}
	k->after[0] = '\0';
	if (r == 0 && k->all)
		k->all_ms = next_look(now_ms, s->look_every_ms);
	return r;
}

/* ---- Calls ---------------------------------------------------------------------------------- */

/* The chain's clock is behind ours. */
static enum lease_call call_due(const struct lease *l, uint64_t now_ms)
{
	return lease_call_due(l, now_ms > SETTLE_LAG_MS ? now_ms - SETTLE_LAG_MS : 0);
}

int settle_call_of(struct settle *s, const char *lease, uint64_t now_ms, enum lease_call *ret,
		   struct err *err)
{
	struct ledger_lease row;
	struct lease l;
	int r = ledger_lease_get(s->ledger, lease, &row, err);

	if (r == 0)
		r = book_account(&row, &l, err);
	if (r == 0)
		*ret = call_due(&l, now_ms);
	return r;
}

int settle_call_next(struct settle *s, uint64_t now_ms, struct ledger_intent_item *ret,
		     enum lease_call *ret_call, struct err *err)
{
	cleanup(book_leases_fini) struct book_leases leases = {};
	struct settle_calls *k = &s->calls;
	struct lease l;
	int r = 0;

	*ret_call = LEASE_CALL_NONE;
	if (!s->look_every_ms || !is_time(k->at_ms, now_ms, s->look_every_ms))
		return 0;
	r = book_leases(s->ledger, &leases, err);
	for (size_t i = 0; r == 0 && i < leases.n; i++) {
		const struct ledger_lease *row = &leases.row[i];

		if (strcmp(row->label, k->after) <= 0 || book_account(row, &l, NULL) < 0 ||
		    l.seq > row->seq) /* E6 */
			continue;
		*ret_call = call_due(&l, now_ms);
		if (*ret_call == LEASE_CALL_NONE)
			continue;
		snprintf(k->after, sizeof(k->after), "%s", row->label);
		snprintf(ret->lease, sizeof(ret->lease), "%s", row->label);
		ret->seq = l.seq;
		return 0;
	}
	*k = (struct settle_calls){ .at_ms = now_ms + s->look_every_ms };
	return r;
}
