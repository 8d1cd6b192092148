/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ledger/fixture.h"

/* Lease gold with receipts 1 to 25, lease silver with one. */
static int receipted(void **state)
{
	struct ledger_lease gold = lease_make("gold"), silver = lease_make("silver");
	struct ledger_receipt r = receipt_make("silver", 1, 1);
	struct ledger_tx tx = {};
	struct fixture *f;
	uint64_t window;
	int ret = fixture_setup(state);

	if (ret < 0)
		return ret;
	f = *state;
	must(ledger_begin(f->l, &tx, &why));
	must(ledger_lease_put(&tx, &gold, &why));
	must(ledger_lease_put(&tx, &silver, &why));
	must(ledger_window_append(&tx, 0, 1000, &window, &why));
	must(ledger_receipt_put(&tx, &r, &why));
	for (uint64_t seq = 1; seq <= 25; seq++) {
		r = receipt_make("gold", seq, window);
		must(ledger_receipt_put(&tx, &r, &why));
	}
	must(ledger_commit(&tx, &why));
	return 0;
}

static struct ledger_settlement make(const char *lease, uint64_t seq, enum ledger_settle state)
{
	struct ledger_settlement s = { .seq = seq,
				       .state = state,
				       .amount = 70,
				       .created_ms = 5,
				       .updated_ms = 6,
				       .error = "" };

	snprintf(s.lease, sizeof(s.lease), "%s", lease);
	return s;
}

static int put(struct fixture *f, const struct ledger_settlement *s)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	int r;

	must(ledger_begin(f->l, &tx, &why));
	r = ledger_settlement_put(&tx, s, &why);
	return r < 0 ? r : ledger_commit(&tx, &why);
}

static void assert_settlement(struct fixture *f, const struct ledger_settlement *want)
{
	struct ledger_settlement got;

	must(ledger_settlement_get(f->l, want->lease, want->seq, &got, &why));
	assert_string_equal(got.lease, want->lease);
	assert_int_equal(got.seq, want->seq);
	assert_int_equal(got.state, want->state);
	assert_int_equal(got.amount, want->amount);
	assert_int_equal(got.created_ms, want->created_ms);
	assert_int_equal(got.updated_ms, want->updated_ms);
	assert_int_equal(got.attempts, want->attempts);
	assert_string_equal(got.error, want->error);
}

static void a_settlement_goes_its_way_and_comes_back(void **state)
{
	static const enum ledger_settle way[] = {
		LEDGER_SETTLE_DUE,	 LEDGER_SETTLE_BUILT,	  LEDGER_SETTLE_SUBMITTED,
		LEDGER_SETTLE_SUBMITTED, LEDGER_SETTLE_FAILED,	  LEDGER_SETTLE_DUE,
		LEDGER_SETTLE_BUILT,	 LEDGER_SETTLE_FAILED,	  LEDGER_SETTLE_DUE,
		LEDGER_SETTLE_BUILT,	 LEDGER_SETTLE_SUBMITTED, LEDGER_SETTLE_FINAL,
	};
	struct fixture *f = *state;
	struct ledger_settlement s = make("gold", 1, LEDGER_SETTLE_DUE);

	assert_int_equal(ledger_settlement_get(f->l, "gold", 1, &s, NULL), -ENOENT);
	for (size_t i = 0; i < ARRAY_LEN(way); i++) {
		s.state = way[i];
		s.attempts += i % 2;
		s.updated_ms = 100 - i; /* wall time may step back */
		snprintf(s.error, sizeof(s.error), "error %zu", i);
		must(put(f, &s));
		fixture_reopen(f);
		assert_settlement(f, &s);
	}
	must(put(f, &s)); /* final again: identical */
	s.attempts++;
	assert_int_equal(put(f, &s), -EINVAL);
}

/* The shortest way to each state. */
static void lead_to(struct fixture *f, struct ledger_settlement *s, enum ledger_settle state)
{
	for (enum ledger_settle i = LEDGER_SETTLE_DUE; i <= LEDGER_SETTLE_SUBMITTED; i++) {
		s->state = i;
		must(put(f, s));
		if (i == state)
			return;
	}
	s->state = state;
	must(put(f, s));
}

static void each_step_is_allowed_or_refused_as_pictured(void **state)
{
	/* rows: from; columns: to due, built, submitted, final, failed */
	static const bool allowed[LEDGER_SETTLE_MAX_][LEDGER_SETTLE_MAX_] = {
		[LEDGER_SETTLE_DUE] = { 1, 1, 0, 0, 0 },
		[LEDGER_SETTLE_BUILT] = { 0, 1, 1, 0, 1 },
		[LEDGER_SETTLE_SUBMITTED] = { 0, 0, 1, 1, 1 },
		[LEDGER_SETTLE_FINAL] = { 0, 0, 0, 0, 0 },
		[LEDGER_SETTLE_FAILED] = { 1, 0, 0, 0, 1 },
	};
	struct fixture *f = *state;
	uint64_t seq = 0;

	for (enum ledger_settle from = 0; from < LEDGER_SETTLE_MAX_; from++) {
		for (enum ledger_settle to = 0; to < LEDGER_SETTLE_MAX_; to++) {
			struct ledger_settlement s = make("gold", ++seq, from), before;

			lead_to(f, &s, from);
			before = s;
			s.state = to;
			s.attempts++; /* else from == to would be the identical one */
			assert_int_equal(put(f, &s), allowed[from][to] ? 0 : -EINVAL);
			assert_settlement(f, allowed[from][to] ? &s : &before);
		}
	}
}

static void bad_settlements_are_refused(void **state)
{
	struct fixture *f = *state;
	struct ledger_settlement s = make("gold", 26, LEDGER_SETTLE_DUE), good;

	assert_int_equal(put(f, &s), -ENOENT); /* no such receipt */
	for (enum ledger_settle i = LEDGER_SETTLE_BUILT; i <= LEDGER_SETTLE_MAX_; i++) {
		s = make("gold", 1, i);
		assert_int_equal(put(f, &s), -EINVAL); /* must begin as due */
	}
	s = make("gold", 1, LEDGER_SETTLE_DUE);
	s.amount = (uint64_t)INT64_MAX + 1;
	assert_int_equal(put(f, &s), -EOVERFLOW);
	good = make("gold", 1, LEDGER_SETTLE_DUE);
	good.attempts = 2;
	must(put(f, &good));
	s = good;
	s.amount++;
	assert_int_equal(put(f, &s), -EINVAL);
	s = good;
	s.created_ms++;
	assert_int_equal(put(f, &s), -EINVAL);
	s = good;
	s.attempts--;
	assert_int_equal(put(f, &s), -EINVAL);
	assert_settlement(f, &good);
}

static int collect(const struct ledger_settlement *s, void *arg)
{
	char *text = arg;

	snprintf(text + strlen(text), 128 - strlen(text), "%.10s/%d:%s ", s->lease, (int)s->seq,
		 ledger_settle_name(s->state));
	return 0;
}

static void a_list_is_in_order_and_filtered(void **state)
{
	static const enum ledger_settle states[] = { LEDGER_SETTLE_FINAL, LEDGER_SETTLE_FAILED,
						     LEDGER_SETTLE_DUE };
	struct fixture *f = *state;
	struct ledger_settlement s = make("silver", 1, LEDGER_SETTLE_DUE);
	char text[128] = "";

	must(put(f, &s));
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		s = make("gold", i + 1, LEDGER_SETTLE_DUE);
		lead_to(f, &s, states[i]);
	}
	must(ledger_settlement_list(f->l, NULL, LEDGER_SETTLE_ANY, collect, text, &why));
	assert_string_equal(text, "gold/1:final gold/2:failed gold/3:due silver/1:due ");
	text[0] = '\0';
	must(ledger_settlement_list(f->l, "gold", LEDGER_SETTLE_ANY, collect, text, &why));
	assert_string_equal(text, "gold/1:final gold/2:failed gold/3:due ");
	text[0] = '\0';
	must(ledger_settlement_list(f->l, NULL,
				    1U << LEDGER_SETTLE_DUE | 1U << LEDGER_SETTLE_FAILED, collect,
				    text, &why));
	assert_string_equal(text, "gold/2:failed gold/3:due silver/1:due ");
	text[0] = '\0';
	must(ledger_settlement_list(f->l, "silver", 1U << LEDGER_SETTLE_FINAL, collect, text,
				    &why));
	assert_string_equal(text, "");
}

static void names_are_those_of_the_file(void **state)
{
	(void)state;
	assert_string_equal(ledger_settle_name(LEDGER_SETTLE_SUBMITTED), "submitted");
	assert_string_equal(ledger_settle_name(LEDGER_SETTLE_MAX_), "unknown");
}

#define RECEIPTED(name) cmocka_unit_test_setup_teardown(name, receipted, fixture_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RECEIPTED(a_settlement_goes_its_way_and_comes_back),
		RECEIPTED(each_step_is_allowed_or_refused_as_pictured),
		RECEIPTED(bad_settlements_are_refused),
		RECEIPTED(a_list_is_in_order_and_filtered),
		cmocka_unit_test(names_are_those_of_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
