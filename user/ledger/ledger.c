/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "ledger/db.h"

#define META_KEY_MAX 128

/* ---- Files ---------------------------------------------------------------------------------- */

static int folder_prepare(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	struct stat st;
	int r;

	if (!slash || slash == path || slash[1] == '\0')
		return err_set(err, -EINVAL, "%s: the ledger's path must be DIRECTORY/FILE", path);
	r = path_format(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	if (r < 0)
		return err_errno(err, r, "%s", path);
	r = dir_make(dir, 0700, err);
	if (r < 0)
		return r;
	if (stat(dir, &st) < 0)
		return err_errno(err, -errno, "%s", dir);
	if (st.st_mode & 022)
		return err_set(
			err, -EACCES,
			"%s: others may write this directory and exchange the ledger; run chmod "
			"go-w on it",
			dir);
	return 0;
}

/* SQLite would make the file with the umask's mode. An existing one is never opened here: closing
 * any descriptor of it would drop the locks that SQLite holds in this process (POSIX). */
static int file_prepare(const char *path, struct err *err)
{
	cleanup(close_fd) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct stat st;

	if (fd >= 0)
		return 0;
	if (errno != EEXIST || lstat(path, &st) < 0)
		return err_errno(err, -errno, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return err_set(err, -EACCES, "%s: must be a regular file of this user", path);
	if ((st.st_mode & 077) && chmod(path, 0600) < 0)
		return err_errno(err, -errno, "%s: chmod 0600", path);
	return 0;
}

static int lock_take(const char *path, int *ret_fd, struct err *err)
{
	cleanup(close_fd) int fd = -1;
	char name[PATH_MAX];
	int r = path_format(name, sizeof(name), "%s.lock", path);

	if (r < 0)
		return err_errno(err, r, "%s", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, -errno, "%s", name);
	r = file_lock(fd);
	if (r < 0)
		return r == -EWOULDBLOCK ?
			       err_set(err, -EBUSY, "%s: another agent writes this ledger; stop it",
				       name) :
			       err_errno(err, r, "%s: flock", name);
	*ret_fd = take_fd(fd);
	return 0;
}

/* ---- Open ----------------------------------------------------------------------------------- */

static int write_ahead(struct ledger *l, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	char mode[16] = "";
	int r = stmt_open(l, "PRAGMA journal_mode = WAL", &s, err);

	if (r == 0)
		r = stmt_next(&s, err);
	if (r < 0)
		return r;
	get_text(&s, mode, sizeof(mode));
	if (strcmp(mode, "wal") == 0)
		return 0;
	return err_set(err, -EOPNOTSUPP,
		       "%s: this file system has no shared memory maps, which the "
		       "ledger needs; use a local disk",
		       db_path(l));
}

int ledger_open(const char *path, struct ledger **ret, struct err *err)
{
	cleanup(ledger_close) struct ledger *l = NULL;
	cleanup(close_fd) int lock = -1;
	int r = folder_prepare(path, err);

	if (r == 0)
		r = lock_take(path, &lock, err);
	if (r == 0)
		r = file_prepare(path, err);
	if (r == 0)
		r = db_open(path, false, &l, err);
	if (r < 0)
		return r;
	db_own_lock(l, take_fd(lock));
	r = schema_check(l, err); /* before anything is changed in what may be another's file */
	if (r == 0)
		r = write_ahead(l, err);
	if (r == 0)
		r = db_exec(l,
			    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
			    "PRAGMA recursive_triggers = ON; PRAGMA journal_size_limit = 67108864",
			    err);
	if (r == 0)
		r = schema_migrate(l, err);
	if (r == 0)
		*ret = take_ptr(l);
	return r;
}

int ledger_open_ro(const char *path, struct ledger **ret, struct err *err)
{
	cleanup(ledger_close) struct ledger *l = NULL;
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return errno == ENOENT ? err_set(err, -ENOENT,
						 "%s: no ledger there; the agent makes it", path) :
					 err_errno(err, -errno, "%s", path);
	if (access(path, R_OK) < 0)
		return err_errno(err, -errno, "%s", path);
	r = db_open(path, true, &l, err);
	if (r == 0)
		r = schema_check(l, err);
	if (r == 0)
		*ret = take_ptr(l);
	return r;
}

/* ---- Transactions --------------------------------------------------------------------------- */

int ledger_begin(struct ledger *l, struct ledger_tx *ret, struct err *err)
{
	int r;

	if (db_broken(l))
		return err_set(err, -EIO, "%s: the disk failed before; restart", db_path(l));
	if (db_in_transaction(l))
		return err_set(err, -EINVAL, "%s: a transaction is open already", db_path(l));
	/* A writer takes its lock at once: no later write can find the snapshot outdated. */
	r = db_exec(l, db_read_only(l) ? "BEGIN" : "BEGIN IMMEDIATE", err);
	if (r == 0)
		*ret = (struct ledger_tx){ .ledger = l };
	return r;
}

void ledger_rollback(struct ledger_tx *tx)
{
	/* After some errors SQLite has rolled back by itself. */
	if (tx->ledger && db_in_transaction(tx->ledger))
		db_exec(tx->ledger, "ROLLBACK", NULL);
	*tx = (struct ledger_tx){};
}

int ledger_commit(struct ledger_tx *tx, struct err *err)
{
	int r;

	if (!tx->ledger)
		return err_set(err, -EINVAL, "no transaction to commit");
	if (tx->failed || !db_in_transaction(tx->ledger))
		r = err_set(err, -ECANCELED, "%s: nothing written, since a part of it failed",
			    db_path(tx->ledger));
	else
		r = db_exec(tx->ledger, "COMMIT", err);
	ledger_rollback(tx);
	return r;
}

int tx_check(const struct ledger_tx *tx, struct err *err)
{
	if (!tx->ledger)
		return err_set(err, -EINVAL, "a write to the ledger needs a transaction");
	if (db_read_only(tx->ledger))
		return err_set(err, -EROFS, "%s: opened for reading only", db_path(tx->ledger));
	if (tx->failed || !db_in_transaction(tx->ledger))
		return err_set(err, -ECANCELED, "%s: an earlier part of the transaction failed",
			       db_path(tx->ledger));
	return 0;
}

int tx_result(struct ledger_tx *tx, int r)
{
	if (r < 0)
		tx->failed = true;
	return r;
}

/* ---- Small facts ---------------------------------------------------------------------------- */

int ledger_meta_get(struct ledger *l, const char *key, char *ret, size_t size, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	char value[LEDGER_META_MAX];
	int r = stmt_open(l, "SELECT value FROM meta WHERE key = :key", &s, err);

	if (r < 0)
		return r;
	put_text(&s, key, META_KEY_MAX);
	r = stmt_next(&s, err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, -ENOENT, "%s: %s was never set", db_path(l), key);
	get_text(&s, value, sizeof(value));
	r = stmt_end(&s, err);
	if (r < 0)
		return r;
	if (strlen(value) >= size)
		return err_set(err, -ENAMETOOLONG, "%s: %s has %zu bytes", db_path(l), key,
			       strlen(value));
	memcpy(ret, value, strlen(value) + 1);
	return 0;
}

static int meta_set(struct ledger_tx *tx, const char *key, const char *value, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = tx_check(tx, err);

	if (r == 0)
		r = stmt_open(tx->ledger,
			      "INSERT INTO meta (key, value) VALUES (:key, :value)"
			      " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
			      &s, err);
	if (r < 0)
		return r;
	put_text(&s, key, META_KEY_MAX);
	put_text(&s, value, LEDGER_META_MAX);
	return stmt_run(&s, err);
}

int ledger_meta_set(struct ledger_tx *tx, const char *key, const char *value, struct err *err)
{
	return tx_result(tx, meta_set(tx, key, value, err));
}
