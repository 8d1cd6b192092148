/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/days.h"
#include "ledger/db.h"
#include "ledger/ledger.h"

#define APPLICATION_ID "0x57656972" /* "Weir", in the file's header */

/* What a migration says is never edited once it is released; hence no use of columns.h here. */
/* SQL is set by hand. */
/* clang-format off */
#define COUNTER(name) ", " name " INTEGER NOT NULL CHECK (" name " >= 0)"
#define DIRECTION_V1(d)                                                                            \
	COUNTER(d "_bytes_external") COUNTER(d "_bytes_cluster") COUNTER(d "_bytes_local")         \
	COUNTER(d "_bytes_raw")                                                                    \
	COUNTER(d "_packets_external") COUNTER(d "_packets_cluster") COUNTER(d "_packets_local")   \
	COUNTER(d "_packets_raw")
#define USAGE_V1 /* memory NULL: nothing of it was measured */                                     \
	", memory_byte_ns BLOB CHECK (CASE WHEN memory_byte_ns IS NULL"                            \
	" THEN memory_unmeasured > 0 AND memory_peak_bytes = 0"                                    \
	" ELSE length(memory_byte_ns) = 16 END)"                                                   \
	COUNTER("memory_unmeasured") COUNTER("memory_peak_bytes")                                  \
	COUNTER("cpu_ns") DIRECTION_V1("rx") DIRECTION_V1("tx")
#define FROZEN(table)                                                                              \
	"CREATE TRIGGER " table "_no_update BEFORE UPDATE ON " table                               \
	" BEGIN SELECT RAISE(ABORT, '" table " are never changed'); END;"                          \
	"CREATE TRIGGER " table "_no_delete BEFORE DELETE ON " table                               \
	" BEGIN SELECT RAISE(ABORT, '" table " are never deleted'); END;"
/* A REPLACE deletes without the delete trigger, unless the connection asks for it. */
#define NO_REPLACE(table, same)                                                                    \
	"CREATE TRIGGER " table "_no_replace BEFORE INSERT ON " table                              \
	" WHEN EXISTS (SELECT 1 FROM " table " WHERE " same ")"                                    \
	" BEGIN SELECT RAISE(ABORT, '" table " are never replaced'); END;"

static const char v1[] =
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"

	/* What a pod is called and who pays for it. Usage refers to it, so it never changes. */
	"CREATE TABLE identities (id INTEGER PRIMARY KEY, namespace TEXT NOT NULL,"
	" name TEXT NOT NULL, uid TEXT NOT NULL, lease TEXT NOT NULL,"
	" UNIQUE (namespace, name, uid, lease)) STRICT;"
	FROZEN("identities")

	"CREATE TABLE pods (id INTEGER PRIMARY KEY, boot TEXT NOT NULL,"
	" cgroup_id INTEGER NOT NULL, identity INTEGER NOT NULL REFERENCES identities,"
	" closed INTEGER NOT NULL CHECK (closed IN (0, 1))"
	COUNTER("first_seen_ms") USAGE_V1
	", UNIQUE (boot, cgroup_id)) STRICT;"

	"CREATE TABLE windows (id INTEGER PRIMARY KEY, from_ms INTEGER NOT NULL UNIQUE"
	" CHECK (from_ms >= 0), to_ms INTEGER NOT NULL CHECK (to_ms > from_ms)) STRICT;"
	FROZEN("windows")
	"CREATE TRIGGER windows_contiguous BEFORE INSERT ON windows"
	" WHEN NEW.id <> 1 + (SELECT coalesce(max(id), 0) FROM windows)"
	" OR NEW.from_ms <> (SELECT to_ms FROM windows ORDER BY id DESC LIMIT 1)"
	" BEGIN SELECT RAISE(ABORT, 'a window begins where the last one ended'); END;"

	"CREATE TABLE usage (window INTEGER NOT NULL REFERENCES windows,"
	" pod INTEGER NOT NULL REFERENCES pods,"
	" identity INTEGER NOT NULL REFERENCES identities"
	USAGE_V1
	", CHECK (memory_unmeasured = (memory_byte_ns IS NULL))"
	", PRIMARY KEY (window, pod)) STRICT, WITHOUT ROWID;"
	FROZEN("usage")
	NO_REPLACE("usage", "window = NEW.window AND pod = NEW.pod")
	"CREATE TRIGGER usage_of_last_window BEFORE INSERT ON usage"
	" WHEN NEW.window <> (SELECT max(id) FROM windows)"
	" BEGIN SELECT RAISE(ABORT, 'usage of a past window is never added'); END;"

	"CREATE TABLE leases (label TEXT PRIMARY KEY CHECK (length(label) BETWEEN 1 AND 63),"
	" id BLOB NOT NULL UNIQUE CHECK (length(id) = 32),"
	" market BLOB NOT NULL CHECK (length(market) = 32),"
	" provider BLOB NOT NULL CHECK (length(provider) = 32),"
	" account BLOB NOT NULL CHECK (length(account) <= 1024), state TEXT NOT NULL"
	COUNTER("deposited") COUNTER("paid") COUNTER("refunded")
	COUNTER("seq") COUNTER("last_to_ms") COUNTER("last_total_due")
	COUNTER("opened_ms") COUNTER("closed_ms") USAGE_V1
	", CHECK (paid <= deposited AND refunded <= deposited - paid)) STRICT;"

	"CREATE TABLE receipts (lease TEXT NOT NULL REFERENCES leases,"
	" seq INTEGER NOT NULL CHECK (seq > 0), window INTEGER NOT NULL REFERENCES windows,"
	" from_ms INTEGER NOT NULL CHECK (from_ms >= 0),"
	" to_ms INTEGER NOT NULL CHECK (to_ms > from_ms)"
	COUNTER("total_due")
	", report BLOB NOT NULL CHECK (length(report) = 144),"
	" signature BLOB NOT NULL CHECK (length(signature) = 64),"
	" hash BLOB NOT NULL CHECK (length(hash) = 32),"
	" record BLOB NOT NULL, PRIMARY KEY (lease, seq)) STRICT;"
	FROZEN("receipts")
	NO_REPLACE("receipts", "lease = NEW.lease AND seq = NEW.seq")

	"CREATE TABLE settlements (lease TEXT NOT NULL, seq INTEGER NOT NULL, state TEXT NOT NULL"
	" CHECK (state IN ('due', 'built', 'submitted', 'final', 'failed'))"
	COUNTER("amount") COUNTER("created_ms") COUNTER("updated_ms") COUNTER("attempts")
	", error TEXT NOT NULL, PRIMARY KEY (lease, seq),"
	" FOREIGN KEY (lease, seq) REFERENCES receipts) STRICT, WITHOUT ROWID;"
	"CREATE INDEX settlements_by_state ON settlements (state, lease, seq);"

	"PRAGMA application_id = " APPLICATION_ID ";";

#define INTERFACE_V2                                                                               \
	COUNTER("rx_bytes") COUNTER("rx_packets") COUNTER("tx_bytes") COUNTER("tx_packets")

static const char v2[] =
	/* What a pod's interface saw: the last reading; and in which windows it was other than what
	 * the sockets accounted for. */
	"CREATE TABLE interface_readings (pod INTEGER PRIMARY KEY REFERENCES pods"
	INTERFACE_V2 ") STRICT;"
	"CREATE TABLE interface_usage (window INTEGER NOT NULL, pod INTEGER NOT NULL"
	INTERFACE_V2
	", PRIMARY KEY (window, pod), FOREIGN KEY (window, pod) REFERENCES usage)"
	" STRICT, WITHOUT ROWID;"
	FROZEN("interface_usage")
	NO_REPLACE("interface_usage", "window = NEW.window AND pod = NEW.pod");

static const char v3[] =
	/* Transactions that were signed, before they are sent. */
	"CREATE TABLE intents (digest BLOB PRIMARY KEY CHECK (length(digest) = 32),"
	" signature BLOB NOT NULL CHECK (length(signature) = 97),"
	" bytes BLOB NOT NULL CHECK (length(bytes) <= 131072), state TEXT NOT NULL CHECK (state IN"
	" ('built', 'submitted', 'executed', 'final', 'failed', 'expired', 'refused')),"
	" open INTEGER NOT NULL CHECK (open IN (0, 1))"
	COUNTER("max_epoch") COUNTER("attempts") COUNTER("confirmations") COUNTER("fee")
	COUNTER("checkpoint") COUNTER("created_ms") COUNTER("updated_ms")
	", error TEXT NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX intents_one_open ON intents (state IS NULL)"
	" WHERE state IN ('built', 'submitted', 'executed');"
	"CREATE INDEX intents_by_time ON intents (created_ms);"
	"CREATE TRIGGER intents_no_change BEFORE UPDATE OF digest, signature, bytes, max_epoch,"
	" created_ms ON intents"
	" BEGIN SELECT RAISE(ABORT, 'what was signed is never changed'); END;"
	"CREATE TRIGGER intents_no_delete BEFORE DELETE ON intents"
	" BEGIN SELECT RAISE(ABORT, 'what was signed is never deleted'); END;"
	NO_REPLACE("intents", "digest = NEW.digest")
	"CREATE TABLE intent_items (digest BLOB NOT NULL REFERENCES intents, lease TEXT NOT NULL,"
	" seq INTEGER NOT NULL, PRIMARY KEY (digest, lease),"
	" FOREIGN KEY (lease, seq) REFERENCES settlements) STRICT, WITHOUT ROWID;"
	FROZEN("intent_items")
	NO_REPLACE("intent_items", "digest = NEW.digest AND lease = NEW.lease");
/* Rows of windows from :kept.window on stay; older ones may go, since their days are summed. */
#define KEPT(table)                                                                                \
	"DROP TRIGGER IF EXISTS " table "_no_delete;"                                              \
	"CREATE TRIGGER " table "_no_delete BEFORE DELETE ON " table                               \
	" WHEN OLD.window >= (SELECT window FROM kept)"                                            \
	" BEGIN SELECT RAISE(ABORT, '" table " of a window that is kept are never deleted'); END;"

static const char v4[] =
	/* What a pod used on a day of UTC under one identity: the sum of its windows that begin in it. */
	"CREATE TABLE days (day INTEGER NOT NULL CHECK (day >= 0 AND day % 86400000 = 0),"
	" pod INTEGER NOT NULL REFERENCES pods,"
	" identity INTEGER NOT NULL REFERENCES identities,"
	" first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, since_ms INTEGER"
	COUNTER("parts") COUNTER("differing") INTERFACE_V2 USAGE_V1
	", PRIMARY KEY (day, pod, identity)) STRICT, WITHOUT ROWID;"
	"CREATE TRIGGER days_no_delete BEFORE DELETE ON days"
	" BEGIN SELECT RAISE(ABORT, 'days are never deleted'); END;"
	"CREATE TRIGGER days_gone BEFORE UPDATE ON days WHEN OLD.last_ms <="
	" (SELECT from_ms FROM windows WHERE id = (SELECT window FROM kept))"
	" BEGIN SELECT RAISE(ABORT, 'a day whose windows are gone never changes'); END;"

	/* The first window that is still there one by one; only ever later. */
	"CREATE TABLE kept (one INTEGER PRIMARY KEY CHECK (one = 1),"
	" window INTEGER NOT NULL) STRICT;"
	"INSERT INTO kept VALUES (1, 1);"
	"CREATE TRIGGER kept_rises BEFORE UPDATE ON kept"
	" WHEN NEW.window < OLD.window OR NEW.one <> 1"
	" BEGIN SELECT RAISE(ABORT, 'what is kept only ever begins later'); END;"
	"CREATE TRIGGER kept_no_delete BEFORE DELETE ON kept"
	" BEGIN SELECT RAISE(ABORT, 'what is kept is never forgotten'); END;"
	KEPT("usage") KEPT("interface_usage")

	/* Usage that was booked later than in its own window, and since when it is from. */
	"ALTER TABLE pods ADD COLUMN read_ms INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE late (window INTEGER NOT NULL, pod INTEGER NOT NULL,"
	" since_ms INTEGER NOT NULL, PRIMARY KEY (window, pod),"
	" FOREIGN KEY (window, pod) REFERENCES usage) STRICT, WITHOUT ROWID;"
	FROZEN("late") NO_REPLACE("late", "window = NEW.window AND pod = NEW.pod")
	KEPT("late");

static const char v5[] =
	/* What a bill says of a pod beside its names. */
	"CREATE TABLE pod_labels (pod INTEGER PRIMARY KEY REFERENCES pods,"
	" labels TEXT NOT NULL CHECK (length(labels) BETWEEN 1 AND 2047)) STRICT;"
	FROZEN("pod_labels")
	NO_REPLACE("pod_labels", "pod = NEW.pod");

/* What is written before it is signed: zeros until then, and then never another. */
#define SIGNED_ONCE(table, same)                                                                   \
	"DROP TRIGGER IF EXISTS " table "_no_update;"                                              \
	"CREATE TRIGGER " table "_no_update BEFORE UPDATE ON " table                               \
	" WHEN OLD.signature <> zeroblob(64) OR NOT (" same ")"                                    \
	" BEGIN SELECT RAISE(ABORT, '" table " are never changed'); END;"

static const char v6[] =
	/* A receipt is on disk before it is signed. */
	SIGNED_ONCE("receipts", "NEW.lease = OLD.lease AND NEW.seq = OLD.seq"
	" AND NEW.window = OLD.window AND NEW.from_ms = OLD.from_ms AND NEW.to_ms = OLD.to_ms"
	" AND NEW.total_due = OLD.total_due AND NEW.report = OLD.report AND NEW.hash = OLD.hash"
	" AND NEW.record = OLD.record")
	"CREATE INDEX receipts_unsigned ON receipts (lease, seq) WHERE signature = zeroblob(64);"

	/* Why a lease's receipts are not signed, and from which window on its label means it. */
	"ALTER TABLE leases ADD COLUMN held TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE leases ADD COLUMN since_window INTEGER NOT NULL DEFAULT 0;"

	/* What the node says it used in all, in the windows from first on: as signed, and the secret
	 * behind the blinds of its leaves. */
	"CREATE TABLE totals (window INTEGER PRIMARY KEY REFERENCES windows,"
	" first INTEGER NOT NULL REFERENCES windows CHECK (first <= window),"
	" statement BLOB NOT NULL CHECK (length(statement) = 168),"
	" secret BLOB NOT NULL CHECK (length(secret) = 32),"
	" signature BLOB NOT NULL CHECK (length(signature) = 64)) STRICT;"
	SIGNED_ONCE("totals", "NEW.window = OLD.window AND NEW.first = OLD.first"
	" AND NEW.statement = OLD.statement AND NEW.secret = OLD.secret")
	NO_REPLACE("totals", "window = NEW.window")
	KEPT("totals")
	"CREATE TRIGGER totals_apart BEFORE INSERT ON totals"
	" WHEN NEW.first <= (SELECT max(window) FROM totals)"
	" BEGIN SELECT RAISE(ABORT, 'a window is in one statement'); END;"
	"CREATE INDEX totals_unsigned ON totals (window) WHERE signature = zeroblob(64);";
/* clang-format on */

/* migrations[n] brings version n (PRAGMA user_version) to n + 1. Only ever append. */
static const struct {
	const char *sql;
	int (*fill)(struct ledger *l, struct err *err); /* what SQL can't; NULL: nothing */
} migrations[] = { { v1, NULL },      { v2, NULL }, { v3, NULL },
		   { v4, days_fill }, { v5, NULL }, { v6, NULL } };

static int version_get(struct ledger *l, uint64_t *ret, struct err *err)
{
	/* A signed 32-bit number that anybody can set. */
	return db_number(l, "SELECT max(user_version, 0) FROM pragma_user_version", ret, err);
}

int schema_check(struct ledger *l, struct err *err)
{
	uint64_t version = 0, ours = 0, tables = 0;
	int r = version_get(l, &version, err);

	if (r == 0)
		r = db_number(
			l, "SELECT application_id = " APPLICATION_ID " FROM pragma_application_id",
			&ours, err);
	if (r == 0)
		r = db_number(l, "SELECT count(*) FROM sqlite_schema", &tables, err);
	if (r < 0)
		return r;
	if (!ours && (version || tables))
		return err_set(
			err, -EBADMSG,
			"%s: a database of another program; give the ledger a path of its own",
			db_path(l));
	if (version > ARRAY_LEN(migrations))
		return err_set(err, -EPROTONOSUPPORT,
			       "%s: schema %" PRIu64
			       " is newer than this program, which knows %zu; "
			       "use the version of weir that wrote it",
			       db_path(l), version, ARRAY_LEN(migrations));
	if (version < ARRAY_LEN(migrations) && db_read_only(l))
		return err_set(err, -ESTALE,
			       "%s: schema %" PRIu64
			       " is older than %zu; start the agent, which brings "
			       "it up to date",
			       db_path(l), version, ARRAY_LEN(migrations));
	return 0;
}

static int migrate(struct ledger *l, struct err *err)
{
	char set_version[48];
	uint64_t version;
	int r = version_get(l, &version, err);

	for (uint64_t i = version; r == 0 && i < ARRAY_LEN(migrations); i++) {
		r = db_exec(l, migrations[i].sql, err);
		if (r == 0 && migrations[i].fill)
			r = migrations[i].fill(l, err);
	}
	snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %zu",
		 ARRAY_LEN(migrations));
	return r < 0 ? r : db_exec(l, set_version, err);
}

int schema_migrate(struct ledger *l, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	uint64_t version;
	int r = version_get(l, &version, err);

	if (r < 0 || version == ARRAY_LEN(migrations))
		return r;
	r = ledger_begin(l, &tx, err);
	if (r == 0)
		r = migrate(l, err);
	if (r == 0)
		r = ledger_commit(&tx, err);
	return r < 0 ? err_wrap(err, "migrating the ledger") : 0;
}
