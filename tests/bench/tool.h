/* SPDX-License-Identifier: Apache-2.0 */
/* What the tools here share: they end at the first thing that goes wrong, and say what it was. */
#pragma once

#include <errno.h>
#include <stdbool.h>

#include "core/parse.h"

static inline void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(1);
}

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* From 1 to max. */
static inline uint32_t number(const char *text, uint32_t max)
{
	uint32_t n = 0;

	errno = -parse_u32(text, 1, max, &n);
	must(!errno, text);
	return n;
}
