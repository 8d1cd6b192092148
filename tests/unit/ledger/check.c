/* SPDX-License-Identifier: Apache-2.0 */
/* Each violation is made by raw SQL, its guard dropped first: a check that finds nothing fails. */
#include "unit/ledger/fixture.h"

static int populated(void **state)
{
	struct ledger_pod pod = pod_make(5, "shop", "web", "gold");
	struct ledger_lease lease = lease_make("gold");
	struct ledger_tx tx = {};
	struct fixture *f;
	int r = fixture_setup(state);

	if (r < 0)
		return r;
	f = *state;
	must(ledger_begin(f->l, &tx, &why));
	must(ledger_lease_put(&tx, &lease, &why));
	must(ledger_commit(&tx, &why));
	for (uint64_t i = 0; i < 3; i++) {
		struct usage u = reading(i);
		struct ledger_receipt receipt = receipt_make("gold", i + 1, i + 1);

		window_with(f, i * 10, i * 10 + 10, &pod, &u);
		must(ledger_begin(f->l, &tx, &why));
		must(ledger_receipt_put(&tx, &receipt, &why));
		must(ledger_commit(&tx, &why));
	}
	must(ledger_check(f->l, &why));
	return 0;
}

static void each_violation_is_found_and_named(void **state)
{
	static const struct {
		const char *breaks, *mends, *says;
	} cases[] = {
		{ "DROP TRIGGER windows_no_update; UPDATE windows SET to_ms = 19 WHERE id = 2",
		  "UPDATE windows SET to_ms = 20 WHERE id = 2", "window 3" },
		{ "UPDATE windows SET id = 9 WHERE id = 3; UPDATE windows SET from_ms = 21 WHERE "
		  "id = 9",
		  "UPDATE windows SET id = 3, from_ms = 20 WHERE id = 9", "not there" },
		{ "DROP TRIGGER usage_no_update; UPDATE usage SET rx_bytes_raw = rx_bytes_raw + 1"
		  " WHERE window = 2",
		  "UPDATE usage SET rx_bytes_raw = rx_bytes_raw - 1 WHERE window = 2", "pod 1" },
		{ "UPDATE pods SET tx_packets_raw = tx_packets_raw - 1",
		  "UPDATE pods SET tx_packets_raw = tx_packets_raw + 1", "pod 1" },
		{ "UPDATE pods SET memory_peak_bytes = memory_peak_bytes + 1",
		  "UPDATE pods SET memory_peak_bytes = memory_peak_bytes - 1", "pod 1" },
		{ "DROP TRIGGER receipts_no_update; UPDATE receipts SET seq = 4 WHERE seq = 3;"
		  "UPDATE leases SET seq = 4",
		  "UPDATE receipts SET seq = 3 WHERE seq = 4; UPDATE leases SET seq = 3",
		  "receipt gold/4" },
		{ "UPDATE receipts SET total_due = 6 WHERE seq = 2",
		  "UPDATE receipts SET total_due = 14 WHERE seq = 2", "receipt gold/2" },
		{ "UPDATE receipts SET from_ms = 999 WHERE seq = 2",
		  "UPDATE receipts SET from_ms = 1000 WHERE seq = 2", "receipt gold/2" },
		{ "UPDATE leases SET seq = 2", "UPDATE leases SET seq = 3", "lease gold" },
		{ "UPDATE leases SET last_total_due = 1", "UPDATE leases SET last_total_due = 21",
		  "lease gold" },
		{ "UPDATE leases SET last_to_ms = 1", "UPDATE leases SET last_to_ms = 3000",
		  "lease gold" },
		{ "PRAGMA ignore_check_constraints = 1; UPDATE leases SET paid = 5000",
		  "UPDATE leases SET paid = 100", "CHECK" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {};

		assert_int_equal(raw_exec(f, cases[i].breaks), SQLITE_OK);
		assert_int_equal(ledger_check(f->l, &err), -EBADMSG);
		if (!strstr(err.text, cases[i].says) || !strstr(err.text, f->path))
			fail_msg("case %zu: %s", i, err.text);
		assert_int_equal(raw_exec(f, cases[i].mends), SQLITE_OK);
		must(ledger_check(f->l, &why));
	}
}

static void a_missing_window_is_found(void **state)
{
	struct fixture *f = *state;
	struct err err = {};

	assert_int_equal(raw_exec(f, "DROP TRIGGER windows_no_delete; DROP TRIGGER usage_no_delete;"
				     "DELETE FROM usage WHERE window = 1;"
				     "DELETE FROM windows WHERE id = 1"),
			 SQLITE_OK);
	assert_int_equal(ledger_check(f->l, &err), -EBADMSG);
}

static void a_check_runs_inside_a_transaction_and_in_a_reader(void **state)
{
	struct fixture *f = *state;
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	cleanup(ledger_close) struct ledger *ro = NULL;

	must(ledger_begin(f->l, &tx, &why));
	must(ledger_check(f->l, &why));
	must(ledger_meta_set(&tx, "still", "open", &why));
	must(ledger_open_ro(f->path, &ro, &why));
	must(ledger_check(ro, &why));
	must(ledger_commit(&tx, &why));
}

#define POPULATED(name) cmocka_unit_test_setup_teardown(name, populated, fixture_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		POPULATED(each_violation_is_found_and_named),
		POPULATED(a_missing_window_is_found),
		POPULATED(a_check_runs_inside_a_transaction_and_in_a_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
