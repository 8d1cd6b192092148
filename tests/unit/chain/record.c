/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/record.h"

#include <errno.h>

#include "unit/chain/sample.h"

static void encode(const struct record *r, struct buf *out)
{
	struct err err = {};

	if (record_encode(r, out, &err) < 0)
		fail_msg("%s", err.text);
}

/* As first of a lease, with the given number of pods. */
static void first(size_t npods, struct record *ret)
{
	sample_record(1, npods, NULL, ret);
}

static void refused(const struct record *r, const char *field)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(RECORD_LEN_MAX);
	struct err err = {};

	buf_puts(&out, "kept");
	assert_int_equal(record_encode(r, &out, &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	if (!strstr(err.text, field))
		fail_msg("\"%s\" does not name %s", err.text, field);
	assert_string_equal(out.data, "kept");
	assert_int_equal(buf_error(&out), 0);
}

static void decoding_gives_back_every_field(void **state)
{
	cleanup(record_fini) struct record r = {}, got = {};
	cleanup(buf_fini) struct buf bytes = BUF_INIT(RECORD_LEN_MAX), again = BUF_INIT(1 << 16);
	struct err err = {};

	(void)state;
	first(3, &r);
	r.pods[1].uid[0] = '\0';
	r.pods[2].use.memory_byte_ns = r.pods[2].use.memory_peak_bytes = 0;
	r.pods[2].use.memory_unmeasured = 1;
	r.prices.cap_s = 77;
	encode(&r, &bytes);
	if (record_decode(bytes.data, bytes.len, &got, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(got.npods, 3);
	assert_memory_equal(got.lease, r.lease, sizeof(r.lease));
	assert_string_equal(got.label, "acme-web");
	assert_string_equal(got.node, "node-a");
	assert_int_equal(got.opened_ms, r.opened_ms);
	assert_int_equal(got.seq, 1);
	assert_int_equal(got.from_ms, r.from_ms);
	assert_int_equal(got.to_ms, r.to_ms);
	assert_null(price_diff(&got.prices, &r.prices));
	assert_null(usage_diff(&got.totals, &r.totals));
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(got.pods[i].namespace, "shop");
		assert_string_equal(got.pods[i].name, r.pods[i].name);
		assert_string_equal(got.pods[i].uid, r.pods[i].uid);
		assert_string_equal(got.pods[i].boot_id, r.pods[i].boot_id);
		assert_int_equal(got.pods[i].cgroup_id, r.pods[i].cgroup_id);
		assert_null(usage_diff(&got.pods[i].use, &r.pods[i].use));
	}
	encode(&got, &again);
	assert_int_equal(again.len, bytes.len);
	assert_memory_equal(again.data, bytes.data, bytes.len);
}

static void a_window_without_pods_is_a_record(void **state)
{
	cleanup(record_fini) struct record r = {}, got = {};
	cleanup(buf_fini) struct buf bytes = BUF_INIT(RECORD_LEN_MAX);

	(void)state;
	first(1, &r);
	r.npods = 0;
	assert_int_equal(record_sum(&r, NULL, NULL), 0);
	encode(&r, &bytes);
	assert_int_equal(record_decode(bytes.data, bytes.len, &got, NULL), 0);
	assert_int_equal(got.npods, 0);
	assert_null(got.pods);
}

static void cut_and_lengthened_bytes_are_refused(void **state)
{
	cleanup(record_fini) struct record r = {};
	cleanup(buf_fini) struct buf bytes = BUF_INIT(RECORD_LEN_MAX);
	struct record got = { .seq = 99 };

	(void)state;
	first(2, &r);
	encode(&r, &bytes);
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_equal(record_decode(bytes.data, len, &got, NULL), -EBADMSG);
	buf_append(&bytes, "", 1);
	assert_int_equal(record_decode(bytes.data, bytes.len, &got, NULL), -EBADMSG);
	assert_int_equal(got.seq, 99);
	assert_null(got.pods);
	assert_int_equal(record_decode(bytes.data, bytes.len - 1, &got, NULL), 0);
	record_fini(&got);
}

static void a_flipped_bit_is_refused_or_another_record(void **state)
{
	cleanup(record_fini) struct record r = {};
	cleanup(buf_fini) struct buf bytes = BUF_INIT(RECORD_LEN_MAX);
	size_t kept = 0;

	(void)state;
	first(2, &r);
	encode(&r, &bytes);
	for (size_t bit = 0; bit < bytes.len * 8; bit++) {
		cleanup(record_fini) struct record got = {};
		cleanup(buf_fini) struct buf again = BUF_INIT(RECORD_LEN_MAX);

		bytes.data[bit / 8] ^= (char)(1 << bit % 8);
		if (record_decode(bytes.data, bytes.len, &got, NULL) == 0) {
			/* a value has one encoding, so these bytes are the only ones of got */
			encode(&got, &again);
			assert_int_equal(again.len, bytes.len);
			assert_memory_equal(again.data, bytes.data, bytes.len);
			kept++;
		}
		bytes.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_true(kept > 0 && kept < bytes.len * 8);
}

static void pods_out_of_order_or_twice_are_refused(void **state)
{
	cleanup(record_fini) struct record r = {};

	(void)state;
	first(2, &r);
	r.pods[1].cgroup_id = r.pods[0].cgroup_id;
	refused(&r, "pods[1].cgroup_id");
	r.pods[1].cgroup_id = r.pods[0].cgroup_id - 1;
	refused(&r, "pods[1].cgroup_id");
	/* the same cgroup id after a reboot is another cgroup */
	r.pods[1].cgroup_id = r.pods[0].cgroup_id;
	r.pods[1].boot_id[0] = 'f';
	assert_int_equal(record_check(&r, NULL), 0);
}

static void sort_brings_pods_in_order_and_finds_twins(void **state)
{
	cleanup(record_fini) struct record r = {};
	struct err err = {};

	(void)state;
	first(3, &r);
	r.pods[0].cgroup_id = UINT64_MAX;
	r.pods[1].boot_id[0] = 'f';
	r.pods[2].cgroup_id = 1;
	assert_int_equal(record_sort(&r, &err), 0);
	assert_string_equal(r.pods[0].name, "web-2");
	assert_string_equal(r.pods[1].name, "web-0");
	assert_string_equal(r.pods[2].name, "web-1");
	assert_int_equal(record_check(&r, NULL), 0);
	r.pods[0].cgroup_id = UINT64_MAX;
	assert_int_equal(record_sort(&r, &err), -EEXIST);
	assert_non_null(strstr(err.text, "web-0"));
	assert_non_null(strstr(err.text, "web-2"));
}

static void texts_out_of_the_rule_are_refused(void **state)
{
	static const char bad[] = { '"', '\\', '\n', '\t', 0x7f, (char)0xc3, 0x01 };
	cleanup(record_fini) struct record r = {};

	(void)state;
	first(1, &r);
	for (size_t i = 0; i < sizeof(bad); i++) {
		r.label[2] = bad[i];
		refused(&r, "label");
		r.label[2] = 'm';
		r.node[2] = bad[i];
		refused(&r, "node");
		r.node[2] = 'd';
		r.pods[0].name[2] = bad[i];
		refused(&r, "pods[0]: name");
		r.pods[0].name[2] = 'b';
		r.pods[0].uid[2] = bad[i];
		refused(&r, "pods[0]: uid");
		r.pods[0].uid[2] = 'd';
	}
	r.pods[0].namespace[0] = '\0';
	refused(&r, "pods[0]: namespace");
	memset(r.pods[0].namespace, 'n', sizeof(r.pods[0].namespace));
	refused(&r, "pods[0]: namespace");
	r.pods[0].namespace[63] = '\0';
	assert_int_equal(record_check(&r, NULL), 0);
	r.pods[0].boot_id[0] = '\0';
	refused(&r, "pods[0]: boot_id");
}

static void times_and_seq_out_of_the_rule_are_refused(void **state)
{
	cleanup(record_fini) struct record r = {};
	const uint64_t year_10000 = 253402300800000ULL;

	(void)state;
	first(1, &r);
	r.from_ms = r.to_ms;
	refused(&r, "to:");
	r.from_ms = r.opened_ms - 1;
	refused(&r, "from:");
	r.from_ms = r.opened_ms;
	r.to_ms = year_10000;
	refused(&r, "to:");
	r.to_ms = year_10000 - 1;
	assert_int_equal(record_check(&r, NULL), 0);
	r.prev[31] = 1;
	refused(&r, "previous");
	r.seq = 2;
	assert_int_equal(record_check(&r, NULL), 0);
	r.prev[31] = 0;
	refused(&r, "previous");
	r.seq = 0;
	refused(&r, "seq");
}

static void unmeasured_memory_has_no_amount(void **state)
{
	cleanup(record_fini) struct record r = {};

	(void)state;
	first(1, &r);
	r.pods[0].use.memory_unmeasured = 1;
	refused(&r, "memory_byte_ns");
	r.pods[0].use.memory_byte_ns = 0;
	refused(&r, "memory_byte_ns");
	r.pods[0].use.memory_peak_bytes = 0;
	assert_int_equal(record_check(&r, NULL), 0);
	r.pods[0].use.memory_unmeasured = 2;
	refused(&r, "memory_unmeasured");
}

static void pods_are_bounded_in_both_directions(void **state)
{
	cleanup(record_fini) struct record r = {}, got = {};
	cleanup(buf_fini) struct buf bytes = BUF_INIT(2 * RECORD_LEN_MAX);
	struct err err = {};

	(void)state;
	first(RECORD_PODS_MAX + 1, &r);
	refused(&r, "pods");
	r.npods--;
	for (size_t i = 0; i < r.npods; i++) { /* the longest names there are */
		memset(r.pods[i].namespace, 'n', sizeof(r.pods[i].namespace) - 1);
		memset(r.pods[i].name, 'n', sizeof(r.pods[i].name) - 1);
		memset(r.pods[i].uid, 'n', sizeof(r.pods[i].uid) - 1);
	}
	encode(&r, &bytes);
	assert_true(bytes.len < RECORD_LEN_MAX);
	if (record_decode(bytes.data, bytes.len, &got, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(got.npods, RECORD_PODS_MAX);
	while (bytes.len <= RECORD_LEN_MAX)
		buf_append(&bytes, (const char[1000]){}, 1000);
	record_fini(&got);
	assert_int_equal(record_decode(bytes.data, bytes.len, &got, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "at most"));
}

static void totals_are_those_before_plus_the_pods(void **state)
{
	cleanup(record_fini) struct record r = {};
	struct usage before = sample_usage(5), want, kept;

	(void)state;
	first(2, &r);
	want = before;
	assert_int_equal(usage_add(&want, &r.pods[0].use), 0);
	assert_int_equal(usage_add(&want, &r.pods[1].use), 0);
	assert_int_equal(record_sum(&r, &before, NULL), 0);
	assert_null(usage_diff(&r.totals, &want));
	kept = r.totals;
	before.cpu_ns = UINT64_MAX;
	assert_int_equal(record_sum(&r, &before, NULL), -EOVERFLOW);
	assert_null(usage_diff(&r.totals, &kept));
}

static void the_report_follows_from_the_record(void **state)
{
	cleanup(record_fini) struct record r = {};
	cleanup(buf_fini) struct buf bytes = BUF_INIT(RECORD_LEN_MAX);
	uint8_t hash[HASH_LEN];
	const uint8_t market[OBJECT_ID_LEN] = { 9 };
	struct report report = {};
	uint64_t due;

	(void)state;
	first(2, &r);
	encode(&r, &bytes);
	blake2b256(bytes.data, bytes.len, hash);
	assert_int_equal(record_report(&r, market, &report, NULL), 0);
	assert_memory_equal(report.usage_hash, hash, HASH_LEN);
	assert_memory_equal(report.market, market, OBJECT_ID_LEN);
	assert_memory_equal(report.lease, r.lease, OBJECT_ID_LEN);
	assert_int_equal(report.seq, 1);
	assert_int_equal(report.from_ms, r.from_ms);
	assert_int_equal(report.to_ms, r.to_ms);
	assert_int_equal(price_due(&r.prices, &r.totals, SAMPLE_WINDOW_MS, &due, NULL), 0);
	assert_int_equal(report.total_due, due);
	assert_true(due > 0);
	r.prices.cap_s = 1;
	assert_int_equal(record_report(&r, market, &report, NULL), 0);
	assert_int_equal(report.total_due, SAMPLE_WINDOW_MS / 1000);
	r.prices.core_s = UINT64_MAX;
	assert_int_equal(record_report(&r, market, &report, NULL), -EOVERFLOW);
	assert_int_equal(report.total_due, SAMPLE_WINDOW_MS / 1000);
}

static void not_following(const struct receipts *rs, const char *field)
{
	struct err err = {};

	assert_int_equal(
		record_follows(&rs->list[1].record, &rs->list[0].record, rs->list[0].report, &err),
		-EBADMSG);
	if (strncmp(err.text, field, strlen(field)) != 0)
		fail_msg("\"%s\" does not name %s", err.text, field);
}

static void what_breaks_the_chain_is_named(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	cleanup(receipts_fini) struct receipts rs = sample_receipts(2, 1, key);
	struct record *r = &rs.list[1].record;

	(void)state;
	assert_int_equal(record_follows(r, &rs.list[0].record, rs.list[0].report, NULL), 0);
	r->seq++, not_following(&rs, "seq"), r->seq--;
	r->seq--, not_following(&rs, "seq"), r->seq++;
	r->from_ms++, not_following(&rs, "from"), r->from_ms--;
	r->from_ms--, not_following(&rs, "from"), r->from_ms++;
	r->prev[31] ^= 1, not_following(&rs, "previous"), r->prev[31] ^= 1;
	r->lease[31] ^= 1, not_following(&rs, "lease"), r->lease[31] ^= 1;
	r->label[0] = 'b', not_following(&rs, "label"), r->label[0] = 'a';
	r->opened_ms--, not_following(&rs, "opened"), r->opened_ms++;
	r->prices.gib_s++, not_following(&rs, "mist_per_gib_second"), r->prices.gib_s--;
	r->totals.cpu_ns++, not_following(&rs, "totals.cpu_ns"), r->totals.cpu_ns--;
	r->pods[0].use.rx.raw.packets++, not_following(&rs, "totals.rx_packets_raw");
	r->pods[0].use.rx.raw.packets--;
	r->pods[0].use.cpu_ns = UINT64_MAX, not_following(&rs, "totals");
}

static void the_first_record_counts_from_zero(void **state)
{
	cleanup(record_fini) struct record r = {};
	struct err err = {};

	(void)state;
	first(1, &r);
	assert_int_equal(record_follows(&r, NULL, NULL, NULL), 0);
	r.totals.cpu_ns++;
	assert_int_equal(record_follows(&r, NULL, NULL, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "totals.cpu_ns"));
	r.seq = 2; /* what was before is not at hand */
	assert_int_equal(record_follows(&r, NULL, NULL, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoding_gives_back_every_field),
		cmocka_unit_test(a_window_without_pods_is_a_record),
		cmocka_unit_test(cut_and_lengthened_bytes_are_refused),
		cmocka_unit_test(a_flipped_bit_is_refused_or_another_record),
		cmocka_unit_test(pods_out_of_order_or_twice_are_refused),
		cmocka_unit_test(sort_brings_pods_in_order_and_finds_twins),
		cmocka_unit_test(texts_out_of_the_rule_are_refused),
		cmocka_unit_test(times_and_seq_out_of_the_rule_are_refused),
		cmocka_unit_test(unmeasured_memory_has_no_amount),
		cmocka_unit_test(pods_are_bounded_in_both_directions),
		cmocka_unit_test(totals_are_those_before_plus_the_pods),
		cmocka_unit_test(the_report_follows_from_the_record),
		cmocka_unit_test(what_breaks_the_chain_is_named),
		cmocka_unit_test(the_first_record_counts_from_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
