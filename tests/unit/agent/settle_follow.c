/* SPDX-License-Identifier: Apache-2.0 */
/* E7: what happens to a lease on chain comes into the ledger, whatever goes wrong with the reading. */
#include "chain/lease_follow.h"
#include "ledger/receipt.h"
#include "unit/agent/town_news.h"

static struct book_window pods_go_on(struct town *t, size_t n, uint64_t amount)
{
	struct book_reading readings[MODEL_LEASES];

	for (size_t i = 0; i < n; i++)
		readings[i] = reading(i + 1, label(i), amount + i);
	return next_window(t->bed, readings, n);
}

static struct ledger_settlement settlement(struct town *t, size_t i, uint64_t seq)
{
	struct ledger_settlement s;

	must(ledger_settlement_get(t->bed->ledger, label(i), seq, &s, &why));
	return s;
}

/* ---- Deposits ------------------------------------------------------------------------------- */

static void a_top_up_on_chain_is_seen(void **state)
{
	struct town *t = *state;
	struct lease l;

	populate(t, 2, 1);
	follow_from_now(t);
	run(t);
	chain_of(t, 0)->at.deposited = 1000;
	happens(t, 0);
	assert_int_equal(account(t->bed, label(1)).state, LEASE_OPEN);
	assert_int_equal(look(t).odd.code, -EBADMSG); /* deposits never fall */
	chain_of(t, 0)->at.deposited = 1000000000000 + 77;
	happens(t, 0);
	look(t);
	l = account(t->bed, label(0));
	assert_int_equal(l.deposited, 1000000000000 + 77);
	assert_int_equal(l.paid, chain_of(t, 0)->paid);
	assert_int_equal(l.seq, 1);
	assert_int_equal(l.chain.version, chain_of(t, 0)->at.chain.version);
}

static void a_top_up_makes_due_again_what_failed(void **state)
{
	struct town *t = *state;

	populate(t, 2, 0);
	follow_from_now(t);
	chain_of(t, 0)->poison = chain_of(t, 1)->poison = true;
	pods_go_on(t, 2, 10);
	run(t);
	assert_int_equal(state_of(t, 0, 1), LEDGER_SETTLE_FAILED);
	assert_int_equal(state_of(t, 1, 1), LEDGER_SETTLE_FAILED);
	chain_of(t, 0)->poison = false;
	top_up(t, 0, 5);
	look(t);
	run(t);
	assert_int_equal(state_of(t, 0, 1), LEDGER_SETTLE_FINAL);
	assert_int_equal(state_of(t, 1, 1), LEDGER_SETTLE_FAILED);
	/* what was paid came with the read that showed it */
	assert_int_equal(account(t->bed, label(0)).paid, chain_of(t, 0)->paid);
}

static void a_deposit_that_is_used_up_shows(void **state)
{
	struct town *t = *state;

	populate(t, 1, 1);
	follow_from_now(t);
	run(t);
	/* as if another program had claimed more than there is, of a lease of ours */
	chain_of(t, 0)->paid = 2000000000000;
	happens(t, 0);
	look(t);
	assert_int_equal(account(t->bed, label(0)).state, LEASE_EXHAUSTED);
	assert_int_equal(account(t->bed, label(0)).paid, 1000000000000);
	top_up(t, 0, 1000000000000);
	look(t);
	assert_int_equal(account(t->bed, label(0)).state, LEASE_OPEN);
	assert_int_equal(account(t->bed, label(0)).paid, 2000000000000);
}

/* ---- The end -------------------------------------------------------------------------------- */

static void an_end_is_confirmed_by_three_reads(void **state)
{
	struct settle_result r;
	struct town *t = *state;

	populate(t, 2, 1);
	follow_from_now(t);
	run(t);
	tell_to_end(t, 1, t->bed->to_ms + 1);
	r = look(t);
	assert_true(r.closing && !r.ended);
	assert_true(r.look_ms <= 1000); /* again soon */
	assert_int_equal(account(t->bed, label(1)).state, LEASE_CLOSING);
	r = look(t);
	assert_true(!r.closing && !r.ended);
	r = look(t);
	assert_true(!r.closing && r.ended);
	assert_true(r.look_ms > 1000);
	r = look(t);
	assert_true(!r.closing && !r.ended);
	assert_false(account(t->bed, label(0)).closing_ms);
}

static void only_those_that_end_are_read_again_soon(void **state)
{
	struct town *t = *state;
	unsigned int before;

	populate(t, 20, 0);
	follow_from_now(t);
	tell_to_end(t, 7, t->bed->to_ms + 1);
	look(t);
	before = t->model->calls[ON_LEASE];
	for (int i = 0; i < 2; i++) {
		t->model->checkpoint++;
		t->now_ms += 1000;
		step(t);
	}
	assert_int_equal(t->model->calls[ON_LEASE], before + 2);
	assert_int_equal(account(t->bed, label(7)).chain.confirmations, LEASE_CONFIRMATIONS);
	t->now_ms += 1000;
	step(t);
	assert_int_equal(t->model->calls[ON_LEASE], before + 2);
}

static void a_server_that_lags_confirms_and_undoes_nothing(void **state)
{
	struct town *t = *state;

	populate(t, 1, 1);
	follow_from_now(t);
	run(t);
	tell_to_end(t, 0, t->bed->to_ms + 1);
	look(t);
	t->model->stale = true;
	for (int i = 0; i < 5; i++)
		assert_false(look(t).ended);
	assert_int_equal(account(t->bed, label(0)).state, LEASE_CLOSING);
	assert_int_equal(account(t->bed, label(0)).chain.confirmations, 1);
	t->model->stale = false;
	/* the same checkpoint over and over is one read */
	for (int i = 0; i < 5; i++) {
		t->model->checkpoint = account(t->bed, label(0)).chain.checkpoint - 1;
		assert_false(look(t).ended);
	}
	assert_int_equal(account(t->bed, label(0)).chain.confirmations, 1);
}

static void what_can_not_be_read_ends_nothing(void **state)
{
	static const int codes[] = { -ETIMEDOUT, -EIO,	  -EBADMSG,	-ENOENT,
				     -EXDEV,	 -EAGAIN, -ECONNREFUSED };
	struct town *t = *state;

	populate(t, 2, 1);
	follow_from_now(t);
	run(t);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		struct settle_result r;

		fault(t, ON_LEASE, codes[i], false, 2);
		r = look(t);
		assert_int_equal(r.odd.code, codes[i]);
		assert_true(!r.closing && !r.ended);
		assert_int_equal(account(t->bed, label(0)).state, LEASE_OPEN);
	}
	/* gone for good, which the package does not do */
	chain_of(t, 1)->id[0] ^= 1;
	for (int i = 0; i < 9; i++)
		assert_int_equal(look(t).odd.code, -ENOENT);
	assert_int_equal(account(t->bed, label(1)).state, LEASE_OPEN);
}

static void receipt_of(struct town *t, size_t i, uint64_t seq, struct ledger_receipt *ret)
{
	must(ledger_receipt_get(t->bed->ledger, label(i), seq, ret, &why));
}

/* Told to end in the middle of a window: all before is paid, the window is the tenant's. */
static void the_last_receipt_goes_up_to_the_end_and_claims_nothing_more(void **state)
{
	cleanup(ledger_receipt_fini) struct ledger_receipt last = {}, before = {};
	struct town *t = *state;
	uint64_t end_ms;

	populate(t, 2, 2);
	follow_from_now(t);
	run(t);
	end_ms = t->bed->to_ms + WINDOW_MS / 2;
	tell_to_end(t, 0, end_ms);
	assert_true(look(t).closing);
	assert_int_equal(pods_go_on(t, 2, 50).receipts, 2);
	receipt_of(t, 0, 2, &before);
	receipt_of(t, 0, 3, &last);
	assert_int_equal(last.from_ms, before.to_ms);
	assert_int_equal(last.to_ms, end_ms);
	assert_int_equal(last.total_due, before.total_due);
	assert_int_equal(verified(t->bed, label(0)).to_ms, end_ms);
	run(t);
	assert_int_equal(state_of(t, 0, 3), LEDGER_SETTLE_FINAL);
	assert_int_equal(chain_of(t, 0)->at.last_to_ms, end_ms);
	/* and no more of them; the other lease goes on */
	assert_int_equal(pods_go_on(t, 2, 90).receipts, 1);
	assert_int_equal(seq_of(t->bed, label(0)), 3);
}

/* Learnt too late: receipts of windows behind the end are signed. The chain takes none of them, and
 * those before go all the same. */
static void receipts_behind_the_end_fail_and_those_before_are_settled(void **state)
{
	struct town *t = *state;
	uint64_t end_ms;

	t->grace_ms = 30ULL * 24 * 3600 * 1000;
	populate(t, 2, 2);
	end_ms = t->bed->to_ms + WINDOW_MS / 2;
	pods_go_on(t, 2, 50);
	pods_go_on(t, 2, 60);
	follow_from_now(t);
	tell_to_end(t, 0, end_ms);
	run(t);
	for (uint64_t seq = 1; seq <= 4; seq++) {
		assert_int_equal(state_of(t, 0, seq),
				 seq <= 2 ? LEDGER_SETTLE_FINAL : LEDGER_SETTLE_FAILED);
		assert_int_equal(state_of(t, 1, seq), LEDGER_SETTLE_FINAL);
	}
	assert_non_null(strstr(settlement(t, 0, 4).error, "told to end"));
	assert_int_equal(chain_of(t, 0)->seq, 2);
	assert_int_equal(chain_of(t, 0)->taken, 1);
	/* a later try is no other, and sends nothing */
	t->now_ms += 3600 * 1000;
	t->model->sent = 0;
	run(t);
	assert_int_equal(state_of(t, 0, 4), LEDGER_SETTLE_FAILED);
	assert_int_equal(t->model->sent, 0);
	/* closed, there is nothing to try */
	chain_of(t, 0)->at.state = LEASE_CLOSED;
	happens(t, 0);
	look(t);
	t->now_ms += 24 * 3600 * 1000ULL;
	run(t);
	assert_int_equal(settlement(t, 0, 4).attempts, 2);
	assert_int_equal(account(t->bed, label(0)).refunded,
			 account(t->bed, label(0)).deposited - chain_of(t, 0)->paid);
}

/* ---- What has to be called ------------------------------------------------------------------ */

/* A minute later, when calls are thought of again. */
static void a_minute_later(struct town *t)
{
	t->now_ms += EVERY_MS;
	look(t);
	run(t);
}

static void a_lease_that_can_end_is_ended(void **state)
{
	struct town *t = *state;
	struct lease l;

	t->grace_ms = 600000;
	populate(t, 3, 1);
	follow_from_now(t);
	t->model->release_ms = t->now_ms + 1000000;
	run(t);
	tell_to_end(t, 1, t->bed->to_ms + 5000);
	look(t);
	pods_go_on(t, 3, 50); /* with its last receipt */
	run(t);
	assert_int_equal(chain_of(t, 1)->at.last_to_ms, chain_of(t, 1)->at.closing_ms);
	for (int i = 0; i < 3; i++)
		a_minute_later(t);
	l = account(t->bed, label(1));
	assert_int_equal(l.state, LEASE_CLOSING);
	assert_int_equal(l.chain.waiting, l.total_due);
	assert_int_equal(l.paid, 0);
	assert_int_equal(t->model->called, 0);
	t->now_ms = t->model->release_ms + SETTLE_LAG_MS;
	a_minute_later(t);
	assert_int_equal(t->model->called, 1);
	look(t);
	l = account(t->bed, label(1));
	assert_int_equal(l.state, LEASE_CLOSED);
	assert_int_equal(l.paid, l.total_due);
	assert_int_equal(l.refunded, l.deposited - l.total_due);
	/* that was that */
	t->model->called = 0;
	for (int i = 0; i < 5; i++)
		a_minute_later(t);
	assert_int_equal(t->model->called, 0);
}

static void what_was_released_and_nobody_called_for_is_called_for(void **state)
{
	struct town *t = *state;

	populate(t, 2, 1);
	follow_from_now(t);
	t->model->release_ms = t->now_ms;
	run(t);
	look(t);
	assert_true(account(t->bed, label(0)).chain.waiting > 0);
	t->now_ms = t->model->release_ms + LEASE_CALL_IDLE_MS + SETTLE_LAG_MS - EVERY_MS - 1;
	a_minute_later(t);
	assert_int_equal(t->model->called, 0);
	a_minute_later(t);
	assert_int_equal(t->model->called, 2);
	assert_int_equal(t->model->ntxs, 1 + 2); /* one lease in a transaction */
	assert_int_equal(account(t->bed, label(0)).chain.waiting, 0);
	assert_int_equal(account(t->bed, label(0)).paid, chain_of(t, 0)->paid);
	assert_follows(t);
}

static void a_call_that_fails_holds_up_nobody(void **state)
{
	struct town *t = *state;
	bool told = false;

	populate(t, 3, 1);
	follow_from_now(t);
	run(t);
	for (size_t i = 0; i < 2; i++)
		tell_to_end(t, i, t->bed->to_ms);
	chain_of(t, 0)->poison = true;
	t->now_ms += EVERY_MS;
	for (int i = 0; i < 20; i++) {
		struct settle_result r = step(t);

		told |= r.odd.code == -EREMOTEIO && strstr(r.odd.text, "poison");
	}
	assert_true(told);
	assert_int_equal(chain_of(t, 1)->at.state, LEASE_CLOSED);
	assert_int_equal(chain_of(t, 0)->at.state, LEASE_OPEN);
	assert_int_equal(pods_go_on(t, 3, 70).receipts, 1);
	run(t);
	assert_int_equal(state_of(t, 2, 2), LEDGER_SETTLE_FINAL);
	assert_int_equal(state_of(t, 0, 1), LEDGER_SETTLE_FINAL);
	chain_of(t, 0)->poison = false;
	a_minute_later(t);
	assert_int_equal(chain_of(t, 0)->at.state, LEASE_CLOSED);
}

static void a_chain_that_is_away_is_not_asked_for_every_lease(void **state)
{
	struct town *t = *state;

	populate(t, 20, 0);
	follow_from_now(t);
	fault(t, ON_LEASE, -ETIMEDOUT, false, 1000);
	assert_int_equal(look(t).odd.code, -ETIMEDOUT);
	assert_int_equal(t->model->calls[ON_LEASE], 3);
	/* one that can't be read keeps no other from being */
	fault(t, ON_LEASE, -EIO, false, 2);
	look(t);
	assert_int_equal(t->model->calls[ON_LEASE], 3 + 20);
	assert_true(account(t->bed, label(19)).chain.version > 0);
	assert_int_equal(account(t->bed, label(1)).chain.version, 0);
}

/* ---- Beside settling ------------------------------------------------------------------------ */

static void reads_behind_a_settlement_follow_too(void **state)
{
	struct town *t = *state;

	populate(t, 1, 1);
	top_up(t, 0, 5); /* and no round of its own */
	run(t);
	assert_int_equal(account(t->bed, label(0)).deposited, 1000000000000 + 5);
	assert_int_equal(account(t->bed, label(0)).paid, chain_of(t, 0)->paid);
}

static void it_goes_on_while_a_transaction_is_open_and_rests(void **state)
{
	struct settle_result r;
	struct town *t = *state;
	unsigned int sent;

	populate(t, 1, 1);
	fault(t, ON_EXECUTE, -ETIMEDOUT, false, 99);
	while (!t->model->calls[ON_EXECUTE])
		step(t);
	fault(t, ON_EXECUTE, -ETIMEDOUT, false, 99);
	for (int i = 0; i < 8; i++)
		step(t);
	follow_from_now(t);
	must(settle_step(&t->s, t->now_ms, &r, &why));
	assert_true(r.wait_ms > 1000);
	sent = t->model->calls[ON_EXECUTE];
	tell_to_end(t, 0, t->bed->to_ms + 1);
	for (int i = 0; i < 3; i++) {
		t->model->checkpoint++;
		t->s.look = (struct settle_look){};
		must(settle_step(&t->s, t->now_ms, &r, &why));
	}
	assert_true(r.ended);
	assert_true(r.wait_ms > 1000);
	assert_int_equal(t->model->calls[ON_EXECUTE], sent); /* that rests still */
	fault(t, ON_EXECUTE, 0, false, 0);
	run(t);
	assert_settled(t, 1);
}

static void many_leases_are_read_in_parts_and_nothing_new_is_written(void **state)
{
	struct town *t = *state;
	uint64_t checkpoint;

	populate(t, MODEL_LEASES, 0);
	follow_from_now(t);
	look(t);
	assert_int_equal(t->model->calls[ON_LEASE], MODEL_LEASES);
	checkpoint = account(t->bed, label(9)).chain.checkpoint;
	assert_true(checkpoint > 0);
	for (int i = 0; i < 3; i++)
		look(t);
	assert_int_equal(account(t->bed, label(9)).chain.checkpoint, checkpoint);
	/* not before its time, which is shortly before a window's end */
	assert_int_equal(t->s.look.all_ms % EVERY_MS, EVERY_MS - 3000);
	assert_true(t->s.look.all_ms - t->now_ms <= EVERY_MS);
	t->now_ms = t->s.look.all_ms - 1;
	step(t);
	assert_int_equal(t->model->calls[ON_LEASE], 4 * MODEL_LEASES);
	t->now_ms += 1;
	assert_true(step(t).more);
	assert_int_equal(t->model->calls[ON_LEASE], 4 * MODEL_LEASES + SETTLE_BATCH_MAX);
}

static void a_clock_that_was_put_back_does_not_stop_it(void **state)
{
	struct town *t = *state;

	populate(t, 1, 0);
	follow_from_now(t);
	look(t);
	t->bed->now_ms -= 30 * EVERY_MS;
	t->now_ms -= 30 * EVERY_MS;
	step(t);
	assert_int_equal(t->model->calls[ON_LEASE], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_TOWN(a_top_up_on_chain_is_seen),
		IN_TOWN(a_top_up_makes_due_again_what_failed),
		IN_TOWN(a_deposit_that_is_used_up_shows),
		IN_TOWN(an_end_is_confirmed_by_three_reads),
		IN_TOWN(only_those_that_end_are_read_again_soon),
		IN_TOWN(a_server_that_lags_confirms_and_undoes_nothing),
		IN_TOWN(what_can_not_be_read_ends_nothing),
		IN_TOWN(the_last_receipt_goes_up_to_the_end_and_claims_nothing_more),
		IN_TOWN(receipts_behind_the_end_fail_and_those_before_are_settled),
		IN_TOWN(a_chain_that_is_away_is_not_asked_for_every_lease),
		IN_TOWN(a_lease_that_can_end_is_ended),
		IN_TOWN(what_was_released_and_nobody_called_for_is_called_for),
		IN_TOWN(a_call_that_fails_holds_up_nobody),
		IN_TOWN(reads_behind_a_settlement_follow_too),
		IN_TOWN(it_goes_on_while_a_transaction_is_open_and_rests),
		IN_TOWN(many_leases_are_read_in_parts_and_nothing_new_is_written),
		IN_TOWN(a_clock_that_was_put_back_does_not_stop_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
