/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/columns.h"
#include "ledger/days.h"
#include "ledger/db.h"
#include "ledger/ledger.h"
#include "ledger/usage.h"

/* Whole days come from their sums, the rest window by window: [from, to) without [day_from, day_to).
 * Rows come in the order of their group, so that a sum is one row of state. Sums are made here and
 * not in SQL, which has no 128 bits. */
#define NAMES                                                             \
	"p.id, p.cgroup_id, p.boot, i.namespace, i.name, i.uid, i.lease," \
	" coalesce((SELECT labels FROM pod_labels g WHERE g.pod = p.id), '')"
#define OF_ASKED                                                \
	" AND (:namespace IS NULL OR i.namespace = :namespace)" \
	" AND (:name IS NULL OR i.name = :name) AND (:lease IS NULL OR i.lease = :lease)"
#define SELECT_USAGE                                                                        \
	"SELECT 0, d.first_ms, d.last_ms, " NAMES ", d.parts, d.since_ms, " USAGE_OF_D      \
	", d.differing, " INTERFACE_OF_D                                                    \
	" FROM days d JOIN pods p ON p.id = d.pod JOIN identities i ON i.id = d.identity"   \
	" WHERE d.day >= :day_from AND d.day < :day_to" OF_ASKED                            \
	" UNION ALL SELECT w.id, w.from_ms, w.to_ms, " NAMES ", 1, l.since_ms, " USAGE_OF_U \
	", f.window IS NOT NULL, coalesce(f.rx_bytes, u.rx_bytes_raw),"                     \
	" coalesce(f.rx_packets, u.rx_packets_raw), coalesce(f.tx_bytes, u.tx_bytes_raw),"  \
	" coalesce(f.tx_packets, u.tx_packets_raw)"                                         \
	" FROM windows w CROSS JOIN usage u ON u.window = w.id"                             \
	" JOIN pods p ON p.id = u.pod JOIN identities i ON i.id = u.identity"               \
	" LEFT JOIN interface_usage f ON f.window = u.window AND f.pod = u.pod"             \
	" LEFT JOIN late l ON l.window = u.window AND l.pod = u.pod"                        \
	" WHERE w.from_ms >= :from_ms AND w.from_ms < :to_ms"                               \
	" AND NOT (w.from_ms >= :day_from AND w.from_ms < :day_to)"                         \
	" AND w.id >= (SELECT window FROM kept)" OF_ASKED " ORDER BY "

/* Columns of the result: 1 window, 2 from, 4 pod, 7 namespace, 8 name, 9 uid, 10 lease. */
static const char *const select_by[] = {
	[LEDGER_BY_WINDOW] = SELECT_USAGE "2, 7, 8, 9, 10, 4",
	[LEDGER_BY_POD] = SELECT_USAGE "7, 8, 9, 10, 4, 2",
	[LEDGER_BY_NAMESPACE] = SELECT_USAGE "7, 2, 4",
	[LEDGER_BY_LEASE] = SELECT_USAGE "10, 2, 4",
};
_Static_assert(ARRAY_LEN(select_by) == LEDGER_BY_MAX_, "an order for each grouping");

static int row_get(struct stmt *s, struct ledger_usage_row *ret, struct err *err)
{
	*ret = (struct ledger_usage_row){};
	ret->window = get_u64(s);
	ret->from_ms = get_u64(s);
	ret->to_ms = get_u64(s);
	ret->pod = get_u64(s);
	ret->cgroup_id = get_bits(s);
	get_text(s, ret->boot, sizeof(ret->boot));
	get_text(s, ret->namespace, sizeof(ret->namespace));
	get_text(s, ret->name, sizeof(ret->name));
	get_text(s, ret->uid, sizeof(ret->uid));
	get_text(s, ret->lease, sizeof(ret->lease));
	get_text(s, ret->labels, sizeof(ret->labels));
	ret->parts = get_u64(s);
	ret->since_ms = get_null(s) ? 0 : get_u64(s);
	get_usage(s, &ret->usage);
	ret->differing = get_u64(s);
	get_interface(s, &ret->interface);
	return stmt_end(s, err);
}

/* Leaves in a row only what all rows of its group share. */
static void row_generalise(struct ledger_usage_row *row, enum ledger_by by)
{
	if (by == LEDGER_BY_WINDOW)
		return;
	row->window = 0;
	if (by == LEDGER_BY_POD)
		return;
	row->pod = row->cgroup_id = 0;
	row->boot[0] = row->name[0] = row->uid[0] = row->labels[0] = '\0';
	*(by == LEDGER_BY_NAMESPACE ? row->lease : row->namespace) = '\0';
}

/* Of two generalised rows. A pod's id stands for its boot and cgroup; a day is no window. */
static bool row_same_group(const struct ledger_usage_row *a, const struct ledger_usage_row *b,
			   enum ledger_by by)
{
	return by != LEDGER_BY_WINDOW && a->pod == b->pod &&
	       strcmp(a->namespace, b->namespace) == 0 && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->uid, b->uid) == 0 && strcmp(a->lease, b->lease) == 0;
}

static void count_add(struct usage_count *sum, const struct usage_count *part)
{
	sum->bytes += part->bytes;
	sum->packets += part->packets;
}

/* Adds a later row of the same group. */
static int row_add(struct ledger_usage_row *sum, const struct ledger_usage_row *row,
		   struct ledger *l, struct err *err)
{
	int r = usage_add(&sum->usage, &row->usage);

	if (r < 0)
		return err_set(err, r, "%s: a sum of usage is over 64 bits; ask for a shorter time",
			       db_path(l));
	count_add(&sum->interface.rx, &row->interface.rx);
	count_add(&sum->interface.tx, &row->interface.tx);
	sum->differing += row->differing;
	if (row->since_ms && (!sum->since_ms || row->since_ms < sum->since_ms))
		sum->since_ms = row->since_ms;
	if (row->to_ms > sum->to_ms) /* of two pods on a day, the later may have gone earlier */
		sum->to_ms = row->to_ms;
	sum->parts += row->parts;
	return 0;
}

/* What of [from_ms, to_ms) is read from days. */
struct span {
	uint64_t from_ms, to_ms, day_from, day_to;
};

struct bounds {
	uint64_t kept_ms; /* where windows begin to be there one by one */
	uint64_t last_ms; /* beginning of the last window */
};

static int bounds_get(struct ledger *l, struct bounds *ret, struct err *err)
{
	struct bounds b;
	int r = db_number(l,
			  "SELECT coalesce((SELECT from_ms FROM windows"
			  " WHERE id = (SELECT window FROM kept) AND id > 1), 0)",
			  &b.kept_ms, err);

	if (r == 0)
		r = db_number(l, "SELECT coalesce(max(from_ms), 0) FROM windows", &b.last_ms, err);
	if (r == 0)
		*ret = b;
	return r;
}

static uint64_t day_up(uint64_t ms)
{
	return ms > INT64_MAX - DAY_MS ? INT64_MAX : (ms + DAY_MS - 1) / DAY_MS * DAY_MS;
}

/* A day is whole when no window in it is outside: so also the present one, up to now. */
static int span_of(const struct ledger_query *q, const struct bounds *b, const struct ledger *l,
		   struct span *ret, struct err *err)
{
	uint64_t to = q->to_ms ? q->to_ms : INT64_MAX;
	struct span s = { .from_ms = q->from_ms, .to_ms = to, .day_from = day_up(q->from_ms) };
	/* kept_ms is the first window of a day, and 0 while all are there */
	uint64_t kept_day = b->kept_ms / DAY_MS * DAY_MS;

	s.day_to = to > b->last_ms ? day_up(b->last_ms + 1) : to / DAY_MS * DAY_MS;
	if (q->by == LEDGER_BY_WINDOW && s.day_to > kept_day)
		s.day_to = kept_day;
	if (s.day_from > s.day_to)
		s.day_from = s.day_to = 0;
	if (s.from_ms < kept_day &&
	    ((s.from_ms % DAY_MS && s.from_ms != s.to_ms) || (to < kept_day && to % DAY_MS)))
		return err_set(err, -ENODATA,
			       "%s: usage of before the window that begins at %" PRIu64
			       " ms is kept by day of UTC; ask for whole days",
			       db_path(l), b->kept_ms);
	*ret = s;
	return 0;
}

static int query_open(struct ledger *l, const struct ledger_query *q, struct stmt *ret,
		      struct err *err)
{
	struct bounds bounds;
	struct span span = {};
	int r;

	if (q->by < 0 || q->by >= LEDGER_BY_MAX_)
		return err_set(err, -EINVAL, "%s: unknown grouping %d", db_path(l), q->by);
	r = bounds_get(l, &bounds, err);
	if (r == 0)
		r = span_of(q, &bounds, l, &span, err);
	if (r == 0)
		r = stmt_open(l, select_by[q->by], ret, err);
	if (r < 0)
		return r;
	put_u64(ret, span.day_from);
	put_u64(ret, span.day_to);
	put_text(ret, q->namespace, LEDGER_NAMESPACE_MAX);
	put_text(ret, q->name, LEDGER_NAME_MAX);
	put_text(ret, q->lease, LEDGER_LABEL_MAX);
	put_u64(ret, span.from_ms);
	put_u64(ret, span.to_ms);
	return 0;
}

int ledger_usage_query(struct ledger *l, const struct ledger_query *q,
		       int (*fn)(const struct ledger_usage_row *row, void *arg), void *arg,
		       struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx snapshot = {};
	cleanup(stmt_done) struct stmt s = {};
	struct ledger_usage_row sum = {}, row;
	int r = 0;

	/* bounds and rows of one moment: a window that is booked between them would be in a day, and not
	 * in the bounds */
	if (!db_in_transaction(l))
		r = ledger_begin(l, &snapshot, err);
	if (r == 0)
		r = query_open(l, q, &s, err);
	if (r < 0)
		return r;
	while ((r = stmt_next(&s, err)) > 0) {
		r = row_get(&s, &row, err);
		if (r < 0)
			return r;
		row_generalise(&row, q->by);
		if (sum.parts && row_same_group(&sum, &row, q->by)) {
			r = row_add(&sum, &row, l, err);
		} else {
			r = sum.parts ? fn(&sum, arg) : 0;
			sum = row;
		}
		if (r != 0)
			return r;
	}
	return r == 0 && sum.parts ? fn(&sum, arg) : r;
}
