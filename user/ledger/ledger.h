/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: what was measured, signed and settled, in one SQLite file. One writer (the agent),
 * any number of readers (the command line), also while the agent runs and when it is dead.
 *
 * Writing goes through a transaction, so that a window with all that follows from it (usage,
 * readings, leases, receipts, settlements) is on disk entirely or not at all:
 *
 *	cleanup(ledger_rollback) struct ledger_tx tx = {};
 *	if (ledger_begin(l, &tx, err) < 0 ||
 *	    ledger_window_append(&tx, from_ms, to_ms, &window, err) < 0 ||
 *	    ...
 *	    ledger_commit(&tx, err) < 0)
 *		return err->code;
 *	send(receipt); // only now may a signature leave the process
 *
 * I1. When ledger_commit() returns 0, all of it survives SIGKILL and power loss (WAL,
 *     synchronous=FULL); before that, nothing of it does.
 * I2. A write that failed inside a transaction dooms it: commit is -ECANCELED and rolls back.
 * I3. At most one handle in the machine is open for writing (flock on PATH.lock).
 * I4. Windows, usage and receipts are only ever added to; triggers in the file refuse the rest,
 *     whoever asks. The same query over past windows gives the same rows in the same order. Usage of
 *     windows that are not kept any more (ledger_keep()) is there by whole days of UTC.
 *
 * Units: *_ms is UTC milliseconds since 1970, amounts are MIST. Every u64 is refused with
 * -EOVERFLOW above INT64_MAX, which is SQLite's largest integer; cgroup ids alone are bit patterns
 * and use all 64 bits. Text is UTF-8 without NUL; a text that doesn't fit is -E2BIG, never cut.
 *
 * Threading: a handle is used by one thread at a time, not always the same one. Writes sync to disk
 * and wait up to 5 s for a lock: not for the loop. To read meanwhile, open a second handle.
 *
 * Errors, beside those named at a function: -ENOSPC disk full (nothing changed; try again when
 * there is room), -EBUSY another writer, -EBADMSG the file is corrupt or not a ledger, -EROFS a
 * write through a read-only handle, -EIO the disk failed: what is on it is unknown until the ledger
 * is opened again, so every later transaction of the handle is refused.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct ledger;

/* Embedded in the caller; zeros mean no transaction. Members are the ledger's own. */
struct ledger_tx {
	struct ledger *ledger;
	uint64_t window; /* appended by this transaction, or 0 */
	uint64_t from_ms, to_ms; /* the window's */
	bool failed;
};

/* Creates the file (0600) and its directory (0700) when missing, migrates an older schema; a newer
 * one is -EPROTONOSUPPORT. -EBUSY: another process writes. -EACCES: others can write the directory,
 * or the file belongs to somebody else. */
int ledger_open(const char *path, struct ledger **ret, struct err *err);
/* -ENOENT: no ledger there. -ESTALE: an older schema, which only the agent migrates. Makes PATH-wal
 * and PATH-shm when they are missing, hence needs a writable file system; writes nothing else. */
int ledger_open_ro(const char *path, struct ledger **ret, struct err *err);
void ledger_close(struct ledger **l);

/* One at a time in a handle (-EINVAL). In a read-only handle: a snapshot for several reads. */
int ledger_begin(struct ledger *l, struct ledger_tx *ret, struct err *err);
/* The transaction is over in any case: on failure it is rolled back. */
int ledger_commit(struct ledger_tx *tx, struct err *err);
void ledger_rollback(struct ledger_tx *tx); /* for cleanup(); no transaction: does nothing */

#define LEDGER_META_MAX 16384
/* Small facts of the agent by name. -ENOENT: never set; -ENAMETOOLONG: ret is too small. */
int ledger_meta_get(struct ledger *l, const char *key, char *ret, size_t size, struct err *err);
int ledger_meta_set(struct ledger_tx *tx, const char *key, const char *value, struct err *err);

/* Reads everything and verifies it: SQLite's own structure, references, and the numbered invariants
 * of README.md. -EBADMSG names the first violation. Takes time in proportion to the file. */
int ledger_check(struct ledger *l, struct err *err);
