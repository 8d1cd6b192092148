/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/charge.h"

#include <errno.h>
#include <string.h>

#include "unit/chain/sample.h"

#define PODS 3

struct seen {
	uint64_t plus, minus;
	size_t usage, adjustments;
	unsigned __int128 amount[PRICE_ITEM_MAX_];
};

static int see(const struct charge *c, void *arg)
{
	struct seen *s = arg;

	if (c->credit)
		s->minus += c->mist;
	else
		s->plus += c->mist;
	if (!c->pod) {
		s->adjustments++;
		return 0;
	}
	assert_false(c->credit);
	assert_true(c->amount > 0);
	s->amount[c->item] += c->amount;
	s->usage++;
	return 0;
}

/* Prices that divide nothing evenly, so that a rounding that is lost is seen. */
static const struct prices odd = { .core_s = 999999937,
				   .gib_s = 7,
				   .rx_gib = { 1000003, 3, 0 },
				   .tx_gib = { 5, 1000000007, 13 } };

static void window(struct record *r, uint64_t n, const struct usage *before)
{
	struct err err = {};

	memset(r, 0, sizeof(*r));
	r->opened_ms = SAMPLE_OPENED_MS;
	r->seq = n;
	r->from_ms = SAMPLE_OPENED_MS + (n - 1) * SAMPLE_WINDOW_MS;
	r->to_ms = r->from_ms + SAMPLE_WINDOW_MS;
	r->prices = odd;
	sample_pods(r, PODS);
	for (size_t i = 0; i < PODS; i++)
		r->pods[i].use = sample_usage(n * 17 + i);
	assert_int_equal(record_sum(r, before, &err), 0);
}

static uint64_t due(const struct record *r, const struct usage *totals, uint64_t at_ms)
{
	uint64_t ret;
	struct err err = {};

	assert_int_equal(price_due(&r->prices, totals, at_ms - r->opened_ms, &ret, &err), 0);
	return ret;
}

/* I1 over many windows, with a cap that holds, lets go and holds again. */
static void charges_sum_to_what_the_reports_claim(void **state)
{
	struct usage before = {};
	struct seen all = {};
	uint64_t claimed = 0;

	(void)state;
	for (uint64_t n = 1; n <= 200; n++) {
		cleanup(record_fini) struct record r = {};
		struct seen s = {};
		uint64_t total;
		struct err err = {};

		window(&r, n, n > 1 ? &before : NULL);
		r.prices.cap_s = 240000000; /* about what is used; the sample grows */
		total = due(&r, &r.totals, r.to_ms);
		assert_int_equal(charges(&r, see, &s, &err), 0);
		assert_int_equal(s.plus - s.minus, total - claimed);
		assert_true(s.adjustments <= 1);
		all.adjustments += s.adjustments;
		claimed = total;
		before = r.totals;
	}
	assert_true(all.adjustments > 0);
}

static void every_amount_is_in_one_charge(void **state)
{
	cleanup(record_fini) struct record r = {};
	struct seen s = {};
	struct err err = {};

	(void)state;
	window(&r, 1, NULL);
	assert_int_equal(charges(&r, see, &s, &err), 0);
	assert_int_equal(s.usage, PODS * PRICE_ITEM_MAX_);
	assert_int_equal(s.adjustments, 0);
	for (unsigned int i = 0; i < PRICE_ITEM_MAX_; i++)
		assert_true(s.amount[i] == price_item_amount(&r.totals, i));
}

static void what_was_not_used_is_no_charge(void **state)
{
	cleanup(record_fini) struct record r = {};
	struct seen s = {};
	struct err err = {};

	(void)state;
	window(&r, 1, NULL);
	for (size_t i = 0; i < PODS; i++)
		r.pods[i].use = (struct usage){ .cpu_ns = i };
	assert_int_equal(record_sum(&r, NULL, &err), 0);
	assert_int_equal(charges(&r, see, &s, &err), 0);
	assert_int_equal(s.usage, PODS - 1);
}

static int stop(const struct charge *c, void *arg)
{
	(void)c;
	++*(size_t *)arg;
	return -ECANCELED;
}

static void a_reader_may_end_it(void **state)
{
	cleanup(record_fini) struct record r = {};
	struct err err = {};
	size_t calls = 0;

	(void)state;
	window(&r, 1, NULL);
	assert_int_equal(charges(&r, stop, &calls, &err), -ECANCELED);
	assert_int_equal(calls, 1);
}

static void totals_below_the_pods_are_refused(void **state)
{
	cleanup(record_fini) struct record r = {};
	struct seen s = {};
	struct err err = {};

	(void)state;
	window(&r, 1, NULL);
	r.totals.cpu_ns--;
	assert_int_equal(charges(&r, see, &s, &err), -EBADMSG);
	assert_string_equal(err.text, "totals are less than the pods' sum");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(charges_sum_to_what_the_reports_claim),
		cmocka_unit_test(every_amount_is_in_one_charge),
		cmocka_unit_test(what_was_not_used_is_no_charge),
		cmocka_unit_test(a_reader_may_end_it),
		cmocka_unit_test(totals_below_the_pods_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
