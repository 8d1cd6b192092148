/* SPDX-License-Identifier: Apache-2.0 */
/* receipts_verify(): the provider is the one who lies here, so most files are signed anew after the
 * change. What an outsider can do is in any_flipped_bit_is_refused(). */
#include <errno.h>

#include "chain/receipt.h"
#include "core/parse.h"
#include "unit/chain/sample.h"

static void render(const struct receipts *rs, struct buf *out)
{
	struct err err = {};

	if (receipts_render(rs, out, &err) < 0)
		fail_msg("%s", err.text);
}

static void refused(const struct receipts *rs, const char *word)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	struct receipts_summary sum = { .count = 4242 };
	struct err err = {};

	render(rs, &text);
	assert_int_equal(receipts_verify(text.data, text.len, NULL, &sum, &err), -EBADMSG);
	assert_int_equal(err.code, -EBADMSG);
	if (strncmp(err.text, word, strlen(word)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", err.text, word);
	assert_int_equal(sum.count, 4242);
}

static void the_independently_made_file_verifies(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	struct receipts_summary sum = {};
	struct err err = {};
	uint8_t provider[PUBKEY_LEN];

	(void)state;
	assert_int_equal(crypto_init(), 0);
	sample_read("tests/vectors/receipts-v1.json", &text);
	assert_int_equal(
		parse_hex("c9ab60fae74e3dd22aa6cf787bb91380ad8173558937fe26cf45f92de75ec227",
			  provider, sizeof(provider)),
		0);
	if (receipts_verify(text.data, text.len, provider, &sum, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(sum.count, 3);
	assert_int_equal(sum.first_seq, 1);
	assert_int_equal(sum.last_seq, 3);
	assert_int_equal(sum.from_ms, 1795000000500ULL);
	assert_int_equal(sum.to_ms, 1795000180500ULL);
	assert_int_equal(sum.total_due, 2707500); /* the rate cap, reached in window 3 */
	assert_int_equal(sum.totals.cpu_ns, 3 * 3 * 12345678901ULL + 2 * (1 + 2));
	assert_int_equal(sum.totals.memory_unmeasured, 1);
	assert_string_equal(sum.label, "acme-web");
	assert_memory_equal(sum.provider, provider, PUBKEY_LEN);
}

static void receipts_as_the_agent_makes_them_verify(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	cleanup(receipts_fini) struct receipts rs = sample_receipts(12, 3, key);
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	struct receipts_summary sum = {};
	struct err err = {};
	uint8_t hash[HASH_LEN];

	(void)state;
	render(&rs, &text);
	if (receipts_verify(text.data, text.len, rs.provider, &sum, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(sum.last_seq, 12);
	assert_null(usage_diff(&sum.totals, &rs.list[11].record.totals));
	report_hash(rs.list[11].report, hash);
	assert_memory_equal(sum.last_hash, hash, HASH_LEN);
	assert_memory_equal(sum.market, rs.market, OBJECT_ID_LEN);
	assert_memory_equal(sum.lease, rs.list[0].record.lease, OBJECT_ID_LEN);
}

/* Leaves only the receipts from index first on. */
static void drop(struct receipts *rs, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		record_fini(&rs->list[i].record);
	memmove(&rs->list[first], &rs->list[first + n],
		(rs->count - first - n) * sizeof(*rs->list));
	rs->count -= n;
}

static void an_export_may_start_later_and_says_so(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	cleanup(receipts_fini) struct receipts rs = sample_receipts(7, 1, key);
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	struct receipts_summary sum = {};

	(void)state;
	drop(&rs, 0, 4);
	render(&rs, &text);
	assert_int_equal(receipts_verify(text.data, text.len, NULL, &sum, NULL), 0);
	assert_int_equal(sum.first_seq, 5);
	assert_int_equal(sum.last_seq, 7);
	assert_int_equal(sum.count, 3);
	assert_int_equal(sum.from_ms, SAMPLE_OPENED_MS + 4 * SAMPLE_WINDOW_MS);
}

static void another_providers_file_is_refused(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	cleanup(key_free) struct key *other = sample_key(2);
	cleanup(receipts_fini) struct receipts rs = sample_receipts(1, 1, key);
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	struct receipts_summary sum = {};
	struct err err = {};

	(void)state;
	render(&rs, &text);
	assert_int_equal(receipts_verify(text.data, text.len, key_public(key), &sum, NULL), 0);
	assert_int_equal(receipts_verify(text.data, text.len, key_public(other), &sum, &err),
			 -EBADMSG);
	assert_non_null(strstr(err.text, "provider"));
	sample_sign(&rs, &rs.list[0], other);
	refused(&rs, "receipt 1 (seq 1): signature");
}

static void a_missing_receipt_is_noticed(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	cleanup(receipts_fini) struct receipts rs = sample_receipts(5, 1, key);

	(void)state;
	drop(&rs, 2, 1);
	refused(&rs, "receipt 3 (seq 4): seq: 4 follows 2");
}

static void receipts_in_another_order_are_refused(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	cleanup(receipts_fini) struct receipts rs = sample_receipts(3, 1, key);
	struct receipt kept = rs.list[1];

	(void)state;
	rs.list[1] = rs.list[2];
	rs.list[2] = kept;
	refused(&rs, "receipt 2 (seq 3): seq");
}

static void a_record_that_is_not_the_signed_one_is_refused(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	cleanup(receipts_fini) struct receipts rs = sample_receipts(2, 2, key);
	struct record *r = &rs.list[1].record;

	(void)state;
	r->from_ms++, refused(&rs, "receipt 2 (seq 2): from"), r->from_ms--;
	r->to_ms++, refused(&rs, "receipt 2 (seq 2): to:"), r->to_ms--;
	r->pods[1].name[0] = 'x', refused(&rs, "receipt 2 (seq 2): usage_hash");
	r->pods[1].name[0] = 'w';
	r->pods[0].cgroup_id--, refused(&rs, "receipt 2 (seq 2): usage_hash");
	r->pods[0].cgroup_id++;
	r->node[0] = 'x', refused(&rs, "receipt 2 (seq 2): usage_hash"), r->node[0] = 'n';
	r->pods[0].use.cpu_ns++, refused(&rs, "receipt 2 (seq 2): totals.cpu_ns");
	r->pods[1].use.cpu_ns--, refused(&rs, "receipt 2 (seq 2): usage_hash");
	r->pods[0].use.cpu_ns--, r->pods[1].use.cpu_ns++;
	rs.market[0] ^= 1, refused(&rs, "receipt 1 (seq 1): market"), rs.market[0] ^= 1;
}

static void a_provider_that_signs_wrong_sums_is_caught(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	cleanup(receipts_fini) struct receipts rs = sample_receipts(2, 2, key);
	struct receipt *rc = &rs.list[1];

	(void)state;
	rc->record.totals.cpu_ns += 1000;
	sample_sign(&rs, rc, key);
	refused(&rs, "receipt 2 (seq 2): totals.cpu_ns");
	rc->record.totals.cpu_ns -= 1000;
	rc->record.totals.memory_peak_bytes++;
	sample_sign(&rs, rc, key);
	refused(&rs, "receipt 2 (seq 2): totals.memory_peak_bytes");
	rc->record.totals.memory_peak_bytes--;
	sample_sign(&rs, rc, key);
	rs.list[0].record.totals.cpu_ns++;
	sample_sign(&rs, &rs.list[0], key);
	refused(&rs, "receipt 1 (seq 1): totals.cpu_ns");
}

static void a_provider_that_signs_a_wrong_price_is_caught(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	cleanup(receipts_fini) struct receipts rs = sample_receipts(1, 2, key);
	struct receipt *rc = &rs.list[0];
	struct report report;

	(void)state;
	assert_int_equal(record_report(&rc->record, rs.market, &report, NULL), 0);
	report.total_due++;
	report_sign(&report, key, rc->report, rc->sig);
	refused(&rs, "receipt 1 (seq 1): total_due");
}

static void a_provider_that_breaks_the_chain_is_caught(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	cleanup(receipts_fini) struct receipts rs = sample_receipts(2, 1, key);
	struct receipt *rc = &rs.list[1];

	(void)state;
	rc->record.prev[0] ^= 1;
	sample_sign(&rs, rc, key);
	refused(&rs, "receipt 2 (seq 2): previous");
	rc->record.prev[0] ^= 1;
	rc->record.from_ms += 10;
	sample_sign(&rs, rc, key);
	refused(&rs, "receipt 2 (seq 2): from");
	rc->record.from_ms -= 10;
	sample_sign(&rs, rc, key);
	/* a second version of receipt 1, with one pod's name changed */
	rs.list[0].record.pods[0].name[0] = 'x';
	sample_sign(&rs, &rs.list[0], key);
	refused(&rs, "receipt 2 (seq 2): previous");
}

static void any_flipped_bit_is_refused_with_its_place(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	struct receipts_summary sum = { .count = 4242 };

	(void)state;
	assert_int_equal(crypto_init(), 0);
	sample_read("tests/vectors/receipts-v1.json", &text);
	for (size_t bit = 0; bit < text.len * 8; bit++) {
		struct err err = {};

		text.data[bit / 8] ^= (char)(1 << bit % 8);
		if (receipts_verify(text.data, text.len, NULL, &sum, &err) != -EBADMSG)
			fail_msg("bit %zu of byte %zu: code %d", bit % 8, bit / 8, err.code);
		if (!strstr(err.text, "receipt ") && !strstr(err.text, "line 1") &&
		    !strstr(err.text, "byte "))
			fail_msg("byte %zu: no place in \"%s\"", bit / 8, err.text);
		text.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_int_equal(sum.count, 4242);
	assert_int_equal(receipts_verify(text.data, text.len, NULL, &sum, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_independently_made_file_verifies),
		cmocka_unit_test(receipts_as_the_agent_makes_them_verify),
		cmocka_unit_test(an_export_may_start_later_and_says_so),
		cmocka_unit_test(another_providers_file_is_refused),
		cmocka_unit_test(a_missing_receipt_is_noticed),
		cmocka_unit_test(receipts_in_another_order_are_refused),
		cmocka_unit_test(a_record_that_is_not_the_signed_one_is_refused),
		cmocka_unit_test(a_provider_that_signs_wrong_sums_is_caught),
		cmocka_unit_test(a_provider_that_signs_a_wrong_price_is_caught),
		cmocka_unit_test(a_provider_that_breaks_the_chain_is_caught),
		cmocka_unit_test(any_flipped_bit_is_refused_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
