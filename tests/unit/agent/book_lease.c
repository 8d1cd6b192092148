/* SPDX-License-Identifier: Apache-2.0 */
/* Leases, their money, and what is checked at the start. */
#include "unit/agent/books.h"

/* ---- Leases and money ------------------------------------------------------------------------- */

static void a_label_is_opened_once(void **state)
{
	const struct book_lease l = lease_named("shop", 9);
	struct json *untouched = NULL;
	struct bed *t = *state;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000);
	assert_int_equal(book_lease_open(&t->b, &l, t->to_ms, &untouched, &why), -EEXIST);
	assert_null(untouched);
	assert_int_equal(account(t, "shop").deposited, 1000);
}

static void terms_that_mean_nothing_are_refused(void **state)
{
	static const struct {
		const char *label, *tenant;
	} bad[] = {
		{ "", "ada" },
		{ "-shop", "ada" },
		{ "shop/1", "ada" },
		{ "0123456789012345678901234567890123456789012345678901234567890123", "ada" },
		{ "shop", "0x" },
		{ "shop", "0x12" },
		{ "shop", "0xABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCD" },
	};
	struct json *untouched = NULL;
	struct bed *t = *state;
	struct ledger_lease row;

	next_window(t, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct book_lease l = lease_named(bad[i].label, 9);

		l.tenant = bad[i].tenant;
		assert_int_equal(book_lease_open(&t->b, &l, t->to_ms, &untouched, &why), -EINVAL);
		assert_null(untouched);
	}
	assert_int_equal(ledger_lease_get(t->ledger, "shop", &row, NULL), -ENOENT);
}

static void ids_follow_from_key_and_label(void **state)
{
	const struct book_lease l = lease_named("shop", 9);
	cleanup(json_free) struct json *first = NULL, *same = NULL, *other = NULL;
	struct bed *t = *state;
	struct key *key = key_of(8);

	must(book_lease_open(&t->b, &l, t->to_ms, &first, &why));
	for (int i = 0; i < 2; i++) {
		ledger_close(&t->ledger);
		dir_remove(t->dir, NULL);
		must(ledger_open(t->path, &t->ledger, &why));
		t->b.ledger = t->ledger;
		t->b.key = i ? key : t->key;
		must(book_lease_open(&t->b, &l, t->to_ms, i ? &other : &same, &why));
	}
	assert_string_equal(json_str(first, "id", "1"), json_str(same, "id", "2"));
	assert_string_not_equal(json_str(first, "id", "1"), json_str(other, "id", "1"));
	key_free(&key);
}

static void a_top_up_after_exhaustion_pays_the_rest(void **state)
{
	cleanup(json_free) struct json *view = NULL;
	struct book_reading r = reading(1, "shop", 10);
	struct bed *t = *state;
	uint64_t due;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000);
	next_window(t, &r, 1);
	assert_int_equal(settle(t), 1);
	due = verified(t, "shop").total_due;
	assert_true(due > 3000);
	assert_int_equal(account(t, "shop").state, LEASE_EXHAUSTED);
	assert_int_equal(account(t, "shop").paid, 1000);

	must(book_lease_top_up(&t->b, "shop", 1500, &view, &why));
	assert_int_equal(account(t, "shop").paid, 2500);
	assert_string_equal(json_str(view, "state", ""), "exhausted");
	json_free(&view);
	crash(t);
	must(book_lease_top_up(&t->b, "shop", due, &view, &why));
	assert_int_equal(account(t, "shop").paid, due);
	assert_int_equal(account(t, "shop").state, LEASE_OPEN);
	assert_int_equal(account(t, "shop").deposited - due, 2500);
	assert_int_equal(settle(t), 0);
}

static void a_top_up_that_is_wrong_changes_nothing(void **state)
{
	struct json *untouched = NULL;
	struct bed *t = *state;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000);
	assert_int_equal(book_lease_top_up(&t->b, "none", 5, &untouched, &why), -ENOENT);
	assert_int_equal(book_lease_top_up(&t->b, "shop", 0, &untouched, &why), -EINVAL);
	assert_int_equal(book_lease_top_up(&t->b, "shop", UINT64_MAX, &untouched, &why),
			 -EOVERFLOW);
	assert_int_equal(book_lease_top_up(&t->b, "shop", INT64_MAX, &untouched, &why), -EOVERFLOW);
	assert_null(untouched);
	assert_int_equal(account(t, "shop").deposited, 1000);
}

static void closing_pays_what_is_due_and_refunds_the_rest(void **state)
{
	cleanup(json_free) struct json *view = NULL, *again = NULL;
	struct book_reading r = reading(1, "shop", 10);
	struct bed *t = *state;
	struct usage billed;
	struct lease l;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	t->now_ms += 777;
	window(t, &r, 1);
	settle(t);
	must(book_lease_close(&t->b, "shop", t->to_ms, &view, &why));
	l = account(t, "shop");
	assert_int_equal(l.state, LEASE_CLOSED);
	assert_int_equal(l.paid, verified(t, "shop").total_due);
	assert_int_equal(l.refunded, 1000000000 - l.paid);
	assert_string_equal(json_str(view, "state", ""), "closed");

	/* the pod goes on; nobody pays for it */
	billed = verified(t, "shop").totals;
	r.total = usage_of(30);
	assert_int_equal(next_window(t, &r, 1).receipts, 0);
	assert_usage(verified(t, "shop").totals, billed);
	assert_booked(t, &r);
	must(book_lease_close(&t->b, "shop", t->to_ms, &again, &why));
	assert_int_equal(account(t, "shop").refunded, l.refunded);
}

static void closing_a_lease_that_is_not_there_is_said(void **state)
{
	struct json *untouched = NULL;
	struct bed *t = *state;

	assert_int_equal(book_lease_close(&t->b, "none", t->to_ms, &untouched, &why), -ENOENT);
	assert_non_null(strstr(why.text, "none"));
	assert_null(untouched);
}

/* B4: a window books; only settling pays. */
static void money_moves_when_it_is_settled(void **state)
{
	struct book_reading r = reading(1, "shop", 10);
	struct ledger_settlement s;
	struct bed *t = *state;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	next_window(t, &r, 1);
	assert_int_equal(account(t, "shop").paid, 0);
	must(ledger_settlement_get(t->ledger, "shop", 1, &s, &why));
	assert_int_equal(s.state, LEDGER_SETTLE_DUE);
	assert_int_equal(s.amount, verified(t, "shop").total_due);
	crash(t);
	assert_int_equal(settle(t), 1);
	assert_int_equal(account(t, "shop").paid, s.amount);
	crash(t);
	assert_int_equal(settle(t), 0);
	assert_int_equal(account(t, "shop").paid, s.amount);
	must(ledger_settlement_get(t->ledger, "shop", 1, &s, &why));
	assert_int_equal(s.state, LEDGER_SETTLE_FINAL);
	assert_int_equal(s.attempts, 1);
}

static void what_a_lease_refuses_has_failed_and_the_others_go_on(void **state)
{
	struct book_reading r[] = { reading(1, "a", 10), reading(2, "b", 20) };
	struct ledger_settlement s;
	struct bed *t = *state;
	struct key *other = key_of(9);

	next_window(t, NULL, 0);
	open_lease(t, "a", 1000000000);
	next_window(t, NULL, 0);
	t->b.key = other;
	open_lease(t, "b", 1000000000);
	next_window(t, r, 2); /* both signed with b's key */
	assert_int_equal(settle(t), 1);
	must(ledger_settlement_get(t->ledger, "a", 1, &s, &why));
	assert_int_equal(s.state, LEDGER_SETTLE_FAILED);
	assert_non_null(strstr(s.error, "report refused"));
	assert_int_equal(account(t, "a").paid, 0);
	assert_true(account(t, "b").paid > 0);
	key_free(&other);
}

/* ---- What is checked at the start ------------------------------------------------------------- */

static void another_key_than_the_leases_is_refused(void **state)
{
	struct bed *t = *state;
	struct key *other = key_of(9);

	must(book_check(&t->b, &why));
	open_lease(t, "shop", 9);
	must(book_check(&t->b, &why));
	t->b.key = other;
	assert_int_equal(book_check(&t->b, &why), -EKEYREJECTED);
	assert_non_null(strstr(why.text, "shop"));
	key_free(&other);
}

static void a_node_name_that_no_receipt_can_hold_is_refused(void **state)
{
	static const char *const bad[] = { "", "a\"b", "a\\b", "n\303\266de", "a\nb" };
	struct bed *t = *state;
	char text[300];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		t->b.node = bad[i];
		assert_int_equal(book_check(&t->b, &why), -EINVAL);
	}
	memset(text, 'x', sizeof(text));
	text[254] = '\0';
	t->b.node = text;
	assert_int_equal(book_check(&t->b, &why), -EINVAL);
	text[253] = '\0';
	must(book_check(&t->b, &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BED(a_label_is_opened_once),
		ON_BED(terms_that_mean_nothing_are_refused),
		ON_BED(ids_follow_from_key_and_label),
		ON_BED(a_top_up_after_exhaustion_pays_the_rest),
		ON_BED(a_top_up_that_is_wrong_changes_nothing),
		ON_BED(closing_pays_what_is_due_and_refunds_the_rest),
		ON_BED(closing_a_lease_that_is_not_there_is_said),
		ON_BED(money_moves_when_it_is_settled),
		ON_BED(what_a_lease_refuses_has_failed_and_the_others_go_on),
		ON_BED(another_key_than_the_leases_is_refused),
		ON_BED(a_node_name_that_no_receipt_can_hold_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
