/* SPDX-License-Identifier: Apache-2.0 */
/* Property: whatever operations come in whatever order, the invariants of lease.h hold. */
#include "unit/chain/lease.h"

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

struct world {
	const struct key *key;
	uint64_t rnd, now;
	uint64_t deposits, payouts, refunds; /* what went in and out, seen from outside */
	struct report last;
};

/* A report that is mostly right, sometimes repeated, stale, forged or greedy. */
static void random_submit(struct world *w, struct lease *l)
{
	uint64_t dice = next_random(&w->rnd), payout = 0;
	struct report r = {
		.market = { 2 },
		.lease = { 1 },
		.seq = l->seq + dice % 3,
		.from_ms = l->last_to_ms + dice / 3 % 2,
		.to_ms = w->now + (dice / 6 % 8 == 0),
		.total_due = l->total_due + dice / 48 % 400 - (dice / 19200 % 8 == 0 ? 50 : 0),
	};
	int e;

	if (dice / 153600 % 4 == 0)
		r = w->last;
	e = submit_at(l, &r, w->key, w->now, &payout, NULL);
	if (e == 0) {
		w->payouts += payout;
		w->last = r;
	}
}

static void random_step(struct world *w, struct lease *l)
{
	uint64_t amount = next_random(&w->rnd) % 700, payout = 0;

	w->now += next_random(&w->rnd) % 200;
	switch (next_random(&w->rnd) % 16) {
	case 0 ... 3:
		if (lease_top_up(l, amount, &payout, NULL) == 0) {
			w->deposits += amount;
			w->payouts += payout;
		}
		break;
	case 4:
		if (next_random(&w->rnd) % 8 == 0)
			w->refunds += lease_close(l, w->now);
		break;
	default:
		random_submit(w, l);
	}
}

/* What is stored is what is read. */
static void check_stored(const struct lease *l)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(LEASE_LEN_MAX),
				     again = BUF_INIT(LEASE_LEN_MAX);
	struct lease got;
	struct err err = {};

	lease_encode(l, &bytes);
	assert_int_equal(buf_error(&bytes), 0);
	if (lease_decode(bytes.data, bytes.len, &got, &err) < 0)
		fail_msg("%s", err.text);
	assert_memory_equal(&got.terms, &l->terms, sizeof(l->terms));
	assert_int_equal(got.state, l->state);
	assert_memory_equal(&got.deposited, &l->deposited,
			    sizeof(*l) - offsetof(struct lease, deposited));
	lease_encode(&got, &again);
	assert_int_equal(again.len, bytes.len);
	assert_memory_equal(again.data, bytes.data, bytes.len);
}

static void check_world(const struct world *w, const struct lease *before, const struct lease *l)
{
	struct err err = {};

	if (lease_check(l, &err) < 0)
		fail_msg("%s", err.text);
	check_stored(l);
	assert_int_equal(l->deposited, w->deposits);
	assert_int_equal(l->paid, w->payouts);
	assert_int_equal(l->refunded, w->refunds);
	assert_int_equal(l->deposited, l->paid + l->refunded + lease_escrow(l));
	assert_true(l->paid <= l->total_due);
	assert_true(l->total_due <= price_cap(&l->terms.prices, w->now - T0));
	assert_true(l->seq >= before->seq && l->last_to_ms >= before->last_to_ms);
	assert_true(l->total_due >= before->total_due && l->paid >= before->paid);
	assert_true(before->state != LEASE_CLOSED || memcmp(before, l, sizeof(*l)) == 0);
}

static void money_is_neither_made_nor_lost_whatever_happens(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	unsigned int ends[LEASE_STATE_MAX_] = {};

	(void)state;
	for (uint64_t run = 1; run <= 60; run++) {
		struct world w = { .key = key, .rnd = run * 0x9e3779b97f4a7c15ULL, .now = T0 };
		struct lease l = open_lease(key, run % 5 * 300);

		w.deposits = l.deposited;
		l.terms.grace_ms = run % 3 * 1000;
		l.terms.prices.cap_s = run % 2 ? 1500 : 0;
		for (unsigned int step = 0; step < 100; step++) {
			const struct lease before = l;

			random_step(&w, &l);
			check_world(&w, &before, &l);
			ends[l.state]++;
		}
	}
	for (unsigned int s = 0; s < LEASE_STATE_MAX_; s++)
		assert_true(ends[s] > 50); /* the walk has been everywhere */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(money_is_neither_made_nor_lost_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
