/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/file.h"
#include "core/parse.h"

/* The text of a key file and its decoded seed; wiped when it leaves its scope. */
struct secret {
	char text[2 * KEY_SEED_LEN + 2]; /* hex, newline, NUL */
	uint8_t seed[KEY_SEED_LEN];
};

static void secret_fini(struct secret *s)
{
	wipe(s, sizeof(*s));
}

static int check_owner(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(err, -errno, "%s: cannot read", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EACCES, "%s: not a regular file", path);
	if (st.st_uid != geteuid())
		return err_set(err, -EACCES, "%s: belongs to user %u, not to %u; chown it", path,
			       st.st_uid, geteuid());
	if ((st.st_mode & 07777) != 0600 && (st.st_mode & 07777) != 0400)
		return err_set(err, -EACCES, "%s: mode %04o shows the key to others; chmod 600 it",
			       path, st.st_mode & 07777);
	return 0;
}

static int read_seed(int fd, struct secret *ret)
{
	ssize_t n = read(fd, ret->text, sizeof(ret->text)); /* one more than belongs there */

	if (n < 0)
		return -errno;
	if (n != 2 * KEY_SEED_LEN + 1 || ret->text[n - 1] != '\n')
		return -EINVAL;
	ret->text[n - 1] = '\0';
	return parse_hex(ret->text, ret->seed, KEY_SEED_LEN);
}

static int open_secret(const char *path, int *ret_fd, struct err *err)
{
	/* Not to hang on a FIFO before it is known to be none. */
	cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int rc;

	if (fd < 0)
		return err_errno(err, -errno, "%s: cannot open", path);
	rc = check_owner(fd, path, err);
	if (rc == 0)
		*ret_fd = take_fd(fd);
	return rc;
}

int secret_read(const char *path, char *ret, size_t size, struct err *err)
{
	cleanup(close_fd) int fd = -1;
	ssize_t n;
	int rc = open_secret(path, &fd, err);

	if (rc < 0)
		return rc;
	n = read(fd, ret, size); /* of a small regular file: all of it */
	if (n >= 0 && (size_t)n < size) {
		ret[n] = '\0';
		return 0;
	}
	rc = n < 0 ? -errno : -E2BIG;
	wipe(ret, size);
	return err_errno(err, rc, "%s: cannot read", path);
}

int key_load(const char *path, struct key **ret, struct err *err)
{
	cleanup(secret_fini) struct secret secret = {};
	cleanup(close_fd) int fd = -1;
	int rc = open_secret(path, &fd, err);

	if (rc < 0)
		return rc;
	rc = read_seed(fd, &secret);
	if (rc == -EINVAL)
		return err_set(err, rc,
			       "%s: not a key: 64 lower-case hex digits and a newline belong in it",
			       path);
	if (rc == 0)
		rc = key_from_seed(secret.seed, ret);
	return rc < 0 ? err_errno(err, rc, "%s: cannot read", path) : 0;
}

int key_save(const struct key *k, const char *path, struct err *err)
{
	cleanup(secret_fini) struct secret secret = {};

	key_seed(k, secret.seed);
	format_hex(secret.seed, KEY_SEED_LEN, secret.text);
	secret.text[2 * KEY_SEED_LEN] = '\n';
	return file_create_atomic(path, secret.text, 2 * KEY_SEED_LEN + 1, 0600, err);
}
