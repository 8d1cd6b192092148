/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/columns.h"
#include "ledger/db.h"
#include "ledger/usage.h"

/* Rows come in the order of their group, so that a sum is one row of state. Sums are made here and
 * not in SQL, which has neither 128 bits nor an honest overflow. */
#define SELECT_USAGE                                                                              \
	"SELECT w.id, w.from_ms, w.to_ms, p.id, p.cgroup_id, p.boot, i.namespace, i.name, i.uid," \
	" i.lease, " USAGE_OF_U ", " INTERFACE_OF_F                                               \
	" FROM windows w CROSS JOIN usage u ON u.window = w.id"                                   \
	" JOIN pods p ON p.id = u.pod JOIN identities i ON i.id = u.identity"                     \
	" LEFT JOIN interface_usage f ON f.window = u.window AND f.pod = u.pod"                   \
	" WHERE w.from_ms >= :from_ms AND w.from_ms < :to_ms"                                     \
	" AND (:namespace IS NULL OR i.namespace = :namespace)"                                   \
	" AND (:name IS NULL OR i.name = :name) AND (:lease IS NULL OR i.lease = :lease)"         \
	" ORDER BY "

static const char *const select_by[] = {
	[LEDGER_BY_WINDOW] = SELECT_USAGE "w.id, i.namespace, i.name, i.uid, i.lease, p.id",
	[LEDGER_BY_POD] = SELECT_USAGE "i.namespace, i.name, i.uid, i.lease, p.id, w.id",
	[LEDGER_BY_NAMESPACE] = SELECT_USAGE "i.namespace, w.id, p.id",
	[LEDGER_BY_LEASE] = SELECT_USAGE "i.lease, w.id, p.id",
};
_Static_assert(ARRAY_LEN(select_by) == LEDGER_BY_MAX_, "an order for each grouping");

static int row_get(struct stmt *s, struct ledger_usage_row *ret, struct err *err)
{
	*ret = (struct ledger_usage_row){ .parts = 1 };
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
	get_usage(s, &ret->usage);
	ret->interface =
		(struct usage_interface){ .rx = ret->usage.rx.raw, .tx = ret->usage.tx.raw };
	ret->differing = !get_null(s);
	if (ret->differing)
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
	row->boot[0] = row->name[0] = row->uid[0] = '\0';
	*(by == LEDGER_BY_NAMESPACE ? row->lease : row->namespace) = '\0';
}

/* Of two generalised rows. A pod's id stands for its boot and cgroup. */
static bool row_same_group(const struct ledger_usage_row *a, const struct ledger_usage_row *b)
{
	return a->window == b->window && a->pod == b->pod &&
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
	sum->to_ms = row->to_ms;
	sum->parts += row->parts;
	return 0;
}

int ledger_usage_query(struct ledger *l, const struct ledger_query *q,
		       int (*fn)(const struct ledger_usage_row *row, void *arg), void *arg,
		       struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	struct ledger_usage_row sum = {}, row;
	int r;

	if (q->by < 0 || q->by >= LEDGER_BY_MAX_)
		return err_set(err, -EINVAL, "%s: unknown grouping %d", db_path(l), q->by);
	r = stmt_open(l, select_by[q->by], &s, err);
	if (r < 0)
		return r;
	put_u64(&s, q->from_ms);
	put_u64(&s, q->to_ms ? q->to_ms : INT64_MAX);
	put_text(&s, q->namespace, LEDGER_NAMESPACE_MAX);
	put_text(&s, q->name, LEDGER_NAME_MAX);
	put_text(&s, q->lease, LEDGER_LABEL_MAX);
	while ((r = stmt_next(&s, err)) > 0) {
		r = row_get(&s, &row, err);
		if (r < 0)
			return r;
		row_generalise(&row, q->by);
		if (sum.parts && row_same_group(&sum, &row)) {
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
