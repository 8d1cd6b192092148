/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a lease that is on chain. */
#include "unit/cli/books.h"

/* 1000 deposited; 400 due of which 150 waits in two claims, 50 was struck, and 200 is paid. */
static struct lease on_chain(void)
{
	struct lease_terms terms = { .id = { 9 },
				     .market = { 2 },
				     .tenant = { 3 },
				     .label = "silver",
				     .opened_ms = BOOKS_FROM };
	struct lease l;

	books_must(lease_open(&terms, 1000, &l, &books_err));
	l.total_due = 400;
	l.paid = 200;
	l.seq = 4;
	l.chain = (struct lease_on_chain){
		.version = 77,
		.waiting = 150,
		.struck = 50,
		.nclaims = 2,
		.claims = { { 300, BOOKS_FROM + BOOKS_MINUTE },
			    { 400, BOOKS_FROM + 2 * BOOKS_MINUTE } },
	};
	return l;
}

static void put(const struct run *f, const struct lease *l)
{
	cleanup(buf_fini) struct buf account = BUF_INIT(LEDGER_ACCOUNT_MAX);
	cleanup(ledger_close) struct ledger *ledger = NULL;
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	struct ledger_lease row = { .label = "silver",
				    .id = { 9 },
				    .market = { 2 },
				    .deposited = 1000,
				    .opened_ms = BOOKS_FROM };
	char path[160];

	snprintf(path, sizeof(path), "%s/ledger.db", f->state);
	lease_encode(l, &account);
	assert_int_equal(buf_error(&account), 0);
	memcpy(row.account, account.data, account.len);
	row.account_len = account.len;
	books_must(ledger_open(path, &ledger, &books_err));
	books_must(ledger_begin(ledger, &tx, &books_err));
	books_must(ledger_lease_put(&tx, &row, &books_err));
	books_must(ledger_commit(&tx, &books_err));
}

static struct json *shown(struct run *f)
{
	cleanup(json_free) struct json *list = NULL;

	run_ok(f, "-j", "lease", "show", "silver");
	list = run_json(f);
	return json_dup(json_at(list, 0));
}

static void claims_are_told_with_their_time(void **state)
{
	cleanup(json_free) struct json *o = NULL;
	const struct lease l = on_chain();
	const struct json *claims;
	struct run *f = *state;
	uint64_t version = 0;

	put(f, &l);
	o = shown(f);
	assert_string_equal(json_str(o, "state", ""), "open");
	assert_string_equal(json_str(o, "reported", ""), "400");
	assert_string_equal(json_str(o, "waiting", ""), "150");
	assert_string_equal(json_str(o, "struck", ""), "50");
	assert_string_equal(json_str(o, "unpaid", ""), "0");
	assert_string_equal(json_str(o, "escrow", ""), "800");
	claims = json_get(o, "claims");
	assert_int_equal(json_len(claims), 2);
	assert_string_equal(json_str(json_at(claims, 0), "amount", ""), "50");
	assert_string_equal(json_str(json_at(claims, 0), "release", ""), "2026-11-20T20:01:00Z");
	assert_string_equal(json_str(json_at(claims, 1), "amount", ""), "100");
	assert_int_equal(json_u64(o, "version", &version), 0);
	assert_int_equal(version, 77);
	run_ok(f, "lease", "show", "silver");
	assert_non_null(strstr(f->out, "0.00000015SUI  2026-11-20T20:01:00Z  0.00000005SUI"));
	assert_non_null(strstr(f->out, "2026-11-20T20:02:00Z"));
}

static void a_dispute_and_the_end_are_told(void **state)
{
	cleanup(json_free) struct json *o = NULL;
	struct lease l = on_chain();
	struct run *f = *state;

	l.state = LEASE_CLOSING;
	l.closing_ms = BOOKS_FROM + BOOKS_MINUTE;
	l.chain.nclaims = 0;
	l.chain.disputed_until_ms = BOOKS_FROM + 3 * BOOKS_MINUTE;
	put(f, &l);
	o = shown(f);
	assert_string_equal(json_str(o, "state", ""), "closing");
	assert_string_equal(json_str(o, "closing", ""), "2026-11-20T20:01:00Z");
	assert_string_equal(json_str(o, "closed", "none"), "none");
	assert_string_equal(json_str(o, "disputed_until", ""), "2026-11-20T20:03:00Z");
	assert_int_equal(json_len(json_get(o, "claims")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(claims_are_told_with_their_time, run_setup,
						run_teardown),
		cmocka_unit_test_setup_teardown(a_dispute_and_the_end_are_told, run_setup,
						run_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
