/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

char *text_clean(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
		else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			c[0] = c[1] = '?';
	}
	return text;
}

static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

void table_cell(struct table *t, const char *text)
{
	char *copy;

	if (t->error)
		return;
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		char **cells = reallocarray(t->cells, cap, sizeof(*cells));

		if (!cells) {
			t->error = -ENOMEM;
			return;
		}
		t->cells = cells;
		t->cap = cap;
	}
	copy = strdup(text);
	if (!copy)
		t->error = -ENOMEM;
	else
		t->cells[t->n++] = text_clean(copy);
}

static void print_row(const struct table *t, char *const *row, const size_t *widths,
		      struct buf *out)
{
	size_t blanks = 0;

	for (size_t i = 0; i < t->columns; i++) {
		size_t pad = widths[i] - width(row[i]);

		if (t->right[i])
			blanks += pad;
		if (row[i][0] != '\0') {
			buf_printf(out, "%*s%s", (int)blanks, "", row[i]);
			blanks = 0;
		}
		blanks += 2 + (t->right[i] ? 0 : pad);
	}
	buf_puts(out, "\n");
}

int table_print(const struct table *t, struct buf *out)
{
	size_t widths[TABLE_COLUMNS_MAX] = {}, rows = t->n / t->columns;

	if (t->error)
		return t->error;
	for (size_t i = 0; i < rows * t->columns; i++)
		if (width(t->cells[i]) > widths[i % t->columns])
			widths[i % t->columns] = width(t->cells[i]);
	for (size_t r = 0; r < rows; r++)
		print_row(t, t->cells + r * t->columns, widths, out);
	return buf_error(out);
}

void table_fini(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ .columns = t->columns };
}
