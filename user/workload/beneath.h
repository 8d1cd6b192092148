/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens below a directory for paths that somebody else chose: openat2() with RESOLVE_BENEATH,
 * NO_SYMLINKS, NO_MAGICLINKS and NO_XDEV, so the kernel itself refuses to leave the directory.
 * O_CLOEXEC is added. Returns the descriptor or a negative errno (-EXDEV it would leave, -ELOOP a
 * link).
 */
#pragma once

#include <sys/types.h>

int open_beneath(int dir_fd, const char *path, int flags, mode_t mode);
