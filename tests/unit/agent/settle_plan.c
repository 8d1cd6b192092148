/* SPDX-License-Identifier: Apache-2.0 */
/* E10: when what is due goes. */
#include "unit/agent/town_news.h"

#define HOUR_MS 3600000ULL

/* n leases with three receipts each, none of which has waited for long. */
static void three_windows(struct town *t, size_t n)
{
	t->s.every_ms = HOUR_MS;
	populate(t, n, 3);
}

static void receipts_wait_for_each_other_and_go_together(void **state)
{
	struct town *t = *state;
	struct settle_result r;

	three_windows(t, 2);
	r = step(t); /* and as long as it says */
	assert_int_equal(t->model->events, 0);
	/* of the first window, at whose end the oldest was made */
	assert_int_equal(r.wait_ms, HOUR_MS - 2 * WINDOW_MS - SETTLE_LAG_MS);
	assert_int_equal(run(t), 6);
	assert_settled(t, 3);
	assert_int_equal(t->model->ntxs, 1);
	assert_int_equal(t->model->leases[0].taken, 1);
}

static void a_moment_before_its_time_nothing_goes(void **state)
{
	struct town *t = *state;

	three_windows(t, 1);
	step(t);
	t->now_ms--;
	assert_int_equal(step(t).wait_ms, 1);
	assert_int_equal(t->model->events, 0);
}

static void a_lease_that_is_told_to_end_takes_all_along(void **state)
{
	struct town *t = *state;

	three_windows(t, 3);
	follow_from_now(t);
	tell_to_end(t, 1, t->bed->now_ms);
	look(t);
	run(t);
	assert_int_equal(state_of(t, 0, 3), LEDGER_SETTLE_FINAL);
	assert_int_equal(state_of(t, 1, 3), LEDGER_SETTLE_FINAL);
	assert_int_equal(state_of(t, 2, 3), LEDGER_SETTLE_FINAL);
}

/* Told once: what it uses from then on is not paid, and says nothing new. */
static void a_deposit_that_runs_out_is_told_at_once(void **state)
{
	struct town *t = *state;
	struct book_reading more;

	t->deposit = 1;
	three_windows(t, 1);
	follow_from_now(t);
	run(t);
	assert_int_equal(state_of(t, 0, 3), LEDGER_SETTLE_FINAL);
	assert_true(t->now_ms < t->bed->now_ms + HOUR_MS / 2);
	look(t);
	assert_int_equal(account(t->bed, label(0)).state, LEASE_EXHAUSTED);
	more = reading(1, label(0), 90);
	next_window(t->bed, &more, 1);
	step(t);
	assert_int_equal(state_of(t, 0, 4), LEDGER_SETTLE_DUE);
}

static void what_was_tried_before_waits_no_more(void **state)
{
	struct town *t = *state;
	struct settle_again again;

	populate(t, 1, 1);
	t->model->leases[0].poison = true;
	run(t);
	assert_int_equal(state_of(t, 0, 1), LEDGER_SETTLE_FAILED);
	t->model->leases[0].poison = false;
	t->s.every_ms = 24 * HOUR_MS;
	must(settle_again(t->bed->ledger, NULL, 0, t->now_ms, &again, &why));
	assert_int_equal(run(t), 1);
	assert_settled(t, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_TOWN(receipts_wait_for_each_other_and_go_together),
		IN_TOWN(a_moment_before_its_time_nothing_goes),
		IN_TOWN(a_lease_that_is_told_to_end_takes_all_along),
		IN_TOWN(a_deposit_that_runs_out_is_told_at_once),
		IN_TOWN(what_was_tried_before_waits_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
