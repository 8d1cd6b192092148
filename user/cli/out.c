/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/out.h"

#include <assert.h>
#include <string.h>

#include "chain/amount.h"
#include "cli/format.h"
#include "cli/table.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/json.h"
#include "core/parse.h"

#define KEY_MAX 64

struct cell {
	const struct json *value; /* NULL: none on this line */
	size_t lines; /* of the array passed; 1 when none is */
};

static struct cell find(const struct json *row, const char *path, size_t line)
{
	struct cell c = { .value = row, .lines = 1 };
	bool list = false;
	char key[KEY_MAX];

	for (;;) {
		size_t len = strcspn(path, ".");

		if (json_type(c.value) == JSON_ARRAY) {
			list = true;
			c.lines = json_len(c.value);
			c.value = line < c.lines ? json_at(c.value, line) : NULL;
		}
		if (!c.value || len == 0)
			break;
		assert(len < sizeof(key));
		memcpy(key, path, len);
		key[len] = '\0';
		c.value = json_get(c.value, key);
		path += len + (path[len] == '.');
	}
	if (line > 0 && !list)
		c.value = NULL;
	return c;
}

/* Amounts are numbers, or decimal strings when they are large. */
static int number(const struct json *j, unsigned __int128 *ret)
{
	const char *text = json_text(j, NULL);
	uint64_t v;
	int rc;

	if (text)
		return parse_u128(text, ret);
	rc = json_number(j, &v);
	if (rc == 0)
		*ret = v;
	return rc;
}

static const char *amount(unsigned __int128 v, enum form form, char *ret)
{
	uint64_t v64 = v > UINT64_MAX ? UINT64_MAX : (uint64_t)v;

	switch (form) {
	case FORM_BYTES:
		return format_bytes(v64, ret);
	case FORM_NS:
		return format_ns(v64, ret);
	case FORM_BYTE_NS:
		return format_gib_s(v, ret);
	case FORM_MILLI:
		return format_milli(v64, ret);
	case FORM_MI:
		return format_mi(v64, ret);
	case FORM_SUI:
		return amount_format(v64, ret);
	case FORM_TEXT:
	case FORM_NUMBER:
	case FORM_MAX_:
		break;
	}
	return format_u128(v, ret);
}

static const char *yes_no(const struct json *j)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(16);

	return json_print(j, false, &text) == 0 && text.data[0] == 't' ? "yes" : "no";
}

static void add_cell(struct table *t, struct cell c, size_t line, enum form form)
{
	char text[FORMAT_MAX];
	unsigned __int128 v;

	switch (json_type(c.value)) {
	case JSON_NULL:
		table_cell(t, line == 0 ? "-" : "");
		return;
	case JSON_BOOL:
		table_cell(t, yes_no(c.value));
		return;
	case JSON_STRING:
	case JSON_NUMBER:
		if (form == FORM_TEXT && json_text(c.value, NULL))
			table_cell(t, json_text(c.value, NULL)[0] ? json_text(c.value, NULL) : "-");
		else if (number(c.value, &v) == 0)
			table_cell(t, amount(v, form, text));
		else
			table_cell(t, json_text(c.value, "?"));
		return;
	case JSON_ARRAY:
	case JSON_OBJECT:
		table_cell(t, "?");
		return;
	}
}

static void add_row(struct table *t, const struct column *columns, const struct json *row,
		    const struct json *around)
{
	size_t lines = 1;

	for (size_t line = 0; line < lines; line++) {
		for (const struct column *c = columns; c->head; c++) {
			bool outer = c->key[0] == '^';
			struct cell cell = find(outer ? around : row, c->key + outer, line);

			if (cell.lines > lines)
				lines = cell.lines;
			add_cell(t, cell, line, c->form);
		}
	}
}

static void add_rows(struct table *t, const struct view *v, const struct json *element)
{
	if (!v->rows || !json_first(json_get(element, v->rows)))
		add_row(t, v->columns, v->rows ? NULL : element, element);
	else
		json_foreach(row, json_get(element, v->rows))
			add_row(t, v->columns, row, element);
}

static bool is_plain(const struct json *j)
{
	if (json_type(j) == JSON_ARRAY)
		j = json_first(j);
	return json_type(j) != JSON_OBJECT && json_type(j) != JSON_ARRAY;
}

static enum form form_of(const char *const *money, const char *name)
{
	for (; money && *money; money++)
		if (strcmp(*money, name) == 0)
			return FORM_SUI;
	return FORM_TEXT;
}

static void add_members(struct table *t, const struct json *obj, const char *const *money)
{
	json_foreach(member, obj) {
		enum form form = form_of(money, json_key(member));
		size_t lines = 1;

		for (size_t line = 0; is_plain(member) && line < lines; line++) {
			struct cell cell = find(member, "", line);

			if (cell.lines > lines)
				lines = cell.lines;
			table_cell(t, line == 0 ? json_key(member) : "");
			add_cell(t, cell, line, form);
		}
	}
}

/* Reasons in the order in which they first come; told: what was printed before, to look in. */
static void add_notes(const struct json *row, const char *key, struct buf *told)
{
	json_foreach(note, json_get(row, key)) {
		cleanup(buf_fini) struct buf line = BUF_INIT(4096);

		buf_printf(&line, "- %s: %s", json_key(note), json_text(note, "?"));
		if (buf_error(&line))
			continue;
		text_clean(line.data);
		buf_puts(&line, "\n");
		if (!buf_error(&line) && !(told->data && strstr(told->data, line.data)))
			buf_puts(told, line.data);
	}
}

static int print_table(const struct json *part, const struct view *v, struct buf *out)
{
	cleanup(buf_fini) struct buf notes = BUF_INIT(64 << 10);
	cleanup(table_fini) struct table t = {};
	bool many = json_type(part) == JSON_ARRAY;
	int rc;

	if (many && v->empty && !json_first(part))
		return buf_printf(out, "%s\n", v->empty);
	for (const struct column *c = v->columns; c->head; c++) {
		assert(t.columns < TABLE_COLUMNS_MAX);
		t.right[t.columns++] = c->form != FORM_TEXT;
	}
	for (const struct column *c = v->columns; c->head; c++)
		table_cell(&t, c->head);
	for (const struct json *row = many ? json_first(part) : part; row;
	     row = many ? json_next(row) : NULL) {
		add_rows(&t, v, row);
		for (size_t i = 0; i < ARRAY_LEN(v->notes) && v->notes[i]; i++)
			add_notes(row, v->notes[i], &notes);
	}
	rc = table_print(&t, out);
	if (rc == 0 && notes.len)
		rc = buf_puts(out, notes.data);
	return rc;
}

static int print_members(const struct json *part, const struct view *v, struct buf *out)
{
	cleanup(table_fini) struct table t = { .columns = 2 };

	add_members(&t, part, v->money);
	return table_print(&t, out);
}

int out_plain(const struct json *result, const struct view *views, struct buf *out)
{
	for (const struct view *v = views; v->path; v++) {
		const struct json *part = v->path[0] ? json_path(result, v->path) : result;
		int rc;

		if (!part)
			continue;
		if (v != views)
			buf_puts(out, "\n");
		rc = v->columns ? print_table(part, v, out) : print_members(part, v, out);
		if (rc < 0)
			return rc;
	}
	return buf_error(out);
}
