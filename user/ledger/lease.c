/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/lease.h"

#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/columns.h"
#include "ledger/db.h"
#include "ledger/ledger.h"

#define LEASE_FIXED "label, id, market, provider"
#define LEASE_FREE "account, deposited, paid, refunded, state, opened_ms, closed_ms, " USAGE_NAMES
#define LEASE_KEPT "seq, last_to_ms, last_total_due"
/* What others write: signing.c, and the insert. */
#define LEASE_READ                                                        \
	LEASE_COLUMNS ", held, since_window, (SELECT coalesce(min(r.seq)" \
		      " - 1, leases.seq) FROM receipts r"                 \
		      " WHERE r.lease = label AND r.signature = zeroblob(64))"
#define LEASE_COLUMNS LEASE_FIXED ", " LEASE_FREE ", " LEASE_KEPT

#define FREE_PARAMS \
	":account, :deposited, :paid, :refunded, :state, :opened_ms, :closed_ms, " USAGE_PARAMS

static void get_account(struct stmt *s, struct ledger_lease *v)
{
	const void *data = get_blob(s, sizeof(v->account), &v->account_len);

	if (data)
		memcpy(v->account, data, v->account_len);
}

static int lease_get(struct stmt *s, struct ledger_lease *ret, struct err *err)
{
	struct ledger_lease v = {};
	int r;

	get_text(s, v.label, sizeof(v.label));
	get_fixed(s, v.id, sizeof(v.id));
	get_fixed(s, v.market, sizeof(v.market));
	get_fixed(s, v.provider, sizeof(v.provider));
	get_account(s, &v);
	v.deposited = get_u64(s);
	v.paid = get_u64(s);
	v.refunded = get_u64(s);
	get_text(s, v.state, sizeof(v.state));
	v.opened_ms = get_u64(s);
	v.closed_ms = get_u64(s);
	get_usage(s, &v.total);
	v.seq = get_u64(s);
	v.last_to_ms = get_u64(s);
	v.last_total_due = get_u64(s);
	get_text(s, v.held, sizeof(v.held));
	v.since_window = get_u64(s);
	v.signed_seq = get_u64(s);
	r = stmt_end(s, err);
	if (r == 0)
		*ret = v;
	return r;
}

static void put_fixed(struct stmt *s, const struct ledger_lease *v)
{
	put_text(s, v->label, sizeof(v->label));
	put_blob(s, v->id, sizeof(v->id));
	put_blob(s, v->market, sizeof(v->market));
	put_blob(s, v->provider, sizeof(v->provider));
}

static void put_free(struct stmt *s, const struct ledger_lease *v)
{
	put_blob(s, v->account, v->account_len);
	put_u64(s, v->deposited);
	put_u64(s, v->paid);
	put_u64(s, v->refunded);
	put_text(s, v->state, sizeof(v->state));
	put_u64(s, v->opened_ms);
	put_u64(s, v->closed_ms);
	put_usage(s, &v->total);
}

static void put_kept(struct stmt *s, const struct ledger_lease *v)
{
	put_u64(s, v->seq);
	put_u64(s, v->last_to_ms);
	put_u64(s, v->last_total_due);
}

/* 1: found, 0: not there */
static int lease_look(struct ledger *l, const char *label, struct ledger_lease *ret,
		      struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l, "SELECT " LEASE_READ " FROM leases WHERE label = :label", &s, err);

	if (r < 0)
		return r;
	put_text(&s, label, LEDGER_LABEL_MAX);
	r = stmt_next(&s, err);
	if (r <= 0)
		return r;
	r = lease_get(&s, ret, err);
	return r < 0 ? r : 1;
}

int lease_seek(struct ledger *l, const char *sql, const char *lease, uint64_t seq, struct stmt *ret,
	       struct err *err)
{
	int r = stmt_open(l, sql, ret, err);

	if (r < 0)
		return r;
	put_text(ret, lease, LEDGER_LABEL_MAX);
	put_u64(ret, seq);
	return stmt_next(ret, err);
}

int ledger_lease_get(struct ledger *l, const char *label, struct ledger_lease *ret, struct err *err)
{
	int r = lease_look(l, label, ret, err);

	if (r == 0)
		return err_set(err, -ENOENT, "%s: no lease %s", db_path(l), label);
	return r < 0 ? r : 0;
}

int ledger_lease_list(struct ledger *l, int (*fn)(const struct ledger_lease *lease, void *arg),
		      void *arg, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	struct ledger_lease lease;
	int r = stmt_open(l, "SELECT " LEASE_READ " FROM leases ORDER BY label", &s, err);

	if (r < 0)
		return r;
	while ((r = stmt_next(&s, err)) > 0) {
		r = lease_get(&s, &lease, err);
		if (r == 0)
			r = fn(&lease, arg);
		if (r != 0)
			return r;
	}
	return r;
}

static int lease_insert(struct ledger *l, const struct ledger_lease *v, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l,
			  "INSERT INTO leases (" LEASE_COLUMNS ", since_window) VALUES (:label,"
			  " :id, :market, :provider, " FREE_PARAMS ", :seq, :last_to_ms,"
			  " :last_total_due, (SELECT coalesce(max(id), 0) + 1 FROM windows))",
			  &s, err);

	if (r < 0)
		return r;
	put_fixed(&s, v);
	put_free(&s, v);
	put_kept(&s, v);
	return stmt_run(&s, err);
}

static int lease_change(struct ledger *l, const struct ledger_lease *v, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l,
			  "UPDATE leases SET (" LEASE_FREE ") = (" FREE_PARAMS ")"
			  " WHERE label = :label",
			  &s, err);

	if (r < 0)
		return r;
	put_free(&s, v);
	put_text(&s, v->label, sizeof(v->label));
	return stmt_run(&s, err);
}

static bool usage_fell(const struct usage *old, const struct usage *now)
{
	struct usage more;

	/* A sum, not a reading: what is known of memory must stay, whatever is unknown. */
	return usage_sub(now, old, &more) < 0 || now->memory_byte_ns < old->memory_byte_ns ||
	       now->memory_peak_bytes < old->memory_peak_bytes ||
	       now->memory_unmeasured < old->memory_unmeasured;
}

static int change_check(const struct ledger_lease *old, const struct ledger_lease *v,
			struct err *err)
{
	if (memcmp(old->id, v->id, sizeof(v->id)) != 0 ||
	    memcmp(old->market, v->market, sizeof(v->market)) != 0 ||
	    memcmp(old->provider, v->provider, sizeof(v->provider)) != 0)
		return err_set(err, -EPERM,
			       "lease %s is another one (id, market or provider); use a new label",
			       v->label);
	if (v->deposited < old->deposited || v->paid < old->paid || v->refunded < old->refunded)
		return err_set(err, -ERANGE,
			       "lease %s: deposited, paid and refunded can't decrease", v->label);
	if (usage_fell(&old->total, &v->total))
		return err_set(err, -ERANGE, "lease %s: billed usage can't decrease", v->label);
	return 0;
}

static int lease_put(struct ledger_tx *tx, const struct ledger_lease *v, struct err *err)
{
	struct ledger_lease old;
	int r = tx_check(tx, err);

	if (r < 0)
		return r;
	if (!label_valid(v->label))
		return err_set(err, -EINVAL,
			       "lease '%.63s': not a label value; use 1 to 63 of A-Z a-z 0-9 - _ .",
			       v->label);
	if (v->paid > v->deposited || v->refunded > v->deposited - v->paid)
		return err_set(err, -EINVAL, "lease %s: more paid and refunded than deposited",
			       v->label);
	if (v->account_len > sizeof(v->account))
		return err_set(err, -E2BIG, "lease %s: an account of %zu bytes, want at most %zu",
			       v->label, v->account_len, sizeof(v->account));
	r = lease_look(tx->ledger, v->label, &old, err);
	if (r < 0)
		return r;
	if (r == 0)
		return lease_insert(tx->ledger, v, err);
	r = change_check(&old, v, err);
	return r < 0 ? r : lease_change(tx->ledger, v, err);
}

int ledger_lease_put(struct ledger_tx *tx, const struct ledger_lease *lease, struct err *err)
{
	return tx_result(tx, lease_put(tx, lease, err));
}
