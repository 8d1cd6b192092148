/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of some names did a word mean? It is that name, or the only name that starts so.
 * A word that fits none or several gets one line that names it and what it may have meant.
 */
#pragma once

#include <stddef.h>

#define PICK_MAX 128

struct err;

struct names {
	const char *at[PICK_MAX];
	size_t n;
};

/* Names beyond PICK_MAX are a mistake in a table: asserted. */
void names_add(struct names *names, const char *name);

/* Sets the index. kind says what is looked for ("an object"). -ENOENT, -EEXIST (ambiguous). */
int pick(const struct names *names, const char *kind, const char *word, size_t *ret,
	 struct err *err);
