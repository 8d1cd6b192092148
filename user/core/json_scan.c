/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/err.h"
#include "core/json.h"
#include "core/json_impl.h"
#include "core/utf8.h"

/* cJSON copies a number into 64 bytes. */
#define NUMBER_MAX_LEN 63

struct scan {
	const char *start, *at, *end;
	const char *fault; /* what is wrong at `at` */
	unsigned int depth;
	size_t keys, stop_at_key;
};

static bool fail(struct scan *s, const char *fault)
{
	if (!s->fault)
		s->fault = fault;
	return false;
}

/* The next byte; 0 at the end, where a NUL in the text is no valid byte anywhere either. */
static char peek(const struct scan *s)
{
	return s->at < s->end ? *s->at : '\0';
}

static bool take(struct scan *s, char c)
{
	if (peek(s) != c)
		return false;
	s->at++;
	return true;
}

static void skip_blanks(struct scan *s)
{
	while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\n' || peek(s) == '\r')
		s->at++;
}

static size_t skip_digits(struct scan *s)
{
	const char *from = s->at;

	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
	return (size_t)(s->at - from);
}

/* Only an exponent can lead out of range, in NUMBER_MAX_LEN bytes. */
static bool is_finite(const char *number, size_t len)
{
	char text[NUMBER_MAX_LEN + 1];
	double v;

	memcpy(text, number, len);
	text[len] = '\0';
	return sscanf(text, "%lf", &v) == 1 && isfinite(v);
}

static bool scan_number(struct scan *s)
{
	const char *from = s->at;
	bool exponent;

	take(s, '-');
	if (!take(s, '0') && !skip_digits(s))
		return fail(s, "a digit is missing");
	if (take(s, '.') && !skip_digits(s))
		return fail(s, "a digit is missing");
	exponent = take(s, 'e') || take(s, 'E');
	if (exponent && !take(s, '+'))
		take(s, '-');
	if (exponent && !skip_digits(s))
		return fail(s, "a digit is missing");
	if (s->at - from > NUMBER_MAX_LEN)
		return fail(s, "the number is too long");
	if (exponent && !is_finite(from, (size_t)(s->at - from)))
		return fail(s, "the number is out of range");
	return true;
}

/* The four digits of \uXXXX. */
static bool scan_unit(struct scan *s, unsigned int *ret)
{
	unsigned int v = 0;

	for (int i = 0; i < 4; i++, s->at++) {
		const char c = peek(s);

		if (c >= '0' && c <= '9')
			v = v << 4 | (unsigned int)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | (unsigned int)((c | 0x20) - 'a' + 10);
		else
			return fail(s, "\\u wants four hex digits");
	}
	*ret = v;
	return true;
}

static bool scan_escape(struct scan *s)
{
	unsigned int unit;
	char c = peek(s);

	if (!c || !strchr("\"\\/bfnrtu", c))
		return fail(s, "unknown escape");
	s->at++;
	if (c != 'u')
		return true;
	if (!scan_unit(s, &unit))
		return false;
	if (!unit)
		return fail(s, "\\u0000 is refused");
	if (unit < 0xd800 || unit > 0xdfff)
		return true;
	if (unit > 0xdbff || !take(s, '\\') || !take(s, 'u') || !scan_unit(s, &unit) ||
	    unit < 0xdc00 || unit > 0xdfff)
		return fail(s, "half a surrogate pair");
	return true;
}

static bool scan_string(struct scan *s)
{
	if (!take(s, '"'))
		return fail(s, "a string in double quotes is expected");
	for (;;) {
		const char *from = s->at;

		while (s->at < s->end && *s->at != '"' && *s->at != '\\' && (uint8_t)*s->at >= 0x20)
			s->at++;
		from += utf8_valid_len(from, (size_t)(s->at - from));
		if (from != s->at) {
			s->at = from;
			return fail(s, "not UTF-8");
		}
		if (take(s, '"'))
			return true;
		if (s->at == s->end)
			return fail(s, "the string has no end");
		if (!take(s, '\\'))
			return fail(s, "control character in a string; write it as \\u00XX");
		if (!scan_escape(s))
			return false;
	}
}

static bool scan_value(struct scan *s);

static bool scan_member(struct scan *s)
{
	if (s->keys++ == s->stop_at_key || !scan_string(s))
		return false;
	skip_blanks(s);
	if (!take(s, ':'))
		return fail(s, "':' is expected");
	return scan_value(s);
}

static bool scan_container(struct scan *s, char close, bool (*item)(struct scan *s))
{
	if (++s->depth > JSON_MAX_DEPTH)
		return fail(s, "nested too deeply");
	s->at++;
	skip_blanks(s);
	if (!take(s, close)) {
		do {
			skip_blanks(s);
			if (!item(s))
				return false;
			skip_blanks(s);
		} while (take(s, ','));
		if (!take(s, close))
			return fail(s, close == '}' ? "',' or '}' is expected" :
						      "',' or ']' is expected");
	}
	s->depth--;
	return true;
}

static bool scan_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return fail(s, "not a value");
	s->at += len;
	return true;
}

/* Recursive: at most JSON_MAX_DEPTH times. */
static bool scan_value(struct scan *s)
{
	skip_blanks(s);
	switch (peek(s)) {
	case '{':
		return scan_container(s, '}', scan_member);
	case '[':
		return scan_container(s, ']', scan_value);
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	case '-':
	case '0' ... '9':
		return scan_number(s);
	default:
		return fail(s, s->at == s->end ? "the text ends too early" : "not a value");
	}
}

/* Columns count bytes. */
static void place(const struct scan *s, unsigned int *ret_line, unsigned int *ret_column)
{
	unsigned int line = 1, column = 1;

	for (const char *c = s->start; c < s->at; c++) {
		column = *c == '\n' ? 1 : column + 1;
		line += *c == '\n';
	}
	*ret_line = line;
	*ret_column = column;
}

int json_scan(const char *text, size_t len, const char *name, struct err *err)
{
	struct scan s = { .start = text, .at = text, .end = text + len, .stop_at_key = SIZE_MAX };
	unsigned int line, column;

	if (scan_value(&s)) {
		skip_blanks(&s);
		if (s.at == s.end)
			return 0;
		fail(&s, "text behind the value");
	}
	place(&s, &line, &column);
	return err_set(err, -EBADMSG, "%s:%u:%u: %s", name, line, column, s.fault);
}

void json_scan_key(const char *text, size_t len, size_t n, unsigned int *ret_line,
		   unsigned int *ret_column)
{
	struct scan s = { .start = text, .at = text, .end = text + len, .stop_at_key = n };

	scan_value(&s);
	place(&s, ret_line, ret_column);
}
