/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ledger/fixture.h"

/* Leases gold and silver, one window. */
static int leased(void **state)
{
	struct ledger_lease gold = lease_make("gold"), silver = lease_make("silver");
	struct ledger_tx tx = {};
	struct fixture *f;
	uint64_t window;
	int r = fixture_setup(state);

	if (r < 0)
		return r;
	f = *state;
	must(ledger_begin(f->l, &tx, &why));
	must(ledger_lease_put(&tx, &gold, &why));
	must(ledger_lease_put(&tx, &silver, &why));
	must(ledger_window_append(&tx, 0, 1000, &window, &why));
	must(ledger_commit(&tx, &why));
	return 0;
}

static int put(struct fixture *f, const struct ledger_receipt *r)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	int ret;

	must(ledger_begin(f->l, &tx, &why));
	ret = ledger_receipt_put(&tx, r, &why);
	return ret < 0 ? ret : ledger_commit(&tx, &why);
}

static void assert_receipt(const struct ledger_receipt *a, const struct ledger_receipt *b)
{
	assert_string_equal(a->lease, b->lease);
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->window, b->window);
	assert_int_equal(a->from_ms, b->from_ms);
	assert_int_equal(a->to_ms, b->to_ms);
	assert_int_equal(a->total_due, b->total_due);
	assert_memory_equal(a->report, b->report, sizeof(a->report));
	assert_memory_equal(a->signature, b->signature, sizeof(a->signature));
	assert_memory_equal(a->hash, b->hash, sizeof(a->hash));
	assert_int_equal(a->record_len, b->record_len);
	if (a->record_len)
		assert_memory_equal(a->record, b->record, a->record_len);
}

static void a_receipt_comes_back_as_it_was_put(void **state)
{
	struct fixture *f = *state;
	struct ledger_receipt r = receipt_make("gold", 1, 1);
	cleanup(ledger_receipt_fini) struct ledger_receipt got = {};

	must(put(f, &r));
	fixture_reopen(f);
	must(ledger_receipt_get(f->l, "gold", 1, &got, &why));
	assert_receipt(&got, &r);
	assert_int_equal(ledger_receipt_get(f->l, "gold", 2, &got, NULL), -ENOENT);
	assert_receipt(&got, &r); /* untouched */
}

static void a_record_may_be_empty_or_large_and_not_too_large(void **state)
{
	struct fixture *f = *state;
	cleanup(free_ptr) uint8_t *record = calloc(1, LEDGER_RECORD_MAX + 1);
	cleanup(ledger_receipt_fini) struct ledger_receipt empty = {};
	cleanup(ledger_receipt_fini) struct ledger_receipt large = {};
	struct ledger_receipt r = receipt_make("gold", 1, 1);

	assert_non_null(record);
	r.record_len = 0;
	r.record = NULL;
	must(put(f, &r));
	must(ledger_receipt_get(f->l, "gold", 1, &empty, &why));
	assert_receipt(&empty, &r);
	must(put(f, &r)); /* identical */
	r = receipt_make("gold", 2, 1);
	r.record = record;
	r.record_len = LEDGER_RECORD_MAX + 1;
	assert_int_equal(put(f, &r), -E2BIG);
	r.record_len--;
	record[r.record_len - 1] = 9;
	must(put(f, &r));
	must(ledger_receipt_get(f->l, "gold", 2, &large, &why));
	assert_receipt(&large, &r);
}

static void a_receipt_moves_its_lease_on(void **state)
{
	struct fixture *f = *state;
	struct ledger_receipt r = receipt_make("gold", 1, 1);
	struct ledger_lease gold, silver;

	must(put(f, &r));
	r = receipt_make("gold", 2, 1);
	must(put(f, &r));
	must(ledger_lease_get(f->l, "gold", &gold, &why));
	assert_int_equal(gold.seq, 2);
	assert_int_equal(gold.last_to_ms, 2000);
	assert_int_equal(gold.last_total_due, 14);
	must(ledger_lease_get(f->l, "silver", &silver, &why));
	assert_int_equal(silver.seq, 0);
	must(ledger_check(f->l, &why));
}

static void the_identical_receipt_is_a_no_op(void **state)
{
	struct fixture *f = *state;
	struct ledger_receipt r = receipt_make("gold", 1, 1), next = receipt_make("gold", 2, 1);
	struct ledger_lease gold;

	must(put(f, &r));
	must(put(f, &next));
	must(put(f, &r)); /* an old one as well: a restart may repeat any */
	must(ledger_lease_get(f->l, "gold", &gold, &why));
	assert_int_equal(gold.seq, 2);
	assert_int_equal(raw_number(f, "SELECT count(*) FROM receipts"), 2);
}

/* One changed member at a time: a member that is not compared would pass for identical. */
static void other_content_for_one_seq_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct ledger_receipt first = receipt_make("gold", 1, 1);
	cleanup(ledger_receipt_fini) struct ledger_receipt got = {};
	uint8_t record[] = { 1, 2, 3, 0, 6 };
	struct ledger_receipt r[9];

	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		r[i] = first;
	r[0].window++;
	r[1].from_ms++;
	r[2].to_ms++;
	r[3].total_due++;
	r[4].report[LEDGER_REPORT_LEN - 1] ^= 1;
	r[5].signature[LEDGER_SIG_LEN - 1] ^= 1;
	r[6].hash[LEDGER_HASH_LEN - 1] ^= 1;
	r[7].record = record;
	r[8].record_len--;
	must(put(f, &first));
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		assert_int_equal(put(f, &r[i]), -EEXIST);
	must(ledger_receipt_get(f->l, "gold", 1, &got, &why));
	assert_receipt(&got, &first);
}

static void receipts_of_a_lease_follow_each_other(void **state)
{
	struct fixture *f = *state;
	struct ledger_receipt r = receipt_make("gold", 2, 1);
	struct ledger_lease gold;

	assert_int_equal(put(f, &r), -EINVAL); /* a gap at the beginning */
	r = receipt_make("gold", 0, 1);
	assert_int_equal(put(f, &r), -EINVAL);
	r = receipt_make("gold", 1, 1);
	must(put(f, &r));
	r = receipt_make("gold", 3, 1);
	assert_int_equal(put(f, &r), -EINVAL);
	r = receipt_make("gold", 2, 1);
	r.from_ms = 999;
	assert_int_equal(put(f, &r), -EINVAL);
	r = receipt_make("gold", 2, 1);
	r.to_ms = r.from_ms;
	assert_int_equal(put(f, &r), -EINVAL);
	r = receipt_make("gold", 2, 1);
	r.total_due = 6;
	assert_int_equal(put(f, &r), -EINVAL);
	r = receipt_make("gold", 2, 7); /* no such window */
	assert_int_equal(put(f, &r), -ENOENT);
	r = receipt_make("copper", 1, 1);
	assert_int_equal(put(f, &r), -ENOENT);
	r = receipt_make("gold", 2, 1);
	r.total_due = (uint64_t)INT64_MAX + 1;
	assert_int_equal(put(f, &r), -EOVERFLOW);
	must(ledger_lease_get(f->l, "gold", &gold, &why));
	assert_int_equal(gold.seq, 1);
	r = receipt_make("gold", 2, 1);
	r.from_ms = 1500; /* a pause is fine */
	r.total_due = 7;
	must(put(f, &r));
}

static void a_lease_signed_elsewhere_goes_on_from_there(void **state)
{
	struct fixture *f = *state;
	struct ledger_lease v = lease_make("moved");
	struct ledger_receipt r = receipt_make("moved", 1, 1);
	struct ledger_tx tx = {};

	v.seq = 4;
	v.last_to_ms = 4000;
	v.last_total_due = 28;
	must(ledger_begin(f->l, &tx, &why));
	must(ledger_lease_put(&tx, &v, &why));
	must(ledger_commit(&tx, &why));
	assert_int_equal(put(f, &r), -EINVAL);
	r = receipt_make("moved", 5, 1);
	must(put(f, &r));
	must(ledger_check(f->l, &why));
}

static void nobody_changes_or_deletes_a_receipt(void **state)
{
	static const char *const sql[] = {
		"UPDATE receipts SET total_due = 8",
		"UPDATE receipts SET signature = zeroblob(64)",
		"UPDATE OR REPLACE receipts SET seq = 2",
		"DELETE FROM receipts",
		"INSERT OR REPLACE INTO receipts SELECT * FROM receipts",
		"REPLACE INTO receipts SELECT lease, seq, window, from_ms, to_ms, 9, report,"
		" signature, hash, record FROM receipts",
		"INSERT INTO receipts SELECT * FROM receipts WHERE true"
		" ON CONFLICT DO UPDATE SET total_due = 9",
	};
	struct fixture *f = *state;
	struct ledger_receipt r = receipt_make("gold", 1, 1);
	cleanup(ledger_receipt_fini) struct ledger_receipt got = {};

	must(put(f, &r));
	for (size_t i = 0; i < ARRAY_LEN(sql); i++)
		assert_int_equal(raw_exec(f, sql[i]), SQLITE_CONSTRAINT_TRIGGER);
	must(ledger_receipt_get(f->l, "gold", 1, &got, &why));
	assert_receipt(&got, &r);
}

static int collect(const struct ledger_receipt *r, void *arg)
{
	char *text = arg;

	assert_int_equal(r->record_len, 5);
	snprintf(text + strlen(text), 64 - strlen(text), "%.10s/%d ", r->lease, (int)r->seq);
	return r->seq == 3 ? 42 : 0;
}

static void a_list_is_in_order_and_begins_where_asked(void **state)
{
	struct fixture *f = *state;
	char text[64] = "";

	for (uint64_t seq = 1; seq <= 2; seq++) {
		struct ledger_receipt r = receipt_make("silver", seq, 1);

		must(put(f, &r));
		r = receipt_make("gold", seq, 1);
		must(put(f, &r));
	}
	must(ledger_receipt_list(f->l, NULL, 0, collect, text, &why));
	assert_string_equal(text, "gold/1 gold/2 silver/1 silver/2 ");
	text[0] = '\0';
	must(ledger_receipt_list(f->l, "silver", 2, collect, text, &why));
	assert_string_equal(text, "silver/2 ");
	text[0] = '\0';
	must(ledger_receipt_list(f->l, "copper", 0, collect, text, &why));
	assert_string_equal(text, "");
	for (uint64_t seq = 3; seq <= 4; seq++) {
		struct ledger_receipt r = receipt_make("gold", seq, 1);

		must(put(f, &r));
	}
	assert_int_equal(ledger_receipt_list(f->l, "gold", 2, collect, text, NULL), 42);
	assert_string_equal(text, "gold/2 gold/3 ");
}

#define LEASED(name) cmocka_unit_test_setup_teardown(name, leased, fixture_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LEASED(a_receipt_comes_back_as_it_was_put),
		LEASED(a_record_may_be_empty_or_large_and_not_too_large),
		LEASED(a_receipt_moves_its_lease_on),
		LEASED(the_identical_receipt_is_a_no_op),
		LEASED(other_content_for_one_seq_is_refused),
		LEASED(receipts_of_a_lease_follow_each_other),
		LEASED(a_lease_signed_elsewhere_goes_on_from_there),
		LEASED(nobody_changes_or_deletes_a_receipt),
		LEASED(a_list_is_in_order_and_begins_where_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
