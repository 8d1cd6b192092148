/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an unpacked npm package says about itself: package.json, read with limits.
 *
 * The start file, first hit wins:
 *	1. `bin`, when it is a string or an object with exactly one member
 *	2. `main`
 *	3. server.js
 *	4. index.js
 * and none is an error, since a clear refusal beats a guess. `scripts` are never run: they are shell
 * text. A path may leave out ".js" or name a folder with index.js, as node reads it. It must be
 * a regular file within the package.
 *
 * `engines.node` is a range of versions, which engines.h checks; that of dependencies is not looked at.
 */
#pragma once

#include <stddef.h>

#define PACKAGE_NAME_MAX 215 /* npm: 214 characters */
#define PACKAGE_VERSION_MAX 129
#define PACKAGE_ENTRY_MAX 1025
#define PACKAGE_ENGINES_MAX 129

struct err;

struct package {
	char name[PACKAGE_NAME_MAX];
	char version[PACKAGE_VERSION_MAX];
	char entry[PACKAGE_ENTRY_MAX]; /* below the package folder: "lib/server.js" */
	char engines_node[PACKAGE_ENGINES_MAX]; /* "" when it says nothing */
};

/* dir: the unpacked tree. -ENOENT no package.json or no start file, -EBADMSG not a proper one. */
int package_read(const char *dir, struct package *ret, struct err *err);
