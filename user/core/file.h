/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files. Reads have a limit; writes are atomic (temporary file in the same directory, fsync,
 * rename, fsync of the directory), so a crash leaves the old or the new content, never half.
 * Errors name the path.
 * The mode is set as given, whatever the umask; a name that is a link is replaced, not followed.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct buf;
struct err;

/* Appends the content to out (out's limit applies: -E2BIG). "-" is standard input. */
int file_read(const char *path, struct buf *out, struct err *err);
int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct err *err);
/* The same with content that comes in parts: fill writes all of it, by file_put(). */
int file_write_atomic_by(const char *path, int (*fill)(int fd, void *arg), void *arg, mode_t mode,
			 struct err *err);
int file_put(int fd, const void *data, size_t len);
/* Appends what fd has from its offset on. 0 or -errno; out keeps what came before a fault. */
int file_take(int fd, struct buf *out);
/* As file_write_atomic(), but an existing file is left as it is: -EEXIST. */
int file_create_atomic(const char *path, const void *data, size_t len, mode_t mode,
		       struct err *err);
/* The whole file, by flock(), which ends with its holder: but a process that is killed while it starts a child
 * leaves its locks to that until it has executed its program. So a lock that is held is waited for a
 * moment, FILE_LOCK_MS at most; then -EWOULDBLOCK. Blocks. */
#define FILE_LOCK_MS 500
int file_lock(int fd);
/* mkdir -p; an existing directory is fine, another file in the way is -ENOTDIR. */
int dir_make(const char *path, mode_t mode, struct err *err);
/* Removes a directory and what is below it, without following links or crossing mounts
 * (-EXDEV; what stands before the mount is gone by then). A missing one is fine. More than 256
 * levels are -ELOOP. */
int dir_remove(const char *path, struct err *err);
/* Formats into ret; -ENAMETOOLONG when it does not fit. */
__attribute__((format(printf, 3, 4))) int path_format(char *ret, size_t size, const char *fmt, ...);
