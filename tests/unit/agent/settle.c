/* SPDX-License-Identifier: Apache-2.0 */
/* Settling on a chain that goes wrong in every way. */
#include "unit/agent/town.h"

static void many_leases_settle_in_one_transaction(void **state)
{
	struct town *t = *state;

	populate(t, 5, 3);
	assert_int_equal(run(t), 15);
	assert_settled(t, 3);
	assert_int_equal(t->model->ntxs, 1);
	/* the newest of each says all */
	assert_int_equal(t->model->leases[0].taken, 1);
	assert_int_equal(run(t), 0);
	assert_int_equal(t->model->sent, 1);
}

static void nothing_due_asks_nothing(void **state)
{
	struct town *t = *state;
	struct settle_result r;

	populate(t, 2, 0);
	r = step(t);
	assert_int_equal(r.more || r.why.code || t->model->events, 0);
}

static void more_than_a_batch_takes_several(void **state)
{
	struct town *t = *state;

	populate(t, MODEL_LEASES, 1);
	assert_int_equal(run(t), MODEL_LEASES);
	assert_settled(t, 1);
	assert_int_equal(t->model->ntxs, 2);
}

static void a_lost_answer_is_asked_for_and_not_paid_twice(void **state)
{
	static const int lost[] = { -ETIMEDOUT, -ECONNRESET, -EIO, -EAGAIN, -EBADMSG };
	struct town *t = *state;

	populate(t, 2, 0);
	for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
		struct book_reading r[] = { reading(1, label(0), 10 * (i + 1)),
					    reading(2, label(1), 10 * (i + 1)) };

		next_window(t->bed, r, 2);
		fault(t, ON_EXECUTE, lost[i], true, 1);
		run(t);
		assert_settled(t, i + 1);
		assert_int_equal(t->model->ntxs, i + 1);
	}
	assert_int_equal(t->model->sent, ARRAY_LEN(lost));
}

static void what_never_came_is_sent_again_as_the_same_bytes(void **state)
{
	struct town *t = *state;

	populate(t, 3, 1);
	fault(t, ON_EXECUTE, -ETIMEDOUT, false, 7);
	run(t);
	assert_settled(t, 1);
	assert_int_equal(t->model->calls[ON_EXECUTE], 8);
	assert_int_equal(t->model->sent, 1);
}

static void a_refusal_behind_a_lost_answer_closes_nothing(void **state)
{
	struct town *t = *state;

	populate(t, 1, 1);
	/* taken, but the answer is lost; then servers that lag refuse it and don't know it */
	fault(t, ON_EXECUTE, -ETIMEDOUT, true, 1);
	t->model->blind = true;
	while (t->model->calls[ON_EXECUTE] < 1)
		step(t);
	fault(t, ON_EXECUTE, -EINVAL, false, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(step(t).why.code, -EINVAL);
	assert_int_equal(t->model->sent, 1);
	t->model->blind = false;
	run(t);
	assert_settled(t, 1);
	assert_int_equal(t->model->ntxs, 1);
	assert_int_equal(t->model->sent, 1);
}

static void a_refusal_of_what_was_never_on_its_way_is_built_anew(void **state)
{
	struct town *t = *state;

	populate(t, 1, 1);
	fault(t, ON_EXECUTE, -EINVAL, false, 1);
	run(t);
	assert_settled(t, 1);
	assert_int_equal(t->model->sent, 2);
	assert_int_equal(t->model->ntxs, 1);
}

static void no_connection_leaves_it_as_it_was(void **state)
{
	struct town *t = *state;
	struct ledger_intent i = {};

	populate(t, 1, 1);
	fault(t, ON_EXECUTE, -ECONNREFUSED, false, 2);
	while (t->model->calls[ON_EXECUTE] < 2)
		step(t);
	must(ledger_intent_open(t->bed->ledger, &i, &why));
	assert_false(i.open);
	assert_int_equal(i.attempts, 2);
	ledger_intent_fini(&i);
	run(t);
	assert_settled(t, 1);
}

static void only_what_two_reads_behind_its_window_don_t_know_is_built_anew(void **state)
{
	struct town *t = *state;

	populate(t, 1, 1);
	fault(t, ON_EXECUTE, -ETIMEDOUT, false, 1);
	while (!t->model->calls[ON_EXECUTE])
		step(t);
	/* the last epoch of its window: still the same bytes */
	t->model->epoch = 101;
	fault(t, ON_EXECUTE, -ETIMEDOUT, false, 2);
	step(t);
	step(t);
	assert_int_equal(t->model->sent, 1);
	t->model->epoch = 102;
	assert_int_equal(step(t).why.code, -ETIME);
	assert_int_equal(t->model->sent, 1);
	run(t);
	assert_settled(t, 1);
	assert_int_equal(t->model->sent, 2);
	assert_int_equal(t->model->ntxs, 1);
}

static void a_server_that_lags_delays_and_decides_nothing(void **state)
{
	struct town *t = *state;

	populate(t, 2, 1);
	while (!t->model->ntxs)
		step(t);
	t->model->stale = true;
	for (int i = 0; i < 5; i++)
		assert_true(step(t).why.code < 0);
	assert_int_equal(state_of(t, 0, 1), LEDGER_SETTLE_SUBMITTED);
	t->model->stale = false;
	run(t);
	assert_settled(t, 1);
}

static void a_batch_that_fails_is_halved_down_to_the_culprit(void **state)
{
	struct book_reading more;
	struct town *t = *state;

	populate(t, 8, 1);
	t->model->leases[5].poison = true;
	assert_int_equal(run(t), 7);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(state_of(t, i, 1),
				 i == 5 ? LEDGER_SETTLE_FAILED : LEDGER_SETTLE_FINAL);
	assert_int_equal(t->model->leases[5].taken, 0);
	/* the next receipt says all that the failed one said */
	t->model->leases[5].poison = false;
	more = reading(6, label(5), 90);
	next_window(t->bed, &more, 1);
	run(t);
	assert_int_equal(state_of(t, 5, 1), LEDGER_SETTLE_FINAL);
	assert_int_equal(state_of(t, 5, 2), LEDGER_SETTLE_FINAL);
	assert_int_equal(t->model->leases[5].taken, 1);
}

/* Somebody submits what this ledger has signed: anyone may. */
static void took_from_another(struct town *t, size_t i, uint64_t seq)
{
	struct ledger_receipt r = {};

	must(ledger_receipt_get(t->bed->ledger, label(i), seq, &r, &why));
	t->model->leases[i].seq = seq;
	memcpy(t->model->leases[i].hashes[seq], r.hash, HASH_LEN);
	ledger_receipt_fini(&r);
}

static void what_the_chain_would_skip_leaves_the_batch(void **state)
{
	struct town *t = *state;
	struct settle_result r = {};

	populate(t, 3, 1);
	/* between the look at the lease and the simulation somebody else submits */
	fault(t, ON_SIMULATE, -EIO, true, 1);
	r = step(t);
	assert_int_equal(r.why.code, -EIO);
	took_from_another(t, 1, 1);
	run(t);
	assert_int_equal(state_of(t, 1, 1), LEDGER_SETTLE_FINAL);
	assert_int_equal(t->model->leases[0].taken + t->model->leases[2].taken, 2);
	assert_int_equal(t->model->leases[1].taken, 0);
}

static void a_lease_that_is_not_there_fails_alone(void **state)
{
	struct town *t = *state;

	populate(t, 3, 1);
	t->model->leases[2].id[0] ^= 1;
	assert_int_equal(run(t), 2);
	assert_int_equal(state_of(t, 2, 1), LEDGER_SETTLE_FAILED);
}

static void over_the_fee_budget_work_waits_for_the_next_day(void **state)
{
	struct town *t = *state;
	struct book_reading r;

	/* one transaction costs MODEL_GAS, and half as much again is allowed for it */
	t->s.fee_max = 2 * MODEL_GAS;
	populate(t, 1, 1);
	run(t);
	r = reading(1, label(0), 50);
	next_window(t->bed, &r, 1);
	assert_int_equal(step(t).why.code, -EDQUOT);
	assert_int_equal(t->model->sent, 1);
	t->now_ms += 24 * 3600 * 1000ULL;
	run(t);
	assert_settled(t, 2);
}

static void a_window_is_over_by_the_chains_clock_too(void **state)
{
	struct town *t = *state;
	struct settle_result r = {};

	populate(t, 1, 1);
	must(settle_step(&t->s, t->bed->now_ms, &r, &why));
	assert_int_equal(r.wait_ms, SETTLE_LAG_MS);
	assert_int_equal(r.more || r.why.code || t->model->events, 0);
	run(t);
	assert_settled(t, 1);
}

static void what_failed_is_tried_again_later_and_less_often(void **state)
{
	struct town *t = *state;
	unsigned int before;

	populate(t, 1, 1);
	t->model->leases[0].poison = true;
	run(t);
	before = t->model->sent;
	t->now_ms += 119 * 1000;
	run(t);
	assert_int_equal(t->model->sent, before);
	t->now_ms += 1000;
	run(t);
	assert_int_equal(t->model->sent, before + 1);
	t->now_ms += 239 * 1000;
	run(t);
	assert_int_equal(t->model->sent, before + 1);
	t->model->leases[0].poison = false;
	t->now_ms += 1000;
	run(t);
	assert_settled(t, 1);
}

static size_t bytes_of_batch(struct town *t, size_t leases)
{
	for (size_t i = 0; i < MODEL_LEASES; i++)
		t->model->leases[i].seq = i < leases ? 0 : 99;
	run(t);
	return t->model->sent_len;
}

/* README.md says what these say. */
static void ten_thousand_leases_are_far_within_the_limits(void **state)
{
	cleanup(buf_fini) struct buf readme = BUF_INIT(1 << 20);
	struct book_reading r[SETTLE_BATCH_MAX];
	struct town *t = *state;
	size_t one, batch, each, most;
	char row[200];

	populate(t, SETTLE_BATCH_MAX, 1);
	batch = bytes_of_batch(t, SETTLE_BATCH_MAX);
	for (size_t i = 0; i < SETTLE_BATCH_MAX; i++)
		r[i] = reading(i + 1, label(i), 1000 + i);
	next_window(t->bed, r, SETTLE_BATCH_MAX);
	one = bytes_of_batch(t, 1);
	each = (batch - one) / (SETTLE_BATCH_MAX - 1);
	most = (TX_LEN_MAX - 2 * SUI_SIG_LEN - one) / each + 1;
	assert_true(batch + SUI_SIG_LEN <= TX_LEN_MAX && SETTLE_BATCH_MAX < most);
	must(file_read("user/agent/README.md", &readme, &why));
	snprintf(row, sizeof(row), "| %d | %zu | %zu | %zu | %d | %zu |", SETTLE_BATCH_MAX, batch,
		 each, most, 10000 / SETTLE_BATCH_MAX, 10000 / SETTLE_BATCH_MAX * batch);
	if (!strstr(readme.data, row))
		fail_msg("README.md does not say %s", row);
}

static void a_transaction_over_the_gas_budget_waits(void **state)
{
	struct town *t = *state;

	t->s.gas_max = MODEL_GAS;
	populate(t, 1, 1);
	assert_int_equal(step(t).why.code, -EDQUOT);
	t->s.gas_max = 2 * MODEL_GAS;
	run(t);
	assert_settled(t, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_TOWN(many_leases_settle_in_one_transaction),
		IN_TOWN(nothing_due_asks_nothing),
		IN_TOWN(more_than_a_batch_takes_several),
		IN_TOWN(a_lost_answer_is_asked_for_and_not_paid_twice),
		IN_TOWN(what_never_came_is_sent_again_as_the_same_bytes),
		IN_TOWN(a_refusal_behind_a_lost_answer_closes_nothing),
		IN_TOWN(a_refusal_of_what_was_never_on_its_way_is_built_anew),
		IN_TOWN(no_connection_leaves_it_as_it_was),
		IN_TOWN(only_what_two_reads_behind_its_window_don_t_know_is_built_anew),
		IN_TOWN(a_server_that_lags_delays_and_decides_nothing),
		IN_TOWN(a_batch_that_fails_is_halved_down_to_the_culprit),
		IN_TOWN(what_the_chain_would_skip_leaves_the_batch),
		IN_TOWN(a_lease_that_is_not_there_fails_alone),
		IN_TOWN(over_the_fee_budget_work_waits_for_the_next_day),
		IN_TOWN(a_window_is_over_by_the_chains_clock_too),
		IN_TOWN(what_failed_is_tried_again_later_and_less_often),
		IN_TOWN(ten_thousand_leases_are_far_within_the_limits),
		IN_TOWN(a_transaction_over_the_gas_budget_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
