/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/cosign.h"

#include <errno.h>

#include "core/buf.h"
#include "unit/chain/sample.h"

static void make(struct cosign *c)
{
	const struct report r = { .market = { 1 }, .lease = { 2 }, .seq = 7, .total_due = 9 };
	cleanup(key_free) struct key *key = NULL;
	uint8_t bytes[REPORT_LEN];

	assert_int_equal(crypto_init(), 0);
	assert_int_equal(key_new(&key), 0);
	report_encode(&r, bytes);
	assert_int_equal(cosign_make(bytes, key, c, NULL), 0);
}

static void what_was_written_is_read(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(COSIGN_LEN_MAX);
	struct cosign c = {}, back = {};

	(void)state;
	make(&c);
	assert_int_equal(cosign_render(&c, &text), 0);
	assert_int_equal(cosign_parse(text.data, text.len, &back, NULL), 0);
	assert_memory_equal(&back, &c, sizeof(c));
	assert_int_equal(back.fields.seq, 7);
	assert_int_equal(back.fields.total_due, 9);
}

static void only_a_report_is_co_signed(void **state)
{
	const uint8_t bytes[REPORT_LEN] = {};
	cleanup(key_free) struct key *key = NULL;
	struct cosign c = {};

	(void)state;
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(key_new(&key), 0);
	assert_int_equal(cosign_make(bytes, key, &c, NULL), -EBADMSG);
	assert_int_equal(c.fields.seq, 0);
}

/* Every byte counts: digits, names and the signature. */
static void any_byte_changed_is_refused(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(COSIGN_LEN_MAX);
	struct cosign c = {}, back = {};

	(void)state;
	make(&c);
	assert_int_equal(cosign_render(&c, &text), 0);
	for (size_t i = 0; i < text.len - 1; i++) {
		text.data[i] ^= 1;
		assert_true(cosign_parse(text.data, text.len, &back, NULL) < 0);
		text.data[i] ^= 1;
	}
	assert_true(cosign_parse("", 0, &back, NULL) < 0);
	assert_true(cosign_parse("{}", 2, &back, NULL) < 0);
	assert_true(cosign_parse(text.data, text.len - 3, &back, NULL) < 0);
	assert_int_equal(back.fields.seq, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(only_a_report_is_co_signed),
		cmocka_unit_test(any_byte_changed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
