/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/usage.h"

#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/columns.h"
#include "ledger/days.h"
#include "ledger/db.h"
#include "ledger/ledger.h"

/* ---- Windows -------------------------------------------------------------------------------- */

/* 1: found, 0: there is none yet */
static int window_last(struct ledger *l, struct ledger_window *ret, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	struct ledger_window w;
	int r = stmt_open(l, "SELECT id, from_ms, to_ms FROM windows ORDER BY id DESC LIMIT 1", &s,
			  err);

	if (r < 0)
		return r;
	r = stmt_next(&s, err);
	if (r <= 0)
		return r;
	w.id = get_u64(&s);
	w.from_ms = get_u64(&s);
	w.to_ms = get_u64(&s);
	r = stmt_end(&s, err);
	if (r < 0)
		return r;
	*ret = w;
	return 1;
}

int ledger_window_last(struct ledger *l, struct ledger_window *ret, struct err *err)
{
	int r = window_last(l, ret, err);

	if (r == 0)
		return err_set(err, -ENOENT, "%s: no window has closed yet", db_path(l));
	return r < 0 ? r : 0;
}

int ledger_window_get(struct ledger *l, uint64_t id, struct ledger_window *ret, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	struct ledger_window w = { .id = id };
	int r = stmt_open(l, "SELECT from_ms, to_ms FROM windows WHERE id = :id", &s, err);

	if (r < 0)
		return r;
	put_u64(&s, id);
	r = stmt_next(&s, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "%s: no window %" PRIu64, db_path(l), id);
	w.from_ms = get_u64(&s);
	w.to_ms = get_u64(&s);
	r = stmt_end(&s, err);
	if (r == 0)
		*ret = w;
	return r;
}

static int window_append(struct ledger_tx *tx, uint64_t from_ms, uint64_t to_ms, uint64_t *ret_id,
			 struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	struct ledger_window last = { .to_ms = from_ms };
	int r = tx_check(tx, err);

	if (r == 0)
		r = window_last(tx->ledger, &last, err);
	if (r < 0)
		return r;
	if (from_ms != last.to_ms || to_ms <= from_ms)
		return err_set(err, -EINVAL,
			       "%s: window [%" PRIu64 ", %" PRIu64 ") must begin at %" PRIu64
			       ", where the last one ended, and end later",
			       db_path(tx->ledger), from_ms, to_ms, last.to_ms);
	r = stmt_open(tx->ledger,
		      "INSERT INTO windows (id, from_ms, to_ms) VALUES (:id, :from_ms, :to_ms)", &s,
		      err);
	if (r < 0)
		return r;
	put_u64(&s, last.id + 1);
	put_u64(&s, from_ms);
	put_u64(&s, to_ms);
	r = stmt_run(&s, err);
	if (r < 0)
		return r;
	*ret_id = tx->window = last.id + 1;
	tx->from_ms = from_ms;
	tx->to_ms = to_ms;
	return 0;
}

int ledger_window_append(struct ledger_tx *tx, uint64_t from_ms, uint64_t to_ms, uint64_t *ret_id,
			 struct err *err)
{
	return tx_result(tx, window_append(tx, from_ms, to_ms, ret_id, err));
}

/* ---- Recording ------------------------------------------------------------------------------ */

struct account {
	uint64_t pod, identity;
	uint64_t read_ms; /* end of the window of its last reading; 0: none yet */
	bool closed, booked; /* booked: has usage in this window */
	struct usage last;
};

static int account_get(struct ledger *l, uint64_t pod, uint64_t window, struct account *ret,
		       struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l,
			  "SELECT identity, read_ms, closed, EXISTS (SELECT 1 FROM usage WHERE"
			  " window = :window AND pod = p.id), " USAGE_OF_P
			  " FROM pods p WHERE id = :pod",
			  &s, err);

	if (r < 0)
		return r;
	put_u64(&s, window);
	put_u64(&s, pod);
	r = stmt_next(&s, err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, -ENOENT, "%s: no pod %" PRIu64, db_path(l), pod);
	ret->pod = pod;
	ret->identity = get_u64(&s);
	ret->read_ms = get_u64(&s);
	ret->closed = get_u64(&s) != 0;
	ret->booked = get_u64(&s) != 0;
	get_usage(&s, &ret->last);
	return stmt_end(&s, err);
}

static int usage_insert(struct ledger *l, uint64_t window, const struct account *a,
			const struct usage *delta, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l,
			  "INSERT INTO usage (window, pod, identity, " USAGE_NAMES ")"
			  " VALUES (:window, :pod, :identity, " USAGE_PARAMS ")",
			  &s, err);

	if (r < 0)
		return r;
	put_u64(&s, window);
	put_u64(&s, a->pod);
	put_u64(&s, a->identity);
	put_usage(&s, delta);
	return stmt_run(&s, err);
}

static int reading_set(const struct ledger_tx *tx, uint64_t pod, const struct usage *reading,
		       struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(tx->ledger,
			  "UPDATE pods SET read_ms = :read_ms, " USAGE_SET " WHERE id = :id", &s,
			  err);

	if (r < 0)
		return r;
	put_u64(&s, tx->to_ms);
	put_usage(&s, reading);
	put_u64(&s, pod);
	return stmt_run(&s, err);
}

static int late_insert(const struct ledger_tx *tx, uint64_t pod, uint64_t since_ms, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(tx->ledger,
			  "INSERT INTO late (window, pod, since_ms)"
			  " VALUES (:window, :pod, :since_ms)",
			  &s, err);

	if (r < 0)
		return r;
	put_u64(&s, tx->window);
	put_u64(&s, pod);
	put_u64(&s, since_ms);
	return stmt_run(&s, err);
}

/* Into the window, and into the sum of its day. */
static int book(const struct ledger_tx *tx, const struct account *a, const struct usage *delta,
		struct err *err)
{
	struct day_part part = { .pod = a->pod,
				 .identity = a->identity,
				 .from_ms = tx->from_ms,
				 .to_ms = tx->to_ms,
				 .usage = *delta };
	int r = usage_insert(tx->ledger, tx->window, a, delta, err);

	if (a->read_ms && a->read_ms < tx->from_ms)
		part.since_ms = a->read_ms;
	if (r == 0 && part.since_ms)
		r = late_insert(tx, a->pod, part.since_ms, err);
	return r < 0 ? r : days_add(tx->ledger, &part, err);
}

static int account_check(const struct account *a, struct ledger *l, struct err *err)
{
	if (a->closed)
		return err_set(err, -EPERM, "%s: pod %" PRIu64 " is closed", db_path(l), a->pod);
	if (a->booked)
		return err_set(err, -EEXIST, "%s: pod %" PRIu64 " has usage in this window",
			       db_path(l), a->pod);
	return 0;
}

static int usage_record(struct ledger_tx *tx, uint64_t pod, const struct usage *reading,
			struct usage *ret_delta, struct err *err)
{
	struct usage delta;
	struct account a = {};
	int r = tx_check(tx, err);

	if (r < 0)
		return r;
	if (!tx->window)
		return err_set(err, -EINVAL, "%s: usage needs a window, append one first",
			       db_path(tx->ledger));
	if (reading->memory_unmeasured > 1)
		return err_set(err, -EINVAL, "%s: pod %" PRIu64 ": not a reading, but a sum",
			       db_path(tx->ledger), pod);
	r = account_get(tx->ledger, pod, tx->window, &a, err);
	if (r == 0)
		r = account_check(&a, tx->ledger, err);
	if (r < 0)
		return r;
	r = usage_sub(reading, &a.last, &delta);
	if (r < 0)
		return err_set(err, -ERANGE,
			       "%s: pod %" PRIu64 ": a counter is below its last reading; its "
			       "reader lost what it counted before",
			       db_path(tx->ledger), pod);
	/* Not the reading itself: when it doesn't know memory, what was known before stays. */
	r = usage_add(&a.last, &delta);
	if (r == 0)
		r = book(tx, &a, &delta, err);
	if (r == 0)
		r = reading_set(tx, pod, &a.last, err);
	if (r == 0 && ret_delta)
		*ret_delta = delta;
	return r;
}

int ledger_usage_record(struct ledger_tx *tx, uint64_t pod, const struct usage *reading,
			struct usage *ret_delta, struct err *err)
{
	int r = usage_record(tx, pod, reading, ret_delta, err);

	return r == -ERANGE ? r : tx_result(tx, r); /* then nothing was written */
}
