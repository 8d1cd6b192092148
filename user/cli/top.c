/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/format.h"
#include "cli/table.h"
#include "core/buf.h"
#include "core/cleanup.h"

#define HEAD_LINES 2 /* what this is, and the columns */
#define COLUMNS 7

static const char *const key_names[TOP_KEY_MAX_] = {
	[TOP_CPU] = "cpu", [TOP_MEMORY] = "memory", [TOP_RX] = "rx",
	[TOP_TX] = "tx",   [TOP_NAME] = "name",
};

int top_key_parse(const char *text, enum top_key *ret)
{
	for (unsigned int i = 0; i < TOP_KEY_MAX_; i++) {
		if (strcmp(key_names[i], text) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* ---- rows ---- */

static int by_name(const struct top_row *a, const struct top_row *b)
{
	const struct pods_row *x = a->pod, *y = b->pod;
	int order = strcmp(x->known.namespace, y->known.namespace);

	if (order == 0)
		order = strcmp(x->known.name, y->known.name);
	return order ? order : (x->cgroup_id > y->cgroup_id) - (x->cgroup_id < y->cgroup_id);
}

/* More than all that are known less: one added to what is known, 0 for what is not. */
static uint64_t weight(const struct top_row *row, enum top_key by)
{
	switch (by) {
	case TOP_CPU:
		return row->rate.has_cpu ? row->rate.cpu_millis + 1 : 0;
	case TOP_MEMORY:
		return row->pod->has_memory ? row->pod->memory_bytes + 1 : 0;
	case TOP_RX:
		return row->rate.has_bytes ? row->rate.rx_s + 1 : 0;
	case TOP_TX:
		return row->rate.has_bytes ? row->rate.tx_s + 1 : 0;
	case TOP_NAME:
	case TOP_KEY_MAX_:
		break;
	}
	return 0;
}

static int compare(const void *a, const void *b, void *arg)
{
	enum top_key by = *(const enum top_key *)arg;
	uint64_t x = weight(a, by), y = weight(b, by);

	return x == y ? by_name(a, b) : (x < y) - (x > y);
}

int top_rows(const struct pods *before, const struct pods *now, enum top_key by,
	     struct top_row **ret, size_t *ret_n)
{
	struct top_row *rows = calloc(now->n + 1, sizeof(*rows));
	size_t n = 0;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < now->n; i++)
		if (now->v[i].pod.state != WEIR_POD_RELEASED)
			rows[n++] = (struct top_row){ .pod = &now->v[i],
						      .rate = pods_rate(before, now, i) };
	qsort_r(rows, n, sizeof(*rows), compare, &by);
	*ret = rows;
	*ret_n = n;
	return 0;
}

/* ---- keys ---- */

static const struct {
	const char *bytes;
	unsigned int press;
} presses[] = {
	{ "q", TOP_PRESS_QUIT },
	{ "\x03", TOP_PRESS_QUIT }, /* Ctrl-C: raw mode makes it a byte */
	{ "c", TOP_PRESS_SORT + TOP_CPU },
	{ "m", TOP_PRESS_SORT + TOP_MEMORY },
	{ "r", TOP_PRESS_SORT + TOP_RX },
	{ "t", TOP_PRESS_SORT + TOP_TX },
	{ "n", TOP_PRESS_SORT + TOP_NAME },
	{ "k", TOP_PRESS_UP },
	{ "j", TOP_PRESS_DOWN },
	{ " ", TOP_PRESS_PAGE_DOWN },
	{ "\x1b[A", TOP_PRESS_UP },
	{ "\x1bOA", TOP_PRESS_UP },
	{ "\x1b[B", TOP_PRESS_DOWN },
	{ "\x1bOB", TOP_PRESS_DOWN },
	{ "\x1b[5~", TOP_PRESS_PAGE_UP },
	{ "\x1b[6~", TOP_PRESS_PAGE_DOWN },
	{ "\x1b[H", TOP_PRESS_HOME },
	{ "\x1bOH", TOP_PRESS_HOME },
	{ "\x1b[1~", TOP_PRESS_HOME },
	{ "\x1b[F", TOP_PRESS_END },
	{ "\x1bOF", TOP_PRESS_END },
	{ "\x1b[4~", TOP_PRESS_END },
};

unsigned int top_key_read(const char *bytes, size_t len, size_t *ret_len)
{
	for (size_t i = 0; i < ARRAY_LEN(presses); i++) {
		size_t want = strlen(presses[i].bytes);

		if (memcmp(presses[i].bytes, bytes, want < len ? want : len) != 0)
			continue;
		*ret_len = want <= len ? want : 0;
		return want <= len ? presses[i].press : TOP_PRESS_NONE;
	}
	*ret_len = 1; /* nothing that is known: one byte further */
	return TOP_PRESS_NONE;
}

static size_t page(const struct top_view *v)
{
	return v->lines > HEAD_LINES ? v->lines - HEAD_LINES : 1;
}

/* The last page is full, as far as there are rows. */
static void keep_inside(struct top_view *v, size_t n)
{
	size_t last = n > page(v) ? n - page(v) : 0;

	if (v->first > last)
		v->first = last;
}

bool top_press(struct top_view *v, unsigned int press, size_t n)
{
	size_t step = press == TOP_PRESS_PAGE_UP || press == TOP_PRESS_PAGE_DOWN ? page(v) : 1;

	if (press == TOP_PRESS_QUIT)
		return false;
	if (press >= TOP_PRESS_SORT) {
		v->by = press - TOP_PRESS_SORT;
		v->first = 0;
	}
	if (press == TOP_PRESS_UP || press == TOP_PRESS_PAGE_UP)
		v->first -= step < v->first ? step : v->first;
	if (press == TOP_PRESS_DOWN || press == TOP_PRESS_PAGE_DOWN)
		v->first += step;
	if (press == TOP_PRESS_HOME)
		v->first = 0;
	if (press == TOP_PRESS_END)
		v->first = n;
	keep_inside(v, n);
	return true;
}

/* ---- the screen ---- */

static void known(struct table *t, bool is_known, const char *text)
{
	table_cell(t, is_known ? text : "-");
}

static void add_row(struct table *t, const struct top_row *row)
{
	const struct ledger_pod *who = &row->pod->known;
	char text[FORMAT_MAX];

	known(t, who->namespace[0], who->namespace);
	table_cell(t, who->name[0] ? who->name : row->pod->pod.name);
	known(t, row->rate.has_cpu, format_milli(row->rate.cpu_millis, text));
	known(t, row->pod->has_memory, format_mi(row->pod->memory_bytes, text));
	known(t, row->rate.has_bytes, format_bytes(row->rate.rx_s, text));
	known(t, row->rate.has_bytes, format_bytes(row->rate.tx_s, text));
	known(t, who->lease[0], who->lease);
}

static int table_text(const struct top_view *v, const struct top_row *rows, size_t n,
		      struct buf *out)
{
	cleanup(table_fini) struct table t = {
		.columns = COLUMNS,
		.right = { [2] = true, [3] = true, [4] = true, [5] = true },
	};
	static const char *const heads[COLUMNS] = { "NAMESPACE",     "NAME",	    "CPU(cores)",
						    "MEMORY(bytes)", "RX(bytes/s)", "TX(bytes/s)",
						    "LEASE" };

	for (size_t i = 0; i < COLUMNS; i++)
		table_cell(&t, heads[i]);
	for (size_t i = v->first; i < n && i < v->first + page(v); i++)
		add_row(&t, &rows[i]);
	return table_print(&t, out);
}

/* As much of the line as there are columns, never half a character. */
static size_t fitting(const char *line, size_t len, size_t columns)
{
	size_t at = 0;

	while (at < len && columns--) {
		at++;
		while (at < len && ((unsigned char)line[at] & 0xc0) == 0x80)
			at++;
	}
	return at;
}

static void put_line(struct buf *out, const char *line, size_t len, const struct top_view *v,
		     bool last)
{
	buf_append(out, line, fitting(line, len, v->columns));
	buf_puts(out, last ? "\x1b[K" : "\x1b[K\r\n"); /* K: what was behind it goes */
}

int top_frame(struct top_view *v, const struct top_row *rows, size_t n, struct buf *out)
{
	cleanup(buf_fini) struct buf table = BUF_INIT(1 << 20);
	char head[160];
	const char *line;
	size_t shown;
	int rc;

	keep_inside(v, n);
	rc = table_text(v, rows, n, &table);
	if (rc < 0)
		return rc;
	shown = n - v->first < page(v) ? n - v->first : page(v);
	snprintf(head, sizeof(head),
		 "%zu-%zu of %zu pods by %s, every %llu.%llu s; q ends, c m r t n sort",
		 n ? v->first + 1 : 0, v->first + shown, n, key_names[v->by],
		 (unsigned long long)(v->every_ms / 1000),
		 (unsigned long long)(v->every_ms % 1000 / 100));
	buf_puts(out, "\x1b[H"); /* from the first cell on */
	put_line(out, head, strlen(head), v, v->lines == 1);
	line = table.data ? table.data : "";
	for (size_t i = 1; i < v->lines; i++) {
		size_t len = strcspn(line, "\n");

		put_line(out, line, len, v, i + 1 == v->lines);
		line += len + (line[len] == '\n');
	}
	return buf_error(out);
}
