/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quilts (version 1): many small files in one blob, whose matrix is cut into columns. The first
 * columns hold an index, each file begins a column of its own. What an aggregator says of a single
 * file nothing vouches for; so a quilt is read from a whole blob that has been verified.
 *
 * Whoever wrote the quilt may be hostile all the same: every length is checked against what is left.
 * Errors: -EBADMSG not a proper quilt, -ENOENT no such file, -E2BIG.
 * Source: MystenLabs/walrus crates/walrus-core/src/encoding/quilt_encoding.rs, metadata.rs.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "walrus/blobid.h"

#define QUILT_INDEX_MAX (1u << 20)
#define QUILT_NAME_MAX 1025 /* a file's name, with its NUL; Walrus would allow 65535 */
#define QUILT_PATCH_ID_LEN (BLOBID_LEN + 5)

struct err;

struct quilt_tag {
	char *key, *value;
};

struct quilt_patch {
	char *name;
	struct quilt_tag *tags;
	size_t ntags;
	uint16_t start, end; /* columns, the end excluded */
};

struct quilt {
	struct blobid_shape shape;
	int fd; /* borrowed */
	struct quilt_patch *patches; /* names differ */
	size_t len;
};

/* fd: the verified blob; it must stay open. shards 0: the public committee. */
int quilt_read(int fd, uint32_t shards, struct quilt **ret, struct err *err);
void quilt_free(struct quilt **q);

int quilt_by_name(const struct quilt *q, const char *name, const struct quilt_patch **ret,
		  struct err *err);
int quilt_by_start(const struct quilt *q, uint16_t start, uint16_t end,
		   const struct quilt_patch **ret, struct err *err);
/* Appends the content to out_fd. */
int quilt_extract(const struct quilt *q, const struct quilt_patch *p, uint64_t max_bytes,
		  int out_fd, uint64_t *ret_size, struct err *err);

/* A patch id names a quilt and columns in it; text is 50 characters of base64url. */
struct quilt_patch_id {
	uint8_t quilt[BLOBID_LEN];
	uint16_t start, end;
};
/* -EINVAL without a text: who asks may know other kinds of ids. */
int quilt_patch_id_parse(const char *text, struct quilt_patch_id *ret);
char *quilt_patch_id_format(const struct quilt_patch_id *id, char *ret /* QUILT_PATCH_ID_MAX */);
#define QUILT_PATCH_ID_MAX 51
