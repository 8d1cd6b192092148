/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/amount.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/err.h"

#define DECIMALS 9

static const char digits[] = "0123456789";

static int malformed(const char *text, const char *why, struct err *err)
{
	return err_set(err, -EINVAL,
		       "'%.40s' is not an amount: %s; want one like 1.5SUI or 250MIST", text, why);
}

/* What stands behind the number. */
static int read_unit(const char *unit, bool *ret_sui)
{
	unit += *unit == ' ' && unit[1];
	*ret_sui = strcmp(unit, "SUI") == 0;
	return *ret_sui || !*unit || strcmp(unit, "MIST") == 0 ? 0 : -EINVAL;
}

/* Appends n digits to a number. */
static int add_digits(const char *text, size_t n, uint64_t *v)
{
	for (size_t i = 0; i < n; i++)
		if (__builtin_mul_overflow(*v, 10, v) ||
		    __builtin_add_overflow(*v, (uint64_t)(text[i] - '0'), v))
			return -ERANGE;
	return 0;
}

int amount_parse(const char *text, uint64_t *ret_mist, struct err *err)
{
	size_t whole = strspn(text, digits), part = 0;
	const char *point = text + whole, *unit = point;
	uint64_t mist = 0;
	bool sui;
	int rc;

	if (!whole)
		return malformed(text, "it does not begin with a digit", err);
	if (*point == '.') {
		part = strspn(point + 1, digits);
		unit = point + 1 + part;
		if (!part)
			return malformed(text, "no digit follows the point", err);
	}
	if (read_unit(unit, &sui) < 0)
		return malformed(text, "what follows the number is neither SUI nor MIST", err);
	if (part && !sui)
		return malformed(text, "a MIST is the least there is", err);
	if (part > DECIMALS)
		return malformed(text, "more than 9 decimals are less than a MIST", err);
	rc = add_digits(text, whole, &mist);
	if (rc == 0)
		rc = add_digits(point + 1, part, &mist);
	if (rc == 0 && sui)
		rc = add_digits("000000000", DECIMALS - part, &mist);
	if (rc < 0)
		return err_set(err, rc, "'%.40s' is more than 2^64 - 1 MIST, the most there is",
			       text);
	*ret_mist = mist;
	return 0;
}

char *amount_format(uint64_t mist, char ret[AMOUNT_SIZE])
{
	int len = snprintf(ret, AMOUNT_SIZE, "%" PRIu64 ".%09" PRIu64, mist / MIST_PER_SUI,
			   mist % MIST_PER_SUI);

	while (ret[len - 1] == '0')
		len--;
	len -= ret[len - 1] == '.';
	snprintf(ret + len, AMOUNT_SIZE - (size_t)len, "SUI");
	return ret;
}
