/* SPDX-License-Identifier: Apache-2.0 */
#include "core/option_kind.h"

#include <errno.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/json.h"
#include "core/option.h"
#include "core/parse.h"
#include "core/utf8.h"

#define TAKES(json_type_) (1u << (json_type_))

/* ---- Strings -------------------------------------------------------------------------------- */

static int read_string(const struct option_spec *o, const char *text, void *at)
{
	uint32_t code = 0;
	size_t len = 0, step;
	char *copy;

	(void)o;
	while ((step = utf8_next(text + len, &code)) > 0) {
		if (code < 0x20 || (code >= 0x7f && code < 0xa0))
			return -EINVAL;
		len += step;
		if (len > OPTION_STRING_MAX)
			return -E2BIG;
	}
	if (text[len])
		return -EINVAL;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*(char **)at);
	*(char **)at = copy;
	return 0;
}

static void put_quoted(const char *text, struct buf *out)
{
	buf_puts(out, "\"");
	for (; *text; text++)
		buf_printf(out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
	buf_puts(out, "\"");
}

static void put_string(const struct option_spec *o, const void *at, struct buf *out)
{
	(void)o;
	put_quoted(*(char *const *)at, out);
}

/* ---- Numbers -------------------------------------------------------------------------------- */

uint64_t option_upper(const struct option_spec *o)
{
	return o->max ? o->max : o->type == OPTION_U32 ? UINT32_MAX : UINT64_MAX;
}

static int store(const struct option_spec *o, uint64_t v, void *at)
{
	if (v < o->min || v > option_upper(o))
		return -ERANGE;
	*(uint64_t *)at = v;
	return 0;
}

static int read_duration(const struct option_spec *o, const char *text, void *at)
{
	uint64_t v = 0;
	int r = parse_duration_ms(text, &v);

	return r < 0 ? r : store(o, v, at);
}

static int read_size(const struct option_spec *o, const char *text, void *at)
{
	uint64_t v = 0;
	int r = parse_size(text, &v);

	return r < 0 ? r : store(o, v, at);
}

static int read_u64(const struct option_spec *o, const char *text, void *at)
{
	return parse_u64(text, o->min, option_upper(o), at);
}

static int read_u32(const struct option_spec *o, const char *text, void *at)
{
	return parse_u32(text, (uint32_t)o->min, (uint32_t)option_upper(o), at);
}

static void put_duration(const struct option_spec *o, const void *at, struct buf *out)
{
	char text[QUANTITY_TEXT_MAX];

	(void)o;
	buf_puts(out, format_duration_ms(*(const uint64_t *)at, text));
}

static void put_size(const struct option_spec *o, const void *at, struct buf *out)
{
	char text[QUANTITY_TEXT_MAX];

	(void)o;
	buf_puts(out, format_size(*(const uint64_t *)at, text));
}

static void put_u64(const struct option_spec *o, const void *at, struct buf *out)
{
	(void)o;
	buf_printf(out, "%" PRIu64, *(const uint64_t *)at);
}

static void put_u32(const struct option_spec *o, const void *at, struct buf *out)
{
	(void)o;
	buf_printf(out, "%" PRIu32, *(const uint32_t *)at);
}

/* ---- Closed sets ---------------------------------------------------------------------------- */

static int read_bool(const struct option_spec *o, const char *text, void *at)
{
	bool yes = strcmp(text, "true") == 0;

	(void)o;
	if (!yes && strcmp(text, "false") != 0)
		return -EINVAL;
	*(bool *)at = yes;
	return 0;
}

static void put_bool(const struct option_spec *o, const void *at, struct buf *out)
{
	(void)o;
	buf_puts(out, *(const bool *)at ? "true" : "false");
}

static int find_choice(const struct option_spec *o, const char *text)
{
	for (int i = 0; o->choices[i]; i++)
		if (strcmp(o->choices[i], text) == 0)
			return i;
	return -EINVAL;
}

static int read_choice(const struct option_spec *o, const char *text, void *at)
{
	int i = find_choice(o, text);

	if (i < 0)
		return i;
	memcpy(at, &i, sizeof(i)); /* any enum: as wide as an int */
	return 0;
}

static void put_choice(const struct option_spec *o, const void *at, struct buf *out)
{
	unsigned int i;

	memcpy(&i, at, sizeof(i));
	buf_puts(out, o->choices[i]);
}

/* ---- Addresses ------------------------------------------------------------------------------ */

static int read_addr(const struct option_spec *o, const char *text, void *at)
{
	(void)o;
	return addr_parse(text, at);
}

static void put_addr(const struct option_spec *o, const void *at, struct buf *out)
{
	char text[ADDR_TEXT_MAX];

	(void)o;
	put_quoted(addr_format(at, text), out);
}

static int read_cidr(const struct option_spec *o, const char *text, void *at)
{
	(void)o;
	return cidr_parse(text, at);
}

static void put_cidr(const struct option_spec *o, const void *at, struct buf *out)
{
	char text[CIDR_TEXT_MAX];

	(void)o;
	put_quoted(cidr_format(at, text), out);
}

static int read_cidr_word(const struct option_spec *o, const char *text, void *at)
{
	struct option_cidr_word w = { .word = find_choice(o, text) };

	if (w.word < 0) {
		w.word = -1;
		if (cidr_parse(text, &w.cidr) < 0)
			return -EINVAL;
	}
	*(struct option_cidr_word *)at = w;
	return 0;
}

static void put_cidr_word(const struct option_spec *o, const void *at, struct buf *out)
{
	const struct option_cidr_word *w = at;

	if (w->word < 0)
		put_cidr(o, &w->cidr, out);
	else
		buf_puts(out, o->choices[w->word]);
}

static int read_listen(const struct option_spec *o, const char *text, void *at)
{
	const char *colon = strrchr(text, ':');
	struct option_listen l = { .on = true };
	char host[ADDR_TEXT_MAX + 2];
	uint32_t port = 0;
	size_t len;

	(void)o;
	if (!*text) {
		*(struct option_listen *)at = (struct option_listen){};
		return 0;
	}
	if (!colon || colon == text || (size_t)(colon - text) >= sizeof(host))
		return -EINVAL;
	len = (size_t)(colon - text);
	memcpy(host, text, len);
	host[len] = '\0';
	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		memmove(host, host + 1, len - 1);
	} else if (strchr(host, ':')) {
		return -EINVAL; /* ::1:80 could be read in two ways */
	}
	if (addr_parse(host, &l.addr) < 0 || parse_u32(colon + 1, 0, UINT16_MAX, &port) < 0)
		return -EINVAL;
	l.port = (uint16_t)port;
	*(struct option_listen *)at = l;
	return 0;
}

char *option_listen_format(const struct option_listen *l, char *ret)
{
	char text[ADDR_TEXT_MAX];
	bool v4 = addr_is_v4(&l->addr);

	ret[0] = '\0';
	if (l->on)
		snprintf(ret, LISTEN_TEXT_MAX, "%s%s%s:%u", v4 ? "" : "[",
			 addr_format(&l->addr, text), v4 ? "" : "]", l->port);
	return ret;
}

static void put_listen(const struct option_spec *o, const void *at, struct buf *out)
{
	char text[LISTEN_TEXT_MAX];

	(void)o;
	put_quoted(option_listen_format(at, text), out);
}

/* ---- The table ------------------------------------------------------------------------------ */

#define ANY_NUMBER (TAKES(JSON_NUMBER) | TAKES(JSON_STRING)) /* over 2^53 they come as strings */

static const struct option_kind kinds[] = {
	[OPTION_STRING] = { .metavar = "TEXT",
			    .form = "a string without control characters",
			    .takes = TAKES(JSON_STRING),
			    .size = sizeof(char *),
			    .read = read_string,
			    .put = put_string },
	[OPTION_STRINGS] = { .metavar = "TEXT,...",
			     .form = "a string without control characters",
			     .takes = TAKES(JSON_STRING),
			     .size = sizeof(char *),
			     .list = true,
			     .read = read_string,
			     .put = put_string },
	[OPTION_DURATION] = { .metavar = "DURATION",
			      .form = "a duration such as 500ms, 60s or 5m",
			      .takes = TAKES(JSON_STRING),
			      .size = sizeof(uint64_t),
			      .read = read_duration,
			      .put = put_duration },
	[OPTION_SIZE] = { .metavar = "SIZE",
			  .form = "a size such as 4096, 64KiB or 256MiB",
			  .takes = ANY_NUMBER,
			  .size = sizeof(uint64_t),
			  .read = read_size,
			  .put = put_size },
	[OPTION_U32] = { .metavar = "NUMBER",
			 .form = "a whole number",
			 .takes = TAKES(JSON_NUMBER),
			 .size = sizeof(uint32_t),
			 .read = read_u32,
			 .put = put_u32 },
	[OPTION_U64] = { .metavar = "NUMBER",
			 .form = "a whole number",
			 .takes = ANY_NUMBER,
			 .size = sizeof(uint64_t),
			 .read = read_u64,
			 .put = put_u64 },
	[OPTION_BOOL] = { .metavar = "[=false]",
			  .form = "true or false",
			  .takes = TAKES(JSON_BOOL),
			  .size = sizeof(bool),
			  .read = read_bool,
			  .put = put_bool },
	[OPTION_CHOICE] = { .metavar = "NAME",
			    .form = "one of",
			    .takes = TAKES(JSON_STRING),
			    .size = sizeof(unsigned int),
			    .read = read_choice,
			    .put = put_choice },
	[OPTION_ADDRS] = { .metavar = "IP,...",
			   .form = "an IP address",
			   .takes = TAKES(JSON_STRING),
			   .size = sizeof(struct addr),
			   .list = true,
			   .read = read_addr,
			   .put = put_addr },
	[OPTION_CIDRS] = { .metavar = "CIDR,...",
			   .form = "a CIDR such as 10.0.0.0/8 without host bits",
			   .takes = TAKES(JSON_STRING),
			   .size = sizeof(struct cidr),
			   .list = true,
			   .read = read_cidr,
			   .put = put_cidr },
	[OPTION_CIDR_WORDS] = { .metavar = "CIDR|WORD,...",
				.form = "a CIDR such as 10.0.0.0/8 without host bits, or",
				.takes = TAKES(JSON_STRING),
				.size = sizeof(struct option_cidr_word),
				.list = true,
				.read = read_cidr_word,
				.put = put_cidr_word },
	[OPTION_LISTEN] = { .metavar = "IP:PORT",
			    .form = "an address such as 127.0.0.1:80 or [::1]:80, or empty",
			    .takes = TAKES(JSON_STRING),
			    .size = sizeof(struct option_listen),
			    .read = read_listen,
			    .put = put_listen },
};
_Static_assert(ARRAY_LEN(kinds) == OPTION_TYPE_MAX_, "a row for each type");

const struct option_kind *option_kind(const struct option_spec *o)
{
	return &kinds[o->type];
}
