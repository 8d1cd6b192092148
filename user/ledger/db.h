/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to the ledger: the connection and its statements. db.c is the only file that includes
 * sqlite3.h, and the one place where SQLite's codes become errno and text.
 *
 * A statement is prepared once for each connection. Parameters are put and columns got in the order
 * in which the SQL names them, with a sticky error that stmt_next(), stmt_run() or stmt_end()
 * report, so that a row is a row of calls:
 *
 *	cleanup(stmt_done) struct stmt s = {};
 *	int r = stmt_open(l, "SELECT to_ms FROM windows WHERE id = :id", &s, err);
 *	if (r < 0)
 *		return r;
 *	put_u64(&s, id);
 *	r = stmt_next(&s, err);
 *	if (r <= 0)
 *		return r < 0 ? r : -ENOENT;
 *	to_ms = get_u64(&s);
 *	return stmt_end(&s, err);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct ledger;
struct ledger_tx;
struct sqlite3_stmt;
struct usage;
struct usage_interface;

/* Opens what is there and nothing else: no pragma that writes, no schema. */
int db_open(const char *path, bool read_only, struct ledger **ret, struct err *err);
/* lock_fd is closed after the connection. */
void db_own_lock(struct ledger *l, int lock_fd);
const char *db_path(const struct ledger *l);
bool db_read_only(const struct ledger *l);
bool db_in_transaction(const struct ledger *l);
bool db_broken(const struct ledger *l); /* the disk failed under a writer */
/* SQL without parameters, rows ignored. */
int db_exec(struct ledger *l, const char *sql, struct err *err);
/* The single integer that a statement yields. */
int db_number(struct ledger *l, const char *sql, uint64_t *ret, struct err *err);
/* -EBADMSG: "PATH: corrupt (what); ..." */
__attribute__((format(printf, 3, 4))) int db_corrupt(const struct ledger *l, struct err *err,
						     const char *fmt, ...);

struct stmt {
	struct ledger *ledger;
	struct sqlite3_stmt *handle;
	int at; /* parameters put, or columns got, so far */
	int error; /* of the first put or get that failed */
	bool own; /* not one of the connection's */
};

/* sql is a literal: its address is what finds it again. */
int stmt_open(struct ledger *l, const char *sql, struct stmt *ret, struct err *err);
void stmt_done(struct stmt *s);
int stmt_next(struct stmt *s, struct err *err); /* 1: a row, 0: no more */
int stmt_run(struct stmt *s, struct err *err); /* for what yields no rows */
int stmt_end(struct stmt *s, struct err *err); /* was the row got well? else -EBADMSG */

void put_u64(struct stmt *s, uint64_t v); /* -EOVERFLOW above INT64_MAX */
void put_bits(struct stmt *s, uint64_t v);
/* NULL is SQL's; -E2BIG: no NUL in size. */
void put_text(struct stmt *s, const char *text, size_t size);
void put_blob(struct stmt *s, const void *data, size_t len);
void put_null(struct stmt *s);
void put_usage(struct stmt *s, const struct usage *u);
void put_interface(struct stmt *s, const struct usage_interface *i);

uint64_t get_u64(struct stmt *s);
uint64_t get_bits(struct stmt *s);
void get_text(struct stmt *s, char *ret, size_t size);
void get_fixed(struct stmt *s, void *ret, size_t len);
const void *get_blob(struct stmt *s, size_t max, size_t *ret_len); /* until the next step */
bool get_null(struct stmt *s); /* true takes the column, false leaves it */
void get_usage(struct stmt *s, struct usage *ret);
void get_interface(struct stmt *s, struct usage_interface *ret);

/* Before and after a write: refuses without a transaction or through a read-only handle; dooms the
 * transaction when r is an error. Both return 0 or the error. */
int tx_check(const struct ledger_tx *tx, struct err *err);
int tx_result(struct ledger_tx *tx, int r);

/* 1 to 63 of [A-Za-z0-9._-], a letter or digit at both ends: a Kubernetes label's value. */
bool label_valid(const char *label);

/* The rows of :lease, or of every lease when it is null, as a range on a key that begins with the
 * lease: '~' is behind every label. */
#define SQL_OF_LEASE "lease BETWEEN coalesce(:lease, '') AND coalesce(:lease, '~')"
/* Opens a SELECT by :lease and :seq, its two parameters, and takes its row as stmt_next() does. */
int lease_seek(struct ledger *l, const char *sql, const char *lease, uint64_t seq, struct stmt *ret,
	       struct err *err);

/* Refuses another program's file, a newer schema, and for reading an older one; changes nothing. */
int schema_check(struct ledger *l, struct err *err);
/* Brings the schema to this program's version. */
int schema_migrate(struct ledger *l, struct err *err);
