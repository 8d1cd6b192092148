/* SPDX-License-Identifier: Apache-2.0 */
/* The books over a real ledger in a folder of its own; readings are made by hand. */
#pragma once

#include "agent/book.h"
#include "agent/guard.h"
#include "chain/lease.h"
#include "chain/receipt.h"
#include "core/buf.h"
#include "core/crypto.h"
#include "core/file.h"
#include "core/json.h"
#include "ledger/lease.h"
#include "ledger/ledger.h"
#include "ledger/pod.h"
#include "ledger/receipt.h"
#include "ledger/settlement.h"
#include "unit/core/must.h"

#define STARTED_MS 1795000000000ULL
#define WINDOW_MS 60000ULL
#define BOOT "01234567-89ab-cdef-0123-456789abcdef"
#define CORE_S 1000000ULL /* MIST */
#define GIB_S 20000ULL
#define GIB_TX 500000ULL

struct bed {
	char dir[64], path[96], key_file[96];
	struct ledger *ledger;
	struct key *key;
	struct guard *guard;
	struct book b;
	uint64_t now_ms, to_ms; /* of the last window */
};

static inline struct key *key_of(uint8_t filler)
{
	uint8_t seed[KEY_SEED_LEN];
	struct key *k = NULL;

	memset(seed, filler, sizeof(seed));
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(key_from_seed(seed, &k), 0);
	return k;
}

static inline int setup(void **state)
{
	struct bed *t = calloc(1, sizeof(*t));

	*state = t;
	snprintf(t->dir, sizeof(t->dir), "/tmp/weir-book-XXXXXX");
	if (!mkdtemp(t->dir))
		return -1;
	snprintf(t->path, sizeof(t->path), "%s/ledger.db", t->dir);
	snprintf(t->key_file, sizeof(t->key_file), "%s/provider.key", t->dir);
	t->key = key_of(7);
	must(key_save(t->key, t->key_file, &why));
	must(guard_open(t->key_file, t->key, &t->guard, &why));
	t->now_ms = t->to_ms = STARTED_MS;
	must(ledger_open(t->path, &t->ledger, &why));
	t->b = (struct book){ .ledger = t->ledger,
			      .key = t->key,
			      .guard = t->guard,
			      .node = "node-a",
			      .boot = BOOT,
			      .started_ms = STARTED_MS };
	return 0;
}

static inline int teardown(void **state)
{
	struct bed *t = *state;

	ledger_close(&t->ledger);
	guard_close(&t->guard);
	key_free(&t->key);
	dir_remove(t->dir, NULL);
	free(t);
	return 0;
}

#define ON_BED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* What is left after a SIGKILL: the files. */
static inline void crash(struct bed *t)
{
	ledger_close(&t->ledger);
	guard_close(&t->guard);
	must(ledger_open(t->path, &t->ledger, &why));
	must(guard_open(t->key_file, t->key, &t->guard, &why));
	t->b.ledger = t->ledger;
	t->b.guard = t->guard;
	must(book_guard(&t->b, &why));
	t->b.started_ms = t->now_ms;
}

/* Every counter differs from every other and grows with n. */
static inline struct usage usage_of(uint64_t n)
{
	struct usage u = { .cpu_ns = n * 1000000000 + 1,
			   .memory_peak_bytes = n << 20,
			   .memory_byte_ns = (unsigned __int128)n << 62 };

	for (unsigned int c = 0; c < USAGE_CLASS_MAX_; c++) {
		u.rx.wire[c] = (struct usage_count){ n * 100 + c, n + c };
		u.tx.wire[c] = (struct usage_count){ n * (1 << 20) + c, n * 2 + c };
	}
	u.rx.raw = (struct usage_count){ n * 300, n * 3 };
	u.tx.raw = (struct usage_count){ n * 400, n * 4 };
	return u;
}

static inline struct book_reading reading(uint64_t cgroup_id, const char *lease, uint64_t n)
{
	struct book_reading r = { .cgroup_id = cgroup_id,
				  .pod = { .ns = "default", .uid = "11111111-2222" },
				  .total = usage_of(n) };

	snprintf(r.pod.name, sizeof(r.pod.name), "pod-%" PRIu64, cgroup_id);
	snprintf(r.pod.lease, sizeof(r.pod.lease), "%s", lease);
	return r;
}

static inline struct book_reading last_reading(uint64_t cgroup_id, const char *lease, uint64_t n)
{
	struct book_reading r = reading(cgroup_id, lease, n);

	r.final = true;
	return r;
}

/* The window up to now; holds what is true of all of them. */
static inline struct book_window closed(struct bed *t, struct book_reading *readings, size_t n)
{
	struct book_window w = {};

	must(book_window(&t->b, t->now_ms, readings, n, &w, &why));
	assert_int_equal(w.from_ms, t->to_ms);
	assert_true(w.to_ms > w.from_ms);
	if (t->now_ms > w.from_ms)
		assert_int_equal(w.to_ms, t->now_ms);
	t->to_ms = w.to_ms;
	return w;
}

static inline struct book_signed sign(struct bed *t)
{
	struct book_signed s = {};

	must(book_sign(&t->b, &s, &why));
	return s;
}

/* The same, and what follows from it is signed. */
static inline struct book_window window(struct bed *t, struct book_reading *readings, size_t n)
{
	struct book_window w = closed(t, readings, n);

	assert_int_equal(sign(t).held, 0);
	return w;
}

static inline struct book_window next_window(struct bed *t, struct book_reading *readings, size_t n)
{
	t->now_ms += WINDOW_MS;
	return window(t, readings, n);
}

static inline size_t settle(struct bed *t)
{
	size_t n = 99;

	must(book_settle(&t->b, t->to_ms, &n, &why));
	return n;
}

static inline struct book_lease lease_named(const char *label, uint64_t deposit)
{
	return (struct book_lease){
		.label = label,
		.tenant = "ada",
		.deposit = deposit,
		.prices = { .core_s = CORE_S,
			    .gib_s = GIB_S,
			    .tx_gib = { GIB_TX, GIB_TX, GIB_TX } },
	};
}

static inline void open_lease(struct bed *t, const char *label, uint64_t deposit)
{
	const struct book_lease l = lease_named(label, deposit);
	cleanup(json_free) struct json *view = NULL;

	must(book_lease_open(&t->b, &l, t->to_ms, &view, &why));
	assert_string_equal(json_str(view, "lease", ""), label);
	assert_string_equal(json_str(view, "state", ""), "open");
}

static inline struct lease account(struct bed *t, const char *label)
{
	struct ledger_lease row;
	struct lease l;

	must(ledger_lease_get(t->ledger, label, &row, &why));
	must(lease_decode(row.account, row.account_len, &l, &why));
	assert_int_equal(row.deposited, l.deposited);
	assert_int_equal(row.paid, l.paid);
	assert_int_equal(row.refunded, l.refunded);
	assert_string_equal(row.state, lease_state_name(l.state));
	return l;
}

static inline uint64_t seq_of(struct bed *t, const char *label)
{
	struct ledger_lease row;

	must(ledger_lease_get(t->ledger, label, &row, &why));
	return row.seq;
}

/* ---- Looking ---------------------------------------------------------------------------------- */

static inline int add_usage(const struct ledger_usage_row *row, void *arg)
{
	return usage_add(arg, &row->usage);
}

/* All that was booked of these; cgroup ids are in the names. */
static inline struct usage booked(struct bed *t, const char *name, const char *lease)
{
	const struct ledger_query q = { .name = name, .lease = lease };
	struct usage sum = {};

	must(ledger_usage_query(t->ledger, &q, add_usage, &sum, &why));
	return sum;
}

static inline void assert_usage(struct usage is, struct usage want)
{
	const char *differs = usage_diff(&is, &want);

	if (differs)
		fail_msg("%s differs", differs);
}

static inline void assert_booked(struct bed *t, const struct book_reading *r)
{
	assert_usage(booked(t, r->pod.name, NULL), r->total);
}

static inline int add_receipt(const struct ledger_receipt *r, void *arg)
{
	struct receipt *to;

	must(receipts_add(arg, &to));
	memcpy(to->report, r->report, REPORT_LEN);
	memcpy(to->sig, r->signature, SIG_LEN);
	must(record_decode(r->record, r->record_len, &to->record, &why));
	return 0;
}

/* The file that `weir receipt export` makes of the lease, verified from its bytes alone. */
static inline struct receipts_summary verified(struct bed *t, const char *label)
{
	cleanup(receipts_fini) struct receipts file = {};
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	struct receipts_summary s;
	struct ledger_lease row;

	must(ledger_lease_get(t->ledger, label, &row, &why));
	memcpy(file.provider, row.provider, sizeof(file.provider));
	memcpy(file.market, row.market, sizeof(file.market));
	must(ledger_receipt_list(t->ledger, label, 1, add_receipt, &file, &why));
	must(receipts_render(&file, &text, &why));
	must(receipts_verify(text.data, text.len, key_public(t->key), &s, &why));
	assert_int_equal(s.first_seq, 1);
	assert_int_equal(s.count, row.seq);
	assert_int_equal(s.last_seq, row.seq);
	assert_int_equal(s.from_ms, row.opened_ms);
	assert_int_equal(s.to_ms, row.last_to_ms);
	assert_int_equal(s.total_due, row.last_total_due);
	assert_usage(s.totals, row.total);
	assert_string_equal(s.label, label);
	return s;
}
