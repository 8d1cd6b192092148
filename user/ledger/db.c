/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/ledger.h"

#define BUSY_MS 5000
#define MAX_STATEMENTS 64

struct ledger {
	sqlite3 *db;
	char *path;
	int lock_fd;
	bool read_only, broken;
	struct {
		const char *sql;
		sqlite3_stmt *handle;
	} stmts[MAX_STATEMENTS];
};

/* ---- Errors --------------------------------------------------------------------------------- */

static int constraint_errno(int rc)
{
	switch (rc) {
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_ROWID:
		return -EEXIST;
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return -ENOENT;
	case SQLITE_CONSTRAINT_TRIGGER:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

static int code_errno(int rc, int system_errno)
{
	bool full = system_errno == ENOSPC || system_errno == EDQUOT;

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_IOERR: /* SQLite sees ENOSPC in a write only, not in a map or sync */
		return rc == SQLITE_IOERR_NOMEM ? -ENOMEM : full ? -ENOSPC : -EIO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
		return system_errno ? -system_errno : -EIO;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_CONSTRAINT:
		return constraint_errno(rc);
	default:
		return -EINVAL;
	}
}

int db_corrupt(const struct ledger *l, struct err *err, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(
		err, -EBADMSG,
		"%s: corrupt (%s); stop the agent, keep a copy of the file and restore a backup "
		"or what `sqlite3 FILE .recover` saves",
		l->path, what);
}

static int db_error(struct ledger *l, int rc, struct err *err)
{
	int system_errno = sqlite3_system_errno(l->db);
	int code = code_errno(rc, system_errno);

	switch (code) {
	case -EBADMSG:
		return db_corrupt(l, err, "%s", sqlite3_errmsg(l->db));
	case -ENOSPC:
		return err_set(err, code, "%s: no room on the disk; free some and try again",
			       l->path);
	case -EBUSY:
		return err_set(err, code, "%s: locked by another process; try again", l->path);
	case -EIO:
		/* A failed sync may have dropped what earlier calls wrote: only a new connection,
		 * which reads the log back, knows what is on the disk. */
		l->broken = !l->read_only;
		return err_set(err, code, "%s: the disk failed (%s); check it, then restart",
			       l->path, system_errno ? strerror(system_errno) : sqlite3_errstr(rc));
	default:
		return err_set(err, code, "%s: %s", l->path, sqlite3_errmsg(l->db));
	}
}

/* ---- Connection ----------------------------------------------------------------------------- */

int db_open(const char *path, bool read_only, struct ledger **ret, struct err *err)
{
	cleanup(ledger_close) struct ledger *l = calloc(1, sizeof(*l));
	int flags = (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
		    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc;

	if (!l)
		return err_errno(err, -ENOMEM, "%s", path);
	l->lock_fd = -1;
	l->read_only = read_only;
	l->path = strdup(path);
	if (!l->path)
		return err_errno(err, -ENOMEM, "%s", path);
	rc = sqlite3_open_v2(path, &l->db, flags, NULL);
	if (rc != SQLITE_OK)
		return l->db ? db_error(l, rc, err) : err_errno(err, -ENOMEM, "%s", path);
	sqlite3_busy_timeout(l->db, BUSY_MS);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	*ret = take_ptr(l);
	return 0;
}

void ledger_close(struct ledger **l)
{
	if (!*l)
		return;
	for (size_t i = 0; i < MAX_STATEMENTS; i++)
		sqlite3_finalize((*l)->stmts[i].handle);
	sqlite3_close((*l)->db);
	close_fd(&(*l)->lock_fd);
	free((*l)->path);
	free(*l);
	*l = NULL;
}

void db_own_lock(struct ledger *l, int lock_fd)
{
	l->lock_fd = lock_fd;
}

const char *db_path(const struct ledger *l)
{
	return l->path;
}

bool db_read_only(const struct ledger *l)
{
	return l->read_only;
}

bool db_in_transaction(const struct ledger *l)
{
	return !sqlite3_get_autocommit(l->db);
}

bool db_broken(const struct ledger *l)
{
	return l->broken;
}

int db_exec(struct ledger *l, const char *sql, struct err *err)
{
	int rc = sqlite3_exec(l->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_error(l, rc, err);
}

int db_number(struct ledger *l, const char *sql, uint64_t *ret, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	uint64_t v;
	int r = stmt_open(l, sql, &s, err);

	if (r < 0)
		return r;
	r = stmt_next(&s, err);
	if (r < 0)
		return r;
	v = get_u64(&s);
	r = stmt_end(&s, err);
	if (r == 0)
		*ret = v;
	return r;
}

/* ---- Statements ----------------------------------------------------------------------------- */

static int prepare(struct ledger *l, const char *sql, sqlite3_stmt **ret, struct err *err)
{
	int rc = sqlite3_prepare_v3(l->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);

	return rc == SQLITE_OK ? 0 : db_error(l, rc, err);
}

int stmt_open(struct ledger *l, const char *sql, struct stmt *ret, struct err *err)
{
	struct stmt s = { .ledger = l };
	size_t i = 0;
	int r = 0;

	while (i < MAX_STATEMENTS && l->stmts[i].handle && l->stmts[i].sql != sql)
		i++;
	/* A statement is busy when a list's callback asks the same list: it gets one of its own. */
	s.own = i == MAX_STATEMENTS ||
		(l->stmts[i].handle && sqlite3_stmt_busy(l->stmts[i].handle));
	if (s.own) {
		r = prepare(l, sql, &s.handle, err);
	} else if (!l->stmts[i].handle) {
		r = prepare(l, sql, &l->stmts[i].handle, err);
		l->stmts[i].sql = sql;
	}
	if (r < 0)
		return r;
	if (!s.own)
		s.handle = l->stmts[i].handle;
	*ret = s;
	return 0;
}

void stmt_done(struct stmt *s)
{
	if (!s->handle)
		return;
	sqlite3_reset(s->handle);
	sqlite3_clear_bindings(s->handle);
	if (s->own)
		sqlite3_finalize(s->handle);
	s->handle = NULL;
}

static int put_error(const struct stmt *s, struct err *err)
{
	const char *name = sqlite3_bind_parameter_name(s->handle, s->at);

	name = name ? name + 1 : "a parameter"; /* behind the colon */
	if (s->error == -EOVERFLOW)
		return err_set(err, s->error, "%s: %s is over %lld, the largest number stored",
			       s->ledger->path, name, (long long)INT64_MAX);
	if (s->error == -E2BIG)
		return err_set(err, s->error, "%s: %s is too long", s->ledger->path, name);
	return err_errno(err, s->error, "%s: %s", s->ledger->path, name);
}

int stmt_next(struct stmt *s, struct err *err)
{
	int rc;

	if (s->error && sqlite3_stmt_busy(s->handle))
		return stmt_end(s, err);
	if (s->error)
		return put_error(s, err);
	s->at = 0;
	rc = sqlite3_step(s->handle);
	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : db_error(s->ledger, rc, err);
}

int stmt_run(struct stmt *s, struct err *err)
{
	int r = stmt_next(s, err);

	return r < 0 ? r : 0;
}

int stmt_end(struct stmt *s, struct err *err)
{
	if (!s->error)
		return 0;
	if (s->error == -ENOMEM)
		return err_errno(err, -ENOMEM, "%s", s->ledger->path);
	return db_corrupt(s->ledger, err, "column %s has a value that the ledger never wrote",
			  sqlite3_column_name(s->handle, s->at - 1));
}

/* ---- Parameters ----------------------------------------------------------------------------- */

/* The next parameter's number, or 0 after a failure; `at` stays with the one that failed. */
static int next_param(struct stmt *s)
{
	return s->error ? 0 : ++s->at;
}

static void put_result(struct stmt *s, int rc)
{
	if (rc != SQLITE_OK)
		s->error = code_errno(rc, 0);
}

void put_bits(struct stmt *s, uint64_t v)
{
	int at = next_param(s);

	if (at)
		put_result(s, sqlite3_bind_int64(s->handle, at, (sqlite3_int64)v));
}

void put_u64(struct stmt *s, uint64_t v)
{
	if (v <= INT64_MAX)
		put_bits(s, v);
	else if (next_param(s))
		s->error = -EOVERFLOW;
}

void put_text(struct stmt *s, const char *text, size_t size)
{
	size_t len = text ? strnlen(text, size) : 0;
	int at = next_param(s);

	if (at && text && len == size)
		s->error = -E2BIG;
	else if (at) /* a NULL pointer binds NULL */
		put_result(s, sqlite3_bind_text(s->handle, at, text, (int)len, SQLITE_TRANSIENT));
}

void put_blob(struct stmt *s, const void *data, size_t len)
{
	int at = next_param(s);

	/* A NULL pointer would bind NULL; an empty blob is a blob. */
	if (at)
		put_result(s, sqlite3_bind_blob64(s->handle, at, len ? data : "", len,
						  SQLITE_TRANSIENT));
}

void put_null(struct stmt *s)
{
	int at = next_param(s);

	if (at)
		put_result(s, sqlite3_bind_null(s->handle, at));
}

/* ---- Columns -------------------------------------------------------------------------------- */

/* The next column's number if it has the type, else -1 and the error. */
static int next_column(struct stmt *s, int type)
{
	if (s->error)
		return -1;
	s->at++;
	if (sqlite3_column_type(s->handle, s->at - 1) == type)
		return s->at - 1;
	s->error = -EBADMSG;
	return -1;
}

uint64_t get_bits(struct stmt *s)
{
	int at = next_column(s, SQLITE_INTEGER);

	return at < 0 ? 0 : (uint64_t)sqlite3_column_int64(s->handle, at);
}

uint64_t get_u64(struct stmt *s)
{
	uint64_t v = get_bits(s);

	if (v <= INT64_MAX)
		return v;
	s->error = -EBADMSG;
	return 0;
}

void get_text(struct stmt *s, char *ret, size_t size)
{
	int at = next_column(s, SQLITE_TEXT);
	const unsigned char *text = at < 0 ? NULL : sqlite3_column_text(s->handle, at);
	size_t len = text ? (size_t)sqlite3_column_bytes(s->handle, at) : 0;

	ret[0] = '\0';
	if (at < 0)
		return;
	if (!text)
		s->error = -ENOMEM;
	else if (len >= size || memchr(text, 0, len))
		s->error = -EBADMSG;
	else
		memcpy(ret, text, len + 1);
}

const void *get_blob(struct stmt *s, size_t max, size_t *ret_len)
{
	int at = next_column(s, SQLITE_BLOB);
	const void *data = at < 0 ? NULL : sqlite3_column_blob(s->handle, at);
	size_t len = at < 0 ? 0 : (size_t)sqlite3_column_bytes(s->handle, at);

	if (at < 0)
		return NULL;
	if (len > max || (len && !data)) {
		s->error = len > max ? -EBADMSG : -ENOMEM;
		return NULL;
	}
	*ret_len = len;
	return data;
}

void get_fixed(struct stmt *s, void *ret, size_t len)
{
	size_t got = 0;
	const void *data = get_blob(s, len, &got);

	if (!s->error && got != len)
		s->error = -EBADMSG;
	if (!s->error)
		memcpy(ret, data, len);
}

bool get_null(struct stmt *s)
{
	if (s->error || sqlite3_column_type(s->handle, s->at) != SQLITE_NULL)
		return false;
	s->at++;
	return true;
}
