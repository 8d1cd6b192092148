/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable byte buffer with a hard limit.
 *
 * I1. data is NULL while cap is 0; else data[len] is always '\0', so text can be used as a string.
 * I2. len <= limit. An append that would pass the limit, or that gets no memory, changes nothing,
 *     returns -E2BIG or -ENOMEM and marks the buffer failed; later appends return the same, so a
 *     row of appends may be checked once at the end with buf_error().
 *
 *	cleanup(buf_fini) struct buf b = BUF_INIT(1 << 20);
 *	buf_printf(&b, "%s=%u", key, value);
 *	if (buf_error(&b))
 *		return buf_error(&b);
 */
#pragma once

#include <stddef.h>

struct buf {
	char *data;
	size_t len, cap, limit;
	int error; /* 0, -E2BIG or -ENOMEM */
};

#define BUF_INIT(limit_) { .limit = (limit_) }

void buf_fini(struct buf *b);
int buf_error(const struct buf *b);
void buf_reset(struct buf *b); /* empty and unfailed, memory and limit kept */
int buf_append(struct buf *b, const void *data, size_t len);
int buf_puts(struct buf *b, const char *text);
__attribute__((format(printf, 2, 3))) int buf_printf(struct buf *b, const char *fmt, ...);
/* Drops the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);
/* Hands the text to the caller (free() it; never NULL) and leaves b empty; NULL if b has failed. */
char *buf_take(struct buf *b);
