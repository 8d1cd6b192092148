/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a workload has printed, for people: a package may print anything, and a terminal would obey it.
 *
 * Control characters (but newline and tab) and what is not UTF-8 come as '?'.
 */
#pragma once

#include <stddef.h>

struct buf;
struct err;

#define OUTPUT_LAST_MAX (64u << 20) /* all that is kept */

/* Appends the last bytes of log.old and log, from the beginning of a line. -ENOENT: no such workload. */
int workload_output(const char *state, const char *name, size_t last, struct buf *out,
		    struct err *err);
