/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded blob store: npm tarballs under the hash of their content,
 *
 *	ROOT/blobs/sha512/<hex>		a blob, mode 0444
 *	ROOT/blobs/walrus/<blob id>	a link to the blob that has this id
 *	ROOT/blobs/opened/<blob id>	a link to what that blob was decrypted to, which has mode 0400
 *	ROOT/blobs/tmp/<random>		one that is still being written
 *
 * I1. A name in sha512/ shows only whole content with that hash, on disk: it is written and hashed
 *     in tmp/, compared, synced, renamed, and the folder synced. Wrong content is never visible.
 * I2. store_get() hashes again, since a disk can rot. What it gives is an open file, so that what
 *     was verified is what will be read.
 * I3. A writer holds a lock (flock) on its file in tmp/. What nobody holds was left by a crash;
 *     store_open() removes it.
 *
 * Threading: any number of threads and processes may use one ROOT. Calls block on the disk.
 * Errors: -EBADMSG content that is not what was asked for, -E2BIG over max_blob_bytes, -ENOENT.
 *
 *	cleanup(store_free) struct store *s = NULL;
 *	cleanup(close_fd) int fd = -1;
 *	store_open("/var/lib/weir", 256 << 20, &s, &err);
 *	store_put_file(s, "app-1.0.0.tgz", &sri, digest, &err);
 *	store_get(s, &sri, &blob, &err);
 */
#pragma once

#include "walrus/sri.h"

struct store;

int store_open(const char *root, uint64_t max_blob_bytes, struct store **ret, struct err *err);
void store_free(struct store **s);

/* Reads fd to its end into the store. expected NULL: whatever the content is. A blob that is there
 * already stays as it is, unless it was damaged on disk, then it is replaced. */
int store_put(struct store *s, int fd, const struct sri *expected, uint8_t ret_digest[SHA512_LEN],
	      struct err *err);
int store_put_file(struct store *s, const char *path, const struct sri *expected,
		   uint8_t ret_digest[SHA512_LEN], struct err *err);

struct blob {
	uint8_t digest[SHA512_LEN];
	uint64_t size;
	uint64_t stored_ms; /* UTC; only store_list() tells */
};

/* The first alternative that is stored, verified. ret_fd is at offset 0, for reading; the caller
 * closes it. -EBADMSG when it is damaged: remove it and put it again. */
int store_get(struct store *s, const struct sri *sri, struct blob *ret_blob, int *ret_fd,
	      struct err *err);
/* All blobs by digest, without verifying them; free() the array (NULL when there is none). */
int store_list(struct store *s, struct blob **ret_blobs, size_t *ret_len, struct err *err);
int store_remove(struct store *s, const uint8_t digest[SHA512_LEN], struct err *err);

/* ---- By blob id (store_name.c) --------------------------------------------------------------- */

/* Content on its way in, which nobody sees: written to incoming_fd() in any order, then kept. It is
 * gone when it is freed. It borrows the store. */
struct incoming;
int store_incoming(struct store *s, struct incoming **ret, struct err *err);
int incoming_fd(const struct incoming *i);
void incoming_free(struct incoming **i);

/* What content must be; NULL: not asked. */
struct store_name {
	const uint8_t *blob_id; /* BLOBID_LEN */
	uint32_t shards; /* of the committee; 0: the public one */
	const struct sri *sri;
	const uint8_t *
		opens; /* a blob id: what that blob was decrypted to, and for the owner of the store alone */
};
/* Reads the content again, compares it with every name it must have, and only then makes it
 * visible: -EBADMSG if it is anything else, -EINVAL if the names can't all be one content's. i is
 * still to be freed. */
int store_keep(struct incoming *i, const struct store_name *name, uint8_t ret_digest[SHA512_LEN],
	       struct err *err);
/* Removes the blob ids of content that is not stored any more. */
int store_sweep_names(struct store *s, struct err *err);
/* The digest of what was kept under a blob id and is still stored; -ENOENT. */
int store_find(struct store *s, const uint8_t *blob_id, uint8_t ret_digest[SHA512_LEN],
	       struct err *err);
/* The same of what it was decrypted to. */
int store_find_opened(struct store *s, const uint8_t *blob_id, uint8_t ret_digest[SHA512_LEN],
		      struct err *err);
