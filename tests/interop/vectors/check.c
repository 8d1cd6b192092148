/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "core/parse.h"
#include "interop/vectors/run.h"

#define SHOWN 48 /* bytes or characters of a value that differs */

bool want(struct run *r, bool holds, const char *fmt, ...)
{
	va_list ap;

	if (holds)
		return true;
	r->failed = true;
	printf("%s: %s: ", r->kind, r->name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return false;
}

bool want_text(struct run *r, const char *what, const char *got, const char *wanted)
{
	return want(r, strcmp(got, wanted) == 0, "%s: got %.*s, want %.*s", what, SHOWN, got, SHOWN,
		    wanted);
}

bool want_bytes(struct run *r, const char *what, const void *got, size_t len, const void *wanted,
		size_t wanted_len)
{
	const uint8_t *a = got, *b = wanted;
	char got_hex[2 * SHOWN + 1], wanted_hex[2 * SHOWN + 1];
	size_t at = 0, n;

	if (len == wanted_len && (!len || memcmp(a, b, len) == 0))
		return true;
	while (at < len && at < wanted_len && a[at] == b[at])
		at++;
	n = len - at < SHOWN ? len - at : SHOWN;
	format_hex(a ? a + at : NULL, n, got_hex);
	n = wanted_len - at < SHOWN ? wanted_len - at : SHOWN;
	format_hex(b ? b + at : NULL, n, wanted_hex);
	return want(r, false, "%s: %zu bytes, want %zu; from byte %zu on got %s, want %s", what,
		    len, wanted_len, at, got_hex, wanted_hex);
}

static const char *member(struct run *r, const struct json *v, const char *key)
{
	const char *text = json_str(v, key, NULL);

	want(r, text != NULL, "%s: missing", key);
	return text;
}

/* Room of n bytes in an emptied buffer, or a fault. */
static uint8_t *room(struct run *r, struct buf *ret, size_t n)
{
	static const uint8_t zeros[4096];

	buf_reset(ret);
	for (size_t left = n; left > 0 && !buf_error(ret);) {
		size_t part = left < sizeof(zeros) ? left : sizeof(zeros);

		buf_append(ret, zeros, part);
		left -= part;
	}
	return want(r, buf_error(ret) == 0, "too long") ? (uint8_t *)ret->data : NULL;
}

bool read_hex(struct run *r, const struct json *v, const char *key, struct buf *ret)
{
	const char *text = member(r, v, key);
	size_t n;

	if (!text)
		return false;
	if (strncmp(text, "0x", 2) == 0)
		text += 2;
	n = strlen(text) / 2;
	room(r, ret, n);
	return want(r, !n || parse_hex(text, (uint8_t *)ret->data, n) == 0, "%s: not hex", key) &&
	       want(r, strlen(text) == 2 * n, "%s: half a byte", key);
}

bool read_base64(struct run *r, const struct json *v, const char *key, struct buf *ret)
{
	const char *text = member(r, v, key);
	size_t len = 0;
	uint8_t *at;

	if (!text)
		return false;
	at = room(r, ret, strlen(text) / 4 * 3 + 3);
	if (!at || !want(r, base64_decode(text, at, ret->len, &len) == 0, "%s: not base64", key))
		return false;
	ret->len = len;
	ret->data[len] = '\0';
	return true;
}

bool read_fixed(struct run *r, const struct json *v, const char *key, void *ret, size_t len)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(VECTOR_BYTES_MAX);

	if (!read_hex(r, v, key, &bytes) ||
	    !want(r, bytes.len == len, "%s: %zu bytes, want %zu", key, bytes.len, len))
		return false;
	memcpy(ret, bytes.data, len);
	return true;
}

bool want_hex(struct run *r, const struct json *v, const char *key, const void *got, size_t len)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(VECTOR_BYTES_MAX);

	return read_hex(r, v, key, &bytes) && want_bytes(r, key, got, len, bytes.data, bytes.len);
}

bool want_base64(struct run *r, const struct json *v, const char *key, const void *got, size_t len)
{
	cleanup(free_ptr) char *text = malloc(BASE64_LEN(len));
	const char *wanted = member(r, v, key);

	if (!text || !wanted)
		return want(r, text != NULL, "no memory") && false;
	base64_encode(got, len, text);
	return want_text(r, key, text, wanted);
}
