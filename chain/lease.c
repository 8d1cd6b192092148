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

uint64_t lease_unpaid(const struct lease *l)
{
	return l->total_due - l->paid;
}

/* Restores I3 after a rise of total_due or of the deposit; returns what goes to the provider. */
static uint64_t settle(struct lease *l)
{
	uint64_t escrow = lease_escrow(l), unpaid = lease_unpaid(l);
	uint64_t payout = unpaid < escrow ? unpaid : escrow;

	l->paid += payout;
	if (l->state != LEASE_CLOSING)
		l->state = lease_unpaid(l) ? LEASE_EXHAUSTED : LEASE_OPEN;
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

int lease_check(const struct lease *l, struct err *err)
{
	const uint64_t due = l->total_due, in = l->deposited;
	const size_t label = strnlen(l->terms.label, sizeof(l->terms.label));
	uint64_t out;
	const char *fault = NULL;

	if (!label || label == sizeof(l->terms.label))
		fault = "label: empty or too long";
	else if ((unsigned int)l->state >= LEASE_STATE_MAX_)
		fault = "state: unknown";
	else if (__builtin_add_overflow(l->paid, l->refunded, &out) || out > in)
		fault = "deposited: less than paid and refunded (I1)";
	else if (l->state == LEASE_CLOSED ? out != in : l->refunded != 0)
		fault = "refunded: all of the rest when closed, else 0 (I1)";
	else if (l->paid != (due < in ? due : in))
		fault = "paid: not the smaller of total_due and deposited (I3)";
	else if ((l->state == LEASE_OPEN && due > in) || (l->state == LEASE_EXHAUSTED && due <= in))
		fault = "state: exhausted exactly when total_due is over deposited";
	else if (l->last_to_ms < l->terms.opened_ms || (!l->seq && due))
		fault = "seq: amounts without a report (I4)";
	if (fault)
		return err_set(err, -EBADMSG, "lease %.*s: %s", (int)sizeof(l->terms.label) - 1,
			       l->terms.label, fault);
	return 0;
}
