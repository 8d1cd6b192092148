/* SPDX-License-Identifier: Apache-2.0 */
/* The states of receipts on their way, and what failed and is tried again. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/book_int.h"
#include "agent/settle_int.h"
#include "core/cleanup.h"
#include "ledger/lease.h"
#include "ledger/receipt.h"

#define RETRY_MIN_MS UINT64_C(60000)
#define RETRY_MAX_MS (UINT64_C(6) * 3600 * 1000)

struct live_rows {
	struct ledger_settlement *at;
	size_t n;
	uint64_t first, last; /* numbers that are taken */
};

static void live_rows_fini(struct live_rows *rows)
{
	free(rows->at);
}

static int live_rows_add(const struct ledger_settlement *s, void *arg)
{
	struct live_rows *rows = arg;
	struct ledger_settlement *more;

	if (s->seq < rows->first || s->seq > rows->last)
		return 0;
	more = reallocarray(rows->at, rows->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	rows->at = more;
	rows->at[rows->n++] = *s;
	return 0;
}

/* The next state on the way from one to another, as the ledger allows them. */
static enum ledger_settle toward(enum ledger_settle from, enum ledger_settle to)
{
	static const enum ledger_settle next[] = {
		[LEDGER_SETTLE_DUE] = LEDGER_SETTLE_BUILT,
		[LEDGER_SETTLE_BUILT] = LEDGER_SETTLE_SUBMITTED,
		[LEDGER_SETTLE_SUBMITTED] = LEDGER_SETTLE_FINAL,
		[LEDGER_SETTLE_FINAL] = LEDGER_SETTLE_FINAL,
		[LEDGER_SETTLE_FAILED] = LEDGER_SETTLE_DUE,
	};
	bool begun = from == LEDGER_SETTLE_BUILT || from == LEDGER_SETTLE_SUBMITTED;

	/* back only by way of failed */
	return begun && (to < from || to == LEDGER_SETTLE_FAILED) ? LEDGER_SETTLE_FAILED :
								    next[from];
}

static int take_row(struct ledger_tx *tx, struct ledger_settlement *row, enum ledger_settle to,
		    const char *error, uint64_t now_ms, struct err *err)
{
	int r = 0;

	while (r == 0 && row->state != to) {
		row->state = toward(row->state, to);
		row->updated_ms = now_ms;
		row->attempts += row->state == LEDGER_SETTLE_BUILT;
		if (error != row->error)
			snprintf(row->error, sizeof(row->error), "%s", error);
		r = ledger_settlement_put(tx, row, err);
	}
	return r;
}

int settle_rows(struct ledger_tx *tx, const struct settle_span *span, enum ledger_settle to,
		const char *error, uint64_t now_ms, size_t *count, struct err *err)
{
	/* what failed is paid as well when a later receipt of the lease is: amounts are cumulative */
	const unsigned int failed = to == LEDGER_SETTLE_FINAL ? 1U << LEDGER_SETTLE_FAILED : 0;
	const unsigned int live = 1U << LEDGER_SETTLE_DUE | 1U << LEDGER_SETTLE_BUILT |
				  1U << LEDGER_SETTLE_SUBMITTED | failed;
	cleanup(live_rows_fini) struct live_rows rows = { .first = span->first,
							  .last = span->last };
	int r = ledger_settlement_list(tx->ledger, span->lease, live, live_rows_add, &rows, err);

	for (size_t i = 0; r == 0 && i < rows.n; i++)
		r = take_row(tx, &rows.at[i], to, error, now_ms, err);
	if (r == 0)
		*count += rows.n;
	return r;
}

uint64_t settle_rest_ms(uint64_t attempts)
{
	uint64_t ms = RETRY_MIN_MS << (attempts < 9 ? attempts : 9);

	return ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
}

/* Which of those that failed are wanted, and what was found. */
struct failed {
	struct live_rows rows;
	struct ledger *ledger;
	uint64_t
		rested_ms; /* only those whose rest is over by then, of leases that aren't closed; 0: all */
	const char *lease; /* NULL: of all, of all numbers */
	uint64_t seq; /* 0: all */
	struct ledger_intent_item open[SETTLE_BATCH_MAX]; /* what may be taken still */
	size_t nopen, kept; /* left alone for that */
};

static void failed_fini(struct failed *f)
{
	live_rows_fini(&f->rows);
}

static bool is_open(const struct failed *f, const struct ledger_settlement *s)
{
	for (size_t i = 0; i < f->nopen; i++)
		if (strcmp(f->open[i].lease, s->lease) == 0 && s->seq <= f->open[i].seq)
			return true;
	return false;
}

static bool rests(const struct failed *f, const struct ledger_settlement *s)
{
	struct ledger_lease lease;

	if (s->updated_ms + settle_rest_ms(s->attempts) > f->rested_ms)
		return true;
	return ledger_lease_get(f->ledger, s->lease, &lease, NULL) == 0 && lease.closed_ms;
}

static int failed_add(const struct ledger_settlement *s, void *arg)
{
	struct failed *f = arg;

	if (f->rested_ms && rests(f, s))
		return 0;
	if (f->seq && s->seq != f->seq)
		return 0;
	if (is_open(f, s)) {
		f->kept++;
		return 0;
	}
	return live_rows_add(s, &f->rows);
}

/* Makes due what the filter leaves of those that failed. */
static int make_due(struct ledger_tx *tx, struct failed *f, uint64_t now_ms, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->rows.n; i++)
		r = take_row(tx, &f->rows.at[i], LEDGER_SETTLE_DUE, f->rows.at[i].error, now_ms,
			     err);
	return r;
}

static int list_failed(struct ledger *l, struct failed *f, struct err *err)
{
	f->ledger = l;
	f->rows.last = UINT64_MAX;
	return ledger_settlement_list(l, f->lease, 1U << LEDGER_SETTLE_FAILED, failed_add, f, err);
}

static int try_again(struct ledger *l, struct failed *f, uint64_t now_ms, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	int r = list_failed(l, f, err);

	if (r < 0 || !f->rows.n)
		return r;
	r = ledger_begin(l, &tx, err);
	if (r == 0)
		r = make_due(&tx, f, now_ms, err);
	return r < 0 ? r : ledger_commit(&tx, err);
}

int settle_retry(struct ledger *l, uint64_t now_ms, struct err *err)
{
	cleanup(failed_fini) struct failed f = { .rested_ms = now_ms };

	return try_again(l, &f, now_ms, err);
}

int settle_due_again(struct ledger_tx *tx, const char *lease, uint64_t now_ms, struct err *err)
{
	cleanup(failed_fini) struct failed f = { .lease = lease };
	int r = list_failed(tx->ledger, &f, err);

	return r < 0 ? r : make_due(tx, &f, now_ms, err);
}

static int open_add(const struct ledger_intent_item *item, void *arg)
{
	struct failed *f = arg;

	if (f->nopen == SETTLE_BATCH_MAX)
		return -E2BIG;
	f->open[f->nopen++] = *item;
	return 0;
}

static int read_open(struct ledger *l, struct failed *f, struct err *err)
{
	cleanup(ledger_intent_fini) struct ledger_intent intent = {};
	int r = ledger_intent_open(l, &intent, err);

	if (r == -ENOENT) {
		if (err)
			*err = (struct err){};
		return 0;
	}
	return r < 0 ? r : ledger_intent_items(l, intent.digest, open_add, f, err);
}

/* Why this one, which somebody named, can't be tried again. */
static int check_named(struct ledger *l, const struct failed *f, struct err *err)
{
	struct ledger_settlement s;
	int r = ledger_settlement_get(l, f->lease, f->seq, &s, err);

	if (r == -ENOENT)
		return err_set(err, r,
			       "no settlement %s/%" PRIu64 "; 'weir settlement show' lists all",
			       f->lease, f->seq);
	if (r < 0)
		return r;
	if (s.state == LEDGER_SETTLE_BUILT || s.state == LEDGER_SETTLE_SUBMITTED || is_open(f, &s))
		return err_set(err, -EBUSY,
			       "%s/%" PRIu64 " is %s: its transaction may have been taken, and is "
			       "asked for until the chain has answered",
			       f->lease, f->seq, ledger_settle_name(s.state));
	if (s.state != LEDGER_SETTLE_FAILED)
		return err_set(err, -EINVAL,
			       "%s/%" PRIu64 " is %s; only what failed is tried again", f->lease,
			       f->seq, ledger_settle_name(s.state));
	return 0;
}

int settle_again(struct ledger *l, const char *lease, uint64_t seq, uint64_t now_ms,
		 struct settle_again *ret, struct err *err)
{
	cleanup(failed_fini) struct failed f = { .lease = lease, .seq = lease ? seq : 0 };
	struct ledger_lease row;
	int r = read_open(l, &f, err);

	if (r == 0 && lease) {
		r = ledger_lease_get(l, lease, &row, err);
		if (r == -ENOENT)
			err_set(err, r, "no lease '%s'; 'weir lease show' lists all", lease);
	}
	if (r == 0 && f.seq)
		r = check_named(l, &f, err);
	if (r == 0)
		r = try_again(l, &f, now_ms, err);
	if (r == 0)
		*ret = (struct settle_again){ .due = f.rows.n, .open = f.kept };
	return r;
}

int settle_is_pressing(struct ledger *l, const char *label, bool *ret, struct err *err)
{
	struct ledger_lease row;
	struct lease lease;
	int r = ledger_lease_get(l, label, &row, err);

	if (r == 0)
		r = book_account(&row, &lease, err);
	if (r == 0)
		*ret = lease.state == LEASE_CLOSING ||
		       (lease.state == LEASE_OPEN && row.last_total_due > lease.deposited);
	return r;
}

int settle_is_foreign(const struct settle *s, const char *lease,
		      const struct settle_lease *on_chain, bool *ret, struct err *err)
{
	cleanup(ledger_receipt_fini) struct ledger_receipt receipt = {};
	struct err why = {};
	int r = on_chain->lease.seq ?
			ledger_receipt_get(s->ledger, lease, on_chain->lease.seq, &receipt, &why) :
			0;

	if (r < 0 && r != -ENOENT)
		return err_set(err, r, "%s", why.text);
	*ret = on_chain->lease.seq &&
	       (r == -ENOENT || memcmp(receipt.hash, on_chain->hash, sizeof(receipt.hash)) != 0);
	return 0;
}
