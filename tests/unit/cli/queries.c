/* SPDX-License-Identifier: Apache-2.0 */
/* The queries of user/ledger/README.md, run by SQLite's own shell, give each number that the commands print. */
#include <ctype.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/child.h"
#include "core/parse.h"
#include "ledger/usage.h"
#include "unit/cli/books.h"

#define README "user/ledger/README.md"
#define TEXT_MAX (1 << 20)
#define DAY_MS 86400000ULL

static struct buf readme = BUF_INIT(TEXT_MAX), view = BUF_INIT(TEXT_MAX);

/* What stands between two texts. */
static void between(const char *text, const char *begin, const char *end, struct buf *to)
{
	const char *from = strstr(text, begin), *until = from ? strstr(from, end) : NULL;

	if (!until)
		fail_msg(README ": no '%s'", begin);
	buf_append(to, from, (size_t)(until - from));
	buf_puts(to, "\n");
}

static void replace(const struct buf *in, const char *what, const char *by, struct buf *to)
{
	const char *at = in->data, *hit;

	for (; (hit = strstr(at, what)); at = hit + strlen(what)) {
		buf_append(to, at, (size_t)(hit - at));
		buf_puts(to, by);
	}
	buf_puts(to, at);
}

/* A row a line, members by '|', the first line their names. */
static void query(const struct run *f, const struct buf *sql, struct buf *to)
{
	cleanup(buf_fini) struct buf input = BUF_INIT(TEXT_MAX);
	char db[160];
	const char *argv[] = { "sqlite3", "-readonly", "-batch", "-header", "-list", db, NULL };
	const struct child child = {
		.argv = argv, .input = &input, .output_fd = -1, .output = to, .timeout_ms = 20000
	};
	int status;

	snprintf(db, sizeof(db), "%s/ledger.db", f->state);
	buf_append(&input, view.data, view.len);
	buf_append(&input, sql->data, sql->len);
	books_must(child_run(&child, &status, &books_err));
	if (status)
		fail_msg("sqlite3: %s", to->data);
}

/* "A+B+...": hexadecimal, of 32 digits each. */
static unsigned __int128 sum_of_hex(const char *text)
{
	unsigned __int128 sum = 0, part = 0;

	for (;; text++) {
		if (!isxdigit((unsigned char)*text)) {
			sum += part;
			part = 0;
			if (!*text)
				return sum;
		} else {
			part = part << 4 |
			       (unsigned int)(*text <= '9' ? *text - '0' : *text - 'A' + 10);
		}
	}
}

static void assert_member(const struct json *row, const char *name, const char *value)
{
	const struct json *j = json_get(row, name);
	unsigned __int128 wide;
	uint64_t have, want;

	if (!j)
		fail_msg("%s is not printed", name);
	if (!*value) {
		assert_int_equal(json_type(j), JSON_NULL);
	} else if (!strcmp(name, "memory_byte_ns")) {
		assert_int_equal(json_u128(row, name, &wide), 0);
		assert_true(wide == sum_of_hex(value));
	} else if (json_u64(row, name, &have) == 0 ||
		   time_parse(json_str(row, name, ""), &have) == 0) {
		if (parse_u64(value, 0, UINT64_MAX, &want) < 0 || have != want)
			fail_msg("%s: printed %" PRIu64 ", in the ledger %s", name, have, value);
	} else {
		assert_string_equal(json_str(row, name, ""), value);
	}
}

/* Amounts of money are texts; a cgroup id is a name. */
static void assert_no_other_number(const struct json *row, const char *header)
{
	char names[1024], want[64];
	uint64_t number;

	snprintf(names, sizeof(names), "|%s|", header);
	json_foreach(j, row) {
		snprintf(want, sizeof(want), "|%s|", json_key(j));
		if (json_number(j, &number) == 0 && strcmp(json_key(j), "cgroup_id") &&
		    !strstr(names, want))
			fail_msg("no query gives %s", json_key(j));
	}
}

static void compare_row(const struct json *row, const char *header, char *line)
{
	char names[1024], *name, *value, *more = names;

	assert_no_other_number(row, header);
	snprintf(names, sizeof(names), "%s", header);
	while ((name = strsep(&more, "|"))) {
		value = strsep(&line, "|");
		assert_non_null(value);
		assert_member(row, name, value);
	}
	assert_null(line);
}

/* The command that was run last, and the query. */
static void compare(struct run *f, const struct buf *sql, size_t want_rows)
{
	cleanup(json_free) struct json *rows = run_json(f);
	cleanup(buf_fini) struct buf out = BUF_INIT(TEXT_MAX);
	char *at, *header;
	size_t n = 0;

	query(f, sql, &out);
	at = out.data;
	header = strsep(&at, "\n");
	for (char *line; (line = strsep(&at, "\n")) && *line; n++) {
		if (n >= json_len(rows))
			fail_msg("not printed: %s", line);
		compare_row(json_at(rows, n), header, line);
	}
	assert_int_equal(n, json_len(rows));
	assert_int_equal(n, want_rows);
}

static void compare_usage(struct run *f, const char *by, const char *key, size_t want_rows)
{
	cleanup(buf_fini) struct buf any = BUF_INIT(TEXT_MAX), sql = BUF_INIT(TEXT_MAX);

	between(readme.data, "-- weir usage show --by KEY\n", "```", &any);
	replace(&any, "KEY", key, &sql);
	run_ok(f, "-j", "usage", "show", "--by", by);
	compare(f, &sql, want_rows);
}

static void compare_all_usage(struct run *f, size_t windows)
{
	compare_usage(f, "pod", "namespace, name, uid, lease, pod", 2);
	compare_usage(f, "namespace", "namespace", 1);
	compare_usage(f, "lease", "lease", 2);
	compare_usage(f, "window", "from_ms, namespace, name, uid, lease, pod", windows);
}

static int setup(void **state)
{
	struct key *key;

	if (run_setup(state) < 0)
		return -1;
	key = books_make(*state);
	key_free(&key);
	return 0;
}

static void usage_is_what_the_query_gives(void **state)
{
	compare_all_usage(*state, 4);
}

/* An interface that saw other bytes; then two more days, of which the first windows go. */
static void usage_is_what_the_query_gives_when_windows_have_gone(void **state)
{
	const struct usage_interface seen = { .rx = { 180, 18 }, .tx = { 1 << 20, 700 } };
	cleanup(ledger_close) struct ledger *l = NULL;
	struct run *f = *state;
	char path[160];

	snprintf(path, sizeof(path), "%s/ledger.db", f->state);
	books_must(ledger_open(path, &l, &books_err));
	for (uint64_t n = 3, from = BOOKS_FROM + 2 * BOOKS_MINUTE; n <= 5; n++, from += DAY_MS) {
		cleanup(ledger_rollback) struct ledger_tx tx = {};
		struct usage u = books_reading(n, true), delta;
		struct ledger_pod web;
		uint64_t id;
		bool left;

		books_must(ledger_pod_find(l, BOOKS_BOOT, 42, &web, &books_err));
		books_must(ledger_begin(l, &tx, &books_err));
		books_must(ledger_window_append(&tx, from, from + DAY_MS, &id, &books_err));
		books_must(ledger_usage_record(&tx, web.id, &u, &delta, &books_err));
		if (n == 3)
			books_must(ledger_interface_record(&tx, web.id, &seen, &delta, &books_err));
		books_must(ledger_commit(&tx, &books_err));
		compare_all_usage(f, n + 2);
		if (n < 5)
			continue;
		books_must(ledger_begin(l, &tx, &books_err));
		books_must(ledger_keep(&tx, from, 1000, &left, &books_err));
		books_must(ledger_commit(&tx, &books_err));
	}
	compare_all_usage(f, 4);
}

static void money_is_what_the_queries_give(void **state)
{
	static const struct {
		const char *object, *begin, *end;
		size_t rows;
	} queries[] = {
		{ "receipt", "-- weir receipt show\n", "-- weir lease", 2 },
		{ "lease", "-- weir lease show\n", "-- weir settlement", 1 },
		{ "settlement", "-- weir settlement show\n", "```", 2 },
	};

	struct run *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
		cleanup(buf_fini) struct buf sql = BUF_INIT(TEXT_MAX);

		between(readme.data, queries[i].begin, queries[i].end, &sql);
		run_ok(f, "-j", queries[i].object, "show");
		compare(f, &sql, queries[i].rows);
	}
}

static int read_readme(void **state)
{
	(void)state;
	if (file_read(README, &readme, &books_err) < 0)
		return -1;
	between(readme.data, "CREATE TEMP VIEW booked", "```", &view);
	return 0;
}

static int drop_readme(void **state)
{
	(void)state;
	buf_fini(&readme);
	buf_fini(&view);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, run_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(usage_is_what_the_query_gives),
		TEST(usage_is_what_the_query_gives_when_windows_have_gone),
		TEST(money_is_what_the_queries_give),
	};

	return cmocka_run_group_tests(tests, read_readme, drop_readme);
}
