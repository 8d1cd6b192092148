/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Not by cJSON_Print(): that one writes 2^53 as 9.007199254740992e+15, indents by tabs and lets
 * through what is not UTF-8.
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/json_impl.h"
#include "core/utf8.h"

/* As JavaScript and so everyone else: integers are written out up to here. */
#define WRITTEN_OUT_MAX 1e21

struct printer {
	struct buf *out;
	bool pretty;
};

static bool has_failed(const struct json *j)
{
	if (json_failed(j))
		return true;
	json_foreach(child, j)
		if (has_failed(child))
			return true;
	return false;
}

/* The shortest of three precisions that reads back as the same number. */
static void print_number(struct buf *out, double v)
{
	char text[32];

	if (fabs(v) < WRITTEN_OUT_MAX && v == (double)(__int128)v) {
		buf_printf(out, "%.0f", v);
		return;
	}
	for (int precision = 15; precision <= 17; precision++) {
		double back;

		snprintf(text, sizeof(text), "%.*g", precision, v);
		if (sscanf(text, "%lf", &back) == 1 && back == v)
			break;
	}
	buf_puts(out, text);
}

static void print_char(struct buf *out, unsigned char c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	const char *at = c ? strchr(plain, c) : NULL;

	if (at)
		buf_printf(out, "\\%c", names[at - plain]);
	else
		buf_printf(out, "\\u%04x", c);
}

static void print_string(struct buf *out, const char *text)
{
	const char *end = text + strlen(text);

	buf_puts(out, "\"");
	while (text < end) {
		size_t n = 0;

		while ((uint8_t)text[n] >= 0x20 && text[n] != '"' && text[n] != '\\')
			n++;
		n = utf8_valid_len(text, n);
		buf_append(out, text, n);
		text += n;
		if (text == end)
			break;
		if ((uint8_t)*text >= 0x80)
			buf_puts(out, "\xef\xbf\xbd"); /* U+FFFD for a byte that is none */
		else
			print_char(out, (unsigned char)*text);
		text++;
	}
	buf_puts(out, "\"");
}

static void new_line(const struct printer *p, int level)
{
	if (p->pretty)
		buf_printf(p->out, "\n%*s", 2 * level, "");
}

static void print_value(const struct printer *p, const struct json *j, int level);

static void print_container(const struct printer *p, const struct json *j, int level, bool object)
{
	bool first = true;

	buf_puts(p->out, object ? "{" : "[");
	json_foreach(child, j) {
		if (!first)
			buf_puts(p->out, ",");
		first = false;
		new_line(p, level + 1);
		if (object) {
			print_string(p->out, json_key(child));
			buf_puts(p->out, p->pretty ? ": " : ":");
		}
		print_value(p, child, level + 1);
	}
	if (!first)
		new_line(p, level);
	buf_puts(p->out, object ? "}" : "]");
}

static void print_value(const struct printer *p, const struct json *j, int level)
{
	switch (json_type(j)) {
	case JSON_NULL:
		buf_puts(p->out, "null");
		break;
	case JSON_BOOL:
		buf_puts(p->out, json_is_true(j) ? "true" : "false");
		break;
	case JSON_NUMBER:
		print_number(p->out, json_double(j));
		break;
	case JSON_STRING:
		print_string(p->out, json_text(j, ""));
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		print_container(p, j, level, json_type(j) == JSON_OBJECT);
		break;
	}
}

int json_print(const struct json *j, bool pretty, struct buf *out)
{
	struct printer p = { .out = out, .pretty = pretty };

	if (!j || has_failed(j))
		return -ENOMEM;
	print_value(&p, j, 0);
	return buf_error(out);
}
