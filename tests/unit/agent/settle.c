/* SPDX-License-Identifier: Apache-2.0 */
/* Settling on a chain that goes wrong in every way, by an agent that dies at every moment. */
#include "agent/settle.h"

#include "ledger/intent.h"
#include "unit/agent/chain_model.h"

#define FEE_MAX 1000000000ULL
#define STEPS_MAX 400

struct town {
	struct bed *bed;
	struct model *model;
	struct key *payer;
	struct settle s;
	uint64_t now_ms;
};

static void settle_on(struct town *t)
{
	t->s.ledger = t->bed->b.ledger = t->bed->ledger;
	t->s.key = t->payer;
	t->s.chain = &model_chain;
	t->s.arg = t->model;
	t->s.coin = "0x2::sui::SUI";
	t->s.gas_max = t->s.fee_max = FEE_MAX;
	t->s.market.id[0] = 1;
	t->s.provider.id[0] = 2;
	t->s.package[0] = 3;
}

static int town_setup(void **state)
{
	struct town *t = calloc(1, sizeof(*t));
	void *bed = NULL;

	if (!t || setup(&bed) < 0)
		return -1;
	t->bed = bed;
	t->model = mmap(NULL, sizeof(*t->model), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (t->model == MAP_FAILED)
		return -1;
	t->model->epoch = 100;
	t->model->checkpoint = 5000;
	memcpy(t->model->pub, key_public(t->bed->key), PUBKEY_LEN);
	t->payer = key_of(9);
	t->now_ms = STARTED_MS;
	settle_on(t);
	*state = t;
	return 0;
}

static int town_teardown(void **state)
{
	struct town *t = *state;
	void *bed = t->bed;

	munmap(t->model, sizeof(*t->model));
	key_free(&t->payer);
	free(t);
	return teardown(&bed);
}

#define IN_TOWN(name) cmocka_unit_test_setup_teardown(name, town_setup, town_teardown)

static const char *label(size_t i)
{
	static char text[16];

	snprintf(text, sizeof(text), "shop-%02zu", i);
	return text;
}

/* n leases, on chain as well, with `windows` receipts each. */
static void populate(struct town *t, size_t n, size_t windows)
{
	struct book_reading readings[MODEL_LEASES];

	next_window(t->bed, NULL, 0);
	for (size_t i = 0; i < n; i++) {
		struct ledger_lease row;

		open_lease(t->bed, label(i), 1000000000000);
		must(ledger_lease_get(t->bed->ledger, label(i), &row, &why));
		memcpy(t->model->leases[i].id, row.id, OBJECT_ID_LEN);
	}
	t->model->nleases = n;
	for (size_t w = 0; w < windows; w++) {
		for (size_t i = 0; i < n; i++)
			readings[i] = reading(i + 1, label(i), 10 * (w + 1) + i);
		next_window(t->bed, readings, n);
	}
}

static struct settle_result step(struct town *t)
{
	struct settle_result r = {};

	/* the chain's clock has seen the end of the last window */
	if (t->now_ms < t->bed->now_ms + SETTLE_LAG_MS)
		t->now_ms = t->bed->now_ms + SETTLE_LAG_MS;
	must(settle_step(&t->s, t->now_ms, &r, &why));
	t->now_ms += r.more ? 0 : r.wait_ms;
	return r;
}

/* Until nothing is left to do; what it waits for passes with time. */
static size_t run(struct town *t)
{
	size_t settled = 0;

	for (int i = 0; i < STEPS_MAX; i++) {
		struct settle_result r = step(t);

		settled += r.settled;
		if (!r.more && !r.wait_ms)
			return settled;
	}
	fail_msg("no end after %d steps", STEPS_MAX);
	return 0;
}

static enum ledger_settle state_of(struct town *t, size_t lease, uint64_t seq)
{
	struct ledger_settlement s;

	must(ledger_settlement_get(t->bed->ledger, label(lease), seq, &s, &why));
	return s.state;
}

/* Every receipt is settled, each lease's newest was taken by the chain, and what it pays is the
 * ledger's total. */
static void assert_settled(struct town *t, uint64_t seq)
{
	struct ledger_intent open = {};

	for (size_t i = 0; i < t->model->nleases; i++) {
		struct ledger_lease row;

		for (uint64_t s = 1; s <= seq; s++)
			assert_int_equal(state_of(t, i, s), LEDGER_SETTLE_FINAL);
		must(ledger_lease_get(t->bed->ledger, label(i), &row, &why));
		assert_int_equal(t->model->leases[i].seq, seq);
		assert_int_equal(t->model->leases[i].paid, row.last_total_due);
	}
	assert_int_equal(ledger_intent_open(t->bed->ledger, &open, NULL), -ENOENT);
	must(ledger_check(t->bed->ledger, &why));
}

static void fault(struct town *t, enum model_call call, int code, bool done, unsigned int times)
{
	t->model->faults[call] = (struct model_fault){ code, done, times };
}

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

static void what_the_chain_would_skip_leaves_the_batch(void **state)
{
	struct town *t = *state;
	struct settle_result r = {};

	populate(t, 3, 1);
	/* between the look at the lease and the simulation somebody else submits */
	fault(t, ON_SIMULATE, -EIO, true, 1);
	r = step(t);
	assert_int_equal(r.why.code, -EIO);
	t->model->leases[1].seq = 1;
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

static void reopen(struct town *t)
{
	must(ledger_open(t->bed->path, &t->bed->ledger, &why));
	settle_on(t);
}

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

/* A child settles and is killed at the n-th entry to or exit from the chain; then the next one goes
 * on from the file. */
static bool killed_at(struct town *t, unsigned int n)
{
	int status;
	pid_t pid;

	ledger_close(&t->bed->ledger);
	t->model->kill_at = t->model->events + n;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (ledger_open(t->bed->path, &t->bed->ledger, NULL) < 0)
			_exit(2);
		settle_on(t);
		run(t);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	t->model->kill_at = 0;
	reopen(t);
	return WIFSIGNALED(status);
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
			killed = killed_at(t, n);
			run(t);
			assert_settled(t, seq);
			assert_int_equal(t->model->leases[0].taken, before + 1);
			assert_true(t->model->ntxs == 1);
			if (!killed)
				break;
		}
	}
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
		IN_TOWN(a_ledger_that_is_behind_the_chain_settles_nothing),
		IN_TOWN(death_at_any_moment_pays_once),
		IN_TOWN(an_old_copy_of_the_ledger_pays_nothing_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
