/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An npm package from a folder, or from a commit of a git repository, as one tarball that runs by
 * itself: made by `npm pack`, with every dependency in it.
 *
 * I1. Nothing of the package is run: no scripts of npm's, no hooks of git's.
 * I2. The same commit, or an unchanged folder, gives the same bytes with the same npm. A commit's
 *     dependencies are those its package-lock.json pins, installed into a fresh export.
 * I3. What a package in the tarball depends on is in the tarball where node finds it, or the pack is
 *     refused: the node that runs it has no registry.
 *
 * Works in a temporary folder of its own, which pack_fini() removes. Blocks (npm, git): minutes.
 * Errors: -ENOENT no package.json, no such commit, npm or git not installed; -EINVAL what is wrong with
 * the package; -EREMOTEIO npm or git failed, with its words.
 */
#pragma once

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "workload/package.h"

#define PACK_COMMIT_MAX 65 /* SHA-256 in hex, with its NUL */

struct err;

struct pack {
	char dir[PATH_MAX]; /* the temporary folder; "": none */
	char tarball[PATH_MAX]; /* in it */
	char name[PACKAGE_NAME_MAX], version[PACKAGE_VERSION_MAX];
	char commit[PACK_COMMIT_MAX]; /* in the package.json it packed, as gitHead; "": a folder */
	uint64_t files, unpacked_bytes;
	uint64_t bundled; /* packages in node_modules */
};

int pack_dir(const char *dir, struct pack *ret, struct err *err);
/* repo: a folder or a URL that git knows; ref: a branch, tag or commit, NULL: what HEAD is. */
int pack_git(const char *repo, const char *ref, struct pack *ret, struct err *err);
void pack_fini(struct pack *p);
