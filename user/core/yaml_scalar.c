/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/parse.h"
#include "core/yaml_impl.h"

#define EXACT_MAX (1ull << 53)
#define DIGITS "0123456789"

struct word {
	const char *yaml, *json;
};

/* The words of YAML 1.2, and none of 1.1 (yes, no, on, off). */
static const struct word words[] = {
	{ "", "null" },	      { "~", "null" },	    { "null", "null" },	  { "Null", "null" },
	{ "NULL", "null" },   { "true", "true" },   { "True", "true" },	  { "TRUE", "true" },
	{ "false", "false" }, { "False", "false" }, { "FALSE", "false" },
};

/* The digits of a base behind 0x or 0o. */
static int parse_base(const char *digits, unsigned int shift, uint64_t *ret)
{
	static const char all[] = "0123456789abcdef0123456789ABCDEF";
	uint64_t v = 0;

	if (!*digits)
		return -EINVAL;
	for (; *digits; digits++) {
		const char *at = strchr(all, *digits);
		uint64_t digit = at ? (uint64_t)(at - all) % 16 : 16;

		if (digit >> shift || v > EXACT_MAX)
			return -EINVAL;
		v = v << shift | digit;
	}
	*ret = v;
	return 0;
}

static bool is_integer(const char *text, bool *ret_negative, uint64_t *ret)
{
	uint64_t v;
	int rc;

	*ret_negative = *text == '-';
	if (!strncmp(text, "0x", 2))
		rc = parse_base(text + 2, 4, &v);
	else if (!strncmp(text, "0o", 2))
		rc = parse_base(text + 2, 3, &v);
	else
		rc = parse_u64(text + (*text == '-' || *text == '+'), 0, EXACT_MAX, &v);
	if (rc < 0 || v > EXACT_MAX)
		return false;
	*ret = v;
	return true;
}

/* 0.5, -12.25: what JSON has as well, and no exponent. */
static bool is_fraction(const char *text)
{
	const char *at = text + (*text == '-');
	size_t whole = strspn(at, DIGITS);
	size_t part = at[whole] == '.' ? strspn(at + whole + 1, DIGITS) : 0;

	return whole && part && !at[whole + 1 + part] && (whole == 1 || *at != '0') &&
	       strlen(text) < 64;
}

static struct json *parse_literal(const char *json)
{
	struct json *j = NULL;

	return json_parse(json, strlen(json), 64, "", &j, NULL) < 0 ? NULL : j;
}

struct json *yaml_plain(const char *text)
{
	char number[32];
	bool negative;
	uint64_t v;

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(text, words[i].yaml))
			return parse_literal(words[i].json);
	if (is_integer(text, &negative, &v)) {
		snprintf(number, sizeof(number), "%s%" PRIu64, negative && v ? "-" : "", v);
		return parse_literal(number);
	}
	return is_fraction(text) ? parse_literal(text) : json_new_str(text);
}
