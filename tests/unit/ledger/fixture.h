/* SPDX-License-Identifier: Apache-2.0 */
/* A ledger in a folder of its own, made and removed around each test; and raw SQL beside it, which
 * is what another program could do to the file. */
#pragma once

#include <sqlite3.h>

#include "core/file.h"
#include "ledger/intent.h"
#include "ledger/lease.h"
#include "ledger/ledger.h"
#include "ledger/pod.h"
#include "ledger/receipt.h"
#include "ledger/settlement.h"
#include "unit/core/must.h"

#define BOOT "01234567-89ab-cdef-0123-456789abcdef"
#define ON_LEDGER(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

struct fixture {
	char dir[64], path[96];
	struct ledger *l;
};

static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	snprintf(f->dir, sizeof(f->dir), "/tmp/weir-ledger.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/state/ledger.db", f->dir);
	*state = f;
	return ledger_open(f->path, &f->l, NULL);
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	ledger_close(&f->l);
	dir_remove(f->dir, NULL);
	free(f);
	return 0;
}

static inline void fixture_reopen(struct fixture *f)
{
	ledger_close(&f->l);
	must(ledger_open(f->path, &f->l, &why));
}

/* Another program's connection: no pragma of ours is on. Returns SQLite's extended code. */
static inline int raw_exec(const struct fixture *f, const char *sql)
{
	sqlite3 *db = NULL;
	int rc = sqlite3_open(f->path, &db);

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		rc = sqlite3_extended_errcode(db);
	sqlite3_close(db);
	return rc;
}

static inline int64_t raw_number(const struct fixture *f, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	int64_t v = INT64_MIN;

	if (sqlite3_open(f->path, &db) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		v = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return v;
}

/* A reading in which every member differs from every other, and grows with n. */
static inline struct usage reading(uint64_t n)
{
	struct usage u = { .cpu_ns = n * 1000 + 1,
			   .memory_peak_bytes = n * 1000 + 2,
			   .memory_byte_ns = ((unsigned __int128)n << 80) + n };

	for (size_t c = 0; c < USAGE_CLASS_MAX_; c++) {
		u.rx.wire[c].bytes = n * 1000 + 10 + c;
		u.rx.wire[c].packets = n * 1000 + 20 + c;
		u.tx.wire[c].bytes = n * 1000 + 30 + c;
		u.tx.wire[c].packets = n * 1000 + 40 + c;
	}
	u.rx.raw.bytes = n * 1000 + 50;
	u.rx.raw.packets = n * 1000 + 51;
	u.tx.raw.bytes = n * 1000 + 52;
	u.tx.raw.packets = n * 1000 + 53;
	return u;
}

static inline void assert_usage(const struct usage *a, const struct usage *b)
{
	const char *differs = usage_diff(a, b);

	if (differs)
		fail_msg("%s differs", differs);
}

static inline struct ledger_pod pod_make(uint64_t cgroup_id, const char *ns, const char *name,
					 const char *lease)
{
	struct ledger_pod p = { .boot = BOOT, .cgroup_id = cgroup_id, .first_seen_ms = 77 };

	snprintf(p.namespace, sizeof(p.namespace), "%s", ns);
	snprintf(p.name, sizeof(p.name), "%s", name);
	snprintf(p.uid, sizeof(p.uid), "uid-%s", name);
	snprintf(p.lease, sizeof(p.lease), "%s", lease);
	return p;
}

static inline struct ledger_lease lease_make(const char *label)
{
	struct ledger_lease v = { .deposited = 1000,
				  .paid = 100,
				  .refunded = 10,
				  .state = "open",
				  .opened_ms = 11,
				  .closed_ms = 12,
				  .total = reading(3),
				  .account = { 1, 0, 3 },
				  .account_len = 3 };

	snprintf(v.label, sizeof(v.label), "%s", label);
	memset(v.id, 0xa1, sizeof(v.id));
	memcpy(v.id, label, strlen(label) < sizeof(v.id) ? strlen(label) : sizeof(v.id));
	memset(v.market, 0xb2, sizeof(v.market));
	memset(v.provider, 0xc3, sizeof(v.provider));
	return v;
}

/* Its record is static: not for ledger_receipt_fini(). */
static inline struct ledger_receipt receipt_make(const char *lease, uint64_t seq, uint64_t window)
{
	static uint8_t record[] = { 1, 2, 3, 0, 5 };
	struct ledger_receipt r = { .seq = seq,
				    .window = window,
				    .from_ms = 1000 * (seq - 1),
				    .to_ms = 1000 * seq,
				    .total_due = 7 * seq,
				    .record = record,
				    .record_len = sizeof(record) };

	snprintf(r.lease, sizeof(r.lease), "%s", lease);
	memset(r.report, (int)seq, sizeof(r.report));
	memset(r.signature, 1 + (int)(seq % 255), sizeof(r.signature)); /* never zeros */
	memset(r.hash, 0x60 + (int)seq, sizeof(r.hash));
	return r;
}

/* One transaction: the window [from, to), one pod's reading in it. Returns the window. */
static inline uint64_t window_with(struct fixture *f, uint64_t from_ms, uint64_t to_ms,
				   const struct ledger_pod *pod, const struct usage *u)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	uint64_t window = 0, id;

	must(ledger_begin(f->l, &tx, &why));
	must(ledger_window_append(&tx, from_ms, to_ms, &window, &why));
	must(ledger_pod_put(&tx, pod, &id, &why));
	must(ledger_usage_record(&tx, id, u, NULL, &why));
	must(ledger_commit(&tx, &why));
	return window;
}
