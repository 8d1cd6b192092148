/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signing.h"

#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/db.h"
#include "ledger/lease.h"
#include "ledger/ledger.h"

static const uint8_t unsigned_yet[LEDGER_SIG_LEN];

static bool is_zeros(const uint8_t signature[LEDGER_SIG_LEN])
{
	return memcmp(signature, unsigned_yet, LEDGER_SIG_LEN) == 0;
}

/* ---- Receipts ------------------------------------------------------------------------------- */

static int receipt_set(struct ledger *l, const char *lease, uint64_t seq, const uint8_t *signature,
		       struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l,
			  "UPDATE receipts SET signature = :signature"
			  " WHERE lease = :lease AND seq = :seq",
			  &s, err);

	if (r < 0)
		return r;
	put_blob(&s, signature, LEDGER_SIG_LEN);
	put_text(&s, lease, LEDGER_LABEL_MAX);
	put_u64(&s, seq);
	return stmt_run(&s, err);
}

static int receipt_sign(struct ledger_tx *tx, const char *lease, uint64_t seq,
			const uint8_t *signature, struct err *err)
{
	cleanup(ledger_receipt_fini) struct ledger_receipt old = {};
	struct ledger_lease row = {};
	int r = tx_check(tx, err);

	if (r == 0)
		r = ledger_receipt_get(tx->ledger, lease, seq, &old, err);
	if (r == 0)
		r = ledger_lease_get(tx->ledger, lease, &row, err);
	if (r < 0)
		return r;
	if (memcmp(old.signature, signature, LEDGER_SIG_LEN) == 0 && !is_zeros(signature))
		return 0;
	if (!is_zeros(old.signature))
		return err_set(err, -EPERM, "receipt %s/%" PRIu64 " has another signature", lease,
			       seq);
	if (is_zeros(signature) || seq != row.signed_seq + 1)
		return err_set(err, -EINVAL,
			       "receipt %s/%" PRIu64 ": the next one to sign is %" PRIu64, lease,
			       seq, row.signed_seq + 1);
	return receipt_set(tx->ledger, lease, seq, signature, err);
}

int ledger_receipt_sign(struct ledger_tx *tx, const char *lease, uint64_t seq,
			const uint8_t signature[LEDGER_SIG_LEN], struct err *err)
{
	return tx_result(tx, receipt_sign(tx, lease, seq, signature, err));
}

static int lease_hold(struct ledger_tx *tx, const char *lease, const char *why, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	char text[LEDGER_HELD_MAX];
	int r = tx_check(tx, err);

	if (r == 0)
		r = stmt_open(tx->ledger, "UPDATE leases SET held = :held WHERE label = :label", &s,
			      err);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%s", why);
	put_text(&s, text, sizeof(text));
	put_text(&s, lease, LEDGER_LABEL_MAX);
	return stmt_run(&s, err);
}

int ledger_lease_hold(struct ledger_tx *tx, const char *lease, const char *why, struct err *err)
{
	return tx_result(tx, lease_hold(tx, lease, why, err));
}

/* ---- Totals of the node --------------------------------------------------------------------- */

static int totals_insert(struct ledger_tx *tx, const struct ledger_totals *t, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = tx_check(tx, err);

	if (r == 0 && (!tx->window || t->window != tx->window || t->first > t->window))
		r = err_set(err, -EINVAL, "totals: not of the window that is being closed");
	if (r == 0)
		r = stmt_open(tx->ledger,
			      "INSERT INTO totals (window, first, statement, secret, signature)"
			      " VALUES (:window, :first, :statement, :secret, zeroblob(64))",
			      &s, err);
	if (r < 0)
		return r;
	put_u64(&s, t->window);
	put_u64(&s, t->first);
	put_blob(&s, t->statement, sizeof(t->statement));
	put_blob(&s, t->secret, sizeof(t->secret));
	return stmt_run(&s, err);
}

int ledger_totals_put(struct ledger_tx *tx, const struct ledger_totals *t, struct err *err)
{
	return tx_result(tx, totals_insert(tx, t, err));
}

static int totals_set(struct ledger_tx *tx, uint64_t window, const uint8_t *signature,
		      struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = tx_check(tx, err);

	if (r == 0)
		r = stmt_open(tx->ledger,
			      "UPDATE totals SET signature = :signature WHERE window = :window", &s,
			      err);
	if (r < 0)
		return r;
	put_blob(&s, signature, LEDGER_SIG_LEN);
	put_u64(&s, window);
	return stmt_run(&s, err);
}

int ledger_totals_sign(struct ledger_tx *tx, uint64_t window,
		       const uint8_t signature[LEDGER_SIG_LEN], struct err *err)
{
	return tx_result(tx, totals_set(tx, window, signature, err));
}

int ledger_totals_next(struct ledger *l, uint64_t *ret, struct err *err)
{
	return db_number(l,
			 "SELECT coalesce((SELECT max(window) + 1 FROM totals),"
			 " (SELECT max(id) FROM windows), 0)",
			 ret, err);
}

#define TOTALS_SELECT                                                    \
	"SELECT first, window, statement, secret, signature FROM totals" \
	" WHERE (SELECT to_ms FROM windows WHERE id = totals.window) > :from_ms"

int ledger_totals_list(struct ledger *l, enum ledger_signed which, uint64_t from_ms,
		       int (*fn)(const struct ledger_totals *t, void *arg), void *arg,
		       struct err *err)
{
	static const char *const select[] = {
		[LEDGER_UNSIGNED] = TOTALS_SELECT " AND signature = zeroblob(64) ORDER BY window",
		[LEDGER_SIGNED] = TOTALS_SELECT " AND signature <> zeroblob(64) ORDER BY window",
	};
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l, select[which], &s, err);

	if (r < 0)
		return r;
	put_u64(&s, from_ms);
	while ((r = stmt_next(&s, err)) > 0) {
		struct ledger_totals t = {};

		t.first = get_u64(&s);
		t.window = get_u64(&s);
		get_fixed(&s, t.statement, sizeof(t.statement));
		get_fixed(&s, t.secret, sizeof(t.secret));
		get_fixed(&s, t.signature, sizeof(t.signature));
		r = stmt_end(&s, err);
		if (r == 0)
			r = fn(&t, arg);
		if (r != 0)
			return r;
	}
	return r;
}
