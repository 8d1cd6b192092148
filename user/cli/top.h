/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir pod top`: pods by what they use now. top.c is the view, pure: rows in, the text of a screen out,
 * keys change what is shown. top_screen.c is the terminal: raw mode and the alternate screen, left as
 * they were found however it ends, but by SIGKILL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/pods.h"

struct buf;
struct json;

enum top_key { TOP_CPU, TOP_MEMORY, TOP_RX, TOP_TX, TOP_NAME, TOP_KEY_MAX_ };

int top_key_parse(const char *text, enum top_key *ret); /* "cpu": -EINVAL */

struct top_options {
	const struct pods_source *source;
	enum top_key by;
	uint64_t every_ms;
};

/* Looks twice: a list for who does not sit before a terminal. */
int top_once(const struct top_options *opt, struct json **ret, struct err *err);
/* Until q, Ctrl-C or a signal that ends. */
int top_screen(const struct top_options *opt, struct err *err);

/* ---- the view ---- */

struct top_row {
	const struct pods_row *pod; /* borrowed */
	struct pods_rate rate;
};

/* Rows in the order that is asked for: the largest first, names from A, what is unknown last. The caller
 * frees. Pods that have ended are not among them. */
int top_rows(const struct pods *before, const struct pods *now, enum top_key by,
	     struct top_row **ret, size_t *ret_n);

enum top_press {
	TOP_PRESS_NONE,
	TOP_PRESS_QUIT,
	TOP_PRESS_UP,
	TOP_PRESS_DOWN,
	TOP_PRESS_PAGE_UP,
	TOP_PRESS_PAGE_DOWN,
	TOP_PRESS_HOME,
	TOP_PRESS_END,
	TOP_PRESS_SORT, /* + enum top_key */
};

struct top_view {
	enum top_key by;
	size_t first; /* row at the top */
	size_t lines, columns; /* of the terminal */
	uint64_t every_ms;
};

/* Reads one key from what came; *ret_len is how many bytes it was, 0 when more have to come. */
unsigned int top_key_read(const char *bytes, size_t len, size_t *ret_len);
/* n: rows there are. False: the end. */
bool top_press(struct top_view *v, unsigned int press, size_t n);
/* Exactly v->lines lines of at most v->columns characters, with what a terminal needs around them. */
int top_frame(struct top_view *v, const struct top_row *rows, size_t n, struct buf *out);
