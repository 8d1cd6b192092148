/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/intent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/db.h"
#include "ledger/ledger.h"

#define INTENT_COLUMNS                                                                     \
	"digest, signature, bytes, max_epoch, state, attempts, open, confirmations, fee, " \
	"checkpoint, created_ms, updated_ms, error"
#define NAME_SIZE 16
#define TO(state) (1U << LEDGER_INTENT_##state)

/* Each state, its name, and the states that may follow. */
static const struct {
	const char *name;
	unsigned int next;
} states[] = {
	[LEDGER_INTENT_BUILT] = { "built", TO(BUILT) | TO(SUBMITTED) | TO(EXPIRED) | TO(REFUSED) },
	[LEDGER_INTENT_SUBMITTED] = { "submitted", TO(SUBMITTED) | TO(EXECUTED) | TO(FAILED) |
							   TO(EXPIRED) | TO(REFUSED) },
	[LEDGER_INTENT_EXECUTED] = { "executed", TO(EXECUTED) | TO(FINAL) },
	[LEDGER_INTENT_FINAL] = { "final", 0 },
	[LEDGER_INTENT_FAILED] = { "failed", 0 },
	[LEDGER_INTENT_EXPIRED] = { "expired", 0 },
	[LEDGER_INTENT_REFUSED] = { "refused", 0 },
};
_Static_assert(ARRAY_LEN(states) == LEDGER_INTENT_MAX_, "a name for each state");

const char *ledger_intent_name(enum ledger_intent_state state)
{
	return state >= 0 && state < LEDGER_INTENT_MAX_ ? states[state].name : "unknown";
}

void ledger_intent_fini(struct ledger_intent *i)
{
	free_ptr(&i->bytes);
}

static enum ledger_intent_state get_state(struct stmt *s)
{
	char text[NAME_SIZE];
	size_t i = 0;

	get_text(s, text, sizeof(text));
	while (i < LEDGER_INTENT_MAX_ && strcmp(states[i].name, text) != 0)
		i++;
	if (i == LEDGER_INTENT_MAX_ && !s->error)
		s->error = -EBADMSG;
	return (enum ledger_intent_state)i;
}

static int intent_get(struct stmt *s, struct ledger_intent *ret, struct err *err)
{
	struct ledger_intent v = {};
	const void *bytes;
	int r;

	get_fixed(s, v.digest, sizeof(v.digest));
	get_fixed(s, v.signature, sizeof(v.signature));
	bytes = get_blob(s, LEDGER_INTENT_BYTES_MAX, &v.len);
	v.bytes = malloc(v.len ? v.len : 1);
	if (v.bytes && v.len)
		memcpy(v.bytes, bytes, v.len);
	v.max_epoch = get_u64(s);
	v.state = get_state(s);
	v.attempts = get_u64(s);
	v.open = get_u64(s) != 0;
	v.confirmations = get_u64(s);
	v.fee = get_u64(s);
	v.checkpoint = get_u64(s);
	v.created_ms = get_u64(s);
	v.updated_ms = get_u64(s);
	get_text(s, v.error, sizeof(v.error));
	r = stmt_end(s, err);
	if (r == 0 && !v.bytes)
		r = err_errno(err, -ENOMEM, "reading an intent");
	if (r < 0)
		ledger_intent_fini(&v);
	else
		*ret = v;
	return r;
}

int ledger_intent_open(struct ledger *l, struct ledger_intent *ret, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l,
			  "SELECT " INTENT_COLUMNS " FROM intents"
			  " WHERE state IN ('built', 'submitted', 'executed')",
			  &s, err);

	if (r == 0)
		r = stmt_next(&s, err);
	if (r == 0)
		return err_set(err, -ENOENT, "%s: no transaction is open", db_path(l));
	return r < 0 ? r : intent_get(&s, ret, err);
}

int ledger_intent_get(struct ledger *l, const uint8_t digest[LEDGER_DIGEST_LEN],
		      struct ledger_intent *ret, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l, "SELECT " INTENT_COLUMNS " FROM intents WHERE digest = :digest", &s,
			  err);

	if (r < 0)
		return r;
	put_blob(&s, digest, LEDGER_DIGEST_LEN);
	r = stmt_next(&s, err);
	if (r == 0)
		return err_set(err, -ENOENT, "%s: no such transaction", db_path(l));
	return r < 0 ? r : intent_get(&s, ret, err);
}

int ledger_intent_items(struct ledger *l, const uint8_t digest[LEDGER_DIGEST_LEN],
			int (*fn)(const struct ledger_intent_item *item, void *arg), void *arg,
			struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	struct ledger_intent_item item;
	int r = stmt_open(l,
			  "SELECT lease, seq FROM intent_items WHERE digest = :digest"
			  " ORDER BY lease",
			  &s, err);

	if (r < 0)
		return r;
	put_blob(&s, digest, LEDGER_DIGEST_LEN);
	while ((r = stmt_next(&s, err)) > 0) {
		get_text(&s, item.lease, sizeof(item.lease));
		item.seq = get_u64(&s);
		r = stmt_end(&s, err);
		if (r == 0)
			r = fn(&item, arg);
		if (r != 0)
			return r;
	}
	return r;
}

int ledger_intent_carried(struct ledger *l, const char *lease,
			  int (*fn)(const struct ledger_carried *c, void *arg), void *arg,
			  struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	struct ledger_carried c;
	int r = stmt_open(l,
			  "SELECT i.lease, i.seq, i.digest, t.state FROM intent_items i"
			  " JOIN intents t ON t.digest = i.digest"
			  " WHERE :lease = '' OR i.lease = :lease"
			  " ORDER BY i.lease, i.seq, t.created_ms",
			  &s, err);

	if (r < 0)
		return r;
	put_text(&s, lease ? lease : "", LEDGER_LABEL_MAX);
	while ((r = stmt_next(&s, err)) > 0) {
		get_text(&s, c.item.lease, sizeof(c.item.lease));
		c.item.seq = get_u64(&s);
		get_fixed(&s, c.digest, sizeof(c.digest));
		c.state = get_state(&s);
		r = stmt_end(&s, err);
		if (r == 0)
			r = fn(&c, arg);
		if (r != 0)
			return r;
	}
	return r;
}

int ledger_intent_fees(struct ledger *l, uint64_t since_ms, uint64_t *ret, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	uint64_t sum;
	int r = stmt_open(l,
			  "SELECT coalesce(sum(fee), 0) FROM intents WHERE created_ms >= :since"
			  " AND state NOT IN ('expired', 'refused')",
			  &s, err);

	if (r < 0)
		return r;
	put_u64(&s, since_ms);
	r = stmt_next(&s, err);
	if (r < 0)
		return r;
	sum = get_u64(&s);
	r = stmt_end(&s, err);
	if (r == 0)
		*ret = sum;
	return r;
}

static int item_add(struct ledger *l, const uint8_t digest[LEDGER_DIGEST_LEN],
		    const struct ledger_intent_item *item, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	struct ledger_settlement settlement;
	int r = ledger_settlement_get(l, item->lease, item->seq, &settlement, err);

	if (r == 0)
		r = stmt_open(l,
			      "INSERT INTO intent_items (digest, lease, seq)"
			      " VALUES (:digest, :lease, :seq)",
			      &s, err);
	if (r < 0)
		return r;
	put_blob(&s, digest, LEDGER_DIGEST_LEN);
	put_text(&s, item->lease, sizeof(item->lease));
	put_u64(&s, item->seq);
	return stmt_run(&s, err);
}

static int intent_insert(struct ledger *l, const struct ledger_intent *i, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l,
			  "INSERT INTO intents (digest, signature, bytes, max_epoch, state,"
			  " attempts, open, confirmations, fee, checkpoint, created_ms, updated_ms,"
			  " error) VALUES (:digest, :signature, :bytes, :max_epoch, 'built', 0, 0,"
			  " 0, :fee, 0, :created_ms, :created_ms, '')",
			  &s, err);

	if (r < 0)
		return r;
	put_blob(&s, i->digest, sizeof(i->digest));
	put_blob(&s, i->signature, sizeof(i->signature));
	put_blob(&s, i->bytes, i->len);
	put_u64(&s, i->max_epoch);
	put_u64(&s, i->fee);
	put_u64(&s, i->created_ms);
	return stmt_run(&s, err);
}

static int intent_add(struct ledger_tx *tx, const struct ledger_intent *i,
		      const struct ledger_intent_item *items, size_t n, struct err *err)
{
	struct ledger_intent other = {};
	int r = tx_check(tx, err);

	if (r < 0)
		return r;
	if (i->len > LEDGER_INTENT_BYTES_MAX)
		return err_set(err, -E2BIG, "a transaction of %zu bytes", i->len);
	r = ledger_intent_open(tx->ledger, &other, NULL);
	ledger_intent_fini(&other);
	if (r != -ENOENT)
		return r < 0 ? err_errno(err, r, "looking for an open transaction") :
			       err_set(err, -EBUSY, "another transaction is open");
	r = ledger_intent_get(tx->ledger, i->digest, &other, NULL);
	ledger_intent_fini(&other);
	if (r != -ENOENT)
		return r < 0 ? err_errno(err, r, "looking for a transaction") :
			       err_set(err, -EEXIST, "this transaction was made before");
	r = intent_insert(tx->ledger, i, err);
	for (size_t at = 0; r == 0 && at < n; at++)
		r = item_add(tx->ledger, i->digest, &items[at], err);
	return r;
}

int ledger_intent_add(struct ledger_tx *tx, const struct ledger_intent *i,
		      const struct ledger_intent_item *items, size_t n, struct err *err)
{
	return tx_result(tx, intent_add(tx, i, items, n, err));
}

static int intent_put(struct ledger_tx *tx, const struct ledger_intent *i, struct err *err)
{
	cleanup(ledger_intent_fini) struct ledger_intent old = {};
	cleanup(stmt_done) struct stmt s = {};
	int r = tx_check(tx, err);

	if (r == 0)
		r = ledger_intent_get(tx->ledger, i->digest, &old, err);
	if (r < 0)
		return r;
	if (i->state < 0 || i->state >= LEDGER_INTENT_MAX_ ||
	    !(states[old.state].next & 1U << i->state))
		return err_set(err, -EINVAL, "a transaction that is %s can't become %s",
			       states[old.state].name, ledger_intent_name(i->state));
	if (i->attempts < old.attempts || i->confirmations < old.confirmations)
		return err_set(err, -EINVAL,
			       "a transaction's attempts and confirmations only grow");
	r = stmt_open(tx->ledger,
		      "UPDATE intents SET state = :state, attempts = :attempts, open = :open,"
		      " confirmations = :confirmations, fee = :fee, checkpoint = :checkpoint,"
		      " updated_ms = :updated_ms, error = :error WHERE digest = :digest",
		      &s, err);
	if (r < 0)
		return r;
	put_text(&s, states[i->state].name, NAME_SIZE);
	put_u64(&s, i->attempts);
	put_u64(&s, i->open);
	put_u64(&s, i->confirmations);
	put_u64(&s, i->fee);
	put_u64(&s, i->checkpoint);
	put_u64(&s, i->updated_ms);
	put_text(&s, i->error, sizeof(i->error));
	put_blob(&s, i->digest, sizeof(i->digest));
	return stmt_run(&s, err);
}

int ledger_intent_put(struct ledger_tx *tx, const struct ledger_intent *i, struct err *err)
{
	return tx_result(tx, intent_put(tx, i, err));
}
