/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a batch file into words, as a shell would: blanks separate, '...' is literal, in "..."
 * and outside of quotes a backslash takes the next character as it is, # begins a comment, and a
 * backslash at the end of a line goes on with the next one.
 */
#pragma once

#include <stddef.h>

#define WORDS_MAX 128
#define WORDS_TEXT_MAX 16384 /* of one line, quotes taken off */

struct err;

struct words {
	char *at[WORDS_MAX]; /* into text */
	size_t n;
	unsigned int line; /* on which they begin, from 1 */
	unsigned int next_line;
	char text[WORDS_TEXT_MAX];
	size_t len;
};

/*
 *	struct words w = {};
 *	while ((rc = words_next(&text, &w, err)) > 0)
 *
 * 1: a line with words, empty ones are passed over; 0: the end; -EINVAL: a quote that is not
 * closed; -E2BIG. Errors name the line. */
int words_next(const char **text, struct words *w, struct err *err);
