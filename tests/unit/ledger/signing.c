/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signing.h"

#include "core/crypto.h"
#include "unit/ledger/fixture.h"

static const uint8_t signature[LEDGER_SIG_LEN] = { 1, 2 }, zeros[LEDGER_SIG_LEN];

/* A window with a receipt of "gold" that is not signed, and the node's totals. */
static uint64_t write_unsigned(struct fixture *f, uint64_t seq)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	struct ledger_lease lease = lease_make("gold");
	struct ledger_receipt r = receipt_make("gold", seq, 0);
	struct ledger_totals t = { .statement = { (uint8_t)seq }, .secret = { 7 } };

	must(ledger_begin(f->l, &tx, &why));
	if (seq == 1)
		must(ledger_lease_put(&tx, &lease, &why));
	must(ledger_window_append(&tx, r.from_ms, r.to_ms, &r.window, &why));
	memset(r.signature, 0, sizeof(r.signature));
	must(ledger_receipt_put(&tx, &r, &why));
	t.first = t.window = r.window;
	must(ledger_totals_put(&tx, &t, &why));
	must(ledger_commit(&tx, &why));
	return r.window;
}

static int sign(struct fixture *f, uint64_t seq, const uint8_t *sig)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	int r;

	must(ledger_begin(f->l, &tx, &why));
	r = ledger_receipt_sign(&tx, "gold", seq, sig, &why);
	assert_int_equal(ledger_commit(&tx, NULL), r < 0 ? -ECANCELED : 0);
	return r;
}

static struct ledger_lease gold(struct fixture *f)
{
	struct ledger_lease lease;

	must(ledger_lease_get(f->l, "gold", &lease, &why));
	return lease;
}

static int count(const struct ledger_receipt *r, void *arg)
{
	assert_memory_not_equal(r->signature, zeros, sizeof(zeros));
	++*(int *)arg;
	return 0;
}

static int listed(struct fixture *f)
{
	int n = 0;

	must(ledger_receipt_list(f->l, NULL, 0, count, &n, &why));
	return n;
}

static void a_receipt_is_listed_when_it_is_signed(void **state)
{
	struct fixture *f = *state;

	write_unsigned(f, 1);
	write_unsigned(f, 2);
	assert_int_equal(gold(f).seq, 2);
	assert_int_equal(gold(f).signed_seq, 0);
	assert_int_equal(listed(f), 0);
	assert_int_equal(sign(f, 1, signature), 0);
	assert_int_equal(gold(f).signed_seq, 1);
	assert_int_equal(listed(f), 1);
	assert_int_equal(sign(f, 2, signature), 0);
	assert_int_equal(gold(f).signed_seq, 2);
	assert_int_equal(listed(f), 2);
	must(ledger_check(f->l, &why));
}

/* R1 */
static void a_signature_is_given_once_and_in_order(void **state)
{
	struct fixture *f = *state;
	const uint8_t other[LEDGER_SIG_LEN] = { 3 };

	write_unsigned(f, 1);
	write_unsigned(f, 2);
	assert_int_equal(sign(f, 2, signature), -EINVAL);
	assert_int_equal(sign(f, 1, zeros), -EINVAL);
	assert_int_equal(sign(f, 3, signature), -ENOENT);
	assert_int_equal(sign(f, 1, signature), 0);
	assert_int_equal(sign(f, 1, signature), 0);
	assert_int_equal(sign(f, 1, other), -EPERM);
	assert_int_equal(gold(f).signed_seq, 1);
}

static void the_file_refuses_what_others_would_change(void **state)
{
	static const char *const bad[] = {
		"UPDATE receipts SET signature = zeroblob(64) WHERE seq = 1",
		"UPDATE receipts SET signature = randomblob(64) WHERE seq = 1",
		"UPDATE receipts SET total_due = 1, signature = randomblob(64) WHERE seq = 2",
		"UPDATE receipts SET report = randomblob(144) WHERE seq = 2",
		"UPDATE receipts SET hash = randomblob(32) WHERE seq = 2",
		"DELETE FROM receipts WHERE seq = 2",
		"UPDATE totals SET signature = randomblob(64) WHERE window = 1",
		"UPDATE totals SET statement = randomblob(168) WHERE window = 2",
		"UPDATE totals SET secret = randomblob(32) WHERE window = 2",
		"DELETE FROM totals",
		"REPLACE INTO totals SELECT window, first, statement, secret, zeroblob(64) FROM totals",
	};
	struct fixture *f = *state;
	struct ledger_tx tx = {};

	write_unsigned(f, 1);
	write_unsigned(f, 2);
	assert_int_equal(sign(f, 1, signature), 0);
	must(ledger_begin(f->l, &tx, &why));
	must(ledger_totals_sign(&tx, 1, signature, &why));
	must(ledger_commit(&tx, &why));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (raw_exec(f, bad[i]) != SQLITE_CONSTRAINT_TRIGGER)
			fail_msg("taken: %s", bad[i]);
}

static void check_finds_a_hole_in_what_is_signed(void **state)
{
	struct fixture *f = *state;
	struct err err = {};

	write_unsigned(f, 1);
	write_unsigned(f, 2);
	assert_int_equal(
		raw_exec(f, "UPDATE receipts SET signature = randomblob(64) WHERE seq = 2"),
		SQLITE_OK);
	assert_int_equal(ledger_check(f->l, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "gold/2 is signed, and one before it is not"));
}

static void a_lease_says_why_it_is_held(void **state)
{
	struct fixture *f = *state;
	struct ledger_tx tx = {};
	char why_held[400];

	write_unsigned(f, 1);
	assert_string_equal(gold(f).held, "");
	memset(why_held, 'x', sizeof(why_held) - 1);
	why_held[sizeof(why_held) - 1] = '\0';
	must(ledger_begin(f->l, &tx, &why));
	must(ledger_lease_hold(&tx, "gold", why_held, &why));
	must(ledger_commit(&tx, &why));
	assert_int_equal(strlen(gold(f).held), LEDGER_HELD_MAX - 1);
}

/* ---- Totals of the node ------------------------------------------------------------------------ */

static int last_of(const struct ledger_totals *t, void *arg)
{
	*(struct ledger_totals *)arg = *t;
	return 0;
}

static uint64_t last_totals(struct fixture *f, enum ledger_signed which, uint64_t from_ms)
{
	struct ledger_totals t = {};

	must(ledger_totals_list(f->l, which, from_ms, last_of, &t, &why));
	return t.window;
}

static void totals_are_signed_once_and_speak_of_each_window_once(void **state)
{
	struct fixture *f = *state;
	struct ledger_totals t = { .first = 1 };
	struct ledger_tx tx = {};
	uint64_t next;

	must(ledger_totals_next(f->l, &next, &why));
	assert_int_equal(next, 0);
	write_unsigned(f, 1);
	write_unsigned(f, 2);
	must(ledger_totals_next(f->l, &next, &why));
	assert_int_equal(next, 3);
	assert_int_equal(last_totals(f, LEDGER_UNSIGNED, 0), 2);
	assert_int_equal(last_totals(f, LEDGER_SIGNED, 0), 0);
	must(ledger_begin(f->l, &tx, &why));
	must(ledger_totals_sign(&tx, 1, signature, &why));
	must(ledger_commit(&tx, &why));
	assert_int_equal(last_totals(f, LEDGER_SIGNED, 0), 1);
	assert_int_equal(last_totals(f, LEDGER_SIGNED, 1000), 0);

	must(ledger_begin(f->l, &tx, &why));
	must(ledger_window_append(&tx, 2000, 3000, &t.window, &why));
	t.first = 2; /* of which another speaks */
	assert_true(ledger_totals_put(&tx, &t, &why) < 0);
	ledger_rollback(&tx);
	must(ledger_begin(f->l, &tx, &why));
	assert_int_equal(ledger_totals_put(&tx, &t, &why),
			 -EINVAL); /* no window of this transaction */
	ledger_rollback(&tx);
}

/* From which window on a label means the lease: what was used before is nobody's. */
static void a_lease_knows_its_first_window(void **state)
{
	struct fixture *f = *state;
	struct ledger_lease late = lease_make("late"), row;
	struct ledger_tx tx = {};

	write_unsigned(f, 1);
	write_unsigned(f, 2);
	assert_int_equal(gold(f).since_window, 1);
	must(ledger_begin(f->l, &tx, &why));
	must(ledger_lease_put(&tx, &late, &why));
	must(ledger_commit(&tx, &why));
	must(ledger_lease_get(f->l, "late", &row, &why));
	assert_int_equal(row.since_window, 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_LEDGER(a_receipt_is_listed_when_it_is_signed),
		ON_LEDGER(a_signature_is_given_once_and_in_order),
		ON_LEDGER(the_file_refuses_what_others_would_change),
		ON_LEDGER(check_finds_a_hole_in_what_is_signed),
		ON_LEDGER(a_lease_says_why_it_is_held),
		ON_LEDGER(totals_are_signed_once_and_speak_of_each_window_once),
		ON_LEDGER(a_lease_knows_its_first_window),
	};

	return crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
