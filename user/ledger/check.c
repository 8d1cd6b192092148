/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/columns.h"
#include "ledger/days.h"
#include "ledger/db.h"
#include "ledger/ledger.h"
#include "ledger/usage.h"

/* Each yields a text for a violation; SQLite's own checks yield 'ok' when there is none. */
static const char *const checks[] = {
	"SELECT integrity_check FROM pragma_integrity_check"
	" WHERE integrity_check <> 'ok' LIMIT 1",

	"SELECT 'a row of ' || \"table\" || ' refers to one of ' || parent || ' that is not there'"
	" FROM pragma_foreign_key_check LIMIT 1",

	"SELECT 'window ' || w.id || ' does not begin where the one before ended' FROM windows w"
	" LEFT JOIN windows p ON p.id = w.id - 1"
	" WHERE w.id <> 1 AND p.to_ms IS NOT w.from_ms ORDER BY w.id LIMIT 1",

	"SELECT 'receipt ' || lease || '/' || seq || ' does not follow the one before' FROM"
	" (SELECT *, lag(seq) OVER w AS s, lag(to_ms) OVER w AS t, lag(total_due) OVER w AS d"
	"  FROM receipts WINDOW w AS (PARTITION BY lease ORDER BY seq))"
	" WHERE s IS NOT NULL AND (seq <> s + 1 OR from_ms < t OR total_due < d) LIMIT 1",

	"SELECT 'receipt ' || lease || '/' || seq || ' is signed, and one before it is not' FROM receipts r"
	" WHERE signature <> zeroblob(64) AND seq > (SELECT min(seq) FROM receipts u"
	" WHERE u.lease = r.lease AND u.signature = zeroblob(64)) LIMIT 1",

	"SELECT 'lease ' || label || ' does not stand where its last receipt does' FROM leases l"
	" JOIN receipts r ON r.lease = label AND r.seq ="
	" (SELECT max(seq) FROM receipts WHERE lease = label)"
	" WHERE l.seq <> r.seq OR last_to_ms <> r.to_ms OR last_total_due <> total_due"
	" ORDER BY label LIMIT 1",
};

static int check_run(struct ledger *l, const char *sql, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	char text[256];
	int r = stmt_open(l, sql, &s, err);

	if (r == 0)
		r = stmt_next(&s, err);
	if (r <= 0)
		return r;
	get_text(&s, text, sizeof(text));
	return db_corrupt(l, err, "%s", text[0] ? text : "integrity check failed");
}

/* A pod's days, then its reading, which must be their sum. */
static int check_sums(struct ledger *l, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	struct usage sum = {}, u;
	int r = stmt_open(l,
			  "SELECT pod, 0 AS total, " USAGE_NAMES " FROM days UNION ALL"
			  " SELECT id, 1, " USAGE_NAMES " FROM pods ORDER BY 1, 2",
			  &s, err);

	if (r < 0)
		return r;
	while ((r = stmt_next(&s, err)) > 0) {
		uint64_t pod = get_u64(&s), total = get_u64(&s);

		get_usage(&s, &u);
		r = stmt_end(&s, err);
		if (r < 0)
			return r;
		if (total ? usage_diff(&sum, &u) != NULL : usage_add(&sum, &u) < 0)
			return db_corrupt(l, err, "the usage of pod %" PRIu64 " is not its reading",
					  pod);
		if (total)
			sum = (struct usage){};
	}
	return r;
}

int ledger_check(struct ledger *l, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx snapshot = {};
	int r = 0;

	if (!db_in_transaction(l))
		r = ledger_begin(l, &snapshot, err);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(checks); i++)
		r = check_run(l, checks[i], err);
	if (r == 0)
		r = days_check(l, err);
	return r < 0 ? r : check_sums(l, err);
}
