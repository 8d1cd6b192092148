/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text in aligned columns, two blanks between them and none at the end of a line. Width is counted
 * in characters of UTF-8. Cells may come from outside: control characters become '?', so that no
 * name can move a terminal's cursor.
 *
 *	struct table t = { .columns = 2, .right = { [1] = true } };
 *	table_cell(&t, "NAME"); table_cell(&t, "BYTES");
 *	table_print(&t, &out);
 *	table_fini(&t);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TABLE_COLUMNS_MAX 32

struct buf;

struct table {
	size_t columns; /* 1 to TABLE_COLUMNS_MAX */
	bool right[TABLE_COLUMNS_MAX];
	char **cells; /* row by row, owned */
	size_t n, cap;
	int error; /* 0 or -ENOMEM; sticky */
};

void table_cell(struct table *t, const char *text);
/* A last row that is not full is left out. 0, -ENOMEM, or the buffer's error. */
int table_print(const struct table *t, struct buf *out);
void table_fini(struct table *t);

/* Replaces control characters, C0, DEL and C1, by '?'. Returns text. */
char *text_clean(char *text);
