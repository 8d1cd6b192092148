/* SPDX-License-Identifier: Apache-2.0 */
/* Letting windows go, whose days are summed (days.h). */
#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/days.h"
#include "ledger/db.h"
#include "ledger/ledger.h"
#include "ledger/usage.h"

static int run_on(struct ledger *l, const char *sql, uint64_t number, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l, sql, &s, err);

	if (r < 0)
		return r;
	put_u64(&s, number);
	return stmt_run(&s, err);
}

/* To the first window of a day, at most of the last one: a day goes whole, and the next window begins where
 * the last one ends. */
static int move_kept(struct ledger *l, uint64_t from_ms, struct err *err)
{
	uint64_t last_ms = 0;
	int r = db_number(l, "SELECT coalesce(max(from_ms), 0) FROM windows", &last_ms, err);

	if (r < 0)
		return r;
	if (from_ms > last_ms)
		from_ms = last_ms;
	return run_on(l,
		      "UPDATE kept SET window = w.id FROM (SELECT min(id) AS id FROM windows"
		      " WHERE from_ms >= :from_ms) AS w WHERE kept.window < w.id",
		      from_ms - from_ms % DAY_MS, err);
}

/* 0: none of those that may go is there any more. */
static int next_gone(struct ledger *l, uint64_t *ret, struct err *err)
{
	return db_number(l,
			 "SELECT coalesce((SELECT min(window) FROM usage"
			 " WHERE window < (SELECT window FROM kept)), 0)",
			 ret, err);
}

static int let_go(struct ledger *l, uint64_t window, uint64_t *ret_rows, struct err *err)
{
	int r = run_on(l, "DELETE FROM late WHERE window = :window", window, err);

	/* whose leaves go: nothing can be proven from it any more */
	if (r == 0)
		r = run_on(l, "DELETE FROM totals WHERE window <= :window", window, err);
	if (r == 0)
		r = run_on(l, "DELETE FROM interface_usage WHERE window = :window", window, err);
	if (r == 0)
		r = run_on(l, "DELETE FROM usage WHERE window = :window", window, err);
	return r < 0 ? r : db_number(l, "SELECT changes()", ret_rows, err);
}

static int keep(struct ledger *l, uint64_t from_ms, uint64_t most, bool *ret_left, struct err *err)
{
	uint64_t window, rows, gone = 0;
	int r = move_kept(l, from_ms, err);

	if (r == 0)
		r = next_gone(l, &window, err);
	while (r == 0 && window && gone < most) {
		r = let_go(l, window, &rows, err);
		gone += rows;
		if (r == 0)
			r = next_gone(l, &window, err);
	}
	if (r == 0)
		*ret_left = window != 0;
	return r;
}

int ledger_keep(struct ledger_tx *tx, uint64_t from_ms, uint64_t most, bool *ret_left,
		struct err *err)
{
	int r = tx_check(tx, err);

	if (r == 0)
		r = keep(tx->ledger, from_ms, most, ret_left, err);
	return tx_result(tx, r);
}
