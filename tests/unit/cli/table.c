/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include "unit/cli/sample.h"

static void columns_align_without_trailing_blanks(void **state)
{
	cleanup(table_fini) struct table t = { .columns = 3, .right = { [1] = true } };
	cleanup(buf_fini) struct buf out = BUF_INIT(1 << 16);
	const char *const cells[] = { "NAME", "N", "NOTE", "a", "1000", "", "longer", "7", "x" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cells); i++)
		table_cell(&t, cells[i]);
	assert_int_equal(table_print(&t, &out), 0);
	assert_string_equal(out.data, "NAME       N  NOTE\n"
				      "a       1000\n"
				      "longer     7  x\n");
}

static void width_counts_characters(void **state)
{
	cleanup(table_fini) struct table t = { .columns = 2 };
	cleanup(buf_fini) struct buf out = BUF_INIT(1 << 16);

	(void)state;
	table_cell(&t, "\xc3\xa4\xc3\xb6"); /* two characters, four bytes */
	table_cell(&t, "x");
	table_cell(&t, "abc");
	table_cell(&t, "y");
	assert_int_equal(table_print(&t, &out), 0);
	assert_string_equal(out.data, "\xc3\xa4\xc3\xb6   x\nabc  y\n");
}

static void control_characters_never_reach_the_terminal(void **state)
{
	cleanup(table_fini) struct table t = { .columns = 1 };
	cleanup(buf_fini) struct buf out = BUF_INIT(1 << 16);

	(void)state;
	table_cell(&t, "a\x1b[2Jb\nc\x7f\xc2\x9b"
		       "31m\xc3\xa4");
	assert_int_equal(table_print(&t, &out), 0);
	assert_string_equal(out.data, "a?[2Jb?c???31m\xc3\xa4\n");
}

static void limit_of_the_buffer_is_told(void **state)
{
	cleanup(table_fini) struct table t = { .columns = 1 };
	cleanup(buf_fini) struct buf out = BUF_INIT(4);

	(void)state;
	table_cell(&t, "12345");
	assert_int_equal(table_print(&t, &out), -E2BIG);
}

static void many_rows_keep_their_order(void **state)
{
	cleanup(table_fini) struct table t = { .columns = 1 };
	cleanup(buf_fini) struct buf out = BUF_INIT(1 << 16), want = BUF_INIT(1 << 16);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", i);
		table_cell(&t, text);
		buf_printf(&want, "%d\n", i);
	}
	assert_int_equal(table_print(&t, &out), 0);
	assert_string_equal(out.data, want.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_align_without_trailing_blanks),
		cmocka_unit_test(width_counts_characters),
		cmocka_unit_test(control_characters_never_reach_the_terminal),
		cmocka_unit_test(limit_of_the_buffer_is_told),
		cmocka_unit_test(many_rows_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
