/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include "core/log_limit.h"

/* How often the line was held back before, or -1 if it is held back now. */
static int pass(struct log_limit *l, const char *line, uint64_t now_ms)
{
	uint64_t repeated = 12345;

	if (!log_limit_pass(l, line, strlen(line), now_ms, &repeated)) {
		assert_int_equal(repeated, 12345);
		return -1;
	}
	return (int)repeated;
}

static void a_repetition_is_counted_and_told_with_the_next(void **state)
{
	struct log_limit l = {};

	(void)state;
	assert_int_equal(pass(&l, "a", 0), 0);
	assert_int_equal(pass(&l, "a", 1), -1);
	assert_int_equal(pass(&l, "a", LOG_LIMIT_MS - 1), -1);
	assert_int_equal(pass(&l, "a", LOG_LIMIT_MS), 2);
	assert_int_equal(pass(&l, "a", LOG_LIMIT_MS + 1), -1);
	assert_int_equal(pass(&l, "a", 3 * LOG_LIMIT_MS), 1);
	assert_int_equal(pass(&l, "a", 5 * LOG_LIMIT_MS), 0);
}

static void different_lines_do_not_hold_each_other_back(void **state)
{
	struct log_limit l = {};

	(void)state;
	assert_int_equal(pass(&l, "a", 5), 0);
	assert_int_equal(pass(&l, "b", 5), 0);
	assert_int_equal(pass(&l, "", 5), 0);
	assert_int_equal(pass(&l, "a", 6), -1);
	assert_int_equal(pass(&l, "b", 6), -1);
}

static void the_oldest_line_is_forgotten_first(void **state)
{
	struct log_limit l = {};
	char line[2] = "";

	(void)state;
	for (int i = 0; i < LOG_LIMIT_LINES; i++) {
		line[0] = (char)('!' + i);
		assert_int_equal(pass(&l, line, (uint64_t)i + 1), 0);
	}
	assert_int_equal(pass(&l, "new", 1000), 0); /* takes the place of "!" */
	assert_int_equal(pass(&l, "\"", 1001), -1);
	assert_int_equal(pass(&l, "new", 1002), -1);
	assert_int_equal(pass(&l, "!", 1003), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_repetition_is_counted_and_told_with_the_next),
		TEST(different_lines_do_not_hold_each_other_back),
		TEST(the_oldest_line_is_forgotten_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
