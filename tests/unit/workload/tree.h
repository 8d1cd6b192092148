/* SPDX-License-Identifier: Apache-2.0 */
/* A test's own folder, taken away. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static int tree_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tree_unlock_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	return type == FTW_D ? chmod(path, 0700) : 0;
}

/* Removes a tree with read-only folders in it, also as an ordinary user. */
static void tree_remove(const char *path)
{
	nftw(path, tree_unlock_one, 16, FTW_PHYS);
	nftw(path, tree_remove_one, 16, FTW_PHYS | FTW_DEPTH);
}
