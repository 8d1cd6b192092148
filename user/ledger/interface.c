/* SPDX-License-Identifier: Apache-2.0 */
/* The second opinion on bytes: readings, and the windows in which it differs. */
#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/columns.h"
#include "ledger/days.h"
#include "ledger/db.h"
#include "ledger/ledger.h"
#include "ledger/usage.h"

/* No reading yet: zeros. */
static int reading_get(struct ledger *l, uint64_t pod, struct usage_interface *ret, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l, "SELECT " INTERFACE_NAMES " FROM interface_readings WHERE pod = :pod",
			  &s, err);

	if (r < 0)
		return r;
	put_u64(&s, pod);
	r = stmt_next(&s, err);
	if (r <= 0)
		return r;
	get_interface(&s, ret);
	return stmt_end(&s, err);
}

static int reading_put(struct ledger *l, uint64_t pod, const struct usage_interface *reading,
		       struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l,
			  "INSERT INTO interface_readings (pod, " INTERFACE_NAMES ") VALUES (:pod,"
			  " " INTERFACE_PARAMS
			  ") ON CONFLICT (pod) DO UPDATE SET " INTERFACE_EXCLUDED,
			  &s, err);

	if (r < 0)
		return r;
	put_u64(&s, pod);
	put_interface(&s, reading);
	return stmt_run(&s, err);
}

static int differing_put(struct ledger_tx *tx, uint64_t pod, const struct usage_interface *seen,
			 struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(tx->ledger,
			  "INSERT INTO interface_usage (window, pod, " INTERFACE_NAMES ")"
			  " VALUES (:window, :pod, " INTERFACE_PARAMS ")",
			  &s, err);

	if (r < 0)
		return r;
	put_u64(&s, tx->window);
	put_u64(&s, pod);
	put_interface(&s, seen);
	return stmt_run(&s, err);
}

static bool count_since(const struct usage_count *now, const struct usage_count *before,
			struct usage_count *ret)
{
	return !__builtin_sub_overflow(now->bytes, before->bytes, &ret->bytes) &&
	       !__builtin_sub_overflow(now->packets, before->packets, &ret->packets);
}

static int interface_record(struct ledger_tx *tx, uint64_t pod,
			    const struct usage_interface *reading, const struct usage *delta,
			    struct err *err)
{
	struct usage_interface last = {}, seen;
	int r = tx_check(tx, err);

	if (r == 0)
		r = reading_get(tx->ledger, pod, &last, err);
	if (r < 0)
		return r;
	if (!count_since(&reading->rx, &last.rx, &seen.rx) ||
	    !count_since(&reading->tx, &last.tx, &seen.tx))
		seen = *reading; /* counters that began anew */
	r = reading_put(tx->ledger, pod, reading, err);
	if (r == 0 && usage_interface_differs(delta, &seen)) {
		r = differing_put(tx, pod, &seen, err);
		if (r == 0)
			r = days_differ(tx, pod, delta, &seen, err);
	}
	return r;
}

int ledger_interface_record(struct ledger_tx *tx, uint64_t pod,
			    const struct usage_interface *reading, const struct usage *delta,
			    struct err *err)
{
	return tx_result(tx, interface_record(tx, pod, reading, delta, err));
}
