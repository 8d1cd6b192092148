/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ledger/fixture.h"

static uint8_t bytes[300];

/* Leases gold and silver with three receipts each, all due. */
static int receipted(void **state)
{
	static const char *const labels[] = { "gold", "silver" };
	int r = fixture_setup(state);
	struct fixture *f = *state;
	struct ledger_tx tx = {};
	uint64_t window;

	if (r < 0)
		return r;
	memset(bytes, 0x5a, sizeof(bytes));
	must(ledger_begin(f->l, &tx, &why));
	must(ledger_window_append(&tx, 0, 1000, &window, &why));
	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		struct ledger_lease lease = lease_make(labels[i]);

		must(ledger_lease_put(&tx, &lease, &why));
		for (uint64_t seq = 1; seq <= 3; seq++) {
			struct ledger_receipt receipt = receipt_make(labels[i], seq, window);
			struct ledger_settlement due = { .seq = seq, .state = LEDGER_SETTLE_DUE };

			snprintf(due.lease, sizeof(due.lease), "%s", labels[i]);
			must(ledger_receipt_put(&tx, &receipt, &why));
			must(ledger_settlement_put(&tx, &due, &why));
		}
	}
	must(ledger_commit(&tx, &why));
	return 0;
}

static struct ledger_intent make(uint8_t digest)
{
	struct ledger_intent i = { .digest = { digest },
				   .signature = { 1, digest },
				   .bytes = bytes,
				   .len = sizeof(bytes),
				   .max_epoch = 12,
				   .fee = 500,
				   .created_ms = 1000 };

	return i;
}

static int add(struct fixture *f, const struct ledger_intent *i,
	       const struct ledger_intent_item *items, size_t n)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	int r;

	must(ledger_begin(f->l, &tx, &why));
	r = ledger_intent_add(&tx, i, items, n, NULL);
	return r < 0 ? r : ledger_commit(&tx, &why);
}

static int put(struct fixture *f, const struct ledger_intent *i)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	int r;

	must(ledger_begin(f->l, &tx, &why));
	r = ledger_intent_put(&tx, i, NULL);
	return r < 0 ? r : ledger_commit(&tx, &why);
}

static int put_state(struct fixture *f, struct ledger_intent *i, enum ledger_intent_state state)
{
	i->state = state;
	return put(f, i);
}

static int note(const struct ledger_intent_item *item, void *arg)
{
	char *text = arg;
	size_t len = strlen(text);

	snprintf(text + len, 100 - len, "%s/%" PRIu64 " ", item->lease, item->seq);
	return 0;
}

static void what_was_signed_is_there_after_a_restart(void **state)
{
	const struct ledger_intent_item items[] = { { "silver", 2 }, { "gold", 3 } };
	cleanup(ledger_intent_fini) struct ledger_intent got = {};
	struct fixture *f = *state;
	struct ledger_intent i = make(7);
	char text[100] = "";

	must(add(f, &i, items, 2));
	fixture_reopen(f);
	must(ledger_intent_open(f->l, &got, &why));
	assert_memory_equal(got.digest, i.digest, sizeof(i.digest));
	assert_memory_equal(got.signature, i.signature, sizeof(i.signature));
	assert_int_equal(got.len, sizeof(bytes));
	assert_memory_equal(got.bytes, bytes, sizeof(bytes));
	assert_int_equal(got.max_epoch, 12);
	assert_int_equal(got.fee, 500);
	assert_int_equal(got.created_ms, 1000);
	assert_int_equal(got.state + got.attempts + got.open + got.confirmations, 0);
	must(ledger_intent_items(f->l, i.digest, note, text, &why));
	assert_string_equal(text, "gold/3 silver/2 ");
	must(ledger_check(f->l, &why));
}

static int note_carried(const struct ledger_carried *c, void *arg)
{
	char *text = arg;
	size_t len = strlen(text);

	snprintf(text + len, 200 - len, "%s/%" PRIu64 "=%u:%s ", c->item.lease, c->item.seq,
		 c->digest[0], ledger_intent_name(c->state));
	return 0;
}

static void what_carried_a_receipt_is_told_in_order_of_time(void **state)
{
	const struct ledger_intent_item first[] = { { "silver", 2 }, { "gold", 3 } };
	struct fixture *f = *state;
	struct ledger_intent i = make(9), j = make(7);
	char text[200] = "", gold[200] = "";

	must(add(f, &i, first, 2));
	must(put_state(f, &i, LEDGER_INTENT_REFUSED));
	j.created_ms = 2000;
	must(add(f, &j, &first[1], 1));
	must(ledger_intent_carried(f->l, NULL, note_carried, text, &why));
	assert_string_equal(text, "gold/3=9:refused gold/3=7:built silver/2=9:refused ");
	must(ledger_intent_carried(f->l, "gold", note_carried, gold, &why));
	assert_string_equal(gold, "gold/3=9:refused gold/3=7:built ");
}

static void one_is_open_at_a_time(void **state)
{
	const struct ledger_intent_item item = { "gold", 3 };
	struct fixture *f = *state;
	struct ledger_intent first = make(1), second = make(2), none = {};

	assert_int_equal(ledger_intent_open(f->l, &none, NULL), -ENOENT);
	must(add(f, &first, &item, 1));
	assert_int_equal(add(f, &second, &item, 1), -EBUSY);
	must(put_state(f, &first, LEDGER_INTENT_SUBMITTED));
	assert_int_equal(add(f, &second, &item, 1), -EBUSY);
	must(put_state(f, &first, LEDGER_INTENT_EXECUTED));
	assert_int_equal(add(f, &second, &item, 1), -EBUSY);
	must(put_state(f, &first, LEDGER_INTENT_FINAL));
	assert_int_equal(ledger_intent_open(f->l, &none, NULL), -ENOENT);
	assert_int_equal(add(f, &first, &item, 1), -EEXIST);
	must(add(f, &second, &item, 1));
}

static void steps_are_those_of_the_picture(void **state)
{
	/* from each state, an OR of the states that may follow */
	static const unsigned int next[] = {
		0x1 | 0x2 | 0x20 | 0x40, 0x2 | 0x4 | 0x10 | 0x20 | 0x40, 0x4 | 0x8, 0, 0, 0, 0
	};
	static const enum ledger_intent_state before[] = {
		[LEDGER_INTENT_BUILT] = LEDGER_INTENT_BUILT,
		[LEDGER_INTENT_SUBMITTED] = LEDGER_INTENT_BUILT,
		[LEDGER_INTENT_EXECUTED] = LEDGER_INTENT_SUBMITTED,
		[LEDGER_INTENT_FINAL] = LEDGER_INTENT_EXECUTED,
		[LEDGER_INTENT_FAILED] = LEDGER_INTENT_SUBMITTED,
		[LEDGER_INTENT_EXPIRED] = LEDGER_INTENT_BUILT,
		[LEDGER_INTENT_REFUSED] = LEDGER_INTENT_BUILT,
	};
	struct fixture *f = *state;
	uint8_t digest = 10;

	for (int from = 0; from < LEDGER_INTENT_MAX_; from++) {
		for (int to = 0; to < LEDGER_INTENT_MAX_; to++) {
			struct ledger_intent i = make(digest++);

			must(add(f, &i, NULL, 0));
			if (before[before[from]] != before[from])
				must(put_state(f, &i, before[before[from]]));
			if (before[from] != LEDGER_INTENT_BUILT)
				must(put_state(f, &i, before[from]));
			if (from != LEDGER_INTENT_BUILT)
				must(put_state(f, &i, (enum ledger_intent_state)from));
			assert_int_equal(put_state(f, &i, (enum ledger_intent_state)to),
					 next[from] & 1U << to ? 0 : -EINVAL);
			/* out of the way of the next one */
			assert_int_equal(raw_exec(f, "UPDATE intents SET state = 'final'"),
					 SQLITE_OK);
		}
	}
}

static void attempts_and_confirmations_only_grow(void **state)
{
	struct fixture *f = *state;
	struct ledger_intent i = make(1), none = make(9);

	must(add(f, &i, NULL, 0));
	i.attempts = 2;
	i.confirmations = 1;
	i.open = true;
	must(put_state(f, &i, LEDGER_INTENT_SUBMITTED));
	i.attempts = 1;
	assert_int_equal(put(f, &i), -EINVAL);
	i.attempts = 2;
	i.confirmations = 0;
	assert_int_equal(put(f, &i), -EINVAL);
	i.confirmations = 1;
	i.open = false;
	must(put(f, &i));
	assert_int_equal(put(f, &none), -ENOENT);
	i.state = LEDGER_INTENT_MAX_;
	assert_int_equal(put(f, &i), -EINVAL);
}

static void an_item_has_a_settlement(void **state)
{
	const struct ledger_intent_item wrong[] = { { "gold", 4 }, { "lead", 1 } };
	struct fixture *f = *state;
	struct ledger_intent i = make(1), none = {};

	assert_int_equal(add(f, &i, &wrong[0], 1), -ENOENT);
	assert_int_equal(add(f, &i, &wrong[1], 1), -ENOENT);
	assert_int_equal(ledger_intent_get(f->l, i.digest, &none, NULL), -ENOENT);
}

static void nobody_changes_or_deletes_what_was_signed(void **state)
{
	const struct ledger_intent_item item = { "gold", 3 };
	struct fixture *f = *state;
	struct ledger_intent i = make(1);

	must(add(f, &i, &item, 1));
	assert_int_equal(raw_exec(f, "UPDATE intents SET bytes = x'00'"),
			 SQLITE_CONSTRAINT_TRIGGER);
	assert_int_equal(raw_exec(f, "UPDATE intents SET max_epoch = 99"),
			 SQLITE_CONSTRAINT_TRIGGER);
	assert_int_equal(raw_exec(f, "DELETE FROM intents"), SQLITE_CONSTRAINT_TRIGGER);
	assert_int_equal(raw_exec(f, "UPDATE intent_items SET seq = 2"), SQLITE_CONSTRAINT_TRIGGER);
	assert_int_equal(raw_exec(f, "DELETE FROM intent_items"), SQLITE_CONSTRAINT_TRIGGER);
	assert_int_equal(raw_exec(f, "REPLACE INTO intents SELECT * FROM intents"),
			 SQLITE_CONSTRAINT_TRIGGER);
}

static void fees_count_from_a_time_on_and_not_what_never_was(void **state)
{
	struct fixture *f = *state;
	uint64_t fees = 1;

	must(ledger_intent_fees(f->l, 0, &fees, &why));
	assert_int_equal(fees, 0);
	for (uint8_t n = 1; n <= 4; n++) {
		struct ledger_intent i = make(n);

		i.created_ms = n * 100U;
		i.fee = 1U << n;
		must(add(f, &i, NULL, 0));
		if (n == 2) {
			must(put_state(f, &i, LEDGER_INTENT_REFUSED));
		} else if (n < 4) {
			must(put_state(f, &i, LEDGER_INTENT_SUBMITTED));
			must(put_state(f, &i, LEDGER_INTENT_FAILED));
		}
	}
	must(ledger_intent_fees(f->l, 0, &fees, &why));
	assert_int_equal(fees, 2 + 8 + 16);
	must(ledger_intent_fees(f->l, 300, &fees, &why));
	assert_int_equal(fees, 8 + 16);
	must(ledger_intent_fees(f->l, 401, &fees, &why));
	assert_int_equal(fees, 0);
}

static void every_state_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(ledger_intent_name(LEDGER_INTENT_BUILT), "built");
	assert_string_equal(ledger_intent_name(LEDGER_INTENT_REFUSED), "refused");
	assert_string_equal(ledger_intent_name(LEDGER_INTENT_MAX_), "unknown");
}

#define ON_RECEIPTS(name) cmocka_unit_test_setup_teardown(name, receipted, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_RECEIPTS(what_was_signed_is_there_after_a_restart),
		ON_RECEIPTS(what_carried_a_receipt_is_told_in_order_of_time),
		ON_RECEIPTS(one_is_open_at_a_time),
		ON_RECEIPTS(steps_are_those_of_the_picture),
		ON_RECEIPTS(attempts_and_confirmations_only_grow),
		ON_RECEIPTS(an_item_has_a_settlement),
		ON_RECEIPTS(nobody_changes_or_deletes_what_was_signed),
		ON_RECEIPTS(fees_count_from_a_time_on_and_not_what_never_was),
		cmocka_unit_test(every_state_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
