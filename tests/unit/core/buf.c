/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include <stdlib.h>

#include "core/buf.h"

static void appends_follow_each_other_and_end_in_nul(void **state)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(100);

	(void)state;
	assert_int_equal(buf_append(&b, "ab\0", 3), 0);
	assert_int_equal(buf_puts(&b, "cd"), 0);
	assert_int_equal(buf_printf(&b, "%d-%s", 42, "x"), 0);
	assert_int_equal(b.len, 9);
	assert_memory_equal(b.data, "ab\0cd42-x", 10);
}

static void nothing_appended_is_no_data(void **state)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(0);

	(void)state;
	assert_int_equal(buf_append(&b, NULL, 0), 0);
	assert_int_equal(buf_puts(&b, ""), 0);
	assert_null(b.data);
	assert_int_equal(buf_append(&b, "x", 1), -E2BIG);
}

static void the_limit_itself_fits(void **state)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(4);

	(void)state;
	assert_int_equal(buf_puts(&b, "ab"), 0);
	assert_int_equal(buf_printf(&b, "%s", "cd"), 0);
	assert_string_equal(b.data, "abcd");
	assert_int_equal(buf_error(&b), 0);
}

static void over_the_limit_changes_nothing_and_sticks(void **state)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(4);

	(void)state;
	assert_int_equal(buf_puts(&b, "abc"), 0);
	assert_int_equal(buf_printf(&b, "%d", 123), -E2BIG);
	assert_string_equal(b.data, "abc");
	assert_int_equal(buf_puts(&b, "d"), -E2BIG);
	assert_int_equal(buf_printf(&b, "d"), -E2BIG);
	assert_int_equal(buf_append(&b, "", 0), -E2BIG);
	assert_int_equal(buf_error(&b), -E2BIG);
	assert_string_equal(b.data, "abc");
	assert_null(buf_take(&b));
}

static void reset_empties_and_forgives(void **state)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(2);

	(void)state;
	buf_puts(&b, "ab");
	buf_puts(&b, "c");
	buf_reset(&b);
	assert_int_equal(buf_error(&b), 0);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	assert_int_equal(buf_puts(&b, "xy"), 0);
	assert_int_equal(buf_puts(&b, "z"), -E2BIG);
}

static void consume_drops_from_the_front(void **state)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(10);

	(void)state;
	buf_consume(&b, 0);
	buf_puts(&b, "abcdef");
	buf_consume(&b, 2);
	assert_string_equal(b.data, "cdef");
	buf_consume(&b, 4);
	assert_string_equal(b.data, "");
	assert_int_equal(b.len, 0);
}

static void take_hands_out_and_leaves_empty(void **state)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(10);
	cleanup(free_ptr) char *text = NULL, *empty = NULL;

	(void)state;
	buf_puts(&b, "abc");
	text = buf_take(&b);
	assert_string_equal(text, "abc");
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.limit, 10);
	empty = buf_take(&b);
	assert_string_equal(empty, "");
}

static void grows_to_large_sizes(void **state)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(SIZE_MAX);

	(void)state;
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_printf(&b, "%05d", i), 0);
	assert_int_equal(b.len, 500000);
	assert_memory_equal(b.data + 5 * 99999, "99999", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(appends_follow_each_other_and_end_in_nul),
		TEST(nothing_appended_is_no_data),
		TEST(the_limit_itself_fits),
		TEST(over_the_limit_changes_nothing_and_sticks),
		TEST(reset_empties_and_forgives),
		TEST(consume_drops_from_the_front),
		TEST(take_hands_out_and_leaves_empty),
		TEST(grows_to_large_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
