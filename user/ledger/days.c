/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/days.h"

#include <errno.h>
#include <stdbool.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/columns.h"
#include "ledger/db.h"
#include "ledger/ledger.h"
#include "ledger/usage.h"

#define KEY "day = :day AND pod = :pod AND identity = :identity"

struct day {
	uint64_t first_ms, last_ms, since_ms, parts, differing;
	struct usage_interface interface;
	struct usage usage;
};

static uint64_t day_of(uint64_t ms)
{
	return ms - ms % DAY_MS;
}

static void put_key(struct stmt *s, uint64_t from_ms, uint64_t pod, uint64_t identity)
{
	put_u64(s, day_of(from_ms));
	put_u64(s, pod);
	put_u64(s, identity);
}

static void put_since(struct stmt *s, uint64_t since_ms)
{
	if (since_ms)
		put_u64(s, since_ms);
	else
		put_null(s);
}

static void get_day(struct stmt *s, struct day *ret)
{
	ret->first_ms = get_u64(s);
	ret->last_ms = get_u64(s);
	ret->since_ms = get_null(s) ? 0 : get_u64(s);
	ret->parts = get_u64(s);
	ret->differing = get_u64(s);
	get_interface(s, &ret->interface);
	get_usage(s, &ret->usage);
}

/* No row yet: all zeros. */
static int day_get(struct ledger *l, uint64_t from_ms, uint64_t pod, uint64_t identity,
		   struct day *ret, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l,
			  "SELECT first_ms, last_ms, since_ms, parts, differing, " INTERFACE_NAMES
			  ", " USAGE_NAMES " FROM days WHERE " KEY,
			  &s, err);

	if (r < 0)
		return r;
	put_key(&s, from_ms, pod, identity);
	r = stmt_next(&s, err);
	if (r <= 0)
		return r;
	get_day(&s, ret);
	return stmt_end(&s, err);
}

static int day_put(struct ledger *l, uint64_t from_ms, uint64_t pod, uint64_t identity,
		   const struct day *d, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l,
			  "INSERT INTO days (day, pod, identity, first_ms, last_ms, since_ms,"
			  " parts, differing, " INTERFACE_NAMES ", " USAGE_NAMES ")"
			  " VALUES (:day, :pod, :identity, :first_ms, :last_ms, :since_ms, :parts,"
			  " :differing, " INTERFACE_PARAMS ", " USAGE_PARAMS ")"
			  " ON CONFLICT (day, pod, identity) DO UPDATE SET"
			  " last_ms = excluded.last_ms, since_ms = excluded.since_ms,"
			  " parts = excluded.parts, differing = excluded.differing,"
			  " " INTERFACE_EXCLUDED ", " USAGE_EXCLUDED,
			  &s, err);

	if (r < 0)
		return r;
	put_key(&s, from_ms, pod, identity);
	put_u64(&s, d->first_ms);
	put_u64(&s, d->last_ms);
	put_since(&s, d->since_ms);
	put_u64(&s, d->parts);
	put_u64(&s, d->differing);
	put_interface(&s, &d->interface);
	put_usage(&s, &d->usage);
	return stmt_run(&s, err);
}

static void count_add(struct usage_count *sum, const struct usage_count *part)
{
	sum->bytes += part->bytes;
	sum->packets += part->packets;
}

/* Adds a part to the sum of its day. The interface is taken to have seen what the sockets account for. */
static int day_add(struct day *d, const struct day_part *part, const struct ledger *l,
		   struct err *err)
{
	int r = usage_add(&d->usage, &part->usage);

	if (r < 0)
		return err_set(err, r, "%s: what pod %" PRIu64 " used in a day is over 64 bits",
			       db_path(l), part->pod);
	if (!d->parts)
		d->first_ms = part->from_ms;
	d->last_ms = part->to_ms;
	d->parts++;
	if (part->since_ms && (!d->since_ms || part->since_ms < d->since_ms))
		d->since_ms = part->since_ms;
	count_add(&d->interface.rx, &part->usage.rx.raw);
	count_add(&d->interface.tx, &part->usage.tx.raw);
	return 0;
}

int days_add(struct ledger *l, const struct day_part *part, struct err *err)
{
	struct day d = {};
	int r = day_get(l, part->from_ms, part->pod, part->identity, &d, err);

	if (r == 0)
		r = day_add(&d, part, l, err);
	return r < 0 ? r : day_put(l, part->from_ms, part->pod, part->identity, &d, err);
}

static void count_move(struct usage_count *sum, const struct usage_count *from,
		       const struct usage_count *to)
{
	sum->bytes += to->bytes - from->bytes; /* from is in the sum */
	sum->packets += to->packets - from->packets;
}

static void day_differ(struct day *d, const struct usage *delta, const struct usage_interface *seen)
{
	count_move(&d->interface.rx, &delta->rx.raw, &seen->rx);
	count_move(&d->interface.tx, &delta->tx.raw, &seen->tx);
	d->differing++;
}

static int identity_of(const struct ledger_tx *tx, uint64_t pod, uint64_t *ret, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(tx->ledger,
			  "SELECT identity FROM usage WHERE window = :window AND pod = :pod", &s,
			  err);

	if (r < 0)
		return r;
	put_u64(&s, tx->window);
	put_u64(&s, pod);
	r = stmt_next(&s, err);
	if (r == 0)
		return err_set(err, -ENOENT, "%s: pod %" PRIu64 " has no usage in this window",
			       db_path(tx->ledger), pod);
	if (r < 0)
		return r;
	*ret = get_u64(&s);
	return stmt_end(&s, err);
}

int days_differ(const struct ledger_tx *tx, uint64_t pod, const struct usage *delta,
		const struct usage_interface *seen, struct err *err)
{
	struct day d = {};
	uint64_t identity = 0;
	int r = identity_of(tx, pod, &identity, err);

	if (r == 0)
		r = day_get(tx->ledger, tx->from_ms, pod, identity, &d, err);
	if (r < 0)
		return r;
	day_differ(&d, delta, seen);
	return day_put(tx->ledger, tx->from_ms, pod, identity, &d, err);
}

/* ---- From windows --------------------------------------------------------------------------- */

#define PARTS                                                                   \
	"SELECT u.pod, u.identity, w.from_ms, w.to_ms, l.since_ms, " USAGE_OF_U \
	", " INTERFACE_OF_F " FROM usage u JOIN windows w ON w.id = u.window"   \
	" LEFT JOIN late l ON l.window = u.window AND l.pod = u.pod"            \
	" LEFT JOIN interface_usage f ON f.window = u.window AND f.pod = u.pod" \
	" WHERE u.window >= (SELECT window FROM kept) ORDER BY u.pod, u.identity, u.window"

/* Walks over the days in `PARTS`: 1: one more is whole in *d, of the key in *of. */
struct walk {
	struct stmt s;
	bool begun, ahead; /* ahead: part and seen hold a row that was read, and not added */
	struct day_part part;
	struct usage_interface seen;
	bool differs;
};

static int walk_row(struct walk *w, struct err *err)
{
	int r = stmt_next(&w->s, err);

	w->begun = true;
	w->ahead = r > 0;
	if (r <= 0)
		return r;
	w->part.pod = get_u64(&w->s);
	w->part.identity = get_u64(&w->s);
	w->part.from_ms = get_u64(&w->s);
	w->part.to_ms = get_u64(&w->s);
	w->part.since_ms = get_null(&w->s) ? 0 : get_u64(&w->s);
	get_usage(&w->s, &w->part.usage);
	w->differs = !get_null(&w->s);
	if (w->differs)
		get_interface(&w->s, &w->seen);
	return stmt_end(&w->s, err);
}

static bool same_day(const struct day_part *a, const struct day_part *b)
{
	return a->pod == b->pod && a->identity == b->identity &&
	       day_of(a->from_ms) == day_of(b->from_ms);
}

static int walk_day(struct walk *w, struct day_part *of, struct day *d, struct err *err)
{
	int r = w->begun ? 0 : walk_row(w, err); /* a statement that is done begins again */

	if (r < 0 || !w->ahead)
		return r;
	*of = w->part;
	*d = (struct day){};
	while (r == 0 && w->ahead && same_day(of, &w->part)) {
		r = day_add(d, &w->part, w->s.ledger, err);
		if (r == 0 && w->differs)
			day_differ(d, &w->part.usage, &w->seen);
		if (r == 0)
			r = walk_row(w, err);
	}
	return r < 0 ? r : 1;
}

static void walk_end(struct walk *w)
{
	stmt_done(&w->s);
}

int days_fill(struct ledger *l, struct err *err)
{
	cleanup(walk_end) struct walk w = {};
	struct day_part of = {};
	struct day d = {};
	int r = stmt_open(l, PARTS, &w.s, err);

	if (r < 0)
		return r;
	while ((r = walk_day(&w, &of, &d, err)) > 0) {
		r = day_put(l, of.from_ms, of.pod, of.identity, &d, err);
		if (r < 0)
			return r;
	}
	return r;
}

static bool same_count(const struct usage_count *a, const struct usage_count *b)
{
	return a->bytes == b->bytes && a->packets == b->packets;
}

static bool day_equal(const struct day *a, const struct day *b)
{
	return a->first_ms == b->first_ms && a->last_ms == b->last_ms &&
	       a->since_ms == b->since_ms && a->parts == b->parts && a->differing == b->differing &&
	       same_count(&a->interface.rx, &b->interface.rx) &&
	       same_count(&a->interface.tx, &b->interface.tx) && !usage_diff(&a->usage, &b->usage);
}

int days_check(struct ledger *l, struct err *err)
{
	cleanup(walk_end) struct walk w = {};
	uint64_t days = 0, there = 0;
	struct day_part of = {};
	struct day d = {};
	int r = stmt_open(l, PARTS, &w.s, err);

	if (r < 0)
		return r;
	while ((r = walk_day(&w, &of, &d, err)) > 0) {
		struct day kept = {};

		r = day_get(l, of.from_ms, of.pod, of.identity, &kept, err);
		if (r < 0)
			return r;
		if (!day_equal(&d, &kept))
			return db_corrupt(l, err,
					  "a day of pod %" PRIu64 " is not the sum of its windows",
					  of.pod);
		days++;
	}
	if (r == 0)
		r = db_number(
			l,
			"SELECT count(*) FROM days WHERE last_ms > (SELECT coalesce("
			" (SELECT from_ms FROM windows WHERE id = (SELECT window FROM kept)), 0))",
			&there, err);
	if (r == 0 && days != there)
		return db_corrupt(l, err, "%" PRIu64 " days stand for no window", there - days);
	return r;
}
