/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/leaf.h"

#include <errno.h>

#include "unit/chain/sample.h"

static struct leaf sample_leaf(void)
{
	struct leaf l = {
		.lease = { 1, 2, 3 },
		.from_ms = SAMPLE_OPENED_MS,
		.to_ms = SAMPLE_OPENED_MS + SAMPLE_WINDOW_MS,
		.pod = { .namespace = "shop",
			 .name = "web-0",
			 .uid = "u",
			 .boot_id = "b",
			 .cgroup_id = 7,
			 .use = sample_usage(4) },
	};
	const uint8_t secret[LEAF_SECRET_LEN] = { 9 };

	assert_int_equal(crypto_init(), 0);
	leaf_blind(&l, secret);
	return l;
}

static void encoded(const struct leaf *l, struct buf *out)
{
	buf_reset(out);
	leaf_encode(l, out);
	assert_int_equal(buf_error(out), 0);
}

static void a_leaf_has_one_encoding(void **state)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(LEAF_LEN_MAX), again = BUF_INIT(LEAF_LEN_MAX);
	struct leaf l = sample_leaf(), back;
	struct err err = {};

	(void)state;
	encoded(&l, &bytes);
	assert_int_equal(leaf_decode(bytes.data, bytes.len, &back, &err), 0);
	encoded(&back, &again);
	assert_int_equal(bytes.len, again.len);
	assert_memory_equal(bytes.data, again.data, bytes.len);
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_equal(leaf_decode(bytes.data, len, &back, &err), -EBADMSG);
}

static void what_breaks_a_rule_is_refused_by_name(void **state)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(LEAF_LEN_MAX);
	struct leaf l = sample_leaf(), back = { .from_ms = 77 };
	struct err err = {};

	(void)state;
	l.to_ms = l.from_ms;
	encoded(&l, &bytes);
	assert_int_equal(leaf_decode(bytes.data, bytes.len, &back, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "not after from"));
	l = sample_leaf();
	l.pod.name[0] = '"';
	encoded(&l, &bytes);
	assert_int_equal(leaf_decode(bytes.data, bytes.len, &back, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "name"));
	bytes.data[0] = 'X';
	assert_int_equal(leaf_decode(bytes.data, bytes.len, &back, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "NODE-LEAF-V1"));
	assert_int_equal(back.from_ms, 77);
}

/* F1, F2, F3: another lease, time, pod, blind or amount is another leaf. */
static void every_field_is_in_the_hash(void **state)
{
	struct totals_node first, node;
	struct leaf l = sample_leaf();

	(void)state;
	assert_int_equal(leaf_node(&l, &first, NULL), 0);
	for (int field = 0; field < 6; field++) {
		struct leaf other = l;

		other.blind[0] ^= field == 0;
		other.lease[31] ^= field == 1;
		other.from_ms -= field == 2;
		other.to_ms += field == 3;
		other.pod.cgroup_id += field == 4;
		other.pod.use.tx.raw.packets += field == 5; /* which no sum has */
		assert_int_equal(leaf_node(&other, &node, NULL), 0);
		assert_memory_not_equal(node.hash, first.hash, HASH_LEN);
	}
	l.pod.use.rx.wire[0].bytes = UINT64_MAX;
	assert_int_equal(leaf_node(&l, &node, NULL), -EOVERFLOW);
}

static void blinds_differ_by_window_pod_and_secret(void **state)
{
	const uint8_t secret[LEAF_SECRET_LEN] = { 9 }, another[LEAF_SECRET_LEN] = { 10 };
	struct leaf l = sample_leaf(), other = l;

	(void)state;
	leaf_blind(&other, secret);
	assert_memory_equal(other.blind, l.blind, HASH_LEN);
	leaf_blind(&other, another);
	assert_memory_not_equal(other.blind, l.blind, HASH_LEN);
	other.from_ms++;
	leaf_blind(&other, secret);
	assert_memory_not_equal(other.blind, l.blind, HASH_LEN);
	other = l;
	other.pod.cgroup_id++;
	leaf_blind(&other, secret);
	assert_memory_not_equal(other.blind, l.blind, HASH_LEN);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leaf_has_one_encoding),
		cmocka_unit_test(what_breaks_a_rule_is_refused_by_name),
		cmocka_unit_test(every_field_is_in_the_hash),
		cmocka_unit_test(blinds_differ_by_window_pod_and_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
