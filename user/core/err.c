/* SPDX-License-Identifier: Apache-2.0 */
#include "core/err.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What a message quotes may come from anywhere: it stays one line and does a terminal no harm. */
static void flatten(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

int err_setv(struct err *err, int code, const char *fmt, va_list ap)
{
	char text[sizeof(err->text)];

	assert(code < 0);
	if (!err)
		return code;
	/* By way of a copy, since an argument may point into err->text. */
	vsnprintf(text, sizeof(text), fmt, ap);
	flatten(text);
	memcpy(err->text, text, sizeof(text));
	err->code = code;
	return code;
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_setv(err, code, fmt, ap);
	va_end(ap);
	return code;
}

/* Appends what fits. */
static void put_text(struct err *err, const char *more)
{
	size_t len = strlen(err->text);
	size_t n = strnlen(more, sizeof(err->text) - 1 - len);

	memcpy(err->text + len, more, n);
	err->text[len + n] = '\0';
}

int err_errno(struct err *err, int code, const char *fmt, ...)
{
	const char *why = strerrordesc_np(-code);
	va_list ap;

	va_start(ap, fmt);
	err_setv(err, code, fmt, ap);
	va_end(ap);
	if (!err)
		return code;
	put_text(err, ": ");
	put_text(err, why ? why : "unknown error");
	return code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	struct err was;
	va_list ap;

	if (!err)
		return -EIO;
	was = *err;
	if (was.code >= 0)
		was.code = -EIO;
	va_start(ap, fmt);
	err_setv(err, was.code, fmt, ap);
	va_end(ap);
	put_text(err, ": ");
	put_text(err, was.text);
	return err->code;
}
