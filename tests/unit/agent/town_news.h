/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to leases on chain by itself, and looks at them. */
#pragma once

#include "unit/agent/town.h"

#define EVERY_MS 60000

static inline struct model_lease *chain_of(struct town *t, size_t i)
{
	return &t->model->leases[i];
}

static inline void happens(struct town *t, size_t i)
{
	t->model->leases[i].at.chain.version++;
	t->model->checkpoint++;
}

static inline void top_up(struct town *t, size_t i, uint64_t amount)
{
	chain_of(t, i)->at.deposited += amount;
	happens(t, i);
}

static inline void tell_to_end(struct town *t, size_t i, uint64_t at_ms)
{
	chain_of(t, i)->at.closing_ms = at_ms;
	happens(t, i);
}

static inline void follow_from_now(struct town *t)
{
	t->s.look_every_ms = EVERY_MS;
}

/* One round over all leases, at a later checkpoint; what it said. */
static inline struct settle_result look(struct town *t)
{
	struct settle_result r, all = {};

	t->model->checkpoint++;
	t->s.look = (struct settle_look){};
	do {
		r = step(t);
		all.closing |= r.closing;
		all.ended |= r.ended;
		all.odd = r.odd.code ? r.odd : all.odd;
	} while (t->s.look.after[0]);
	all.look_ms = r.look_ms;
	return all;
}

/* The ledger says of each lease what the chain says. */
static inline void assert_follows(struct town *t)
{
	for (size_t i = 0; i < t->model->nleases; i++) {
		const struct lease there = model_view(chain_of(t, i));
		const struct lease here = account(t->bed, label(i));

		assert_int_equal(here.chain.version, there.chain.version);
		assert_int_equal(here.state, there.state);
		assert_int_equal(here.deposited, there.deposited);
		assert_int_equal(here.paid, there.paid);
		assert_int_equal(here.refunded, there.refunded);
		assert_int_equal(here.total_due, there.total_due);
		assert_int_equal(here.seq, there.seq);
		assert_int_equal(here.closing_ms, there.closing_ms);
		assert_int_equal(here.chain.confirmations,
				 there.closing_ms ? LEASE_CONFIRMATIONS : 0);
	}
	must(ledger_check(t->bed->ledger, &why));
}
