/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/file.h"
#include "core/parse.h"
#include "workload/beneath.h"
#include "workload/pathset.h"

#define TMP_RANDOM 8
#define TMP_NAME_SIZE (sizeof(UNPACK_TMP_PREFIX) + (size_t)2 * TMP_RANDOM)
#define READ_BLOCK (64u << 10)
#define RATIO_FROM (1 << 20) /* a small package may well be one repeated line */
#define TOP_MAX 256

struct unpack_job {
	struct archive *archive;
	struct pathset names;
	const struct unpack_limits *limits;
	int root_fd;
	uint64_t total;
	char top[TOP_MAX]; /* "" before the first entry */
};

static void archive_close(struct archive **a)
{
	if (*a)
		archive_read_free(*a);
}

static void job_fini(struct unpack_job *j)
{
	archive_close(&j->archive);
	pathset_fini(&j->names);
	close_fd(&j->root_fd);
}

static int archive_error(struct archive *a, struct err *err)
{
	const char *text = archive_error_string(a);

	return err_set(err, archive_errno(a) == ENOMEM ? -ENOMEM : -EBADMSG,
		       "the archive is damaged or not gzip and tar: %s",
		       text ? text : "no reason given");
}

static int archive_begin(struct unpack_job *j, int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(err, -errno, "reading the archive");
	if (st.st_size < 0 || (uint64_t)st.st_size > j->limits->archive_bytes)
		return err_set(err, -E2BIG, "the archive has over %" PRIu64 " bytes",
			       j->limits->archive_bytes);
	j->archive = archive_read_new();
	if (!j->archive)
		return err_errno(err, -ENOMEM, "reading the archive");
	if (archive_read_support_filter_gzip(j->archive) != ARCHIVE_OK ||
	    archive_read_support_format_tar(j->archive) != ARCHIVE_OK ||
	    archive_read_open_fd(j->archive, fd, READ_BLOCK) != ARCHIVE_OK)
		return archive_error(j->archive, err);
	return 0;
}

/* Bytes the decompressor gave against bytes it took. */
static int check_ratio(const struct unpack_job *j, struct err *err)
{
	int64_t out = archive_filter_bytes(j->archive, 0);
	int64_t in = archive_filter_bytes(j->archive, -1);

	if (in < 0 || out < 0 || (uint64_t)in > j->limits->archive_bytes)
		return err_set(err, -E2BIG, "the archive has over %" PRIu64 " bytes",
			       j->limits->archive_bytes);
	if (out > RATIO_FROM && out / j->limits->ratio > in)
		return err_set(err, -E2BIG, "it unpacks to more than %u times its size",
			       j->limits->ratio);
	return 0;
}

static int check_type(struct archive_entry *e, struct err *err)
{
	mode_t type = archive_entry_filetype(e);
	const char *what = archive_entry_hardlink(e)		? "a hard link" :
			   type == AE_IFLNK			? "a symbolic link" :
			   type == AE_IFIFO			? "a FIFO" :
			   type == AE_IFCHR || type == AE_IFBLK ? "a device" :
			   type == AE_IFSOCK			? "a socket" :
			   type != AE_IFREG && type != AE_IFDIR ? "of an unknown type" :
			   archive_entry_sparse_count(e) > 0	? "a sparse file" :
								  NULL;

	if (!what)
		return 0;
	return err_set(err, -EPERM, "it is %s; a package has regular files and folders only", what);
}

/* Cuts the top folder off: "package/lib/a.js" gives "lib/a.js", "package/" gives "". */
static int strip_top(struct unpack_job *j, char *path, const char **ret, struct err *err)
{
	size_t len = strlen(path), top = strcspn(path, "/");

	if (len > 1 && path[len - 1] == '/')
		path[len - 1] = '\0';
	if (path[0] == '/')
		return err_set(err, -EPERM, "the name is absolute");
	if (top == 0 || top >= sizeof(j->top) || strncmp(path, "..", top) == 0)
		return err_set(err, -EPERM, "the name has no proper top folder");
	if (j->top[0] && (strncmp(j->top, path, top) != 0 || j->top[top]))
		return err_set(err, -EPERM,
			       "the name is not in the top folder '%s'; a package has one", j->top);
	memcpy(j->top, path, top);
	j->top[top] = '\0';
	*ret = path + top + (path[top] == '/');
	return 0;
}

static int make_dir(const struct unpack_job *j, const char *path, struct err *err)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int r = path_format(parent, sizeof(parent), "%.*s", slash ? (int)(slash - path) : 1,
			    slash ? path : ".");

	if (r < 0)
		return err_errno(err, r, "making the folder");
	cleanup(close_fd) int fd = open_beneath(j->root_fd, parent, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return err_errno(err, fd, "opening '%s'", parent);
	if (mkdirat(fd, slash ? slash + 1 : path, 0700) < 0)
		return err_errno(err, -errno, "making the folder");
	return 0;
}

static int add_dir(struct unpack_job *j, const char *path, struct err *err)
{
	int r = pathset_add(&j->names, path, true, err);

	return r > 0 ? make_dir(j, path, err) : r;
}

/* The folders a path runs through; an archive need not list them. */
static int add_parents(struct unpack_job *j, const char *path, struct err *err)
{
	char parent[PATH_MAX];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r = path_format(parent, sizeof(parent), "%.*s", (int)(slash - path), path);

		if (r == 0)
			r = add_dir(j, parent, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_block(int fd, const char *data, size_t len, struct err *err)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, -errno, "writing");
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int copy_data(struct unpack_job *j, int fd, uint64_t size, struct err *err)
{
	uint64_t done = 0;

	for (;;) {
		const void *block = NULL;
		size_t len = 0;
		int64_t offset = 0;
		int r = archive_read_data_block(j->archive, &block, &len, &offset);

		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK)
			return archive_error(j->archive, err);
		if (offset < 0 || (uint64_t)offset != done)
			return err_set(err, -EPERM, "it is a sparse file");
		if (len > size - done)
			return err_set(err, -EBADMSG, "it has more content than its header says");
		r = check_ratio(j, err);
		if (r == 0)
			r = write_block(fd, block, len, err);
		if (r < 0)
			return r;
		done += len;
	}
	if (done != size)
		return err_set(err, -EBADMSG, "it has less content than its header says");
	return 0;
}

static int add_file(struct unpack_job *j, struct archive_entry *e, const char *path,
		    struct err *err)
{
	int64_t size = archive_entry_size(e);

	if (!archive_entry_size_is_set(e) || size < 0)
		return err_set(err, -EBADMSG, "its header does not say its size");
	if ((uint64_t)size > j->limits->file_bytes)
		return err_set(err, -E2BIG, "it has over %" PRIu64 " bytes", j->limits->file_bytes);
	if ((uint64_t)size > j->limits->total_bytes - j->total)
		return err_set(err, -E2BIG, "all files together have over %" PRIu64 " bytes",
			       j->limits->total_bytes);
	int r = pathset_add(&j->names, path, false, err);

	if (r < 0)
		return r;
	cleanup(close_fd) int fd =
		open_beneath(j->root_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_errno(err, fd, "creating it");
	r = copy_data(j, fd, (uint64_t)size, err);
	if (r < 0)
		return r;
	j->total += (uint64_t)size;
	if (fchmod(fd, archive_entry_perm(e) & 0111 ? 0555 : 0444) < 0)
		return err_errno(err, -errno, "setting its mode");
	return 0;
}

static int add_entry(struct unpack_job *j, struct archive_entry *e, char *path, struct err *err)
{
	const char *inner = NULL;
	bool is_dir = archive_entry_filetype(e) == AE_IFDIR;
	int r = check_type(e, err);

	if (r == 0)
		r = strip_top(j, path, &inner, err);
	if (r)
		return r;
	if (!*inner && is_dir)
		return 0; /* the top folder itself */
	if (!*inner)
		return err_set(err, -EPERM, "it lies beside the top folder; a package has one");
	r = pathset_check(&j->names, inner, err);
	if (r == 0)
		r = add_parents(j, inner, err);
	if (r < 0)
		return r;
	return is_dir ? add_dir(j, inner, err) : add_file(j, e, inner, err);
}

/* libarchive converts names to the locale's character set and warns where it can't; we want UTF-8. */
static const char *entry_path(struct archive_entry *e)
{
	const char *path = archive_entry_pathname_utf8(e);

	return path ? path : archive_entry_pathname(e);
}

static bool is_of_locale(struct archive *a)
{
	const char *text = archive_error_string(a);

	return text && strstr(text, "can't be converted");
}

/* 1: there is one; 0: the end. */
static int next_entry(struct unpack_job *j, struct archive_entry **ret, struct err *err)
{
	int r = archive_read_next_header(j->archive, ret);

	if (r == ARCHIVE_EOF)
		return 0;
	/* Any other warning is of something that another reader would take in another way. */
	if (r != ARCHIVE_OK && !(r == ARCHIVE_WARN && is_of_locale(j->archive)))
		return archive_error(j->archive, err);
	if (archive_filter_code(j->archive, 0) != ARCHIVE_FILTER_GZIP)
		return err_set(err, -EBADMSG, "the archive is not compressed with gzip");
	r = check_ratio(j, err);
	return r < 0 ? r : 1;
}

static int add_all(struct unpack_job *j, struct err *err)
{
	struct archive_entry *e = NULL;
	char path[PATH_MAX];
	int r;

	while ((r = next_entry(j, &e, err)) > 0) {
		const char *name = entry_path(e);

		if (!name || !*name)
			return err_set(err, -EPERM, "an entry has no name");
		if (path_format(path, sizeof(path), "%s", name) < 0)
			return err_set(err, -E2BIG,
				       "entry '%.64s...': the name is longer than %u bytes", name,
				       j->limits->path_bytes);
		r = add_entry(j, e, path, err);
		if (r < 0) {
			err_wrap(err, "entry '%.200s'", name);
			return r;
		}
	}
	if (r == 0 && j->names.len == 0)
		return err_set(err, -EBADMSG, "the archive is empty");
	return r;
}

/* Folders become read-only at the end, when nothing is made in them any more. */
static int seal(const struct unpack_job *j, struct err *err)
{
	for (const struct pathset_path *n = j->names.first; n; n = n->next) {
		if (!n->is_dir)
			continue;
		cleanup(close_fd) int fd =
			open_beneath(j->root_fd, n->path, O_RDONLY | O_DIRECTORY, 0);

		if (fd < 0 || fchmod(fd, 0555) < 0)
			return err_errno(err, fd < 0 ? fd : -errno, "sealing '%s'", n->path);
	}
	if (fchmod(j->root_fd, 0555) < 0)
		return err_errno(err, -errno, "sealing the package");
	/* One sync of the file system instead of one for each of thousands of files. */
	return syncfs(j->root_fd) < 0 ? err_errno(err, -errno, "syncing the package") : 0;
}

static int unpack_into(int fd, int root_fd, const struct unpack_limits *limits, struct err *err)
{
	cleanup(job_fini) struct unpack_job j = { .limits = limits, .root_fd = root_fd };

	pathset_init(&j.names, limits);
	int r = archive_begin(&j, fd, err);

	if (r == 0)
		r = add_all(&j, err);
	return r < 0 ? r : seal(&j, err);
}

int unpack_lock(const char *parent, int *ret_fd, struct err *err)
{
	cleanup(close_fd) int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_errno(err, -errno, "opening %s", parent);
	do
		r = flock(fd, LOCK_EX);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_errno(err, -errno, "locking %s", parent);
	*ret_fd = take_fd(fd);
	return 0;
}

static int remove_below(const char *parent, const char *name, struct err *err)
{
	char path[PATH_MAX];
	int r = path_format(path, sizeof(path), "%s/%s", parent, name);

	return r < 0 ? err_errno(err, r, "%s", parent) : dir_remove(path, err);
}

/* With the lock held, every temporary folder is a leftover. */
static int sweep_locked(const char *parent, struct err *err)
{
	cleanup(close_dir) DIR *dir = opendir(parent);
	int r = 0;

	if (!dir)
		return err_errno(err, -errno, "reading %s", parent);
	for (const struct dirent *d = readdir(dir); d && r == 0; d = readdir(dir)) {
		if (strncmp(d->d_name, UNPACK_TMP_PREFIX, strlen(UNPACK_TMP_PREFIX)) == 0)
			r = remove_below(parent, d->d_name, err);
	}
	return r;
}

int unpack_sweep(const char *parent, struct err *err)
{
	cleanup(close_fd) int lock = -1;

	if (access(parent, F_OK) < 0 && errno == ENOENT)
		return 0;
	int r = unpack_lock(parent, &lock, err);

	return r < 0 ? r : sweep_locked(parent, err);
}

static int make_temp(int parent_fd, char ret_name[TMP_NAME_SIZE], int *ret_fd, struct err *err)
{
	uint8_t bytes[TMP_RANDOM];
	char hex[2 * TMP_RANDOM + 1];

	random_bytes(bytes, sizeof(bytes));
	format_hex(bytes, sizeof(bytes), hex);
	snprintf(ret_name, TMP_NAME_SIZE, "%s%s", UNPACK_TMP_PREFIX, hex);
	if (mkdirat(parent_fd, ret_name, 0700) < 0)
		return err_errno(err, -errno, "making the folder %s", ret_name);
	int fd = openat(parent_fd, ret_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, -errno, "opening the folder %s", ret_name);
	*ret_fd = fd;
	return 0;
}

static int publish(int parent_fd, const char *temp, const char *name, struct err *err)
{
	if (renameat(parent_fd, temp, parent_fd, name) < 0)
		return err_errno(err, -errno, "naming the package %s", name);
	return fsync(parent_fd) < 0 ? err_errno(err, -errno, "syncing the packages") : 0;
}

int unpack(int fd, const char *parent, const char *name, const struct unpack_limits *limits,
	   struct err *err)
{
	cleanup(close_fd) int parent_fd = -1;
	char temp[TMP_NAME_SIZE];
	int root_fd = -1;
	int r = dir_make(parent, 0755, err);

	if (r == 0)
		r = unpack_lock(parent, &parent_fd, err);
	if (r == 0)
		r = sweep_locked(parent, err);
	if (r < 0)
		return r;
	if (faccessat(parent_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	r = make_temp(parent_fd, temp, &root_fd, err);
	if (r < 0)
		return r;
	r = unpack_into(fd, root_fd, limits, err); /* closes root_fd */
	if (r == 0)
		r = publish(parent_fd, temp, name, err);
	if (r < 0)
		remove_below(parent, temp, NULL); /* if this fails, the next one does it */
	return r;
}
