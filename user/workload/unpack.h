/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacks an npm tarball (gzip and tar) that somebody else made into PARENT/NAME.
 *
 * I1. PARENT/NAME is either absent or whole: the work is done in PARENT/.tmp-XXXXXX, synced, and
 *     renamed. A crash leaves only that folder, which unpack_sweep() and the next unpack() remove.
 * I2. Nothing outside of it is touched: only regular files and directories are made, every open is
 *     openat2(RESOLVE_BENEATH | NO_SYMLINKS | NO_MAGICLINKS | NO_XDEV), no file is opened twice.
 *     Links, devices, FIFOs, sparse files, absolute names, "..", control characters, backslashes,
 *     duplicates and names that differ only by case or in the form of their Unicode are refused.
 * I3. The single top folder ("package/" as npm packs it) is stripped; two are refused.
 * I4. What was unpacked is read-only: files 0444 or 0555, directories 0555, all owned by us.
 *
 * libarchive is only the parser: gzip and tar, nothing else is switched on; unpack.c alone includes
 * it. A refusal names the entry. Errors: -EBADMSG not a proper archive, -EPERM an entry that has
 * no place in a package, -E2BIG over a limit.
 * Threading: any; unpacks into one PARENT go one after the other, also between processes (flock).
 */
#pragma once

#include <stdint.h>

struct err;

struct unpack_limits {
	uint64_t archive_bytes; /* compressed */
	uint64_t total_bytes; /* of all files */
	uint64_t file_bytes;
	uint32_t entries; /* files and directories, also those that only a path mentions */
	uint32_t depth; /* components of a path, without the top folder */
	uint32_t name_bytes;
	uint32_t path_bytes;
	uint32_t ratio; /* unpacked to compressed; counts after the first MiB */
};

#define UNPACK_LIMITS_DEFAULT          \
	{ .archive_bytes = 256u << 20, \
	  .total_bytes = 256u << 20,   \
	  .file_bytes = 64u << 20,     \
	  .entries = 20000,            \
	  .depth = 64,                 \
	  .name_bytes = 255,           \
	  .path_bytes = 1024,          \
	  .ratio = 100 }

/* fd is read from its current offset. 0 without reading when PARENT/NAME is there already. */
int unpack(int fd, const char *parent, const char *name, const struct unpack_limits *limits,
	   struct err *err);
/* The lock that unpacking into parent takes; it goes with the descriptor. Under it, what has a name
 * with this prefix is a leftover. */
#define UNPACK_TMP_PREFIX ".tmp-"
int unpack_lock(const char *parent, int *ret_fd, struct err *err);
/* Removes what crashes left. A missing parent is fine. */
int unpack_sweep(const char *parent, struct err *err);
