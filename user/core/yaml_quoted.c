/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quoted scalars, read from the text itself: libfyaml 0.7.12 reads 'a''''b' as a''', and cuts off
 * the end of a double-quoted scalar with an escaped line break.
 * Source: YAML 1.2.2, 5.7, 6.5 and 7.3.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/yaml.h"
#include "core/yaml_impl.h"

struct quoted {
	const char *at, *end;
	struct buf out;
};

/* How long the line break is that stands here, if one does. */
static size_t break_len(const struct quoted *q)
{
	if (q->at < q->end && *q->at == '\n')
		return 1;
	if (q->at < q->end && *q->at == '\r')
		return q->at + 1 < q->end && q->at[1] == '\n' ? 2 : 1;
	return 0;
}

static void skip_blanks(struct quoted *q)
{
	while (q->at < q->end && (*q->at == ' ' || *q->at == '\t'))
		q->at++;
}

/* One break is a blank, or nothing if it is escaped; n + 1 breaks are n. */
static void fold(struct quoted *q, bool escaped)
{
	size_t breaks = 0, n;

	while ((n = break_len(q))) {
		q->at += n;
		skip_blanks(q);
		breaks++;
	}
	if (breaks == 1 && !escaped)
		buf_puts(&q->out, " ");
	while (breaks-- > 1)
		buf_puts(&q->out, "\n");
}

/* Blanks are content, unless a line break follows. */
static void take_blanks(struct quoted *q)
{
	const char *from = q->at;

	skip_blanks(q);
	if (break_len(q))
		fold(q, false);
	else
		buf_append(&q->out, from, (size_t)(q->at - from));
}

static bool take_hex(struct quoted *q, size_t digits, uint32_t *ret)
{
	static const char all[] = "0123456789abcdef0123456789ABCDEF";
	uint32_t v = 0;

	for (; digits; digits--, q->at++) {
		const char *digit = q->at < q->end ? strchr(all, *q->at) : NULL;

		if (!digit || !*digit)
			return false;
		v = v << 4 | (uint32_t)((digit - all) % 16);
	}
	*ret = v;
	return true;
}

/* A code point as UTF-8. */
static bool put_code(struct quoted *q, uint32_t code)
{
	static const uint8_t first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	uint8_t bytes[4];

	if (!code || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return false;
	for (size_t i = len - 1; i; i--, code >>= 6)
		bytes[i] = (uint8_t)(0x80 | (code & 0x3f));
	bytes[0] = (uint8_t)(first[len] | code);
	buf_append(&q->out, bytes, len);
	return true;
}

/* Behind \u: four digits, or two such escapes, as JSON has it, for what is beyond U+FFFF. */
static bool take_unit(struct quoted *q)
{
	uint32_t high, low;

	if (!take_hex(q, 4, &high))
		return false;
	if (high < 0xd800 || high > 0xdbff)
		return put_code(q, high);
	if (q->end - q->at < 2 || memcmp(q->at, "\\u", 2) != 0)
		return false;
	q->at += 2;
	if (!take_hex(q, 4, &low) || low < 0xdc00 || low > 0xdfff)
		return false;
	return put_code(q, 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00)));
}

/* Behind the backslash. */
static bool take_escape(struct quoted *q)
{
	static const struct {
		char name;
		uint8_t digits; /* hexadecimal ones that follow */
		uint16_t code;
	} escapes[] = {
		{ 'a', 0, 7 },	    { 'b', 0, 8 },    { 't', 0, 9 },	{ '\t', 0, 9 },
		{ 'n', 0, 10 },	    { 'v', 0, 11 },   { 'f', 0, 12 },	{ 'r', 0, 13 },
		{ 'e', 0, 27 },	    { ' ', 0, ' ' },  { '"', 0, '"' },	{ '/', 0, '/' },
		{ '\\', 0, '\\' },  { 'N', 0, 0x85 }, { '_', 0, 0xa0 }, { 'L', 0, 0x2028 },
		{ 'P', 0, 0x2029 }, { 'x', 2, 0 },    { 'U', 8, 0 },
	};
	uint32_t code;

	if (q->at == q->end)
		return false;
	if (break_len(q)) {
		fold(q, true);
		return true;
	}
	if (*q->at == 'u') {
		q->at++;
		return take_unit(q);
	}
	for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
		if (*q->at != escapes[i].name)
			continue;
		q->at++;
		code = escapes[i].code;
		return (!escapes[i].digits || take_hex(q, escapes[i].digits, &code)) &&
		       put_code(q, code);
	}
	return false;
}

/* Up to the next character that means something, and that one. */
static bool take_part(struct quoted *q, bool is_double)
{
	size_t n = 0, left = (size_t)(q->end - q->at);

	while (n < left && !strchr(is_double ? " \t\r\n\\" : " \t\r\n'", q->at[n]))
		n++;
	buf_append(&q->out, q->at, n);
	q->at += n;
	if (n == left)
		return true;
	if (*q->at == '\'') { /* of two */
		buf_puts(&q->out, "'");
		q->at += 2;
		return q->at <= q->end;
	}
	if (*q->at == '\\') {
		q->at++;
		return take_escape(q);
	}
	take_blanks(q);
	return true;
}

int yaml_quoted(const char *text, size_t len, bool is_double, char **ret)
{
	struct quoted q = { .at = text, .end = text + len, .out = BUF_INIT(YAML_MAX_TEXT) };
	bool good = true;
	char *taken;

	while (good && q.at < q.end)
		good = take_part(&q, is_double);
	taken = good ? buf_take(&q.out) : NULL;
	buf_fini(&q.out);
	if (!taken)
		return good ? -ENOMEM : -EBADMSG;
	*ret = taken;
	return 0;
}
