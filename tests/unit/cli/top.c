/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/cleanup.h"

#define MIB (1ULL << 20)
#define S 1000000000ULL

static struct pods_row row(uint64_t id, const char *name, uint64_t cpu_ns, uint64_t memory,
			   uint64_t tx)
{
	struct pods_row r = { .cgroup_id = id, .memory_bytes = memory, .has_memory = memory > 0 };

	snprintf(r.known.namespace, sizeof(r.known.namespace), "shop");
	snprintf(r.known.name, sizeof(r.known.name), "%s", name);
	r.use.cpu_ns = cpu_ns;
	r.use.tx.wire[USAGE_EXTERNAL].bytes = tx;
	return r;
}

/* Two seconds in which web used a core, db half of one and sent 4 MiB, new was not there before. */
static struct pods_row was[] = { { .cgroup_id = 0 }, { .cgroup_id = 0 } }, is[4];
static struct pods before = { .v = was, .n = 2, .walked_ns = S, .read_ns = S };
static struct pods now = { .v = is, .n = 4, .walked_ns = 3 * S, .read_ns = 3 * S };

static int setup(void **state)
{
	(void)state;
	was[0] = row(1, "web", 10 * S, 8 * MIB, 0);
	was[1] = row(2, "db", 0, 64 * MIB, 0);
	is[0] = row(1, "web", 12 * S, 8 * MIB, 0);
	is[1] = row(2, "db", S, 64 * MIB, 4 * MIB);
	is[2] = row(3, "new", S, 0, 0);
	is[3] = row(4, "gone", S, 0, 0);
	is[3].pod.state = WEIR_POD_RELEASED;
	return 0;
}

static void assert_order(enum top_key by, const char *want)
{
	cleanup(free_ptr) struct top_row *rows = NULL;
	cleanup(buf_fini) struct buf got = BUF_INIT(4096);
	size_t n = 0;

	assert_int_equal(top_rows(&before, &now, by, &rows, &n), 0);
	for (size_t i = 0; i < n; i++)
		buf_printf(&got, "%s ", rows[i].pod->known.name);
	assert_string_equal(got.data, want);
}

static void sorts_by_what_is_asked_for_the_unknown_last(void **state)
{
	(void)state;
	assert_order(TOP_CPU, "web db new ");
	assert_order(TOP_MEMORY, "db web new ");
	assert_order(TOP_TX, "db web new ");
	assert_order(TOP_NAME, "db new web ");
}

static void rates_are_over_the_time_between(void **state)
{
	struct pods_rate web = pods_rate(&before, &now, 0), db = pods_rate(&before, &now, 1);
	struct pods_rate fresh = pods_rate(&before, &now, 2);

	(void)state;
	assert_true(web.has_cpu && web.has_bytes);
	assert_int_equal(web.cpu_millis, 1000);
	assert_int_equal(db.cpu_millis, 500);
	assert_int_equal(db.tx_s, 2 * MIB);
	assert_false(fresh.has_cpu || fresh.has_bytes);
	now.walked_ns = before.walked_ns;
	assert_false(pods_rate(&before, &now, 0).has_cpu);
	now.walked_ns = 3 * S;
}

static size_t lines_of(const struct buf *frame, size_t *longest)
{
	size_t lines = 1, width = 0;

	*longest = 0;
	for (const char *c = frame->data; *c; c++) {
		if (*c == '\x1b') {
			c += strcspn(c, "HK");
			continue;
		}
		if (*c == '\n') {
			lines++;
			width = 0;
		} else if (*c != '\r' && ++width > *longest) {
			*longest = width;
		}
	}
	return lines;
}

static void frame_fills_any_terminal_and_no_more(void **state)
{
	static const struct {
		size_t lines, columns;
	} sizes[] = { { 24, 80 }, { 5, 20 }, { 3, 1 }, { 2, 40 }, { 1, 10 }, { 200, 500 } };
	cleanup(free_ptr) struct top_row *rows = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(top_rows(&before, &now, TOP_CPU, &rows, &n), 0);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		cleanup(buf_fini) struct buf frame = BUF_INIT(1 << 20);
		struct top_view v = { .lines = sizes[i].lines, .columns = sizes[i].columns };
		size_t longest;

		assert_int_equal(top_frame(&v, rows, n, &frame), 0);
		assert_int_equal(lines_of(&frame, &longest), sizes[i].lines);
		assert_true(longest <= sizes[i].columns);
	}
}

static void frame_says_what_is_known(void **state)
{
	cleanup(free_ptr) struct top_row *rows = NULL;
	cleanup(buf_fini) struct buf frame = BUF_INIT(1 << 20);
	struct top_view v = { .lines = 24, .columns = 120, .every_ms = 2500 };
	size_t n = 0;

	(void)state;
	assert_int_equal(top_rows(&before, &now, TOP_CPU, &rows, &n), 0);
	assert_int_equal(top_frame(&v, rows, n, &frame), 0);
	assert_non_null(strstr(frame.data, "1-3 of 3 pods by cpu, every 2.5 s"));
	assert_non_null(strstr(frame.data, "shop       web        1000m            8Mi"));
	assert_non_null(strstr(frame.data, "shop       new            -              -"));
}

static void names_move_no_cursor(void **state)
{
	cleanup(free_ptr) struct top_row *rows = NULL;
	cleanup(buf_fini) struct buf frame = BUF_INIT(1 << 20);
	struct top_view v = { .lines = 24, .columns = 120 };
	size_t n = 0;

	(void)state;
	is[0] = row(1, "a\x1b[2Jb", 0, 0, 0);
	assert_int_equal(top_rows(&before, &now, TOP_NAME, &rows, &n), 0);
	assert_int_equal(top_frame(&v, rows, n, &frame), 0);
	assert_non_null(strstr(frame.data, "a?[2Jb"));
}

static void keys_page_within_the_rows(void **state)
{
	struct top_view v = { .lines = 12, .columns = 80 }; /* 10 rows a page */

	(void)state;
	assert_true(top_press(&v, TOP_PRESS_UP, 25));
	assert_int_equal(v.first, 0);
	top_press(&v, TOP_PRESS_PAGE_DOWN, 25);
	assert_int_equal(v.first, 10);
	top_press(&v, TOP_PRESS_PAGE_DOWN, 25);
	assert_int_equal(v.first, 15); /* the last page is full */
	top_press(&v, TOP_PRESS_DOWN, 25);
	assert_int_equal(v.first, 15);
	top_press(&v, TOP_PRESS_HOME, 25);
	top_press(&v, TOP_PRESS_DOWN, 25);
	assert_int_equal(v.first, 1);
	top_press(&v, TOP_PRESS_END, 25);
	assert_int_equal(v.first, 15);
	top_press(&v, TOP_PRESS_SORT + TOP_RX, 25);
	assert_int_equal(v.by, TOP_RX);
	assert_int_equal(v.first, 0);
	assert_true(top_press(&v, TOP_PRESS_END, 3));
	assert_int_equal(v.first, 0);
	assert_false(top_press(&v, TOP_PRESS_QUIT, 25));
}

static void keys_are_read_whole_or_waited_for(void **state)
{
	size_t len = 9;

	(void)state;
	assert_int_equal(top_key_read("q", 1, &len), TOP_PRESS_QUIT);
	assert_int_equal(len, 1);
	assert_int_equal(top_key_read("\x1b[6~m", 5, &len), TOP_PRESS_PAGE_DOWN);
	assert_int_equal(len, 4);
	assert_int_equal(top_key_read("\x1b[", 2, &len), TOP_PRESS_NONE);
	assert_int_equal(len, 0);
	assert_int_equal(top_key_read("x", 1, &len), TOP_PRESS_NONE);
	assert_int_equal(len, 1);
	assert_int_equal(top_key_read("\x1b[9", 3, &len), TOP_PRESS_NONE);
	assert_int_equal(len, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sorts_by_what_is_asked_for_the_unknown_last, setup),
		cmocka_unit_test_setup(rates_are_over_the_time_between, setup),
		cmocka_unit_test_setup(frame_fills_any_terminal_and_no_more, setup),
		cmocka_unit_test_setup(frame_says_what_is_known, setup),
		cmocka_unit_test_setup(names_move_no_cursor, setup),
		cmocka_unit_test_setup(keys_page_within_the_rows, setup),
		cmocka_unit_test_setup(keys_are_read_whole_or_waited_for, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
