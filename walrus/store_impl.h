/* SPDX-License-Identifier: Apache-2.0 */
/* What store.c and store_name.c share. Nobody else includes it. */
#pragma once

#include <dirent.h>
#include <limits.h>
#include <sys/types.h>

#include "walrus/store.h"

#define STORE_TMP_NAME_LEN 32

struct store {
	int blobs_fd; /* ROOT/blobs/sha512 */
	int names_fd; /* ROOT/blobs/walrus */
	int opened_fd; /* ROOT/blobs/opened */
	int tmp_fd; /* ROOT/blobs/tmp */
	uint64_t max_bytes;
	char root[PATH_MAX]; /* for errors */
};

/* A file in tmp/, locked while it is open; gone when its scope is left. */
struct store_temp {
	int dir_fd, fd;
	mode_t mode; /* when it is visible */
	char name[STORE_TMP_NAME_LEN + 1];
};

int store_temp_open(struct store *s, struct store_temp *t, struct err *err);
void store_temp_fini(struct store_temp *t);
/* Hashes in from its offset to its end; copies it to out unless out is -1. Text of errors is the
 * caller's. */
int store_hash(int in, int out, uint64_t max_bytes, uint8_t ret_digest[SHA512_LEN],
	       uint64_t *ret_size);
/* Makes t visible, unless its content is there already and whole. digest is what t holds, and
 * expected, unless NULL, has it. */
int store_publish(struct store *s, const struct store_temp *t, const struct sri *expected,
		  const uint8_t digest[SHA512_LEN], struct err *err);
/* Of its own, at the first entry. */
int store_dir_open(int dir_fd, DIR **ret);
int store_errno_size(const struct store *s, struct err *err); /* -E2BIG */
