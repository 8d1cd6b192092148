/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/sign.h"
#include "ledger/intent.h"
#include "unit/cli/books.h"

static uint8_t bytes[3] = { 1, 2, 3 };

static void put_settlement(struct ledger *l, struct ledger_settlement *s, enum ledger_settle state)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};

	books_must(ledger_begin(l, &tx, &books_err));
	s->state = state;
	s->attempts += state == LEDGER_SETTLE_BUILT;
	books_must(ledger_settlement_put(&tx, s, &books_err));
	books_must(ledger_commit(&tx, &books_err));
}

/* A transaction with the receipt, in the state that it is left in. */
static void put_intent(struct ledger *l, uint8_t digest, uint64_t seq, uint64_t ms,
		       const enum ledger_intent_state *states)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	struct ledger_intent_item item = { .lease = "gold", .seq = seq };
	struct ledger_intent i = {
		.digest = { digest }, .bytes = bytes, .len = sizeof(bytes), .created_ms = ms
	};

	books_must(ledger_begin(l, &tx, &books_err));
	books_must(ledger_intent_add(&tx, &i, &item, 1, &books_err));
	for (; *states; states++) {
		i.state = *states;
		books_must(ledger_intent_put(&tx, &i, &books_err));
	}
	books_must(ledger_commit(&tx, &books_err));
}

/* The second receipt failed in one transaction, and again in another. */
static int setup(void **state)
{
	static const enum ledger_intent_state failed[] = { LEDGER_INTENT_SUBMITTED,
							   LEDGER_INTENT_FAILED, 0 };
	static const enum ledger_intent_state paid[] = { LEDGER_INTENT_SUBMITTED,
							 LEDGER_INTENT_EXECUTED,
							 LEDGER_INTENT_FINAL, 0 };
	cleanup(ledger_close) struct ledger *l = NULL;
	struct ledger_settlement s = { .lease = "gold",
				       .seq = 2,
				       .amount = 1000,
				       .created_ms = BOOKS_FROM,
				       .updated_ms = BOOKS_FROM };
	struct key *key = NULL;
	struct run *f;
	char path[160];

	if (run_setup(state) < 0)
		return -1;
	f = *state;
	key = books_make(f);
	key_free(&key);
	snprintf(path, sizeof(path), "%s/ledger.db", f->state);
	books_must(ledger_open(path, &l, &books_err));
	put_intent(l, 3, 1, BOOKS_FROM, failed);
	put_intent(l, 5, 1, BOOKS_FROM + 1, paid);
	put_intent(l, 7, 2, BOOKS_FROM + 2, failed);
	put_settlement(l, &s, LEDGER_SETTLE_BUILT);
	snprintf(s.error, sizeof(s.error), "lease::submit: 12");
	put_settlement(l, &s, LEDGER_SETTLE_FAILED);
	return 0;
}

static void on_sui(struct run *f)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "node: {name: n}\npaths: {cgroup: %s, bpffs: %s, state: %s, run: %s}\n"
		 "chain: {kind: sui, network: testnet, graphql: [https://127.0.0.1:1/], "
		 "package: '0x1', market: '0x2', provider: '0x3', keyFile: %s/k}\n",
		 f->dir, f->dir, f->state, f->dir, f->dir);
	run_write(f->config, text);
}

static void close_lease(struct run *f)
{
	cleanup(ledger_close) struct ledger *l = NULL;
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	struct ledger_lease row;
	char path[160];

	snprintf(path, sizeof(path), "%s/ledger.db", f->state);
	books_must(ledger_open(path, &l, &books_err));
	books_must(ledger_lease_get(l, "gold", &row, &books_err));
	row.closed_ms = BOOKS_FROM + 5 * BOOKS_MINUTE;
	snprintf(row.state, sizeof(row.state), "closed");
	books_must(ledger_begin(l, &tx, &books_err));
	books_must(ledger_lease_put(&tx, &row, &books_err));
	books_must(ledger_commit(&tx, &books_err));
}

static void the_transaction_that_paid_or_the_last_that_tried_is_named(void **state)
{
	cleanup(json_free) struct json *rows = NULL;
	uint8_t digest[HASH_LEN];
	struct run *f = *state;

	run_ok(f, "-j", "settlement", "show");
	rows = run_json(f);
	assert_string_equal(json_str(json_at(rows, 0), "id", ""), "gold/1");
	assert_int_equal(digest_parse(json_str(json_at(rows, 0), "digest", ""), digest), 0);
	assert_int_equal(digest[0], 5);
	assert_int_equal(digest_parse(json_str(json_at(rows, 1), "digest", ""), digest), 0);
	assert_int_equal(digest[0], 7);
	assert_string_equal(json_str(json_at(rows, 1), "error", ""), "lease::submit: 12");
	/* local: nothing is tried again */
	assert_int_equal(json_type(json_get(json_at(rows, 1), "next_try")), JSON_NULL);
}

static void what_failed_on_sui_says_when_it_is_tried_again(void **state)
{
	cleanup(json_free) struct json *rows = NULL;
	struct run *f = *state;

	on_sui(f);
	run_ok(f, "-j", "settlement", "show", "--lease", "gold");
	rows = run_json(f);
	assert_int_equal(json_type(json_get(json_at(rows, 0), "next_try")), JSON_NULL);
	/* one attempt: two minutes later */
	assert_string_equal(json_str(json_at(rows, 1), "next_try", ""), "2026-11-20T20:02:00Z");
	/* a lease that is closed is left alone */
	close_lease(f);
	run_ok(f, "-j", "settlement", "show");
	assert_null(strstr(f->out, "2026-11-20T20:02:00Z"));
}

static void people_see_the_reason_and_the_next_try(void **state)
{
	struct run *f = *state;

	on_sui(f);
	run_ok(f, "settlement", "show");
	assert_memory_equal(f->out, "LEASE  SEQ  STATE ", 18);
	assert_non_null(strstr(f->out, "  1  2026-11-20T20:02:00Z  lease::submit: 12  "));
}

/* Before anything of it was tried. */
static void what_is_due_on_sui_says_how_long_it_waits_for_others(void **state)
{
	cleanup(json_free) struct json *rows = NULL;
	struct run *f = *state;
	struct key *key = NULL;
	char path[160];

	snprintf(path, sizeof(path), "%s/ledger.db", f->state);
	assert_int_equal(unlink(path), 0);
	key = books_make(f);
	key_free(&key);
	on_sui(f);
	run_ok(f, "-j", "settlement", "show");
	rows = run_json(f);
	assert_string_equal(json_str(json_at(rows, 1), "state", ""), "due");
	assert_string_equal(json_str(json_at(rows, 1), "next_try", ""), "2026-11-20T21:00:00Z");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, run_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_transaction_that_paid_or_the_last_that_tried_is_named),
		TEST(what_failed_on_sui_says_when_it_is_tried_again),
		TEST(what_is_due_on_sui_says_how_long_it_waits_for_others),
		TEST(people_see_the_reason_and_the_next_try),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
