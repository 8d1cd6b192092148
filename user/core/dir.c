/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"

/* Each level below holds one descriptor open, of the 1024 that a process usually has. */
#define DIR_MAX_DEPTH 256

static int make_one(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int dir_make(const char *path, mode_t mode, struct err *err)
{
	char part[PATH_MAX];
	int rc = path_format(part, sizeof(part), "%s", path);

	for (char *at = part; rc == 0 && *at; at++) {
		if (*at != '/' || at == part)
			continue;
		*at = '\0';
		rc = make_one(part, mode);
		if (rc < 0)
			return err_errno(err, rc, "%s: cannot make the directory", part);
		*at = '/';
	}
	if (rc == 0)
		rc = make_one(part, mode);
	return rc < 0 ? err_errno(err, rc, "%s: cannot make the directory", path) : 0;
}

/* A directory in `at`, unless the way to it is a link or leads to another mount. */
static int open_beneath(int at, const char *name, int *ret_fd)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
	};
	long fd = syscall(SYS_openat2, at, name, &how, sizeof(how));

	if (fd < 0)
		return -errno;
	*ret_fd = (int)fd;
	return 0;
}

static int empty_dir(int fd, int depth);

static int remove_entry(int at, const char *name, int depth)
{
	cleanup(close_fd) int fd = -1;
	int rc;

	/* Linux answers EISDIR where POSIX has EPERM. */
	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return -errno;
	rc = open_beneath(at, name, &fd);
	if (rc == 0)
		rc = empty_dir(fd, depth + 1);
	if (rc < 0)
		return rc;
	return unlinkat(at, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* Recursive, bounded by DIR_MAX_DEPTH. Leaves fd open. */
static int empty_dir(int fd, int depth)
{
	cleanup(close_dir) DIR *dir = NULL;
	cleanup(close_fd) int own = -1;
	struct dirent *entry;
	int rc = 0;

	if (depth > DIR_MAX_DEPTH)
		return -ELOOP;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return -errno;
	dir = fdopendir(own);
	if (!dir)
		return -errno;
	(void)take_fd(own); /* dir closes it */
	while (rc == 0 && (errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = remove_entry(fd, entry->d_name, depth);
	return rc < 0 ? rc : -errno;
}

int dir_remove(const char *path, struct err *err)
{
	cleanup(close_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int rc;

	if (fd < 0 && errno == ENOENT)
		return 0;
	rc = fd < 0 ? -errno : empty_dir(fd, 0);
	if (rc == 0 && rmdir(path) < 0)
		rc = -errno;
	return rc < 0 ? err_errno(err, rc, "%s: cannot remove the directory", path) : 0;
}
