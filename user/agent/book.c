/* SPDX-License-Identifier: Apache-2.0 */
/* Closing a window: readings -> usage -> receipts, in one transaction. */
#include "agent/book.h"

#include <errno.h>

#include "agent/book_int.h"
#include "agent/book_totals.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "ledger/ledger.h"
#include "ledger/pod.h"
#include "ledger/receipt.h"

/* A day of 500 pods is let go within 36 windows, and no transaction takes long. */
#define KEEP_ROWS 20000

/* One pod's share of the window that is being closed. */
struct share {
	const struct book_reading *reading;
	struct usage delta;
};

struct closing {
	struct book *book;
	struct ledger_tx tx;
	uint64_t id, from_ms, to_ms;
	struct share *shares;
	size_t n_shares, receipts, unsaid, unbilled, fallen;
	struct err why, why_fallen; /* of the last unbilled lease, of the last fallen pod */
};

_Static_assert(BOOK_PODS_MAX <= RECORD_PODS_MAX, "the pods of a window fit in one record");

static void closing_fini(struct closing *c)
{
	ledger_rollback(&c->tx);
	free(c->shares);
}

static int window_from(struct book *b, uint64_t *ret, struct err *err)
{
	struct ledger_window last;
	int r = ledger_window_last(b->ledger, &last, err);

	if (r < 0 && r != -ENOENT)
		return r;
	*ret = r ? b->started_ms : last.to_ms;
	return 0;
}

static struct ledger_pod pod_row(const struct closing *c, const struct book_reading *reading)
{
	struct ledger_pod row = { .cgroup_id = reading->cgroup_id, .first_seen_ms = c->from_ms };

	snprintf(row.boot, sizeof(row.boot), "%s", c->book->boot);
	snprintf(row.namespace, sizeof(row.namespace), "%s", reading->pod.ns);
	snprintf(row.name, sizeof(row.name), "%s", reading->pod.name);
	snprintf(row.uid, sizeof(row.uid), "%s", reading->pod.uid);
	snprintf(row.lease, sizeof(row.lease), "%s", reading->pod.lease);
	snprintf(row.labels, sizeof(row.labels), "%s", reading->pod.labels);
	return row;
}

/* B6. Nothing of it is booked until its counters are past what was booked before. */
static void fallen(struct closing *c, const struct book_reading *reading, const struct err *why)
{
	c->fallen++;
	c->why_fallen = *why;
	err_wrap(&c->why_fallen, "pod %s/%s", reading->pod.ns, reading->pod.name);
}

static int book_usage(struct closing *c, uint64_t pod, const struct book_reading *reading,
		      struct err *err)
{
	struct share *share = &c->shares[c->n_shares];
	struct err why = {};
	int r = ledger_usage_record(&c->tx, pod, &reading->total, &share->delta, &why);

	if (r == -ERANGE) {
		fallen(c, reading, &why);
		return 0;
	}
	if (r < 0)
		return err_set(err, r, "%s", why.text);
	share->reading = reading;
	c->n_shares++;
	if (!reading->has_interface)
		return 0;
	return ledger_interface_record(&c->tx, pod, &reading->interface, &share->delta, err);
}

static int book_pod(struct closing *c, const struct book_reading *reading, struct err *err)
{
	struct ledger_pod row = pod_row(c, reading), there;
	uint64_t id;
	int r;

	r = ledger_pod_find(c->book->ledger, row.boot, row.cgroup_id, &there, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (!r && there.closed)
		return 0; /* booked in full by a window whose end the kernel was not told of */
	r = ledger_pod_put(&c->tx, &row, &id, err);
	if (!r)
		r = book_usage(c, id, reading, err);
	if (!r && reading->final) {
		row.closed = true;
		r = ledger_pod_put(&c->tx, &row, &id, err);
	}
	if (r < 0)
		return err_wrap(err, "pod %s/%s", reading->pod.ns, reading->pod.name);
	return 0;
}

static void record_pod(const struct closing *c, const struct share *s, struct record_pod *ret)
{
	const struct meter_pod *pod = &s->reading->pod;

	snprintf(ret->namespace, sizeof(ret->namespace), "%s", pod->ns);
	snprintf(ret->name, sizeof(ret->name), "%s", pod->name);
	snprintf(ret->uid, sizeof(ret->uid), "%s", pod->uid);
	snprintf(ret->boot_id, sizeof(ret->boot_id), "%s", c->book->boot);
	ret->cgroup_id = s->reading->cgroup_id;
	ret->use = s->delta;
}

/* What was used under the lease in this window; *ret with npods 0: nothing. A window in which it was
 * told to end can't be measured in two: the last receipt goes up to then, and bills nothing of it. */
static int record_of(const struct closing *c, const struct ledger_lease *row,
		     const struct lease *lease, struct record *ret, struct err *err)
{
	bool last = lease->closing_ms && lease->closing_ms < c->to_ms;
	struct record rec = {
		.opened_ms = lease->terms.opened_ms,
		.seq = row->seq + 1,
		.from_ms = row->seq ? row->last_to_ms : lease->terms.opened_ms,
		.to_ms = last ? lease->closing_ms : c->to_ms,
		.prices = lease->terms.prices,
	};
	int r;

	rec.pods = calloc(c->n_shares ? c->n_shares : 1, sizeof(*rec.pods));
	if (!rec.pods)
		return err_errno(err, -ENOMEM, "lease %s", row->label);
	memcpy(rec.lease, row->id, sizeof(rec.lease));
	snprintf(rec.label, sizeof(rec.label), "%s", row->label);
	snprintf(rec.node, sizeof(rec.node), "%s", c->book->node);
	for (size_t i = 0; !last && i < c->n_shares; i++)
		if (!strcmp(c->shares[i].reading->pod.lease, row->label))
			record_pod(c, &c->shares[i], &rec.pods[rec.npods++]);
	r = record_sort(&rec, err);
	if (!r)
		r = record_sum(&rec, &row->total, err);
	if (r < 0) {
		record_fini(&rec);
		return r;
	}
	*ret = rec;
	return 0;
}

/* The hash that the next record carries: of the last receipt's report. */
static int chain_on(struct book *b, const struct ledger_lease *row, struct record *rec,
		    struct err *err)
{
	struct ledger_receipt last = {};
	int r;

	if (!row->seq)
		return 0;
	r = ledger_receipt_get(b->ledger, row->label, row->seq, &last, err);
	if (r < 0)
		return r;
	memcpy(rec->prev, last.hash, sizeof(rec->prev));
	ledger_receipt_fini(&last);
	return 0;
}

/* -EOVERFLOW: more than can be said, here or in the ledger. */
static int report_of(const struct record *rec, const struct ledger_lease *row, struct report *ret,
		     struct err *err)
{
	struct report report;
	int r = record_report(rec, row->market, &report, err);

	if (r)
		return r;
	if (report.total_due > INT64_MAX)
		return err_set(err, -EOVERFLOW, "total due: over 2^63 - 1 MIST");
	*ret = report;
	return 0;
}

static int receipt_write(struct closing *c, const struct ledger_lease *row,
			 const struct record *rec, const struct report *report, struct err *err)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(RECORD_LEN_MAX);
	struct ledger_receipt out = {
		.seq = rec->seq, .window = c->id, .from_ms = rec->from_ms, .to_ms = rec->to_ms
	};
	int r = record_encode(rec, &bytes, err);

	if (r < 0)
		return r;
	report_encode(report, out.report); /* signed behind the commit: book_sign() */
	report_hash(out.report, out.hash);
	snprintf(out.lease, sizeof(out.lease), "%s", row->label);
	out.total_due = report->total_due;
	out.record = (uint8_t *)bytes.data;
	out.record_len = bytes.len;
	return ledger_receipt_put(&c->tx, &out, err);
}

/* B5. What was used counts on, so that the lease stays beyond what can be said. */
static int pass_over(struct closing *c, struct ledger_lease *row, const struct record *rec,
		     const struct err *why, struct err *err)
{
	c->unbilled++;
	c->why = *why;
	err_wrap(&c->why, "lease %s", row->label);
	row->total = rec->totals;
	return ledger_lease_put(&c->tx, row, err);
}

/* Whether the lease pays for anything of this window. */
static bool pays(const struct closing *c, const struct ledger_lease *row, const struct lease *lease)
{
	uint64_t from_ms = row->seq ? row->last_to_ms : lease->terms.opened_ms;

	return lease->state != LEASE_CLOSED && from_ms < c->to_ms &&
	       (!lease->closing_ms || from_ms < lease->closing_ms);
}

static int bill_lease(struct closing *c, const struct ledger_lease *row, struct err *err)
{
	cleanup(record_fini) struct record rec = {};
	struct ledger_lease now = *row;
	struct report report;
	struct err why = {};
	struct lease lease;
	int r;

	r = book_account(row, &lease, err);
	if (r < 0 || !pays(c, row, &lease))
		return r;
	r = record_of(c, row, &lease, &rec, err);
	if (r < 0 || (!rec.npods && rec.to_ms != lease.closing_ms))
		return r;
	r = chain_on(c->book, row, &rec, err);
	if (r < 0)
		return r;
	r = report_of(&rec, row, &report, &why);
	if (r == -EOVERFLOW)
		return pass_over(c, &now, &rec, &why, err);
	if (r)
		return err_set(err, r, "%s", why.text);
	r = receipt_write(c, row, &rec, &report, err);
	if (r < 0)
		return r;
	now.total = rec.totals;
	c->receipts++;
	return ledger_lease_put(&c->tx, &now, err);
}

static int write_all(struct closing *c, struct book_reading *readings, size_t n, struct err *err)
{
	cleanup(book_leases_fini) struct book_leases leases = {};
	int r;

	r = ledger_window_append(&c->tx, c->from_ms, c->to_ms, &c->id, err);
	for (size_t i = 0; !r && i < n; i++)
		r = book_pod(c, &readings[i], err);
	if (!r)
		r = book_leases(c->book->ledger, &leases, err);
	for (size_t i = 0; !r && i < leases.n; i++) {
		r = bill_lease(c, &leases.row[i], err);
		if (r < 0)
			err_wrap(err, "lease %s", leases.row[i].label);
	}
	return r < 0 ? r : book_totals_write(c->book, &c->tx, &c->unsaid, err);
}

int book_window(struct book *b, uint64_t now_ms, struct book_reading *readings, size_t n,
		struct book_window *ret, struct err *err)
{
	cleanup(closing_fini) struct closing c = { .book = b };
	int r;

	if (n > BOOK_PODS_MAX)
		return err_set(err, -E2BIG, "closing a window of %zu pods; %d are the limit", n,
			       BOOK_PODS_MAX);
	r = window_from(b, &c.from_ms, err);
	if (r < 0)
		return r;
	c.to_ms = now_ms > c.from_ms ? now_ms : c.from_ms + 1;
	c.shares = calloc(n ? n : 1, sizeof(*c.shares));
	if (!c.shares)
		return err_errno(err, -ENOMEM, "closing a window of %zu pods", n);
	r = ledger_begin(b->ledger, &c.tx, err);
	if (!r)
		r = write_all(&c, readings, n, err);
	if (!r)
		r = ledger_commit(&c.tx, err);
	if (r < 0)
		return err_wrap(err, "closing a window");
	for (size_t i = 0; i < n; i++)
		readings[i].booked = readings[i].final;
	*ret = (struct book_window){ .from_ms = c.from_ms,
				     .to_ms = c.to_ms,
				     .pods = c.n_shares,
				     .receipts = c.receipts,
				     .unsaid = c.unsaid,
				     .unbilled = c.unbilled,
				     .why = c.why,
				     .fallen = c.fallen,
				     .why_fallen = c.why_fallen };
	return 0;
}

int book_keep(struct book *b, uint64_t from_ms, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	bool left;
	int r = ledger_begin(b->ledger, &tx, err);

	if (!r)
		r = ledger_keep(&tx, from_ms, KEEP_ROWS, &left, err);
	if (!r)
		r = ledger_commit(&tx, err);
	return r < 0 ? err_wrap(err, "letting old windows go") : 0;
}
