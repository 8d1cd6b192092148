/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/settlement.h"

#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/db.h"
#include "ledger/ledger.h"

#define SETTLEMENT_COLUMNS "lease, seq, state, amount, created_ms, updated_ms, attempts, error"

static const char *const names[] = {
	[LEDGER_SETTLE_DUE] = "due",
	[LEDGER_SETTLE_BUILT] = "built",
	[LEDGER_SETTLE_SUBMITTED] = "submitted",
	[LEDGER_SETTLE_FINAL] = "final",
	[LEDGER_SETTLE_FAILED] = "failed",
};
_Static_assert(ARRAY_LEN(names) == LEDGER_SETTLE_MAX_, "a name for each state");

#define NAME_MAX_ 16
#define TO(state) (1U << LEDGER_SETTLE_##state)
static const unsigned int steps[] = {
	[LEDGER_SETTLE_DUE] = TO(DUE) | TO(BUILT),
	[LEDGER_SETTLE_BUILT] = TO(BUILT) | TO(SUBMITTED) | TO(FAILED),
	[LEDGER_SETTLE_SUBMITTED] = TO(SUBMITTED) | TO(FINAL) | TO(FAILED),
	[LEDGER_SETTLE_FINAL] = 0,
	[LEDGER_SETTLE_FAILED] = TO(FAILED) | TO(DUE),
};
_Static_assert(ARRAY_LEN(steps) == LEDGER_SETTLE_MAX_, "the steps from each state");

const char *ledger_settle_name(enum ledger_settle state)
{
	return state >= 0 && state < LEDGER_SETTLE_MAX_ ? names[state] : "unknown";
}

static enum ledger_settle get_state(struct stmt *s)
{
	char text[NAME_MAX_];
	size_t i = 0;

	get_text(s, text, sizeof(text));
	while (i < LEDGER_SETTLE_MAX_ && strcmp(names[i], text) != 0)
		i++;
	if (i == LEDGER_SETTLE_MAX_ && !s->error)
		s->error = -EBADMSG;
	return (enum ledger_settle)i;
}

static int settlement_get(struct stmt *s, struct ledger_settlement *ret, struct err *err)
{
	struct ledger_settlement v = {};
	int r;

	get_text(s, v.lease, sizeof(v.lease));
	v.seq = get_u64(s);
	v.state = get_state(s);
	v.amount = get_u64(s);
	v.created_ms = get_u64(s);
	v.updated_ms = get_u64(s);
	v.attempts = get_u64(s);
	get_text(s, v.error, sizeof(v.error));
	r = stmt_end(s, err);
	if (r == 0)
		*ret = v;
	return r;
}

/* 1: found, 0: not there */
static int settlement_look(struct ledger *l, const char *lease, uint64_t seq,
			   struct ledger_settlement *ret, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = lease_seek(l,
			   "SELECT " SETTLEMENT_COLUMNS " FROM settlements"
			   " WHERE lease = :lease AND seq = :seq",
			   lease, seq, &s, err);

	if (r <= 0)
		return r;
	r = settlement_get(&s, ret, err);
	return r < 0 ? r : 1;
}

int ledger_settlement_get(struct ledger *l, const char *lease, uint64_t seq,
			  struct ledger_settlement *ret, struct err *err)
{
	int r = settlement_look(l, lease, seq, ret, err);

	if (r == 0)
		return err_set(err, -ENOENT, "%s: no settlement %s/%" PRIu64, db_path(l), lease,
			       seq);
	return r < 0 ? r : 0;
}

int ledger_settlement_list(struct ledger *l, const char *lease, unsigned int states,
			   int (*fn)(const struct ledger_settlement *s, void *arg), void *arg,
			   struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	struct ledger_settlement v;
	int r = stmt_open(l,
			  "SELECT " SETTLEMENT_COLUMNS " FROM settlements WHERE " SQL_OF_LEASE
			  " AND state IN (:due, :built, :submitted, :final, :failed)"
			  " ORDER BY lease, seq",
			  &s, err);

	if (r < 0)
		return r;
	put_text(&s, lease, LEDGER_LABEL_MAX);
	for (unsigned int i = 0; i < LEDGER_SETTLE_MAX_; i++) {
		bool wanted = states == LEDGER_SETTLE_ANY || states & 1U << i;

		put_text(&s, wanted ? names[i] : NULL, NAME_MAX_);
	}
	while ((r = stmt_next(&s, err)) > 0) {
		r = settlement_get(&s, &v, err);
		if (r == 0)
			r = fn(&v, arg);
		if (r != 0)
			return r;
	}
	return r;
}

static bool settlement_same(const struct ledger_settlement *a, const struct ledger_settlement *b)
{
	return a->state == b->state && a->amount == b->amount && a->created_ms == b->created_ms &&
	       a->updated_ms == b->updated_ms && a->attempts == b->attempts &&
	       strcmp(a->error, b->error) == 0;
}

static int change_check(const struct ledger_settlement *old, const struct ledger_settlement *v,
			struct err *err)
{
	if (!(steps[old->state] & 1U << v->state))
		return err_set(err, -EINVAL, "settlement %s/%" PRIu64 " is %s and can't become %s",
			       v->lease, v->seq, names[old->state], names[v->state]);
	if (v->amount != old->amount || v->created_ms != old->created_ms ||
	    v->attempts < old->attempts)
		return err_set(err, -EINVAL,
			       "settlement %s/%" PRIu64
			       ": amount and creation are fixed, attempts only grow",
			       v->lease, v->seq);
	return 0;
}

static int settlement_write(struct ledger *l, const char *sql, const struct ledger_settlement *v,
			    struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l, sql, &s, err);

	if (r < 0)
		return r;
	put_text(&s, v->lease, sizeof(v->lease));
	put_u64(&s, v->seq);
	put_text(&s, names[v->state], NAME_MAX_);
	put_u64(&s, v->amount);
	put_u64(&s, v->created_ms);
	put_u64(&s, v->updated_ms);
	put_u64(&s, v->attempts);
	put_text(&s, v->error, sizeof(v->error));
	return stmt_run(&s, err);
}

static int settlement_put(struct ledger_tx *tx, const struct ledger_settlement *v, struct err *err)
{
	struct ledger_settlement old;
	int r = tx_check(tx, err);

	if (r < 0)
		return r;
	if (v->state < 0 || v->state >= LEDGER_SETTLE_MAX_)
		return err_set(err, -EINVAL, "settlement %s/%" PRIu64 ": unknown state %d",
			       v->lease, v->seq, v->state);
	r = settlement_look(tx->ledger, v->lease, v->seq, &old, err);
	if (r < 0)
		return r;
	if (r > 0 && settlement_same(&old, v))
		return 0;
	if (r == 0 && v->state != LEDGER_SETTLE_DUE)
		return err_set(err, -EINVAL, "settlement %s/%" PRIu64 " begins as due, not as %s",
			       v->lease, v->seq, names[v->state]);
	if (r > 0) {
		r = change_check(&old, v, err);
		if (r < 0)
			return r;
	}
	/* One text for both: by now the fixed members are equal. */
	return settlement_write(
		tx->ledger,
		"INSERT INTO settlements (" SETTLEMENT_COLUMNS ") VALUES (:lease,"
		" :seq, :state, :amount, :created_ms, :updated_ms, :attempts, :error)"
		" ON CONFLICT (lease, seq) DO UPDATE SET state = excluded.state,"
		" updated_ms = excluded.updated_ms, attempts = excluded.attempts,"
		" error = excluded.error",
		v, err);
}

int ledger_settlement_put(struct ledger_tx *tx, const struct ledger_settlement *s, struct err *err)
{
	return tx_result(tx, settlement_put(tx, s, err));
}
