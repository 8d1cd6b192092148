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

struct pathset_path { /* owned by its struct pathset */
	struct pathset_path *next;
	bool is_dir;
	const char *path;
};

struct pathset {
	struct pathset_entry *by_key;
	struct pathset_path *first; /* a directory comes after the ones it lies in */
	struct pathset_path **last;
	const struct unpack_limits *limits;
	size_t len;
	locale_t utf8;
};

void pathset_init(struct pathset *n, const struct unpack_limits *limits);
void pathset_fini(struct pathset *n);
/* -EPERM or -E2BIG when path is not acceptable. */
int pathset_check(const struct pathset *n, const char *path, struct err *err);
/* Takes a path that pathset_check() accepted. 1: it is new; 0: a directory that is known already;
 * -EPERM it is there already, or meets another name; -E2BIG too many. */
int pathset_add(struct pathset *n, const char *path, bool is_dir, struct err *err);
