/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides which log lines are repetitions. Pure: the time is a parameter. Remembers the last
 * LOG_LIMIT_LINES different lines; a line that was pushed out is new again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LIMIT_LINES 64
#define LOG_LIMIT_MS 10000

struct log_limit {
	struct {
		uint64_t hash; /* 0: free */
		uint64_t printed_ms;
		uint64_t repeated; /* times not printed since then */
	} lines[LOG_LIMIT_LINES];
};

/* True if the line may be printed now, with how often it was held back before. */
bool log_limit_pass(struct log_limit *l, const char *line, size_t len, uint64_t now_ms,
		    uint64_t *ret_repeated);
