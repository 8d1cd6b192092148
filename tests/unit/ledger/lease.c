/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ledger/fixture.h"

static int put(struct fixture *f, const struct ledger_lease *v)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	int r;

	must(ledger_begin(f->l, &tx, &why));
	r = ledger_lease_put(&tx, v, &why);
	return r < 0 ? r : ledger_commit(&tx, &why);
}

static void assert_lease(const struct ledger_lease *a, const struct ledger_lease *b)
{
	assert_string_equal(a->label, b->label);
	assert_memory_equal(a->id, b->id, sizeof(a->id));
	assert_memory_equal(a->market, b->market, sizeof(a->market));
	assert_memory_equal(a->provider, b->provider, sizeof(a->provider));
	assert_int_equal(a->account_len, b->account_len);
	assert_memory_equal(a->account, b->account, sizeof(a->account));
	assert_int_equal(a->deposited, b->deposited);
	assert_int_equal(a->paid, b->paid);
	assert_int_equal(a->refunded, b->refunded);
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->last_to_ms, b->last_to_ms);
	assert_int_equal(a->last_total_due, b->last_total_due);
	assert_string_equal(a->state, b->state);
	assert_int_equal(a->opened_ms, b->opened_ms);
	assert_int_equal(a->closed_ms, b->closed_ms);
	assert_usage(&a->total, &b->total);
}

static void a_lease_comes_back_as_it_was_put(void **state)
{
	struct fixture *f = *state;
	struct ledger_lease v = lease_make("gold"), got;

	v.seq = 3; /* signed elsewhere before */
	v.last_to_ms = 4;
	v.last_total_due = INT64_MAX;
	must(put(f, &v));
	fixture_reopen(f);
	must(ledger_lease_get(f->l, "gold", &got, &why));
	assert_lease(&got, &v);
}

static void a_total_whose_memory_is_unknown_comes_back_so(void **state)
{
	struct fixture *f = *state;
	struct ledger_lease v = lease_make("gold"), got;

	v.total = (struct usage){ .memory_unmeasured = 7, .cpu_ns = 1 };
	v.account_len = 0; /* the ledger does not ask what is in it */
	memset(v.account, 0, sizeof(v.account));
	must(put(f, &v));
	assert_int_equal(raw_number(f, "SELECT memory_byte_ns IS NULL FROM leases"), 1);
	must(ledger_lease_get(f->l, "gold", &got, &why));
	assert_lease(&got, &v);
	v.total.memory_unmeasured++;
	v.total.memory_byte_ns = 9; /* became known */
	must(put(f, &v));
	must(ledger_lease_get(f->l, "gold", &got, &why));
	assert_lease(&got, &v);
}

static void a_change_takes_all_but_what_receipts_keep(void **state)
{
	struct fixture *f = *state;
	struct ledger_lease v = lease_make("gold"), got;

	must(put(f, &v));
	v.deposited = 2000;
	v.paid = 200;
	v.refunded = 1800;
	v.total = reading(8);
	v.total.memory_unmeasured = 2; /* of its pod windows; the amount is of the others */
	memset(v.account, 0xdd, sizeof(v.account));
	v.account_len = sizeof(v.account);
	v.opened_ms = 21;
	v.closed_ms = 22;
	snprintf(v.state, sizeof(v.state), "closed");
	v.seq = v.last_to_ms = v.last_total_due = 9;
	must(put(f, &v));
	must(ledger_lease_get(f->l, "gold", &got, &why));
	v.seq = v.last_to_ms = v.last_total_due = 0;
	assert_lease(&got, &v);
}

static void what_is_signed_or_paid_is_not_taken_back(void **state)
{
	struct fixture *f = *state;
	struct ledger_lease good = lease_make("gold"), v, got;

	good.total.memory_unmeasured = 5;
	must(put(f, &good));
	v = good;
	v.id[31] ^= 1;
	assert_int_equal(put(f, &v), -EPERM);
	v = good;
	v.market[0] ^= 1;
	assert_int_equal(put(f, &v), -EPERM);
	v = good;
	v.provider[0] ^= 1;
	assert_int_equal(put(f, &v), -EPERM);
	v = good;
	v.deposited--;
	assert_int_equal(put(f, &v), -ERANGE);
	v = good;
	v.paid--;
	assert_int_equal(put(f, &v), -ERANGE);
	v = good;
	v.refunded--;
	assert_int_equal(put(f, &v), -ERANGE);
	v = good;
	v.total.tx.wire[USAGE_LOCAL].packets--;
	assert_int_equal(put(f, &v), -ERANGE);
	v = good;
	v.total.memory_unmeasured--;
	assert_int_equal(put(f, &v), -ERANGE);
	v = good;
	v.total.memory_peak_bytes--;
	assert_int_equal(put(f, &v), -ERANGE);
	v = good;
	v.total.memory_byte_ns--;
	assert_int_equal(put(f, &v), -ERANGE);
	must(ledger_lease_get(f->l, "gold", &got, &why));
	assert_lease(&got, &good);
}

static void bad_leases_are_refused(void **state)
{
	struct fixture *f = *state;
	struct ledger_lease v = lease_make("gold"), got = { .seq = 4711 };

	v.paid = v.deposited - v.refunded + 1;
	assert_int_equal(put(f, &v), -EINVAL);
	v = lease_make("gold");
	v.refunded = UINT64_MAX; /* no wrap in the sum */
	assert_int_equal(put(f, &v), -EINVAL);
	v = lease_make("");
	assert_int_equal(put(f, &v), -EINVAL);
	v = lease_make("gold");
	memset(v.label, 'x', sizeof(v.label)); /* no NUL */
	assert_int_equal(put(f, &v), -EINVAL);
	v = lease_make("gold");
	v.opened_ms = (uint64_t)INT64_MAX + 1;
	assert_int_equal(put(f, &v), -EOVERFLOW);
	assert_non_null(strstr(why.text, "opened_ms"));
	v = lease_make("gold");
	v.account_len = sizeof(v.account) + 1;
	assert_int_equal(put(f, &v), -E2BIG);
	assert_int_equal(ledger_lease_get(f->l, "gold", &got, NULL), -ENOENT);
	assert_int_equal(got.seq, 4711);
}

static void two_labels_can_not_have_one_id(void **state)
{
	struct fixture *f = *state;
	struct ledger_lease v = lease_make("gold");

	must(put(f, &v));
	snprintf(v.label, sizeof(v.label), "silver");
	assert_int_equal(put(f, &v), -EEXIST);
}

static int collect(const struct ledger_lease *v, void *arg)
{
	char *text = arg;

	snprintf(text + strlen(text), 64 - strlen(text), "%.10s ", v->label);
	return 0;
}

static void a_list_is_in_order_of_the_label(void **state)
{
	static const char *const labels[] = { "b", "a.c", "A", "a-b", "9" };
	struct fixture *f = *state;
	char text[64] = "";

	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		struct ledger_lease v = lease_make(labels[i]);

		must(put(f, &v));
	}
	must(ledger_lease_list(f->l, collect, text, &why));
	assert_string_equal(text, "9 A a-b a.c b ");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_LEDGER(a_lease_comes_back_as_it_was_put),
		ON_LEDGER(a_total_whose_memory_is_unknown_comes_back_so),
		ON_LEDGER(a_change_takes_all_but_what_receipts_keep),
		ON_LEDGER(what_is_signed_or_paid_is_not_taken_back),
		ON_LEDGER(bad_leases_are_refused),
		ON_LEDGER(two_labels_can_not_have_one_id),
		ON_LEDGER(a_list_is_in_order_of_the_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
