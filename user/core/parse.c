/* SPDX-License-Identifier: Apache-2.0 */
#include "core/parse.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/cleanup.h"

typedef unsigned __int128 u128;

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads the n digits at text, which may be any number of them. */
static int read_digits(const char *text, size_t n, u128 *ret)
{
	u128 v = 0;

	if (!n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!is_digit(text[i]))
			return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (u128)(text[i] - '0'), &v))
			return -ERANGE;
	*ret = v;
	return 0;
}

int parse_u128(const char *text, unsigned __int128 *ret)
{
	return read_digits(text, strlen(text), ret);
}

int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	u128 v;
	int rc = parse_u128(text, &v);

	if (rc < 0)
		return rc;
	if (v < min || v > max)
		return -ERANGE;
	*ret = (uint64_t)v;
	return 0;
}

int parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *ret)
{
	uint64_t v;
	int rc = parse_u64(text, min, max, &v);

	if (rc < 0)
		return rc;
	*ret = (uint32_t)v;
	return 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

/* A number with one of the units behind it. */
static int parse_quantity(const char *text, const struct unit *units, size_t n, uint64_t *ret)
{
	size_t digits = strspn(text, "0123456789");
	const struct unit *unit = NULL;
	u128 v;
	int rc;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(text + digits, units[i].name))
			unit = &units[i];
	if (!unit)
		return -EINVAL;
	rc = read_digits(text, digits, &v);
	if (rc < 0)
		return rc;
	if (__builtin_mul_overflow(v, (u128)unit->factor, &v) || v > UINT64_MAX)
		return -ERANGE;
	*ret = (uint64_t)v;
	return 0;
}

/* In the largest unit that leaves no rest. */
static char *format_quantity(uint64_t v, const struct unit *units, size_t n, char *ret)
{
	size_t i = v ? n - 1 : 0;

	while (v % units[i].factor)
		i--;
	snprintf(ret, QUANTITY_TEXT_MAX, "%" PRIu64 "%s", v / units[i].factor, units[i].name);
	return ret;
}

/* Ascending, the first one without a factor. */
static const struct unit sizes[] = {
	{ "", 1 },
	{ "KiB", 1ull << 10 },
	{ "MiB", 1ull << 20 },
	{ "GiB", 1ull << 30 },
	{ "TiB", 1ull << 40 },
};
static const struct unit durations[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
};

int parse_size(const char *text, uint64_t *ret_bytes)
{
	return parse_quantity(text, sizes, ARRAY_LEN(sizes), ret_bytes);
}

char *format_size(uint64_t bytes, char *ret)
{
	return format_quantity(bytes, sizes, ARRAY_LEN(sizes), ret);
}

int parse_duration_ms(const char *text, uint64_t *ret_ms)
{
	return parse_quantity(text, durations, ARRAY_LEN(durations), ret_ms);
}

char *format_duration_ms(uint64_t ms, char *ret)
{
	return format_quantity(ms, durations, ARRAY_LEN(durations), ret);
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int parse_hex(const char *text, uint8_t *ret, size_t len)
{
	size_t n = strspn(text, "0123456789abcdef");

	if (text[n] || n % 2 || n / 2 != len)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		ret[i] = (uint8_t)(hex_value(text[2 * i]) << 4 | hex_value(text[2 * i + 1]));
	return 0;
}

void format_hex(const uint8_t *data, size_t len, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[data[i] >> 4];
		ret[2 * i + 1] = digits[data[i] & 15];
	}
	ret[2 * len] = '\0';
}

char *format_u128(unsigned __int128 v, char *ret)
{
	char digits[U128_TEXT_MAX];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + (int)(v % 10));
		v /= 10;
	} while (v);
	for (size_t i = 0; i < n; i++)
		ret[i] = digits[n - 1 - i];
	ret[n] = '\0';
	return ret;
}
