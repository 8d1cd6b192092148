/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walrus' name of content: the blob id, calculated from a file.
 *
 * The content is a matrix of symbols, row by row, zeros behind its end. An erasure code makes of
 * each row as many symbols as there are shards, and then of each column; a hash tree over each row
 * and each column of the full matrix gives two hashes for every shard, a tree over those the root,
 * and the id is the hash of encoding type, size and root. So the id is all a reader must know to
 * check what a stranger gave him.
 * Source: MystenLabs/walrus crates/walrus-core (encoding/, merkle.rs, metadata.rs), encoding RS2.
 *
 * Memory: half of the content's size, and at most 0.1 of it + 8 MB for all threads together; the
 * file is read (pread), not mapped, so that one that shrinks meanwhile is an error and no signal.
 * Time: one thread hashes three million nodes, whatever the size.
 * Threading: any. A call uses threads of its own (walrus/crew.h).
 */
#pragma once

#include <stdint.h>

#include "core/crypto.h"

#define BLOBID_LEN HASH_LEN
#define BLOBID_SHARDS 1000u /* of the public networks */
#define BLOBID_SHARDS_MIN 4u /* the fewest of which one may be lost */
#define BLOBID_SHARDS_MAX 4096u
#define BLOBID_SYMBOL_MAX 65534u

struct err;
struct lanes;

struct blobid_pair { /* what one shard holds: the hashes of row i and of column n - 1 - i */
	uint8_t primary[HASH_LEN], secondary[HASH_LEN];
};

/* Rows and columns of the source matrix, and the bytes of a symbol (even). */
struct blobid_shape {
	uint32_t shards, rows, columns, symbol_bytes;
};

struct blobid_options {
	uint32_t shards; /* 0: BLOBID_SHARDS */
	uint32_t threads; /* 0: one for each processor, as memory allows */
	const struct lanes *lanes; /* NULL: the best of this machine */
	struct blobid_pair *ret_pairs; /* NULL, or room for one a shard */
};

struct blobid {
	uint8_t id[BLOBID_LEN];
	uint8_t root[HASH_LEN];
	uint64_t size;
	uint32_t shards, symbol_bytes;
};

/* Of the whole file, whatever its offset. options NULL: all defaults. -EINVAL not a regular file or
 * a number of shards out of bounds; -E2BIG larger than a blob can be. */
int blobid_of(int fd, const struct blobid_options *options, struct blobid *ret, struct err *err);
int blobid_shape(uint64_t size, uint32_t shards, struct blobid_shape *ret, struct err *err);
