/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/receipt.h"

#include <errno.h>

#include "unit/chain/sample.h"

static void render(const struct receipts *rs, struct buf *out)
{
	struct err err = {};

	if (receipts_render(rs, out, &err) < 0)
		fail_msg("%s", err.text);
}

/* text with the first `from` replaced by `to` must be refused, by an error that says `word`. */
static void refused_with(const struct buf *text, const char *from, const char *to, const char *word)
{
	cleanup(buf_fini) struct buf other = BUF_INIT(RECEIPTS_LEN_MAX);
	const char *at = strstr(text->data, from);
	struct receipts *rs = NULL;
	struct err err = {};

	assert_non_null(at);
	buf_append(&other, text->data, (size_t)(at - text->data));
	buf_puts(&other, to);
	buf_puts(&other, at + strlen(from));
	if (receipts_parse(other.data, other.len, &rs, &err) != -EBADMSG)
		fail_msg("taken: %s for %s", to, from);
	assert_null(rs);
	if (!strstr(err.text, word))
		fail_msg("\"%s\" does not say \"%s\"", err.text, word);
}

static void the_independently_made_file_comes_back_byte_for_byte(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX), again = text;
	cleanup(receipts_free) struct receipts *rs = NULL;
	struct err err = {};

	(void)state;
	sample_read("tests/vectors/receipts-v1.json", &text);
	if (receipts_parse(text.data, text.len, &rs, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(rs->count, 3);
	assert_string_equal(rs->list[0].record.label, "acme-web");
	assert_int_equal(rs->list[2].record.pods[1].use.memory_unmeasured, 1);
	render(rs, &again);
	assert_string_equal(again.data, text.data);
}

static void parsing_gives_back_every_receipt(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	cleanup(receipts_fini) struct receipts rs = sample_receipts(20, 2, key);
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	cleanup(receipts_free) struct receipts *got = NULL;

	(void)state;
	render(&rs, &text);
	assert_int_equal(receipts_parse(text.data, text.len, &got, NULL), 0);
	assert_int_equal(got->count, 20);
	assert_memory_equal(got->provider, rs.provider, PUBKEY_LEN);
	assert_memory_equal(got->market, rs.market, OBJECT_ID_LEN);
	for (size_t i = 0; i < 20; i++) {
		cleanup(buf_fini) struct buf a = BUF_INIT(RECORD_LEN_MAX), b = a;

		assert_int_equal(record_encode(&got->list[i].record, &a, NULL), 0);
		assert_int_equal(record_encode(&rs.list[i].record, &b, NULL), 0);
		assert_int_equal(a.len, b.len);
		assert_memory_equal(a.data, b.data, a.len);
		assert_memory_equal(got->list[i].report, rs.list[i].report, REPORT_LEN);
		assert_memory_equal(got->list[i].sig, rs.list[i].sig, SIG_LEN);
	}
}

static void a_file_of_nothing_or_of_two_leases_is_not_written(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	cleanup(receipts_fini) struct receipts rs = sample_receipts(2, 1, key);
	cleanup(buf_fini) struct buf out = BUF_INIT(RECEIPTS_LEN_MAX);
	struct receipts none = {};
	struct err err = {};

	(void)state;
	buf_puts(&out, "kept");
	assert_int_equal(receipts_render(&none, &out, &err), -EINVAL);
	rs.list[1].record.label[0] = 'b';
	assert_int_equal(receipts_render(&rs, &out, &err), -EINVAL);
	assert_non_null(strstr(err.text, "receipt 2 (seq 2)"));
	rs.list[1].record.label[0] = 'a';
	rs.list[1].record.prices.core_s++;
	assert_int_equal(receipts_render(&rs, &out, &err), -EINVAL);
	rs.list[1].record.prices.core_s--;
	rs.list[1].record.node[0] = '"';
	assert_int_equal(receipts_render(&rs, &out, &err), -EINVAL);
	assert_non_null(strstr(err.text, "node"));
	rs.list[1].record.node[0] = 'n';
	rs.list[1].report[0] ^= 1;
	assert_int_equal(receipts_render(&rs, &out, &err), -EINVAL);
	rs.list[1].report[0] ^= 1;
	assert_string_equal(out.data, "kept");
	assert_int_equal(receipts_render(&rs, &out, &err), 0);
}

static void the_same_content_in_another_form_is_refused(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);

	(void)state;
	sample_read("tests/vectors/receipts-v1.json", &text);
	/* each of these is valid JSON, and most readers would not see a difference */
	refused_with(&text, "{\"seq\":\"2\"", "{ \"seq\":\"2\"", "receipt 2 (line 3)");
	refused_with(&text, "\"seq\":\"2\"", "\"seq\":2", "receipt 2 (line 3)");
	refused_with(&text, "\"seq\":\"2\"", "\"seq\":\"02\"", "receipt 2 (line 3)");
	refused_with(&text, "\"seq\":\"2\"", "\"seq\":\"\\u0032\"", "receipt 2 (line 3)");
	refused_with(&text, "\"seq\":\"2\"", "\"seq\":\"2\",\"more\":1", "receipt 2 (line 3)");
	refused_with(&text, "\"seq\":\"2\"", "\"seq\":\"2\",\"seq\":\"2\"", "receipt 2 (line 3)");
	refused_with(&text, "\"seq\":\"2\",\"node\":\"node-a\"",
		     "\"node\":\"node-a\",\"seq\":\"2\"", "receipt 2 (line 3)");
	refused_with(&text, "\"from\":\"2026-11-18T11:07:40.500Z\"",
		     "\"from\":\"2026-11-18T12:07:40.500+01:00\"", "receipt 2 (line 3)");
	refused_with(&text, "\"label\":\"acme-web\"", "\"label\":\"acme\\u002dweb\"", "line 1");
	refused_with(&text, "\"id\":\"ced2", "\"id\":\"CED2", "lease (line 1): id");
	refused_with(&text, "},\n{\"seq\":\"2\"", "}, \n{\"seq\":\"2\"", "receipt 1 (line 2)");
	refused_with(&text, "},\n{\"seq\":\"2\"", "},\r\n{\"seq\":\"2\"", "receipt 1 (line 2)");
	refused_with(&text, "},\n{\"seq\":\"2\"", "},\n\n{\"seq\":\"2\"", "receipt 2 (line 3)");
	refused_with(&text, "},\n{\"seq\":\"2\"", "},{\"seq\":\"2\"", "receipt 1 (line 2)");
	refused_with(&text, "\n]}\n", "\n]}", "byte");
	refused_with(&text, "\n]}\n", "\n]}\n\n", "byte");
	refused_with(&text, "\n]}\n", ",\n]}\n", "receipt 4 (line 5)");
}

static void what_is_missing_or_of_another_type_is_named(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);

	(void)state;
	sample_read("tests/vectors/receipts-v1.json", &text);
	refused_with(&text, "weir-receipts-v1", "weir-receipts-v2", "weir-receipts-v1");
	refused_with(&text, "\"mist_per_gib_second\":", "\"mist_per_gib_sec\":",
		     "prices: mist_per_gib_second");
	refused_with(&text, "\"name\":\"web-1\"", "\"nome\":\"web-1\"",
		     "receipt 1 (line 2): pods[1]: name");
	refused_with(&text, "\"cpu_ns\":\"", "\"cpu_ns\":\"-",
		     "receipt 1 (line 2): pods[0]: cpu_ns");
	refused_with(&text, "\"totals\":{", "\"totals\":[],\"total\":{", "totals: want an object");
	refused_with(&text, "\"pods\":[", "\"pods\":{},\"pod\":[", "pods: want an array");
	refused_with(&text, "\"to\":\"2026", "\"to\":\"1969", "to: want a time");
	refused_with(&text, "\"total_due\":\"", "\"total_due\":\"1", "total_due");
	refused_with(&text, "\"cgroup_id\":\"4201\"", "\"cgroup_id\":\"4200\"",
		     "receipt 1 (line 2): pods[1].cgroup_id");
	refused_with(&text, "\"name\":\"web-1\"", "\"name\":\"\"",
		     "receipt 1 (line 2): pods[1]: name: is empty");
	refused_with(&text, "\"seq\":\"2\"", "\"seq\":\"1\"", "receipt 2 (line 3): previous");
	refused_with(&text, "\"memory_byte_ns\":null", "\"memory_byte_ns\":\"0\"",
		     "receipt 3 (line 4)");
}

static void a_file_cut_anywhere_is_refused(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	struct receipts *rs = NULL;

	(void)state;
	sample_read("tests/vectors/receipts-v1.json", &text);
	for (size_t len = 0; len < text.len; len++) {
		struct err err = {};

		assert_int_equal(receipts_parse(text.data, len, &rs, &err), -EBADMSG);
		assert_true(err.text[0]);
	}
	assert_null(rs);
}

static void limits_are_checked_before_anything_is_read(void **state)
{
	cleanup(buf_fini) struct buf line = BUF_INIT(16U << 20);
	struct receipts *rs = NULL;
	struct receipts full = { .count = RECEIPTS_MAX, .cap = RECEIPTS_MAX };
	struct receipt *rc = NULL;
	struct err err = {};

	(void)state;
	/* the length alone refuses it: the text is not read */
	assert_int_equal(receipts_parse("", (size_t)RECEIPTS_LEN_MAX + 1, &rs, &err), -E2BIG);
	assert_non_null(strstr(err.text, "67108864"));
	assert_int_equal(receipts_add(&full, &rc), -E2BIG);
	assert_null(rc);
	sample_read("tests/vectors/receipts-v1.json", &line);
	line.len = (size_t)((char *)memchr(line.data, '\n', line.len) - line.data) + 1;
	for (size_t n = 0; n < 9U << 20; n += 4096) {
		static const char blanks[4096];

		buf_append(&line, blanks, sizeof(blanks));
	}
	buf_puts(&line, "\n]}\n");
	assert_true(receipts_parse(line.data, line.len, &rs, &err) < 0);
	assert_int_equal(err.code, -E2BIG);
	assert_null(rs);
}

static void too_many_pods_in_a_receipt_are_refused(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX), other = text;
	const char *pods;
	struct receipts *rs = NULL;
	struct err err = {};

	(void)state;
	sample_read("tests/vectors/receipts-v1.json", &text);
	pods = strstr(text.data, "\"pods\":[") + strlen("\"pods\":[");
	buf_append(&other, text.data, (size_t)(pods - text.data));
	for (size_t i = 0; i < RECORD_PODS_MAX; i++)
		buf_puts(&other, "{},");
	buf_puts(&other, pods);
	assert_int_equal(receipts_parse(other.data, other.len, &rs, &err), -E2BIG);
	assert_non_null(strstr(err.text, "receipt 1 (line 2): pods: 4098"));
	assert_null(rs);
}

static void the_largest_record_fits_in_a_line(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	cleanup(receipts_fini) struct receipts rs = sample_receipts(1, RECORD_PODS_MAX, key);
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	cleanup(receipts_free) struct receipts *got = NULL;
	struct record *r = &rs.list[0].record;
	struct err err = {};

	(void)state;
	for (size_t i = 0; i < r->npods; i++) {
		struct record_pod *p = &r->pods[i];

		memset(p->namespace, 'n', sizeof(p->namespace) - 1);
		memset(p->name, 'n', sizeof(p->name) - 1);
		memset(p->uid, 'n', sizeof(p->uid) - 1);
		p->cgroup_id = UINT64_MAX - RECORD_PODS_MAX + i;
		p->use.memory_byte_ns = -(unsigned __int128)1;
		memset(&p->use.memory_peak_bytes, 0xff, 8);
		p->use.cpu_ns = UINT64_MAX;
		memset(&p->use.rx, 0xff, sizeof(p->use.rx));
		memset(&p->use.tx, 0xff, sizeof(p->use.tx));
	}
	render(&rs, &text);
	if (receipts_parse(text.data, text.len, &got, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(got->list[0].record.npods, RECORD_PODS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_independently_made_file_comes_back_byte_for_byte),
		cmocka_unit_test(parsing_gives_back_every_receipt),
		cmocka_unit_test(a_file_of_nothing_or_of_two_leases_is_not_written),
		cmocka_unit_test(the_same_content_in_another_form_is_refused),
		cmocka_unit_test(what_is_missing_or_of_another_type_is_named),
		cmocka_unit_test(a_file_cut_anywhere_is_refused),
		cmocka_unit_test(limits_are_checked_before_anything_is_read),
		cmocka_unit_test(too_many_pods_in_a_receipt_are_refused),
		cmocka_unit_test(the_largest_record_fits_in_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
