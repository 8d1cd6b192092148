/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/chain/tx_sample.h"

#include <errno.h>

#include "unit/core/random.h"

/* What is taken is written as it came; what is not leaves the result alone and says where. */
static bool taken(const void *data, size_t len)
{
	cleanup(buf_fini) struct buf again = BUF_INIT(TX_LEN_MAX);
	cleanup(tx_fini) struct tx tx = {};
	struct err err = {};

	if (tx_decode(data, len, &tx, &err) < 0) {
		assert_true(err.code < 0 && err.text[0]);
		assert_null(tx.blocks);
		return false;
	}
	assert_int_equal(tx_encode(&tx, &again), 0);
	assert_int_equal(again.len, len);
	assert_memory_equal(again.data, data, len);
	return true;
}

static void no_prefix_and_nothing_longer_is_a_transaction(void **state)
{
	static const char *const names[] = { "05_", "06_", "13_", "14_", "16_" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		cleanup(buf_fini) struct buf tx = BUF_INIT(TX_LEN_MAX);

		sample_tx(names[i], &tx);
		assert_true(taken(tx.data, tx.len));
		for (size_t len = 0; len < tx.len; len++)
			assert_false(taken(tx.data, len));
		buf_append(&tx, "", 1);
		assert_false(taken(tx.data, tx.len));
	}
}

static void whatever_is_taken_has_one_encoding(void **state)
{
	static const char *const names[] = { "05_", "06_", "13_", "16_", "17_" };
	struct random rnd = { 3 };
	size_t accepted = 0, refused = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		static struct buf tx[ARRAY_LEN(names)];
		struct buf *b = &tx[(size_t)round % ARRAY_LEN(names)];
		size_t at;
		char before;

		if (!b->len) {
			*b = (struct buf)BUF_INIT(TX_LEN_MAX);
			sample_tx(names[(size_t)round % ARRAY_LEN(names)], b);
		}
		at = random_next(&rnd) % b->len;
		before = b->data[at];
		b->data[at] = (char)random_next(&rnd);
		if (taken(b->data, b->len))
			accepted++;
		else
			refused++;
		b->data[at] = before;
		if (round >= 20000 - (int)ARRAY_LEN(names))
			buf_fini(b);
	}
	/* most bytes are ids and amounts, of which each is as good as another */
	assert_true(accepted > 1000 && refused > 1000);
}

static void other_versions_kinds_and_accesses_are_refused(void **state)
{
	cleanup(buf_fini) struct buf tx = BUF_INIT(TX_LEN_MAX);

	(void)state;
	sample_tx("03_", &tx);
	for (size_t at = 0; at < 2; at++) {
		tx.data[at] = 1;
		assert_false(taken(tx.data, tx.len));
		tx.data[at] = 0;
	}
	/* 00 00, four inputs, the first: 01 01 id version, then how it is used */
	tx.data[3 + 2 + 32 + 8] = 0;
	assert_true(taken(tx.data, tx.len));
	tx.data[3 + 2 + 32 + 8] = 2;
	assert_false(taken(tx.data, tx.len));
}

static void proposers_ascend_and_there_is_one(void **state)
{
	cleanup(buf_fini) struct buf tx = BUF_INIT(TX_LEN_MAX);

	(void)state;
	sample_tx("16_", &tx);
	/* at the end: 3, and u32 of 0, 5, 300 */
	tx.data[tx.len - 8] = 0;
	assert_false(taken(tx.data, tx.len));
	tx.data[tx.len - 8] = 1;
	assert_true(taken(tx.data, tx.len));
	tx.len -= 12;
	tx.data[tx.len - 1] = 0;
	assert_false(taken(tx.data, tx.len));
}

static void a_count_is_believed_no_further_than_the_bytes_go(void **state)
{
	/* 2^28 inputs, commands or gas coins in a handful of bytes */
	static const uint8_t inputs[] = { 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0 };
	static const uint8_t commands[] = { 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0 };

	(void)state;
	assert_false(taken(inputs, sizeof(inputs)));
	assert_false(taken(commands, sizeof(commands)));
}

static void more_than_the_limit_is_not_looked_at(void **state)
{
	static const uint8_t zeros[TX_LEN_MAX + 1];
	struct tx tx = {};

	(void)state;
	assert_int_equal(tx_decode(zeros, sizeof(zeros), &tx, NULL), -E2BIG);
	assert_int_equal(tx_decode(zeros, TX_LEN_MAX, &tx, NULL), -EBADMSG);
	assert_int_equal(tx_decode(NULL, 0, &tx, NULL), -EBADMSG);
}

static void what_is_read_outlives_the_bytes(void **state)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(TX_LEN_MAX), again = BUF_INIT(TX_LEN_MAX);
	cleanup(buf_fini) struct buf want = BUF_INIT(TX_LEN_MAX);
	cleanup(tx_fini) struct tx tx = {};

	(void)state;
	sample_tx("14_", &bytes);
	sample_tx("14_", &want);
	assert_int_equal(tx_decode(bytes.data, bytes.len, &tx, NULL), 0);
	memset(bytes.data, 0xaa, bytes.len);
	assert_int_equal(tx_encode(&tx, &again), 0);
	assert_memory_equal(again.data, want.data, want.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_prefix_and_nothing_longer_is_a_transaction),
		cmocka_unit_test(whatever_is_taken_has_one_encoding),
		cmocka_unit_test(other_versions_kinds_and_accesses_are_refused),
		cmocka_unit_test(proposers_ascend_and_there_is_one),
		cmocka_unit_test(a_count_is_believed_no_further_than_the_bytes_go),
		cmocka_unit_test(more_than_the_limit_is_not_looked_at),
		cmocka_unit_test(what_is_read_outlives_the_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
