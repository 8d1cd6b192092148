/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ledger as an agent leaves it, in the folder of run.h: two windows of a minute from BOOKS_FROM on;
 * pods shop/web (lease gold, memory measured) and shop/db (no lease, memory not measured); a signed
 * receipt of gold for each window, the first settled.
 */
#pragma once

#include "chain/lease.h"
#include "chain/receipt.h"
#include "core/clock.h"
#include "ledger/lease.h"
#include "ledger/ledger.h"
#include "ledger/pod.h"
#include "ledger/receipt.h"
#include "ledger/settlement.h"
#include "unit/cli/run.h"

#define BOOKS_BOOT "01234567-89ab-cdef-0123-456789abcdef"
#define BOOKS_FROM 1795204800000ULL /* 2026-11-20T20:00:00Z */
#define BOOKS_MINUTE 60000ULL
#define BOOKS_DB_CGROUP ((1ULL << 53) + 1)

static struct err books_err;
#define books_must(call)                                           \
	do {                                                       \
		if ((call) < 0)                                    \
			fail_msg("%s: %s", #call, books_err.text); \
	} while (0)

/* Cumulative after n windows. */
static inline struct usage books_reading(uint64_t n, bool memory)
{
	struct usage u = { .cpu_ns = n * 1500000000, .memory_unmeasured = !memory };

	if (memory) {
		u.memory_byte_ns = n * ((unsigned __int128)1 << 30) * 2000000000;
		u.memory_peak_bytes = 1 << 20;
	}
	for (uint64_t c = 0; c < USAGE_CLASS_MAX_; c++) {
		u.rx.wire[c] = (struct usage_count){ n * (c + 1) * 10, n * (c + 1) };
		u.tx.wire[c] = (struct usage_count){ n * (c + 1) * 100, n * (c + 1) * 2 };
	}
	u.rx.raw.bytes = n * 59;
	u.tx.raw.bytes = n * 599;
	return u;
}

static inline void books_pods(struct ledger_tx *tx, uint64_t window)
{
	struct ledger_pod web = { .boot = BOOKS_BOOT,
				  .cgroup_id = 42,
				  .namespace = "shop",
				  .name = "web",
				  .uid = "uid-web",
				  .lease = "gold" };
	struct ledger_pod db = {
		.boot = BOOKS_BOOT, .cgroup_id = BOOKS_DB_CGROUP, .namespace = "shop", .name = "db"
	};
	struct usage u;
	uint64_t id;

	u = books_reading(window, true);
	books_must(ledger_pod_put(tx, &web, &id, &books_err));
	books_must(ledger_usage_record(tx, id, &u, NULL, &books_err));
	u = books_reading(window, false);
	books_must(ledger_pod_put(tx, &db, &id, &books_err));
	books_must(ledger_usage_record(tx, id, &u, NULL, &books_err));
}

static inline void books_lease(struct ledger_tx *tx, const struct key *key)
{
	cleanup(buf_fini) struct buf account = BUF_INIT(LEDGER_ACCOUNT_MAX);
	struct lease_terms terms = { .id = { 1 },
				     .market = { 2 },
				     .tenant = { 3 },
				     .label = "gold",
				     .prices = { .core_s = 1000, .gib_s = 10 },
				     .opened_ms = BOOKS_FROM };
	struct ledger_lease row = { .label = "gold",
				    .id = { 1 },
				    .market = { 2 },
				    .deposited = 1000000,
				    .paid = 1000,
				    .state = "open",
				    .opened_ms = BOOKS_FROM };
	struct lease l;

	memcpy(terms.provider, key_public(key), PUBKEY_LEN);
	memcpy(row.provider, key_public(key), PUBKEY_LEN);
	books_must(lease_open(&terms, 1000000, &l, &books_err));
	l.paid = l.total_due = 1000;
	l.seq = 1; /* of the report that said so: lease_check() */
	lease_encode(&l, &account);
	assert_int_equal(buf_error(&account), 0);
	memcpy(row.account, account.data, account.len);
	row.account_len = account.len;
	books_must(ledger_lease_put(tx, &row, &books_err));
}

/* The receipt of a window with one pod that used a second of CPU. */
static inline void books_receipt(struct ledger_tx *tx, const struct key *key, uint64_t window,
				 struct record *before, uint8_t report[REPORT_LEN])
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(RECORD_LEN_MAX);
	struct record r = { .lease = { 1 },
			    .label = "gold",
			    .node = "n",
			    .opened_ms = BOOKS_FROM,
			    .seq = window,
			    .from_ms = BOOKS_FROM + (window - 1) * BOOKS_MINUTE,
			    .to_ms = BOOKS_FROM + window * BOOKS_MINUTE,
			    .prices = { .core_s = 1000, .gib_s = 10 },
			    .npods = 1 };
	struct ledger_receipt lr = { .lease = "gold", .seq = window, .window = window };
	struct report rep;

	r.pods = calloc(1, sizeof(*r.pods));
	assert_non_null(r.pods);
	r.pods[0] = (struct record_pod){ .namespace = "shop",
					 .name = "web",
					 .boot_id = BOOKS_BOOT,
					 .cgroup_id = 42,
					 .use = { .cpu_ns = 1000000000 } };
	if (window > 1)
		report_hash(report, r.prev);
	books_must(record_sum(&r, window > 1 ? &before->totals : NULL, &books_err));
	books_must(record_encode(&r, &bytes, &books_err));
	books_must(record_report(&r, (const uint8_t[OBJECT_ID_LEN]){ 2 }, &rep, &books_err));
	report_sign(&rep, key, lr.report, lr.signature);
	report_hash(lr.report, lr.hash);
	lr.from_ms = r.from_ms;
	lr.to_ms = r.to_ms;
	lr.total_due = rep.total_due;
	lr.record = (uint8_t *)bytes.data;
	lr.record_len = bytes.len;
	books_must(ledger_receipt_put(tx, &lr, &books_err));
	memcpy(report, lr.report, REPORT_LEN);
	record_fini(before);
	*before = r;
}

static inline void books_settlement(struct ledger_tx *tx, uint64_t seq, bool final)
{
	struct ledger_settlement s = { .lease = "gold",
				       .seq = seq,
				       .amount = 1000,
				       .created_ms = BOOKS_FROM,
				       .updated_ms = BOOKS_FROM };

	for (;; s.state++) {
		books_must(ledger_settlement_put(tx, &s, &books_err));
		if (!final || s.state == LEDGER_SETTLE_FINAL)
			return;
	}
}

/* The key that signed, for the caller to free. */
static inline struct key *books_make(const struct run *f)
{
	cleanup(ledger_close) struct ledger *l = NULL;
	uint8_t report[REPORT_LEN];
	struct record before = {};
	struct key *key = NULL;
	char path[160];

	snprintf(path, sizeof(path), "%s/ledger.db", f->state);
	books_must(crypto_init());
	books_must(key_new(&key));
	books_must(ledger_open(path, &l, &books_err));
	for (uint64_t window = 1; window <= 2; window++) {
		cleanup(ledger_rollback) struct ledger_tx tx = {};
		uint64_t id, from = BOOKS_FROM + (window - 1) * BOOKS_MINUTE;

		books_must(ledger_begin(l, &tx, &books_err));
		books_must(ledger_window_append(&tx, from, from + BOOKS_MINUTE, &id, &books_err));
		books_pods(&tx, window);
		if (window == 1)
			books_lease(&tx, key);
		books_receipt(&tx, key, window, &before, report);
		books_settlement(&tx, window, window == 1);
		books_must(ledger_commit(&tx, &books_err));
	}
	record_fini(&before);
	return key;
}
