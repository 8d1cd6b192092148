/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths of an archive: which are acceptable, and which of them meet. A file system that folds
 * case or Unicode would make one file of two names, and a reviewer who reads them would not see two;
 * so names that differ only that way are refused, on every file system.
 *
 * - A path is relative UTF-8, its components neither empty nor "." nor "..", without backslashes,
 *   control characters and characters that show nothing (zero width, direction marks).
 * - Unicode: letters compare without case. Composed and decomposed forms can't meet, since the
 *   decomposed ones (combining marks of Latin, Greek, Cyrillic and Kana, conjoining Hangul) are
 *   refused.
 */
#pragma once

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct unpack_limits;

struct names_path { /* owned by its struct names */
	struct names_path *next;
	bool is_dir;
	const char *path;
};

struct names {
	struct names_entry *by_key;
	struct names_path *first; /* a directory comes after the ones it lies in */
	struct names_path **last;
	const struct unpack_limits *limits;
	size_t len;
	locale_t utf8;
};

void names_init(struct names *n, const struct unpack_limits *limits);
void names_fini(struct names *n);
/* -EPERM or -E2BIG when path is not acceptable. */
int names_check(const struct names *n, const char *path, struct err *err);
/* Takes a path that names_check() accepted. 1: it is new; 0: a directory that is known already;
 * -EPERM it is there already, or meets another name; -E2BIG too many. */
int names_add(struct names *n, const char *path, bool is_dir, struct err *err);
