/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/chain/lease.h"

#include <errno.h>

/* Must be taken; returns the payout. */
static uint64_t submit(struct lease *l, const struct report *r, const struct key *key)
{
	struct err err = {};
	uint64_t payout = 0;

	if (submit_at(l, r, key, r->to_ms, &payout, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(lease_check(l, NULL), 0);
	return payout;
}

/* Must be refused with that code and word, and change nothing. */
static void refused(struct lease *l, const struct report *r, const struct key *key, uint64_t now,
		    int code, const char *word)
{
	const struct lease before = *l;
	struct err err = {};
	uint64_t payout = 4242;

	assert_int_equal(submit_at(l, r, key, now, &payout, &err), code);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, word))
		fail_msg("\"%s\" does not say %s", err.text, word);
	assert_non_null(strstr(err.text, "acme-web"));
	assert_memory_equal(l, &before, sizeof(before));
	assert_int_equal(payout, 4242);
}

static void each_report_pays_the_rise_of_total_due(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease l = open_lease(key, 1000);
	struct report r = report_of(1, 100);

	(void)state;
	assert_int_equal(l.state, LEASE_OPEN);
	assert_int_equal(submit(&l, &r, key), 100);
	r = report_of(2, 250);
	assert_int_equal(submit(&l, &r, key), 150);
	r = report_of(3, 250);
	assert_int_equal(submit(&l, &r, key), 0);
	assert_int_equal(l.paid, 250);
	assert_int_equal(l.seq, 3);
	assert_int_equal(l.last_to_ms, T0 + 3000);
	assert_int_equal(lease_escrow(&l), 750);
	assert_int_equal(lease_unpaid(&l), 0);
}

static void a_lost_report_is_made_up_by_the_next(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease l = open_lease(key, 1000);
	const struct report first = report_of(1, 100), fifth = report_of(5, 500);
	const struct report late = report_of(3, 300);

	(void)state;
	assert_int_equal(submit(&l, &first, key), 100);
	assert_int_equal(submit(&l, &fifth, key), 400);
	refused(&l, &late, key, T0 + 9000, -ESTALE, "older");
	assert_int_equal(l.paid, 500);
}

static void the_same_report_again_is_a_no_op_at_any_time(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease l = open_lease(key, 1000), before;
	const struct report r = report_of(1, 100);
	uint64_t payout = 4242;

	(void)state;
	submit(&l, &r, key);
	before = l;
	assert_int_equal(submit(&l, &r, key), 0);
	assert_memory_equal(&l, &before, sizeof(l));
	/* resent after a restart with a clock behind, and after the end */
	assert_int_equal(submit_at(&l, &r, key, 0, &payout, NULL), 0);
	assert_int_equal(payout, 0);
	assert_int_equal(lease_close(&l, T0 + 5000), 900);
	before = l;
	assert_int_equal(submit(&l, &r, key), 0);
	assert_memory_equal(&l, &before, sizeof(l));
}

static void other_content_of_one_seq_is_equivocation(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease l = open_lease(key, 1000);
	struct report r = report_of(1, 100);

	(void)state;
	submit(&l, &r, key);
	r.usage_hash[0] = 1;
	refused(&l, &r, key, T0 + 1000, -EEXIST, "equivocation");
	r = report_of(1, 101);
	refused(&l, &r, key, T0 + 1000, -EEXIST, "equivocation");
}

static void only_the_providers_signature_counts(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	cleanup(key_free) struct key *other = sample_key(2);
	struct lease l = open_lease(key, 1000), before = l;
	const struct report r = report_of(1, 100);
	uint8_t bytes[REPORT_LEN], sig[SIG_LEN];
	uint64_t payout = 4242;

	(void)state;
	refused(&l, &r, other, T0 + 1000, -EBADMSG, "signature");
	report_sign(&r, key, bytes, sig);
	bytes[143] ^= 1;
	assert_int_equal(lease_submit(&l, bytes, sig, T0 + 1000, &payout, NULL), -EBADMSG);
	assert_memory_equal(&l, &before, sizeof(l));
	assert_int_equal(payout, 4242);
}

static void reports_for_others_are_refused(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease l = open_lease(key, 1000);
	struct report r = report_of(1, 100);

	(void)state;
	r.market[31] = 1;
	refused(&l, &r, key, T0 + 1000, -EINVAL, "market");
	r = report_of(1, 100), r.lease[31] = 1;
	refused(&l, &r, key, T0 + 1000, -EINVAL, "another lease");
	r = report_of(1, 100), r.seq = 0;
	refused(&l, &r, key, T0 + 1000, -EINVAL, "seq");
}

static void windows_must_rise_and_lie_in_the_past(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease l = open_lease(key, 1000);
	struct report r = report_of(1, 100);

	(void)state;
	r.from_ms = T0 - 1;
	refused(&l, &r, key, T0 + 1000, -EINVAL, "window");
	r.from_ms = r.to_ms;
	refused(&l, &r, key, T0 + 1000, -EINVAL, "window");
	r = report_of(1, 100);
	refused(&l, &r, key, T0 + 999, -EAGAIN, "later");
	assert_int_equal(submit(&l, &r, key), 100);
	r = report_of(2, 200), r.from_ms--;
	refused(&l, &r, key, T0 + 2000, -EINVAL, "window");
}

static void total_due_can_not_be_taken_back(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease l = open_lease(key, 1000);
	struct report r = report_of(1, 100);

	(void)state;
	submit(&l, &r, key);
	r = report_of(2, 99);
	refused(&l, &r, key, T0 + 2000, -EINVAL, "falls");
}

static void the_rate_cap_bounds_a_false_claim(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease l = open_lease(key, 1000);
	struct report r = report_of(1, 8);

	(void)state;
	l.terms.prices.cap_s = 7;
	refused(&l, &r, key, T0 + 1000, -EDQUOT, "rate cap");
	r.total_due = 7;
	assert_int_equal(submit(&l, &r, key), 7);
	r = report_of(10, 71);
	refused(&l, &r, key, T0 + 10000, -EDQUOT, "rate cap");
	r.total_due = 70;
	assert_int_equal(submit(&l, &r, key), 63);
}

static void an_empty_escrow_exhausts_the_lease_and_shows_the_rest(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease l = open_lease(key, 150);
	struct report r = report_of(1, 150);
	uint64_t payout = 4242;

	(void)state;
	assert_int_equal(submit(&l, &r, key), 150);
	assert_int_equal(l.state, LEASE_OPEN); /* paid to the last MIST */
	r = report_of(2, 250);
	assert_int_equal(submit(&l, &r, key), 0);
	assert_int_equal(l.state, LEASE_EXHAUSTED);
	assert_int_equal(lease_unpaid(&l), 100);
	assert_int_equal(lease_top_up(&l, 60, &payout, NULL), 0);
	assert_int_equal(payout, 60);
	assert_int_equal(l.state, LEASE_EXHAUSTED);
	assert_int_equal(lease_unpaid(&l), 40);
	assert_int_equal(lease_top_up(&l, 50, &payout, NULL), 0);
	assert_int_equal(payout, 40);
	assert_int_equal(l.state, LEASE_OPEN);
	assert_int_equal(lease_escrow(&l), 10);
	assert_int_equal(lease_check(&l, NULL), 0);
}

static void a_refused_top_up_changes_nothing(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease l = open_lease(key, 150), before = l;
	uint64_t payout = 4242;

	(void)state;
	assert_int_equal(lease_top_up(&l, 0, &payout, NULL), -EINVAL);
	assert_int_equal(lease_top_up(&l, UINT64_MAX - 149, &payout, NULL), -EOVERFLOW);
	assert_memory_equal(&l, &before, sizeof(l));
	assert_int_equal(lease_top_up(&l, UINT64_MAX - 150, &payout, NULL), 0);
	assert_int_equal(payout, 0);
	assert_int_equal(lease_escrow(&l), UINT64_MAX);
	lease_close(&l, T0 + 1);
	before = l, payout = 4242;
	assert_int_equal(lease_top_up(&l, 1, &payout, NULL), -ESHUTDOWN);
	assert_memory_equal(&l, &before, sizeof(l));
	assert_int_equal(payout, 4242);
}

static void close_without_grace_refunds_at_once(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease l = open_lease(key, 1000);
	struct report r = report_of(1, 100);

	(void)state;
	submit(&l, &r, key);
	assert_int_equal(lease_close(&l, T0 + 5000), 900);
	assert_int_equal(l.state, LEASE_CLOSED);
	assert_int_equal(l.refunded, 900);
	assert_int_equal(lease_escrow(&l), 0);
	assert_int_equal(lease_close(&l, T0 + 6000), 0);
	assert_int_equal(l.refunded, 900);
	r = report_of(2, 200);
	refused(&l, &r, key, T0 + 5000, -ESHUTDOWN, "closed");
}

static void a_closing_lease_waits_for_its_last_report(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease l = open_lease(key, 1000);
	struct report r = report_of(1, 100);

	(void)state;
	l.terms.grace_ms = 10000;
	assert_int_equal(lease_close(&l, T0 + 2000), 0);
	assert_int_equal(l.state, LEASE_CLOSING);
	assert_int_equal(submit(&l, &r, key), 100);
	assert_int_equal(l.state, LEASE_CLOSING);
	assert_int_equal(lease_close(&l, T0 + 2500), 0);
	assert_int_equal(l.closing_ms, T0 + 2000); /* the first call counts */
	r = report_of(3, 300);
	refused(&l, &r, key, T0 + 3000, -ESHUTDOWN, "ended");
	r = report_of(2, 250);
	assert_int_equal(submit(&l, &r, key), 150);
	/* all up to the end is reported: nothing to wait for */
	assert_int_equal(lease_close(&l, T0 + 3000), 750);
	assert_int_equal(l.state, LEASE_CLOSED);
	assert_int_equal(lease_check(&l, NULL), 0);
}

static void a_silent_provider_loses_the_rest_after_the_grace(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease l = open_lease(key, 1000);

	(void)state;
	l.terms.grace_ms = 10000;
	assert_int_equal(lease_close(&l, T0 + 2000), 0);
	assert_int_equal(lease_close(&l, T0 + 11999), 0);
	assert_int_equal(l.state, LEASE_CLOSING);
	assert_int_equal(lease_close(&l, T0 + 12000), 1000);
	assert_int_equal(l.state, LEASE_CLOSED);
}

static void a_clock_that_went_back_does_not_cut_off_reports(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease l = open_lease(key, 1000);
	const struct report r = report_of(1, 100);

	(void)state;
	submit(&l, &r, key);
	assert_int_equal(lease_close(&l, T0 - 5), 900);
	assert_int_equal(l.closing_ms, T0 + 1000);
}

static void a_lease_needs_a_label(void **state)
{
	struct lease_terms terms = { .opened_ms = 1 };
	struct lease l = { .seq = 99 };

	(void)state;
	assert_int_equal(lease_open(&terms, 1, &l, NULL), -EINVAL);
	memset(terms.label, 'x', sizeof(terms.label));
	assert_int_equal(lease_open(&terms, 1, &l, NULL), -EINVAL);
	assert_int_equal(l.seq, 99);
}

static void every_state_has_its_name(void **state)
{
	(void)state;
	assert_string_equal(lease_state_name(LEASE_OPEN), "open");
	assert_string_equal(lease_state_name(LEASE_EXHAUSTED), "exhausted");
	assert_string_equal(lease_state_name(LEASE_CLOSING), "closing");
	assert_string_equal(lease_state_name(LEASE_CLOSED), "closed");
	assert_string_equal(lease_state_name(LEASE_STATE_MAX_), "unknown");
}

static void a_damaged_lease_is_found(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease good = open_lease(key, 1000), l;
	const struct report r = report_of(1, 100);

	(void)state;
	submit(&good, &r, key);
	assert_int_equal(lease_check(&good, NULL), 0);
	l = good, l.paid++;
	assert_int_equal(lease_check(&l, NULL), -EBADMSG);
	l = good, l.paid--;
	assert_int_equal(lease_check(&l, NULL), -EBADMSG);
	l = good, l.refunded = 1;
	assert_int_equal(lease_check(&l, NULL), -EBADMSG);
	l = good, l.refunded = UINT64_MAX;
	assert_int_equal(lease_check(&l, NULL), -EBADMSG);
	l = good, l.deposited = 99;
	assert_int_equal(lease_check(&l, NULL), -EBADMSG);
	l = good, l.state = LEASE_EXHAUSTED;
	assert_int_equal(lease_check(&l, NULL), -EBADMSG);
	l = good, l.state = LEASE_CLOSED;
	assert_int_equal(lease_check(&l, NULL), -EBADMSG);
	l = good, l.state = LEASE_STATE_MAX_;
	assert_int_equal(lease_check(&l, NULL), -EBADMSG);
	l = good, l.seq = 0;
	assert_int_equal(lease_check(&l, NULL), -EBADMSG);
	l = good, l.last_to_ms = T0 - 1;
	assert_int_equal(lease_check(&l, NULL), -EBADMSG);
	l = good, l.terms.label[0] = '\0';
	assert_int_equal(lease_check(&l, NULL), -EBADMSG);
	l = good, memset(l.terms.label, 'x', sizeof(l.terms.label));
	assert_int_equal(lease_check(&l, NULL), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_report_pays_the_rise_of_total_due),
		cmocka_unit_test(a_lost_report_is_made_up_by_the_next),
		cmocka_unit_test(the_same_report_again_is_a_no_op_at_any_time),
		cmocka_unit_test(other_content_of_one_seq_is_equivocation),
		cmocka_unit_test(only_the_providers_signature_counts),
		cmocka_unit_test(reports_for_others_are_refused),
		cmocka_unit_test(windows_must_rise_and_lie_in_the_past),
		cmocka_unit_test(total_due_can_not_be_taken_back),
		cmocka_unit_test(the_rate_cap_bounds_a_false_claim),
		cmocka_unit_test(an_empty_escrow_exhausts_the_lease_and_shows_the_rest),
		cmocka_unit_test(a_refused_top_up_changes_nothing),
		cmocka_unit_test(close_without_grace_refunds_at_once),
		cmocka_unit_test(a_closing_lease_waits_for_its_last_report),
		cmocka_unit_test(a_silent_provider_loses_the_rest_after_the_grace),
		cmocka_unit_test(a_clock_that_went_back_does_not_cut_off_reports),
		cmocka_unit_test(a_lease_needs_a_label),
		cmocka_unit_test(every_state_has_its_name),
		cmocka_unit_test(a_damaged_lease_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
