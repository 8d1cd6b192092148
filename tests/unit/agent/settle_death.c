/* SPDX-License-Identifier: Apache-2.0 */
/* Death at any moment, and ledgers of before. */
#include "unit/agent/town_news.h"

static void a_ledger_that_is_behind_the_chain_settles_nothing(void **state)
{
	struct ledger_settlement s;
	struct town *t = *state;

	populate(t, 2, 1);
	t->model->leases[0].seq = 2;
	assert_int_equal(run(t), 1);
	must(ledger_settlement_get(t->bed->ledger, label(0), 1, &s, &why));
	assert_int_equal(s.state, LEDGER_SETTLE_FAILED);
	assert_non_null(strstr(s.error, "old copy"));
	assert_int_equal(t->model->leases[0].taken, 0);
	assert_int_equal(state_of(t, 1, 1), LEDGER_SETTLE_FINAL);
}

/* The same, learnt only behind a transaction of ours. */
static void what_another_ledger_was_quicker_with_is_not_taken_for_ours(void **state)
{
	struct town *t = *state;

	populate(t, 1, 1);
	while (!t->model->calls[ON_EXECUTE])
		step(t);
	t->model->leases[0].hashes[1][9] ^= 1;
	run(t);
	assert_int_equal(state_of(t, 0, 1), LEDGER_SETTLE_FAILED);
}

/* Settles, and looks until all there is to know is confirmed. */
static void live(struct town *t)
{
	for (int i = 0; i < LEASE_CONFIRMATIONS; i++) {
		if (t->s.look_every_ms)
			look(t);
		run(t);
	}
}

/* Two machines with one key, each with a first report of its own: the other's came first. */
static void a_report_of_the_same_number_by_another_ledger_is_not_taken_for_ours(void **state)
{
	struct ledger_settlement s;
	struct town *t = *state;

	populate(t, 2, 1);
	t->model->leases[0].seq = 1;
	memset(t->model->leases[0].hashes[1], 7, HASH_LEN);
	assert_true(step(t).foreign);
	assert_int_equal(run(t), 1);
	must(ledger_settlement_get(t->bed->ledger, label(0), 1, &s, &why));
	assert_int_equal(s.state, LEDGER_SETTLE_FAILED);
	assert_non_null(strstr(s.error, "old copy or a second one"));
	assert_int_equal(t->model->leases[0].taken, 0);
	assert_int_equal(state_of(t, 1, 1), LEDGER_SETTLE_FINAL);
}

static void death_at_any_moment_pays_once(void **state)
{
	static const struct model_fault scripts[] = {
		{},
		{ -ETIMEDOUT, true, 2 }, /* taken, no answer, twice */
		{ -ETIMEDOUT, false, 2 }, /* not taken */
		{ -EINVAL, false, 1 },
	};
	struct town *t = *state;
	uint64_t seq = 0;

	populate(t, 3, 0);
	for (size_t s = 0; s < ARRAY_LEN(scripts); s++) {
		for (unsigned int n = 1; n < 60; n++) {
			struct book_reading r[] = { reading(1, label(0), 10 * seq + 10),
						    reading(2, label(1), 10 * seq + 11),
						    reading(3, label(2), 10 * seq + 12) };
			unsigned int before = t->model->leases[0].taken;
			bool killed;

			seq++;
			next_window(t->bed, r, 3);
			t->model->ntxs = t->model->sent = 0;
			t->model->faults[ON_EXECUTE] = scripts[s];
			t->now_ms += 24 * 3600 * 1000ULL;
			killed = killed_at(t, n, live);
			run(t);
			assert_settled(t, seq);
			assert_int_equal(t->model->leases[0].taken, before + 1);
			assert_true(t->model->ntxs == 1);
			if (!killed)
				break;
		}
	}
}

/* A tenant adds to one lease and ends another while receipts are on their way. */
static void death_at_any_moment_leaves_the_ledger_as_the_chain_is(void **state)
{
	unsigned int n = 1;
	bool killed = true;

	(void)state;
	for (; killed && n < 200; n++) {
		struct book_reading r[] = { reading(1, label(0), 90), reading(2, label(1), 91),
					    reading(3, label(2), 92) };
		void *fresh = NULL;
		struct town *t;

		t = town_setup(&fresh) == 0 ? fresh : NULL;
		if (!t) {
			fail();
			return;
		}
		populate(t, 3, 2);
		follow_from_now(t);
		chain_of(t, 2)->poison = true;
		top_up(t, 0, 5);
		top_up(t, 0, 7);
		tell_to_end(t, 1, t->bed->to_ms);
		killed = killed_at(t, n, live);
		chain_of(t, 2)->poison = false;
		top_up(t, 2, 11);
		live(t);
		t->now_ms += 24 * 3600 * 1000ULL; /* what failed behind the top-up has rested */
		live(t);
		assert_settled(t, 2);
		assert_follows(t);
		next_window(t->bed, r, 3); /* no more of what has ended */
		assert_int_equal(seq_of(t->bed, label(1)), 2);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(chain_of(t, i)->taken, 1);
		assert_int_equal(town_teardown(&fresh), 0);
	}
	assert_true(n > 20 && n < 200);
}

static void an_old_copy_of_the_ledger_pays_nothing_twice(void **state)
{
	struct town *t = *state;

	populate(t, 3, 2);
	for (unsigned int steps = 0; steps < 4; steps++) {
		cleanup(buf_fini) struct buf copy = BUF_INIT(64 << 20);

		for (unsigned int i = 0; i < steps; i++)
			step(t);
		ledger_close(&t->bed->ledger);
		must(file_read(t->bed->path, &copy, &why));
		reopen(t);
		run(t);
		assert_settled(t, 2);
		ledger_close(&t->bed->ledger);
		must(file_write_atomic(t->bed->path, copy.data, copy.len, 0600, &why));
		reopen(t);
		run(t);
		assert_settled(t, 2);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(t->model->leases[i].taken, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_TOWN(a_ledger_that_is_behind_the_chain_settles_nothing),
		IN_TOWN(a_report_of_the_same_number_by_another_ledger_is_not_taken_for_ours),
		IN_TOWN(what_another_ledger_was_quicker_with_is_not_taken_for_ours),
		IN_TOWN(death_at_any_moment_pays_once),
		cmocka_unit_test(death_at_any_moment_leaves_the_ledger_as_the_chain_is),
		IN_TOWN(an_old_copy_of_the_ledger_pays_nothing_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
