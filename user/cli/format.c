/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/format.h"

#include <stdio.h>

#include "core/parse.h"

char *format_bytes(uint64_t bytes, char *ret)
{
	static const char units[] = "BKMGTPE";
	uint64_t whole = bytes, rest = 0;
	int unit = 0;

	while (whole >= 1024) {
		rest = whole % 1024;
		whole /= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(ret, FORMAT_MAX, "%" PRIu64 "B", whole);
	else
		snprintf(ret, FORMAT_MAX, "%" PRIu64 ".%" PRIu64 "%ciB", whole, rest * 10 / 1024,
			 units[unit]);
	return ret;
}

char *format_ns(uint64_t ns, char *ret)
{
	snprintf(ret, FORMAT_MAX, "%" PRIu64 ".%03" PRIu64, ns / 1000000000, ns / 1000000 % 1000);
	return ret;
}

char *format_gib_s(unsigned __int128 byte_ns, char *ret)
{
	const unsigned __int128 unit = ((unsigned __int128)1 << 30) * 1000000000;
	char whole[U128_TEXT_MAX];

	format_u128(byte_ns / unit, whole);
	snprintf(ret, FORMAT_MAX, "%s.%03u", whole, (unsigned int)(byte_ns % unit * 1000 / unit));
	return ret;
}

char *format_milli(uint64_t millis, char *ret)
{
	snprintf(ret, FORMAT_MAX, "%" PRIu64 "m", millis);
	return ret;
}

char *format_mi(uint64_t bytes, char *ret)
{
	snprintf(ret, FORMAT_MAX, "%" PRIu64 "Mi", bytes >> 20);
	return ret;
}
