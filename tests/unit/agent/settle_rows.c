/* SPDX-License-Identifier: Apache-2.0 */
/* What failed, and is tried again because somebody says so. */
#include "unit/agent/town.h"

static struct settle_again again(struct town *t, const char *lease, uint64_t seq, int want)
{
	struct settle_again ret = { 77, 77 };
	struct err err = {};
	int r = settle_again(t->bed->ledger, lease, seq, t->now_ms, &ret, &err);

	if (r != want)
		fail_msg("%d, not %d: %s", r, want, err.text);
	if (r < 0)
		assert_int_equal(ret.due + ret.open, 2 * 77);
	return ret;
}

/* n leases with a receipt each, all of which failed. */
static void all_fail(struct town *t, size_t n)
{
	populate(t, n, 1);
	for (size_t i = 0; i < n; i++)
		t->model->leases[i].poison = true;
	run(t);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(state_of(t, i, 1), LEDGER_SETTLE_FAILED);
		t->model->leases[i].poison = false;
	}
}

static void what_failed_is_due_at_once_and_paid_once(void **state)
{
	struct town *t = *state;

	all_fail(t, 3);
	assert_int_equal(again(t, NULL, 0, 0).due, 3);
	/* without a moment's rest, and never a second time */
	assert_int_equal(again(t, NULL, 0, 0).due, 0);
	assert_int_equal(run(t), 3);
	assert_settled(t, 1);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(t->model->leases[i].taken, 1);
}

static void one_lease_or_one_number_is_chosen(void **state)
{
	struct town *t = *state;

	all_fail(t, 3);
	assert_int_equal(again(t, label(1), 0, 0).due, 1);
	assert_int_equal(again(t, label(2), 1, 0).due, 1);
	assert_int_equal(state_of(t, 0, 1), LEDGER_SETTLE_FAILED);
	assert_int_equal(state_of(t, 1, 1), LEDGER_SETTLE_DUE);
	assert_int_equal(state_of(t, 2, 1), LEDGER_SETTLE_DUE);
	again(t, label(2), 1, -EINVAL); /* due already */
	again(t, label(2), 2, -ENOENT);
	again(t, "nobody", 0, -ENOENT);
	again(t, "nobody", 1, -ENOENT);
	run(t);
	again(t, label(1), 1, -EINVAL); /* paid */
}

static void what_may_have_been_taken_is_left_alone(void **state)
{
	struct town *t = *state;
	struct book_reading more[2];

	all_fail(t, 2);
	for (size_t i = 0; i < 2; i++)
		more[i] = reading(i + 1, label(i), 90);
	next_window(t->bed, more, 2);
	fault(t, ON_EXECUTE, -ETIMEDOUT, true, 1);
	t->model->blind = true;
	while (t->model->calls[ON_EXECUTE] < 1 || state_of(t, 0, 2) != LEDGER_SETTLE_SUBMITTED)
		step(t);
	/* the second receipts are on their way, and say all that the first ones said */
	assert_int_equal(state_of(t, 0, 1), LEDGER_SETTLE_FAILED);
	again(t, label(0), 2, -EBUSY);
	again(t, label(0), 1, -EBUSY);
	assert_int_equal(again(t, NULL, 0, 0).open, 2);
	assert_int_equal(again(t, label(1), 0, 0).due, 0);
	assert_int_equal(state_of(t, 0, 1), LEDGER_SETTLE_FAILED);
	t->model->blind = false;
	run(t);
	assert_settled(t, 2);
	assert_int_equal(t->model->leases[0].taken, 1);
}

static void the_rest_doubles_up_to_six_hours(void **state)
{
	(void)state;
	assert_int_equal(settle_rest_ms(1), 120000);
	assert_int_equal(settle_rest_ms(2), 240000);
	assert_int_equal(settle_rest_ms(9), 6 * 3600 * 1000);
	assert_int_equal(settle_rest_ms(UINT64_MAX), 6 * 3600 * 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_TOWN(what_failed_is_due_at_once_and_paid_once),
		IN_TOWN(one_lease_or_one_number_is_chosen),
		IN_TOWN(what_may_have_been_taken_is_left_alone),
		cmocka_unit_test(the_rest_doubles_up_to_six_hours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
