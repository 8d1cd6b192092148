/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing what windows have written. A signature is made when the report is in the ledger, and its
 * number and hash in the guard's file, both on disk; so a crash at any instruction leaves a report that
 * can be signed with the same content. Which leases may be signed is one question: does this ledger
 * hold, with the same content, what the guard and the chain know to be the newest?
 */
#include <errno.h>

#include "agent/book_int.h"
#include "agent/guard.h"
#include "chain/report.h"
#include "chain/totals.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/ledger.h"
#include "ledger/receipt.h"
#include "ledger/settlement.h"
#include "ledger/signing.h"

#define SIGN_MAX 1000 /* receipts of a lease in one call: a chain that was away leaves many */
#define NOT_ASKED "the chain was not asked yet what it knows of the lease"

static uint64_t sign_to(const struct ledger_lease *row)
{
	return row->seq - row->signed_seq > SIGN_MAX ? row->signed_seq + SIGN_MAX : row->seq;
}

/* Does the ledger hold this report? */
static int holds(struct book *b, const char *label, uint64_t seq, const uint8_t hash[HASH_LEN],
		 bool *ret, struct err *err)
{
	cleanup(ledger_receipt_fini) struct ledger_receipt receipt = {};
	struct err why = {};
	int r = ledger_receipt_get(b->ledger, label, seq, &receipt, &why);

	if (r < 0 && r != -ENOENT)
		return err_set(err, r, "%s", why.text);
	*ret = r == 0 && memcmp(receipt.hash, hash, HASH_LEN) == 0;
	return 0;
}

/* Begins the transaction if that was not done. */
static int hold(struct book *b, struct ledger_tx *tx, const char *label, const char *why,
		struct err *err)
{
	int r = tx->ledger ? 0 : ledger_begin(b->ledger, tx, err);

	return r < 0 ? r : ledger_lease_hold(tx, label, why, err);
}

/* Why nothing of the lease may be signed; "": it may. */
static int why_not(struct book *b, const struct ledger_lease *row, char why[LEDGER_HELD_MAX],
		   struct err *err)
{
	struct guard_entry last;
	bool held = true;
	int r = 0;

	why[0] = '\0';
	if (guard_find(b->guard, row->id, &last))
		r = holds(b, row->label, last.seq, last.hash, &held, err);
	if (r == 0 && !held)
		snprintf(why, LEDGER_HELD_MAX,
			 "receipts up to %" PRIu64
			 " were signed that this ledger does not have: it "
			 "is an old copy or a second one; stop the agent and put back the newest",
			 last.seq);
	else if (r == 0 && b->asks && !guard_asked(b->guard, row->id))
		snprintf(why, LEDGER_HELD_MAX, "%s", row->held[0] ? row->held : NOT_ASKED);
	return r;
}

/* Leaves in the list what may be signed, and notes it. */
static int choose(struct book *b, struct book_leases *leases, struct book_signed *ret,
		  struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < leases->n; i++) {
		const struct ledger_lease *row = &leases->row[i];
		char why[LEDGER_HELD_MAX] = "";

		if (row->signed_seq < row->seq)
			r = why_not(b, row, why, err);
		if (r == 0 && strcmp(why, row->held) != 0)
			r = hold(b, &tx, row->label, why, err);
		if (r < 0 || row->signed_seq == row->seq)
			continue;
		if (!why[0]) {
			leases->row[n++] = *row;
			continue;
		}
		ret->held++;
		ret->ask |= b->asks && !guard_asked(b->guard, row->id);
		if (strcmp(why, NOT_ASKED) != 0)
			err_set(&ret->why, -EEXIST, "lease %s: %s", row->label, why);
	}
	leases->n = n;
	return r == 0 && tx.ledger ? ledger_commit(&tx, err) : r;
}

/* ---- Totals of the node --------------------------------------------------------------------- */

struct unsigned_totals {
	struct ledger_totals *at;
	size_t n;
};

static void totals_list_fini(struct unsigned_totals *list)
{
	free(list->at);
}

static int totals_add(const struct ledger_totals *t, void *arg)
{
	struct unsigned_totals *list = arg;
	struct ledger_totals *more = reallocarray(list->at, list->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	list->at = more;
	list->at[list->n++] = *t;
	return 0;
}

static int totals_known(const struct ledger_totals *t, struct totals *ret,
			struct guard_totals *ret_known, struct err *err)
{
	int r = totals_decode(t->statement, TOTALS_LEN, ret, err);

	if (r < 0)
		return r;
	ret_known->to_ms = ret->to_ms;
	blake2b256(t->statement, TOTALS_LEN, ret_known->hash);
	return 0;
}

/* Leaves in the list what may be signed, and notes it: nothing of a time of which something else is. */
static int choose_totals(struct book *b, struct unsigned_totals *list, struct err *err)
{
	size_t n = 0;
	int r = ledger_totals_list(b->ledger, LEDGER_UNSIGNED, 0, totals_add, list, err);

	for (size_t i = 0; r == 0 && i < list->n; i++) {
		struct guard_totals last = guard_totals(b->guard), this;
		struct totals said;

		r = totals_known(&list->at[i], &said, &this, err);
		if (r < 0 ||
		    (said.from_ms < last.to_ms && memcmp(this.hash, last.hash, HASH_LEN) != 0))
			continue;
		guard_note_totals(b->guard, &this);
		list->at[n++] = list->at[i];
	}
	list->n = n;
	return r;
}

static int sign_totals(struct book *b, struct ledger_tx *tx, const struct unsigned_totals *list,
		       struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->n; i++) {
		uint8_t signature[SIG_LEN];

		key_sign(b->key, list->at[i].statement, TOTALS_LEN, signature);
		r = ledger_totals_sign(tx, list->at[i].window, signature, err);
	}
	return r;
}

/* ---- Receipts ------------------------------------------------------------------------------- */

static int note(struct book *b, const struct book_leases *leases, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < leases->n; i++) {
		cleanup(ledger_receipt_fini) struct ledger_receipt receipt = {};
		struct guard_entry entry = { .seq = sign_to(&leases->row[i]) };

		r = ledger_receipt_get(b->ledger, leases->row[i].label, entry.seq, &receipt, err);
		if (r < 0)
			return r;
		memcpy(entry.lease, leases->row[i].id, sizeof(entry.lease));
		memcpy(entry.hash, receipt.hash, sizeof(entry.hash));
		r = guard_note(b->guard, &entry);
		if (r < 0)
			err_errno(err, r, "lease %s", leases->row[i].label);
	}
	return r < 0 ? r : guard_sync(b->guard, err);
}

static int settlement_due(struct ledger_tx *tx, const struct ledger_receipt *receipt,
			  uint64_t before, struct err *err)
{
	struct ledger_settlement s = { .seq = receipt->seq,
				       .state = LEDGER_SETTLE_DUE,
				       .amount = receipt->total_due - before,
				       .created_ms = receipt->to_ms,
				       .updated_ms = receipt->to_ms };

	snprintf(s.lease, sizeof(s.lease), "%s", receipt->lease);
	return ledger_settlement_put(tx, &s, err);
}

/* The key signs nothing that is not the report of this lease and number. */
static int signature_of(struct book *b, const struct ledger_lease *row,
			const struct ledger_receipt *receipt, uint8_t ret[SIG_LEN], struct err *err)
{
	uint8_t bytes[REPORT_LEN];
	struct report report;
	int r = report_decode(receipt->report, sizeof(receipt->report), &report, err);

	if (r == 0 && (memcmp(report.lease, row->id, sizeof(report.lease)) != 0 ||
		       report.seq != receipt->seq))
		r = err_set(err, -EBADMSG, "the ledger's report is another lease's or number's");
	if (r < 0)
		return err_wrap(err, "receipt %s/%" PRIu64, row->label, receipt->seq);
	report_sign(&report, b->key, bytes, ret);
	return 0;
}

static int sign_one(struct book *b, struct ledger_tx *tx, const struct ledger_lease *row,
		    uint64_t seq, uint64_t *total_due, struct err *err)
{
	cleanup(ledger_receipt_fini) struct ledger_receipt receipt = {};
	uint8_t signature[SIG_LEN];
	int r = ledger_receipt_get(b->ledger, row->label, seq, &receipt, err);

	if (r == 0)
		r = signature_of(b, row, &receipt, signature, err);
	if (r == 0)
		r = ledger_receipt_sign(tx, row->label, seq, signature, err);
	if (r == 0)
		r = settlement_due(tx, &receipt, *total_due, err);
	*total_due = receipt.total_due;
	return r;
}

static int sign_lease(struct book *b, struct ledger_tx *tx, const struct ledger_lease *row,
		      size_t *count, struct err *err)
{
	cleanup(ledger_receipt_fini) struct ledger_receipt last = {};
	uint64_t total_due;
	int r = 0;

	if (row->signed_seq)
		r = ledger_receipt_get(b->ledger, row->label, row->signed_seq, &last, err);
	total_due = last.total_due;
	for (uint64_t seq = row->signed_seq + 1; r == 0 && seq <= sign_to(row); seq++) {
		r = sign_one(b, tx, row, seq, &total_due, err);
		*count += r == 0;
	}
	return r;
}

static int sign_all(struct book *b, const struct book_leases *leases,
		    const struct unsigned_totals *totals, size_t *count, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	int r;

	if (!leases->n && !totals->n)
		return 0;
	r = ledger_begin(b->ledger, &tx, err);
	for (size_t i = 0; r == 0 && i < leases->n; i++)
		r = sign_lease(b, &tx, &leases->row[i], count, err);
	if (r == 0)
		r = sign_totals(b, &tx, totals, err);
	return r < 0 ? r : ledger_commit(&tx, err);
}

int book_sign(struct book *b, struct book_signed *ret, struct err *err)
{
	cleanup(totals_list_fini) struct unsigned_totals totals = {};
	cleanup(book_leases_fini) struct book_leases leases = {};
	struct book_signed done = {};
	int r = book_leases(b->ledger, &leases, err);

	if (r == 0)
		r = choose(b, &leases, &done, err);
	if (r == 0)
		r = choose_totals(b, &totals, err);
	if (r == 0)
		r = note(b, &leases, err);
	if (r == 0)
		r = sign_all(b, &leases, &totals, &done.receipts, err);
	if (r < 0)
		return err_wrap(err, "signing receipts");
	*ret = done;
	return 0;
}

/* ---- What others know ------------------------------------------------------------------------- */

int book_chain_says(struct book *b, const char *label, uint64_t seq, const uint8_t hash[HASH_LEN],
		    struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	char why[LEDGER_HELD_MAX] = "";
	struct ledger_lease row;
	bool held = true;
	int r = ledger_lease_get(b->ledger, label, &row, err);

	if (r == 0 && seq)
		r = holds(b, label, seq, hash, &held, err);
	if (r < 0)
		return r;
	if (!held || seq > row.signed_seq)
		snprintf(why, sizeof(why),
			 "the chain has a report %" PRIu64
			 " that this ledger does not have: it is an "
			 "old copy or a second one; stop the agent and put back the newest",
			 seq);
	r = guard_set_asked(b->guard, row.id, !why[0]);
	if (r < 0)
		return err_errno(err, r, "lease %s", label);
	if (strcmp(why, row.held) == 0)
		return 0;
	r = hold(b, &tx, label, why, err);
	return r < 0 ? r : ledger_commit(&tx, err);
}

int book_ask(struct book *b, book_ask_fn ask, void *arg, struct err *ret_why, struct err *err)
{
	cleanup(book_leases_fini) struct book_leases leases = {};
	int r = book_leases(b->ledger, &leases, err);

	for (size_t i = 0; r == 0 && i < leases.n; i++) {
		const struct ledger_lease *row = &leases.row[i];
		uint8_t hash[HASH_LEN] = {};
		struct err why = {};
		uint64_t seq = 0;
		int asked;

		if (row->signed_seq == row->seq || guard_asked(b->guard, row->id))
			continue;
		asked = ask(arg, row->id, &seq, hash, &why);
		if (asked < 0 && asked != -ENOENT) {
			*ret_why = why;
			return 0;
		}
		r = book_chain_says(b, row->label, seq, hash, err);
	}
	return r;
}

static int know_totals(const struct ledger_totals *t, void *arg)
{
	struct guard_totals known;
	struct totals said;

	if (totals_known(t, &said, &known, NULL) < 0)
		return -EBADMSG;
	guard_note_totals(arg, &known);
	return 0;
}

int book_guard(struct book *b, struct err *err)
{
	cleanup(book_leases_fini) struct book_leases leases = {};
	int r = book_leases(b->ledger, &leases, err);

	if (r == 0)
		r = ledger_totals_list(b->ledger, LEDGER_SIGNED, 0, know_totals, b->guard, err);
	for (size_t i = 0; r == 0 && i < leases.n; i++) {
		cleanup(ledger_receipt_fini) struct ledger_receipt receipt = {};
		const struct ledger_lease *row = &leases.row[i];
		struct guard_entry entry = { .seq = row->signed_seq }, last;
		bool held = true;

		if (guard_find(b->guard, row->id, &last))
			r = holds(b, row->label, last.seq, last.hash, &held, err);
		if (r < 0 || !held || !row->signed_seq)
			continue;
		r = ledger_receipt_get(b->ledger, row->label, row->signed_seq, &receipt, err);
		if (r < 0)
			break;
		memcpy(entry.lease, row->id, sizeof(entry.lease));
		memcpy(entry.hash, receipt.hash, sizeof(entry.hash));
		r = guard_note(b->guard, &entry);
		if (r < 0)
			err_errno(err, r, "lease %s", row->label);
	}
	return r < 0 ? r : guard_sync(b->guard, err);
}
