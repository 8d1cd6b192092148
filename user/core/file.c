/* SPDX-License-Identifier: Apache-2.0 */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"

int path_format(char *ret, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(ret, size, fmt, ap);
	va_end(ap);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int file_take(int fd, struct buf *out)
{
	char chunk[16384];
	ssize_t n;
	int rc;

	for (;;) {
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		rc = buf_append(out, chunk, (size_t)n);
		if (rc < 0)
			return rc;
	}
}

/* Takes back what came before a fault. */
static void truncate_to(struct buf *b, size_t len)
{
	b->len = len;
	if (b->data)
		b->data[len] = '\0';
}

int file_read(const char *path, struct buf *out, struct err *err)
{
	bool is_stdin = !strcmp(path, "-");
	cleanup(close_fd) int opened = -1;
	size_t len = out->len;
	int rc;

	if (!is_stdin) {
		opened = open(path, O_RDONLY | O_CLOEXEC);
		if (opened < 0)
			return err_errno(err, -errno, "%s: cannot open", path);
	}
	rc = file_take(is_stdin ? STDIN_FILENO : opened, out);
	if (rc == 0)
		return 0;
	truncate_to(out, len);
	if (rc == -E2BIG)
		return err_set(err, rc, "%s: larger than the limit of %zu bytes", path, out->limit);
	return err_errno(err, rc, "%s: cannot read", path);
}

int file_put(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The directory a path is in: "a/b" a, "b" ".", "/b" "/". */
static int dir_of(const char *path, char ret[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	int len = slash ? (int)(slash - path) : 1;

	if (slash && !slash[1])
		return -EISDIR;
	if (slash == path)
		len = 1;
	return path_format(ret, PATH_MAX, "%.*s", len, slash ? path : ".");
}

static int sync_dir(const char *dir)
{
	cleanup(close_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

struct content {
	int (*fill)(int fd, void *arg);
	void *arg;
};

static int fill(int fd, const struct content *content, mode_t mode)
{
	int rc = content->fill(fd, content->arg);

	if (rc < 0)
		return rc;
	return fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int publish(const char *path, const struct content *content, mode_t mode, unsigned int flags)
{
	char dir[PATH_MAX], temp[PATH_MAX];
	cleanup(close_fd) int fd = -1;
	int rc = dir_of(path, dir);

	if (rc == 0)
		rc = path_format(temp, sizeof(temp), "%s/.weir-XXXXXX", dir);
	if (rc < 0)
		return rc;
	fd = mkostemp(temp, O_CLOEXEC); /* mode 0600 until all is in it */
	if (fd < 0)
		return -errno;
	rc = fill(fd, content, mode);
	if (rc == 0 && renameat2(AT_FDCWD, temp, AT_FDCWD, path, flags) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(temp);
	return rc < 0 ? rc : sync_dir(dir);
}

int file_write_atomic_by(const char *path, int (*fill_fn)(int fd, void *arg), void *arg,
			 mode_t mode, struct err *err)
{
	int rc = publish(path, &(struct content){ fill_fn, arg }, mode, 0);

	return rc < 0 ? err_errno(err, rc, "%s: cannot write", path) : 0;
}

struct bytes {
	const void *data;
	size_t len;
};

static int put_bytes(int fd, void *arg)
{
	const struct bytes *b = arg;

	return file_put(fd, b->data, b->len);
}

int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
	return file_write_atomic_by(path, put_bytes, &(struct bytes){ data, len }, mode, err);
}

int file_create_atomic(const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
	const struct content content = { put_bytes, &(struct bytes){ data, len } };
	int rc = publish(path, &content, mode, RENAME_NOREPLACE);

	return rc < 0 ? err_errno(err, rc, "%s: cannot create", path) : 0;
}

int file_lock(int fd)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	uint64_t end_ns = clock_boot_ns() + FILE_LOCK_MS * 1000000ull;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK || clock_boot_ns() >= end_ns)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return 0;
}
