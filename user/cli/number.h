/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers of a command line, read in one place: what is not a number of its kind, or is out of
 * range, is cli_usage() with the flag, the text and what is allowed. Nothing wraps, nothing is cut.
 * (Money is chain/amount's.)
 */
#pragma once

#include <stdint.h>

struct cli;
struct err;

enum number_kind {
	NUMBER_COUNT, /* 12 */
	NUMBER_TIME, /* 90s, 12h; in milliseconds */
	NUMBER_SIZE, /* 256MiB; in bytes */
	NUMBER_KIND_MAX_
};

/* Inclusive. */
struct number_range {
	enum number_kind kind;
	uint64_t min, max;
};

#define NUMBER_YEARS_100_MS 3153600000000ull /* a time that can be added to any date */

/* A flag's; *ret stays as it is when the flag is not given. */
int number_flag(struct cli *cli, const char *flag, const struct number_range *n, uint64_t *ret,
		struct err *err);
