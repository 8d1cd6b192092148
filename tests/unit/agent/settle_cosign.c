/* SPDX-License-Identifier: Apache-2.0 */
/* Reports that their tenants accepted, on their way to the chain. */
#include "agent/settle_cosign.h"

#include "unit/agent/town.h"

static struct key *tenant; /* of every lease here */

static int cosign_setup(void **state)
{
	int r = town_setup(state);

	tenant = r < 0 ? NULL : key_of(77);
	return r;
}

static int cosign_teardown(void **state)
{
	key_free(&tenant);
	return town_teardown(state);
}

#define COSIGNED(name) cmocka_unit_test_setup_teardown(name, cosign_setup, cosign_teardown)

/* n leases with receipts; what is submitted waits for a challenge, and the tenant's key may end that. */
static void let(struct town *t, size_t n, size_t windows)
{
	populate(t, n, windows);
	t->model->release_ms = t->bed->now_ms + 30 * 86400000ULL;
	for (size_t i = 0; i < n; i++)
		memcpy(t->model->leases[i].tenant_key, key_public(tenant), PUBKEY_LEN);
}

static struct cosign co_sign(struct town *t, size_t lease, uint64_t seq)
{
	cleanup(ledger_receipt_fini) struct ledger_receipt receipt = {};
	struct cosign c = {};

	must(ledger_receipt_get(t->bed->ledger, label(lease), seq, &receipt, &why));
	must(cosign_make(receipt.report, tenant, &c, &why));
	return c;
}

static int accept(struct town *t, const struct cosign *c)
{
	struct settle_cosigned ret = {};
	struct err err = {};

	return settle_accept(&t->s, c, &ret, &err);
}

static size_t waiting(struct town *t)
{
	struct settle_cosigns all;

	must(settle_cosigns_get(t->bed->ledger, &all, &why));
	return all.n;
}

static void a_report_that_was_accepted_before_it_went_is_paid_at_once(void **state)
{
	struct town *t = *state;
	struct cosign c;

	let(t, 3, 1);
	c = co_sign(t, 1, 1);
	must(accept(t, &c));
	assert_int_equal(waiting(t), 1);
	run(t);
	/* all in one transaction, one of them co-signed */
	assert_int_equal(t->model->ntxs, 1);
	assert_int_equal(t->model->leases[1].cosigned, 1);
	assert_int_equal(t->model->leases[1].at.chain.waiting, 0);
	assert_true(t->model->leases[0].at.chain.waiting > 0);
	assert_int_equal(waiting(t), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(state_of(t, i, 1), LEDGER_SETTLE_FINAL);
}

static void one_that_waits_for_its_challenge_is_released(void **state)
{
	struct town *t = *state;
	struct cosign c;

	let(t, 2, 2);
	run(t);
	assert_true(t->model->leases[0].at.chain.waiting > 0);
	c = co_sign(t, 0, 2);
	must(accept(t, &c));
	run(t);
	assert_int_equal(t->model->leases[0].at.chain.waiting, 0);
	assert_int_equal(t->model->leases[0].taken, 1); /* both windows by the newer report */
	assert_int_equal(t->model->ntxs, 2);
	assert_int_equal(waiting(t), 0);
	/* there is nothing to do any more, and nothing to accept */
	run(t);
	assert_int_equal(t->model->sent, 2);
	assert_int_equal(accept(t, &c), -EALREADY);
}

static void a_newer_report_goes_behind_it(void **state)
{
	struct town *t = *state;
	struct book_reading more;
	struct cosign c;

	let(t, 1, 1);
	c = co_sign(t, 0, 1);
	more = reading(1, label(0), 500);
	next_window(t->bed, &more, 1);
	must(accept(t, &c));
	run(t);
	assert_int_equal(t->model->leases[0].cosigned, 1);
	assert_int_equal(t->model->leases[0].seq, 2);
	assert_int_equal(t->model->leases[0].taken, 2);
	/* of the newer one the rise alone waits */
	assert_true(t->model->leases[0].at.chain.waiting > 0);
	assert_true(t->model->leases[0].at.chain.waiting < t->model->leases[0].paid);
	assert_int_equal(state_of(t, 0, 2), LEDGER_SETTLE_FINAL);
}

static void what_is_not_the_tenants_or_not_ours_is_refused(void **state)
{
	cleanup(key_free) struct key *other = key_of(78);
	struct town *t = *state;
	struct cosign c, foreign;
	struct report r;
	uint8_t bytes[REPORT_LEN];

	let(t, 1, 2);
	c = co_sign(t, 0, 1);
	/* the same number with another content, signed by the tenant */
	r = c.fields;
	r.total_due++;
	report_encode(&r, bytes);
	must(cosign_make(bytes, tenant, &foreign, &why));
	assert_int_equal(accept(t, &foreign), -EBADMSG);
	r = c.fields;
	r.seq = 9;
	report_encode(&r, bytes);
	must(cosign_make(bytes, tenant, &foreign, &why));
	assert_int_equal(accept(t, &foreign), -ENOENT);
	r.lease[0] ^= 1;
	report_encode(&r, bytes);
	must(cosign_make(bytes, tenant, &foreign, &why));
	assert_int_equal(accept(t, &foreign), -ENOENT);
	must(cosign_make(c.report, other, &foreign, &why));
	assert_int_equal(accept(t, &foreign), -EPERM);
	memset(t->model->leases[0].tenant_key, 0, PUBKEY_LEN);
	assert_int_equal(accept(t, &c), -EPERM);
	memcpy(t->model->leases[0].tenant_key, key_public(tenant), PUBKEY_LEN);
	/* the chain has gone on */
	run(t);
	assert_int_equal(accept(t, &c), -ESTALE);
	assert_int_equal(waiting(t), 0);
}

static void lost_answers_and_restarts_pay_nothing_twice(void **state)
{
	static const int lost[] = { -ETIMEDOUT, -ECONNRESET, -EIO, -EAGAIN };
	struct town *t = *state;
	struct cosign c;

	let(t, 2, 1);
	run(t);
	c = co_sign(t, 0, 1);
	must(accept(t, &c));
	for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
		fault(t, ON_EXECUTE, lost[i], i % 2, 1);
		step(t);
		ledger_close(&t->bed->ledger);
		reopen(t);
	}
	run(t);
	assert_int_equal(t->model->leases[0].cosigned, 1);
	assert_int_equal(t->model->ntxs, 2);
	assert_int_equal(waiting(t), 0);
}

static void settle_all(struct town *t)
{
	run(t);
}

static void death_at_any_moment_hands_it_in_once(void **state)
{
	unsigned int n = 1;
	bool killed = true;

	(void)state;
	for (; killed && n < 60; n++) {
		void *fresh = NULL;
		struct cosign c;
		struct town *t;

		assert_int_equal(town_setup(&fresh), 0);
		t = fresh;
		let(t, 2, 1);
		run(t);
		c = co_sign(t, 0, 1);
		must(accept(t, &c));
		killed = killed_at(t, n, settle_all);
		run(t);
		assert_int_equal(t->model->leases[0].cosigned, 1);
		assert_int_equal(t->model->leases[0].at.chain.waiting, 0);
		assert_int_equal(t->model->ntxs, 2);
		assert_int_equal(waiting(t), 0);
		must(ledger_check(t->bed->ledger, &why));
		assert_int_equal(town_teardown(&fresh), 0);
	}
	assert_true(n > 8 && n < 60);
}

static void one_that_the_chain_refuses_holds_up_nothing(void **state)
{
	struct town *t = *state;
	struct cosign c;

	let(t, 2, 1);
	c = co_sign(t, 0, 1);
	must(accept(t, &c));
	/* the lease was opened anew under the same id, so to say: its key is another one */
	t->model->leases[0].tenant_key[5] ^= 1;
	run(t);
	assert_int_equal(t->model->leases[0].cosigned, 0);
	assert_int_equal(state_of(t, 0, 1), LEDGER_SETTLE_FINAL);
	assert_int_equal(state_of(t, 1, 1), LEDGER_SETTLE_FINAL);
	assert_int_equal(waiting(t), 0);
}

static void one_that_comes_while_its_report_is_on_its_way_is_kept(void **state)
{
	struct town *t = *state;
	struct cosign c;

	let(t, 1, 1);
	fault(t, ON_EXECUTE, -ETIMEDOUT, true, 1);
	while (!t->model->calls[ON_EXECUTE])
		step(t);
	t->model->stale = true; /* the server that is asked has not seen it */
	t->model->leases[0].old = t->model->leases[0].at;
	c = co_sign(t, 0, 1);
	must(accept(t, &c));
	t->model->stale = false;
	run(t);
	assert_int_equal(t->model->leases[0].cosigned, 1);
	assert_int_equal(t->model->leases[0].at.chain.waiting, 0);
	assert_int_equal(waiting(t), 0);
}

static void so_many_wait_and_no_more(void **state)
{
	struct town *t = *state;
	struct cosign c;

	let(t, SETTLE_BATCH_MAX + 1, 1);
	for (size_t i = 0; i < SETTLE_BATCH_MAX; i++) {
		c = co_sign(t, i, 1);
		must(accept(t, &c));
		must(accept(t, &c));
	}
	assert_int_equal(waiting(t), SETTLE_BATCH_MAX);
	c = co_sign(t, SETTLE_BATCH_MAX, 1);
	assert_int_equal(accept(t, &c), -EBUSY);
	run(t);
	assert_int_equal(waiting(t), 0);
	for (size_t i = 0; i < SETTLE_BATCH_MAX; i++)
		assert_int_equal(t->model->leases[i].cosigned, 1);
	assert_int_equal(state_of(t, SETTLE_BATCH_MAX, 1), LEDGER_SETTLE_FINAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		COSIGNED(a_report_that_was_accepted_before_it_went_is_paid_at_once),
		COSIGNED(one_that_waits_for_its_challenge_is_released),
		COSIGNED(a_newer_report_goes_behind_it),
		COSIGNED(what_is_not_the_tenants_or_not_ours_is_refused),
		COSIGNED(lost_answers_and_restarts_pay_nothing_twice),
		COSIGNED(death_at_any_moment_hands_it_in_once),
		COSIGNED(one_that_the_chain_refuses_holds_up_nothing),
		COSIGNED(one_that_comes_while_its_report_is_on_its_way_is_kept),
		COSIGNED(so_many_wait_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
