/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/lease.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/err.h"

static const char *const state_names[] = {
	[LEASE_OPEN] = "open",
	[LEASE_EXHAUSTED] = "exhausted",
	[LEASE_CLOSING] = "closing",
	[LEASE_CLOSED] = "closed",
};
static_assert(ARRAY_LEN(state_names) == LEASE_STATE_MAX_, "every state has a name");

const char *lease_state_name(enum lease_state state)
{
	return (unsigned int)state < LEASE_STATE_MAX_ ? state_names[state] : "unknown";
}

uint64_t lease_escrow(const struct lease *l)
{
	return l->deposited - l->paid - l->refunded;
}

/* To how much the provider has a right. */
static uint64_t owed(const struct lease *l)
{
	return l->total_due - l->chain.waiting - l->chain.struck;
}

uint64_t lease_unpaid(const struct lease *l)
{
	return owed(l) - l->paid;
}

bool lease_ended(const struct lease *l)
{
	bool on_chain = l->chain.version != 0;

	return l->closing_ms && (!on_chain || l->chain.confirmations >= LEASE_CONFIRMATIONS);
}

enum lease_state lease_state_live(const struct lease *l)
{
	return l->total_due - l->chain.struck > l->deposited ? LEASE_EXHAUSTED : LEASE_OPEN;
}

/* Restores I3 after a rise of total_due or of the deposit; returns what goes to the provider. */
static uint64_t settle(struct lease *l)
{
	uint64_t escrow = lease_escrow(l), unpaid = lease_unpaid(l);
	uint64_t payout = unpaid < escrow ? unpaid : escrow;

	l->paid += payout;
	if (l->state != LEASE_CLOSING)
		l->state = lease_state_live(l);
	return payout;
}

int lease_open(const struct lease_terms *terms, uint64_t deposit, struct lease *ret,
	       struct err *err)
{
	size_t len = strnlen(terms->label, sizeof(terms->label));

	if (!len || len == sizeof(terms->label))
		return err_set(err, -EINVAL, "lease label: %zu bytes, want 1 to %zu", len,
			       sizeof(terms->label) - 1);
	*ret = (struct lease){
		.terms = *terms,
		.state = LEASE_OPEN,
		.deposited = deposit,
		.last_to_ms = terms->opened_ms,
	};
	return 0;
}

int lease_top_up(struct lease *l, uint64_t amount, uint64_t *ret_payout, struct err *err)
{
	uint64_t deposited;

	if (l->state == LEASE_CLOSING || l->state == LEASE_CLOSED)
		return err_set(err, -ESHUTDOWN,
			       "lease %s is %s and takes no deposits; open another", l->terms.label,
			       lease_state_name(l->state));
	if (!amount)
		return err_set(err, -EINVAL, "lease %s: top-up of 0 MIST; name an amount",
			       l->terms.label);
	if (__builtin_add_overflow(l->deposited, amount, &deposited))
		return err_set(err, -EOVERFLOW, "lease %s: deposits of more than 2^64 - 1 MIST",
			       l->terms.label);
	l->deposited = deposited;
	*ret_payout = settle(l);
	return 0;
}

/* ---- Reports -------------------------------------------------------------------------------- */

static int check_window(const struct lease *l, const struct report *r, uint64_t now_ms,
			struct err *err)
{
	if (r->from_ms >= r->to_ms)
		return err_set(err, -EINVAL, "window: ends at %" PRIu64 " ms, not after its start",
			       r->to_ms);
	if (r->from_ms < l->last_to_ms)
		return err_set(err, -EINVAL,
			       "window: starts at %" PRIu64 " ms, but all up to %" PRIu64
			       " is reported",
			       r->from_ms, l->last_to_ms);
	if (r->to_ms > now_ms)
		return err_set(err, -EAGAIN,
			       "window: ends at %" PRIu64 " ms, now is %" PRIu64 "; send it later",
			       r->to_ms, now_ms);
	if (l->state == LEASE_CLOSED)
		return err_set(err, -ESHUTDOWN, "the lease is closed");
	if (l->state == LEASE_CLOSING && r->to_ms > l->closing_ms)
		return err_set(err, -ESHUTDOWN,
			       "window: ends at %" PRIu64 " ms, the lease ended at %" PRIu64,
			       r->to_ms, l->closing_ms);
	return 0;
}

static int check_due(const struct lease *l, const struct report *r, struct err *err)
{
	uint64_t cap = price_cap(&l->terms.prices, r->to_ms - l->terms.opened_ms);

	if (r->total_due < l->total_due)
		return err_set(err, -EINVAL, "total_due: falls from %" PRIu64 " to %" PRIu64,
			       l->total_due, r->total_due);
	if (r->total_due > cap)
		return err_set(err, -EDQUOT,
			       "total_due: %" PRIu64 " MIST, the rate cap allows %" PRIu64
			       " by now",
			       r->total_due, cap);
	return 0;
}

static int check_ids(const struct lease *l, const struct report *r, struct err *err)
{
	if (memcmp(r->market, l->terms.market, sizeof(r->market)) != 0)
		return err_set(err, -EINVAL, "market: the report is for another market");
	if (memcmp(r->lease, l->terms.id, sizeof(r->lease)) != 0)
		return err_set(err, -EINVAL, "lease: the report is for another lease");
	if (!r->seq)
		return err_set(err, -EINVAL, "seq: 0, want 1 or more");
	if (r->seq < l->seq)
		return err_set(err, -ESTALE,
			       "seq: %" PRIu64 " is older than %" PRIu64 ", which has been taken",
			       r->seq, l->seq);
	return 0;
}

/* 0: taken or a repetition; l is changed only when all is well. */
static int submit(struct lease *l, const struct report *r, const uint8_t hash[HASH_LEN],
		  uint64_t now_ms, uint64_t *ret_payout, struct err *err)
{
	int e = check_ids(l, r, err);

	if (e < 0)
		return e;
	if (r->seq == l->seq) {
		if (memcmp(hash, l->last_hash, HASH_LEN) != 0)
			return err_set(err, -EEXIST,
				       "equivocation: the provider signed two different reports of "
				       "seq %" PRIu64 "; keep both as proof",
				       r->seq);
		*ret_payout = 0;
		return 0;
	}
	e = check_window(l, r, now_ms, err);
	if (e < 0)
		return e;
	e = check_due(l, r, err);
	if (e < 0)
		return e;
	l->seq = r->seq;
	l->last_to_ms = r->to_ms;
	l->total_due = r->total_due;
	memcpy(l->last_hash, hash, HASH_LEN);
	*ret_payout = settle(l);
	return 0;
}

int lease_submit(struct lease *l, const uint8_t report[REPORT_LEN], const uint8_t sig[SIG_LEN],
		 uint64_t now_ms, uint64_t *ret_payout, struct err *err)
{
	uint8_t hash[HASH_LEN];
	struct report r;
	int e;

	e = report_verify(report, REPORT_LEN, sig, l->terms.provider, &r, err);
	if (!e) {
		report_hash(report, hash);
		e = submit(l, &r, hash, now_ms, ret_payout, err);
	}
	if (e < 0)
		err_wrap(err, "lease %s: report refused", l->terms.label);
	return e;
}

/* ---- End ------------------------------------------------------------------------------------ */

uint64_t lease_close(struct lease *l, uint64_t now_ms)
{
	uint64_t refund = 0;

	if (l->state == LEASE_CLOSED)
		return 0;
	if (l->state != LEASE_CLOSING) {
		l->state = LEASE_CLOSING;
		/* a clock that went back must not cut off what is already reported */
		l->closing_ms = now_ms > l->last_to_ms ? now_ms : l->last_to_ms;
	}
	if (l->last_to_ms >= l->closing_ms ||
	    (now_ms >= l->closing_ms && now_ms - l->closing_ms >= l->terms.grace_ms)) {
		refund = lease_escrow(l);
		l->refunded = refund;
		l->state = LEASE_CLOSED;
	}
	return refund;
}

/* What waits is what claims or a dispute say; NULL: it is. */
static const char *chain_fault(const struct lease *l)
{
	const struct lease_on_chain *c = &l->chain;
	uint64_t told = 0, before = l->total_due - c->waiting;

	if (c->nclaims > LEASE_CLAIMS_MAX || c->confirmations > LEASE_CONFIRMATIONS)
		return "claims or confirmations: more than there can be";
	for (size_t i = 0; i < c->nclaims; i++) {
		if (c->claims[i].total_due <= before)
			return "claims: not rising";
		before = told = c->claims[i].total_due;
	}
	if (c->disputed_until_ms && (c->nclaims || !c->waiting))
		return "dispute: about nothing, or beside claims";
	if (!c->disputed_until_ms && (c->nclaims ? told != l->total_due : c->waiting != 0))
		return "waiting: not what claims say";
	return NULL;
}

static const char *state_fault(const struct lease *l)
{
	if ((unsigned int)l->state >= LEASE_STATE_MAX_)
		return "state: unknown";
	if ((l->state == LEASE_OPEN || l->state == LEASE_EXHAUSTED) &&
	    l->state != lease_state_live(l))
		return "state: exhausted exactly when total_due is over deposited";
	if (l->last_to_ms < l->terms.opened_ms || (!l->seq && l->total_due))
		return "seq: amounts without a report (I4)";
	return NULL;
}

int lease_check(const struct lease *l, struct err *err)
{
	const size_t label = strnlen(l->terms.label, sizeof(l->terms.label));
	uint64_t in = l->deposited, out, not_owed;
	const char *fault = NULL;

	if (!label || label == sizeof(l->terms.label))
		fault = "label: empty or too long";
	else if (__builtin_add_overflow(l->paid, l->refunded, &out) || out > in)
		fault = "deposited: less than paid and refunded (I1)";
	else if (l->state == LEASE_CLOSED ? out != in : l->refunded != 0)
		fault = "refunded: all of the rest when closed, else 0 (I1)";
	else if (__builtin_add_overflow(l->chain.waiting, l->chain.struck, &not_owed) ||
		 not_owed > l->total_due)
		fault = "waiting, struck: more than is due";
	else if (l->paid != (owed(l) < in ? owed(l) : in))
		fault = "paid: not the smaller of what is due and deposited (I3)";
	else
		fault = chain_fault(l);
	if (!fault)
		fault = state_fault(l);
	if (fault)
		return err_set(err, -EBADMSG, "lease %.*s: %s", (int)sizeof(l->terms.label) - 1,
			       l->terms.label, fault);
	return 0;
}
