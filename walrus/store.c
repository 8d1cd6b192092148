/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/parse.h"
#include "walrus/store_impl.h"

#define CHUNK (128u << 10)
#define BLOB_NAME_LEN ((size_t)2 * SHA512_LEN)

void store_temp_fini(struct store_temp *t)
{
	if (t->fd < 0)
		return;
	unlinkat(t->dir_fd, t->name, 0); /* -ENOENT once it has been renamed */
	close_fd(&t->fd);
}

int store_temp_open(struct store *s, struct store_temp *t, struct err *err)
{
	uint8_t bytes[STORE_TMP_NAME_LEN / 2];

	random_bytes(bytes, sizeof(bytes));
	format_hex(bytes, sizeof(bytes), t->name);
	t->dir_fd = s->tmp_fd;
	t->mode = 0444;
	t->fd = openat(s->tmp_fd, t->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		       0600);
	if (t->fd < 0)
		return err_errno(err, -errno, "creating %s/blobs/tmp/%s", s->root, t->name);
	/* A cleaner that comes between open and lock makes our rename fail, nothing worse. */
	if (flock(t->fd, LOCK_EX | LOCK_NB) < 0)
		return err_errno(err, -errno, "locking %s/blobs/tmp/%s", s->root, t->name);
	return 0;
}

static int sweep_one(int dir_fd, const char *name)
{
	cleanup(close_fd) int fd =
		openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : -errno;
	return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int store_dir_open(int dir_fd, DIR **ret)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		int code = -errno;

		close_fd(&fd);
		return code;
	}
	*ret = dir;
	return 0;
}

/* Removes the files in tmp/ that no living writer holds. */
static int sweep(struct store *s, struct err *err)
{
	cleanup(close_dir) DIR *dir = NULL;
	int r = store_dir_open(s->tmp_fd, &dir);

	if (r < 0)
		return err_errno(err, r, "reading %s/blobs/tmp", s->root);
	for (const struct dirent *d = readdir(dir); d; d = readdir(dir)) {
		if (d->d_name[0] == '.')
			continue;
		r = sweep_one(s->tmp_fd, d->d_name);
		if (r < 0)
			return err_errno(err, r, "removing the leftover %s/blobs/tmp/%s", s->root,
					 d->d_name);
	}
	return 0;
}

static int open_dir(const char *root, const char *sub, int *ret_fd, struct err *err)
{
	char path[PATH_MAX];
	int r = path_format(path, sizeof(path), "%s/blobs/%s", root, sub);

	if (r < 0)
		return err_errno(err, r, "blob store %s", root);
	r = dir_make(path, 0700, err);
	if (r < 0)
		return r;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, -errno, "opening %s", path);
	*ret_fd = fd;
	return 0;
}

int store_open(const char *root, uint64_t max_blob_bytes, struct store **ret, struct err *err)
{
	cleanup(store_free) struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return err_errno(err, -ENOMEM, "blob store %s", root);
	s->blobs_fd = s->names_fd = s->opened_fd = s->tmp_fd = -1;
	s->max_bytes = max_blob_bytes;
	int r = path_format(s->root, sizeof(s->root), "%s", root);

	if (r < 0)
		return err_errno(err, r, "blob store %.64s...", root);
	r = open_dir(root, "sha512", &s->blobs_fd, err);
	if (r < 0)
		return r;
	r = open_dir(root, "walrus", &s->names_fd, err);
	if (r < 0)
		return r;
	r = open_dir(root, "opened", &s->opened_fd, err);
	if (r < 0)
		return r;
	r = open_dir(root, "tmp", &s->tmp_fd, err);
	if (r < 0)
		return r;
	r = sweep(s, err);
	if (r < 0)
		return r;
	*ret = take_ptr(s);
	return 0;
}

void store_free(struct store **s)
{
	if (!*s)
		return;
	close_fd(&(*s)->blobs_fd);
	close_fd(&(*s)->names_fd);
	close_fd(&(*s)->opened_fd);
	close_fd(&(*s)->tmp_fd);
	free(*s);
	*s = NULL;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static ssize_t read_some(int fd, void *ret, size_t size)
{
	ssize_t n;

	do
		n = read(fd, ret, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int store_hash(int in, int out, uint64_t max_bytes, uint8_t ret_digest[SHA512_LEN],
	       uint64_t *ret_size)
{
	cleanup(sha512_free) struct sha512 *hash = NULL;
	cleanup(free_ptr) uint8_t *chunk = malloc(CHUNK);
	uint64_t size = 0;
	int r = chunk ? sha512_new(&hash) : -ENOMEM;

	if (r < 0)
		return r;
	for (;;) {
		ssize_t n = read_some(in, chunk, CHUNK);

		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		if ((uint64_t)n > max_bytes - size)
			return -E2BIG;
		size += (uint64_t)n;
		sha512_update(hash, chunk, (size_t)n);
		r = out < 0 ? 0 : write_all(out, chunk, (size_t)n);
		if (r < 0)
			return r;
	}
	sha512_final(hash, ret_digest);
	*ret_size = size;
	return 0;
}

static char *blob_name(const uint8_t digest[SHA512_LEN], char ret[BLOB_NAME_LEN + 1])
{
	format_hex(digest, SHA512_LEN, ret);
	return ret;
}

/* 0: stored and whole; -ENOENT; -EBADMSG: damaged. */
static int open_verified(struct store *s, const uint8_t digest[SHA512_LEN], int *ret_fd,
			 uint64_t *ret_size, struct err *err)
{
	char name[BLOB_NAME_LEN + 1];
	uint8_t found[SHA512_LEN];
	uint64_t size = 0;
	cleanup(close_fd) int fd = openat(s->blobs_fd, blob_name(digest, name),
					  O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return err_errno(err, -errno, "opening blob %s/blobs/sha512/%s", s->root, name);
	int r = store_hash(fd, -1, UINT64_MAX, found, &size);

	if (r < 0)
		return err_errno(err, r, "reading blob %s/blobs/sha512/%s", s->root, name);
	if (memcmp(found, digest, SHA512_LEN) != 0)
		return err_set(err, -EBADMSG,
			       "blob %s/blobs/sha512/%s is damaged on disk; store it again",
			       s->root, name);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, -errno, "rewinding blob %s/blobs/sha512/%s", s->root, name);
	*ret_fd = take_fd(fd);
	*ret_size = size;
	return 0;
}

static int name_temp(struct store *s, const struct store_temp *t, const uint8_t digest[SHA512_LEN],
		     struct err *err)
{
	char name[BLOB_NAME_LEN + 1];

	if (fchmod(t->fd, t->mode) < 0 || fsync(t->fd) < 0)
		return err_errno(err, -errno, "syncing %s/blobs/tmp/%s", s->root, t->name);
	if (renameat(s->tmp_fd, t->name, s->blobs_fd, blob_name(digest, name)) < 0)
		return err_errno(err, -errno, "naming blob %s/blobs/sha512/%s", s->root, name);
	if (fsync(s->blobs_fd) < 0)
		return err_errno(err, -errno, "syncing %s/blobs/sha512", s->root);
	return 0;
}

static int compare(const struct sri *expected, const uint8_t digest[SHA512_LEN], struct err *err)
{
	char want[SRI_TEXT_MAX], have[SRI_TEXT_MAX];

	if (!expected || sri_has(expected, digest))
		return 0;
	return err_set(
		err, -EBADMSG,
		"content is %s, not %s%s: it was changed on its way, or the integrity belongs "
		"to another version",
		sri_format(digest, have), sri_format(expected->digest[0], want),
		expected->len > 1 ? " or its alternatives" : "");
}

int store_errno_size(const struct store *s, struct err *err)
{
	return err_set(err, -E2BIG, "content is over %" PRIu64 " bytes; raise walrus.maxBlobBytes",
		       s->max_bytes);
}

int store_publish(struct store *s, const struct store_temp *t, const struct sri *expected,
		  const uint8_t digest[SHA512_LEN], struct err *err)
{
	cleanup(close_fd) int stored_fd = -1;
	uint64_t size;
	int r = compare(expected, digest, err);

	if (r < 0 || open_verified(s, digest, &stored_fd, &size, NULL) == 0)
		return r;
	return name_temp(s, t, digest, err);
}

int store_put(struct store *s, int fd, const struct sri *expected, uint8_t ret_digest[SHA512_LEN],
	      struct err *err)
{
	cleanup(store_temp_fini) struct store_temp t = { .fd = -1 };
	uint8_t digest[SHA512_LEN];
	uint64_t size = 0;
	int r = store_temp_open(s, &t, err);

	if (r < 0)
		return r;
	r = store_hash(fd, t.fd, s->max_bytes, digest, &size);
	if (r == -E2BIG)
		return store_errno_size(s, err);
	if (r < 0)
		return err_errno(err, r, "copying content to %s/blobs/tmp", s->root);
	r = store_publish(s, &t, expected, digest, err);
	if (r == 0)
		memcpy(ret_digest, digest, sizeof(digest));
	return r;
}

int store_put_file(struct store *s, const char *path, const struct sri *expected,
		   uint8_t ret_digest[SHA512_LEN], struct err *err)
{
	/* O_NONBLOCK: a FIFO in its place must not hang us; it is refused below. */
	cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_errno(err, -errno, "opening %s", path);
	if (fstat(fd, &st) < 0)
		return err_errno(err, -errno, "reading %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s is not a regular file; give a tarball of npm pack",
			       path);
	int r = store_put(s, fd, expected, ret_digest, err);

	if (r < 0)
		err_wrap(err, "storing %s", path);
	return r;
}

int store_get(struct store *s, const struct sri *sri, struct blob *ret_blob, int *ret_fd,
	      struct err *err)
{
	char text[SRI_TEXT_MAX];

	for (size_t i = 0; i < sri->len; i++) {
		struct blob blob = {};
		struct err why = {};
		int r = open_verified(s, sri->digest[i], ret_fd, &blob.size, &why);

		if (r == -ENOENT)
			continue;
		if (r < 0)
			return err_set(err, r, "%s", why.text);
		memcpy(blob.digest, sri->digest[i], sizeof(blob.digest));
		*ret_blob = blob;
		return 0;
	}
	return err_set(err, -ENOENT, "%s is not in the blob store %s; publish or pull it first",
		       sri->len ? sri_format(sri->digest[0], text) : "an empty integrity", s->root);
}

static int by_digest(const void *a, const void *b)
{
	return memcmp(((const struct blob *)a)->digest, ((const struct blob *)b)->digest,
		      SHA512_LEN);
}

static int push(struct blob **blobs, size_t *len, size_t *cap, const struct blob *blob)
{
	if (*len == *cap) {
		size_t more = *cap ? 2 * *cap : 16;
		struct blob *grown = reallocarray(*blobs, more, sizeof(**blobs));

		if (!grown)
			return -ENOMEM;
		*blobs = grown;
		*cap = more;
	}
	(*blobs)[(*len)++] = *blob;
	return 0;
}

int store_list(struct store *s, struct blob **ret_blobs, size_t *ret_len, struct err *err)
{
	cleanup(close_dir) DIR *dir = NULL;
	cleanup(free_ptr) struct blob *blobs = NULL;
	size_t len = 0, cap = 0;
	int r = store_dir_open(s->blobs_fd, &dir);

	if (r < 0)
		return err_errno(err, r, "reading %s/blobs/sha512", s->root);
	for (const struct dirent *d = readdir(dir); d; d = readdir(dir)) {
		struct blob blob;
		struct stat st;

		if (strlen(d->d_name) != BLOB_NAME_LEN ||
		    parse_hex(d->d_name, blob.digest, sizeof(blob.digest)) < 0)
			continue;
		if (fstatat(s->blobs_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue; /* removed meanwhile */
		blob.size = (uint64_t)st.st_size;
		blob.stored_ms = (uint64_t)st.st_mtim.tv_sec * 1000;
		r = push(&blobs, &len, &cap, &blob);
		if (r < 0)
			return err_errno(err, r, "reading %s/blobs/sha512", s->root);
	}
	if (len > 0)
		qsort(blobs, len, sizeof(*blobs), by_digest);
	*ret_blobs = take_ptr(blobs);
	*ret_len = len;
	return 0;
}

int store_remove(struct store *s, const uint8_t digest[SHA512_LEN], struct err *err)
{
	char name[BLOB_NAME_LEN + 1];

	if (unlinkat(s->blobs_fd, blob_name(digest, name), 0) < 0)
		return err_errno(err, -errno, "removing blob %s/blobs/sha512/%s", s->root, name);
	if (fsync(s->blobs_fd) < 0)
		return err_errno(err, -errno, "syncing %s/blobs/sha512", s->root);
	return 0;
}
