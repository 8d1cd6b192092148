/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/receipt.h"

#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/db.h"
#include "ledger/lease.h"
#include "ledger/ledger.h"

#define RECEIPT_COLUMNS \
	"lease, seq, window, from_ms, to_ms, total_due, report, signature, hash, record"

void ledger_receipt_fini(struct ledger_receipt *r)
{
	free_ptr(&r->record);
	r->record_len = 0;
}

static int receipt_get(struct stmt *s, struct ledger_receipt *ret, struct err *err)
{
	cleanup(ledger_receipt_fini) struct ledger_receipt v = {};
	const void *record;
	int r;

	get_text(s, v.lease, sizeof(v.lease));
	v.seq = get_u64(s);
	v.window = get_u64(s);
	v.from_ms = get_u64(s);
	v.to_ms = get_u64(s);
	v.total_due = get_u64(s);
	get_fixed(s, v.report, sizeof(v.report));
	get_fixed(s, v.signature, sizeof(v.signature));
	get_fixed(s, v.hash, sizeof(v.hash));
	record = get_blob(s, LEDGER_RECORD_MAX, &v.record_len);
	r = stmt_end(s, err);
	if (r < 0)
		return r;
	v.record = malloc(v.record_len ? v.record_len : 1);
	if (!v.record)
		return err_errno(err, -ENOMEM, "%s", db_path(s->ledger));
	if (v.record_len)
		memcpy(v.record, record, v.record_len);
	*ret = v;
	v.record = NULL;
	return 0;
}

/* 1: found, 0: not there */
static int receipt_look(struct ledger *l, const char *lease, uint64_t seq,
			struct ledger_receipt *ret, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = lease_seek(l,
			   "SELECT " RECEIPT_COLUMNS " FROM receipts"
			   " WHERE lease = :lease AND seq = :seq",
			   lease, seq, &s, err);

	if (r <= 0)
		return r;
	r = receipt_get(&s, ret, err);
	return r < 0 ? r : 1;
}

int ledger_receipt_get(struct ledger *l, const char *lease, uint64_t seq,
		       struct ledger_receipt *ret, struct err *err)
{
	int r = receipt_look(l, lease, seq, ret, err);

	if (r == 0)
		return err_set(err, -ENOENT, "%s: no receipt %s/%" PRIu64, db_path(l), lease, seq);
	return r < 0 ? r : 0;
}

int ledger_receipt_list(struct ledger *l, const char *lease, uint64_t from_seq,
			int (*fn)(const struct ledger_receipt *r, void *arg), void *arg,
			struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l,
			  "SELECT " RECEIPT_COLUMNS " FROM receipts"
			  " WHERE " SQL_OF_LEASE " AND seq >= :seq"
			  " AND signature <> zeroblob(64) ORDER BY lease, seq",
			  &s, err);

	if (r < 0)
		return r;
	put_text(&s, lease, LEDGER_LABEL_MAX);
	put_u64(&s, from_seq);
	while ((r = stmt_next(&s, err)) > 0) {
		cleanup(ledger_receipt_fini) struct ledger_receipt v = {};

		r = receipt_get(&s, &v, err);
		if (r == 0)
			r = fn(&v, arg);
		if (r != 0)
			return r;
	}
	return r;
}

static bool receipt_same(const struct ledger_receipt *a, const struct ledger_receipt *b)
{
	return a->window == b->window && a->from_ms == b->from_ms && a->to_ms == b->to_ms &&
	       a->total_due == b->total_due && a->record_len == b->record_len &&
	       memcmp(a->report, b->report, sizeof(a->report)) == 0 &&
	       memcmp(a->signature, b->signature, sizeof(a->signature)) == 0 &&
	       memcmp(a->hash, b->hash, sizeof(a->hash)) == 0 &&
	       (a->record_len == 0 || memcmp(a->record, b->record, a->record_len) == 0);
}

static int receipt_check(const struct ledger_receipt *v, const struct ledger_lease *lease,
			 struct err *err)
{
	if (v->seq != lease->seq + 1)
		return err_set(err, -EINVAL, "receipt %s/%" PRIu64 ": the next one is %" PRIu64,
			       v->lease, v->seq, lease->seq + 1);
	if (v->from_ms < lease->last_to_ms || v->to_ms <= v->from_ms)
		return err_set(err, -EINVAL,
			       "receipt %s/%" PRIu64 ": its time must begin at or after %" PRIu64
			       " and end later",
			       v->lease, v->seq, lease->last_to_ms);
	if (v->total_due < lease->last_total_due)
		return err_set(err, -EINVAL,
			       "receipt %s/%" PRIu64 ": total due %" PRIu64 " is below %" PRIu64
			       " of the one before",
			       v->lease, v->seq, v->total_due, lease->last_total_due);
	return 0;
}

static int receipt_insert(struct ledger *l, const struct ledger_receipt *v, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l,
			  "INSERT INTO receipts (" RECEIPT_COLUMNS
			  ") VALUES (:lease, :seq, :window,"
			  " :from_ms, :to_ms, :total_due, :report, :signature, :hash, :record)",
			  &s, err);

	if (r < 0)
		return r;
	put_text(&s, v->lease, sizeof(v->lease));
	put_u64(&s, v->seq);
	put_u64(&s, v->window);
	put_u64(&s, v->from_ms);
	put_u64(&s, v->to_ms);
	put_u64(&s, v->total_due);
	put_blob(&s, v->report, sizeof(v->report));
	put_blob(&s, v->signature, sizeof(v->signature));
	put_blob(&s, v->hash, sizeof(v->hash));
	put_blob(&s, v->record, v->record_len);
	return stmt_run(&s, err);
}

static int lease_advance(struct ledger *l, const struct ledger_receipt *v, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l,
			  "UPDATE leases SET seq = :seq, last_to_ms = :last_to_ms,"
			  " last_total_due = :last_total_due WHERE label = :label",
			  &s, err);

	if (r < 0)
		return r;
	put_u64(&s, v->seq);
	put_u64(&s, v->to_ms);
	put_u64(&s, v->total_due);
	put_text(&s, v->lease, sizeof(v->lease));
	return stmt_run(&s, err);
}

static int receipt_put(struct ledger_tx *tx, const struct ledger_receipt *v, struct err *err)
{
	cleanup(ledger_receipt_fini) struct ledger_receipt old = {};
	struct ledger_lease lease;
	int r = tx_check(tx, err);

	if (r < 0)
		return r;
	if (v->record_len > LEDGER_RECORD_MAX)
		return err_set(err, -E2BIG, "receipt %s/%" PRIu64 ": a record of %zu bytes",
			       v->lease, v->seq, v->record_len);
	r = receipt_look(tx->ledger, v->lease, v->seq, &old, err);
	if (r < 0)
		return r;
	if (r > 0 && receipt_same(&old, v))
		return 0;
	if (r > 0)
		return err_set(err, -EEXIST, "receipt %s/%" PRIu64 " is signed with other content",
			       v->lease, v->seq);
	r = ledger_lease_get(tx->ledger, v->lease, &lease, err);
	if (r == 0)
		r = receipt_check(v, &lease, err);
	if (r == 0)
		r = receipt_insert(tx->ledger, v, err);
	return r < 0 ? r : lease_advance(tx->ledger, v, err);
}

int ledger_receipt_put(struct ledger_tx *tx, const struct ledger_receipt *r, struct err *err)
{
	return tx_result(tx, receipt_put(tx, r, err));
}
