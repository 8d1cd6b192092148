/* SPDX-License-Identifier: Apache-2.0 */
/* Carrying an open transaction through. */
#include "agent/settle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "agent/settle_cosign.h"
#include "agent/settle_int.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/parse.h"
#include "ledger/lease.h"

#define WAIT_MIN_MS 1000
#define WAIT_MAX_MS 300000
#define BATCH_KEY "settle.batch"

int settle_wait(struct settle_result *ret, uint64_t attempts, int code, const struct err *why)
{
	uint64_t ms = WAIT_MIN_MS << (attempts < 9 ? attempts : 9);
	uint16_t jitter;

	ms = ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS;
	random_bytes(&jitter, sizeof(jitter));
	/* three quarters to all of it, so that many nodes don't come back together */
	ret->wait_ms = ms - ms / 4 * jitter / UINT16_MAX;
	ret->why = *why;
	ret->why.code = code;
	return 0;
}

int settle_batch_get(struct ledger *l, size_t *ret, struct err *err)
{
	uint64_t n = SETTLE_BATCH_MAX;
	char text[24];
	int r = ledger_meta_get(l, BATCH_KEY, text, sizeof(text), err);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && parse_u64(text, 1, SETTLE_BATCH_MAX, &n) < 0)
		n = SETTLE_BATCH_MAX;
	*ret = (size_t)n;
	return 0;
}

int settle_batch_set(struct ledger_tx *tx, size_t n, struct err *err)
{
	char text[24];

	if (n < 1)
		n = 1;
	snprintf(text, sizeof(text), "%zu", n < SETTLE_BATCH_MAX ? n : SETTLE_BATCH_MAX);
	return ledger_meta_set(tx, BATCH_KEY, text, err);
}

/* ---- What a transaction carries ------------------------------------------------------------- */

struct items {
	struct ledger_intent_item at[SETTLE_BATCH_MAX];
	bool shown[SETTLE_BATCH_MAX]; /* the chain has it; else it was skipped */
	size_t n;
};

static int items_add(const struct ledger_intent_item *item, void *arg)
{
	struct items *items = arg;

	if (items->n == SETTLE_BATCH_MAX)
		return -E2BIG;
	items->at[items->n++] = *item;
	return 0;
}

/* Writes the intent with all its receipts in state `to`. */
static int close_intent(struct settle *s, struct ledger_intent *i, const struct items *items,
			enum ledger_settle to, size_t batch, uint64_t now_ms, size_t *count,
			struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	int r = ledger_begin(s->ledger, &tx, err);

	i->updated_ms = now_ms;
	if (r == 0)
		r = ledger_intent_put(&tx, i, err);
	for (size_t n = 0; r == 0 && n < items->n; n++)
		r = settle_rows(&tx,
				&(struct settle_span){ items->at[n].lease, 1, items->at[n].seq },
				to, i->error, now_ms, count, err);
	if (r == 0 && batch)
		r = settle_batch_set(&tx, batch, err);
	return r < 0 ? r : ledger_commit(&tx, err);
}

static int put_intent(struct settle *s, struct ledger_intent *i, uint64_t now_ms, struct err *err)
{
	const struct items none = {};
	size_t count = 0;

	return close_intent(s, i, &none, LEDGER_SETTLE_DUE, 0, now_ms, &count, err);
}

/* ---- Steps ---------------------------------------------------------------------------------- */

struct step {
	struct settle *s;
	struct ledger_intent *i;
	struct items items;
	uint64_t now_ms;
	struct settle_result *ret;
};

/* Nothing of it happened, and nothing will: its receipts are due again. */
static int give_up(struct step *st, enum ledger_intent_state state, const struct err *why,
		   struct err *err)
{
	size_t count = 0;
	int r;

	st->i->state = state;
	snprintf(st->i->error, sizeof(st->i->error), "%s", why->text);
	r = close_intent(st->s, st->i, &st->items, LEDGER_SETTLE_DUE, 0, st->now_ms, &count, err);
	if (r == 0)
		settle_wait(st->ret, st->i->attempts, why->code, why);
	return r;
}

/* E4: it ran, and changed nothing. */
static int halve(struct step *st, const struct sui_effects *effects, struct err *err)
{
	bool alone = st->items.n <= 1;
	size_t count = 0;
	int r;

	st->i->state = LEDGER_INTENT_FAILED;
	snprintf(st->i->error, sizeof(st->i->error), "%s", effects->error);
	r = close_intent(st->s, st->i, &st->items, alone ? LEDGER_SETTLE_FAILED : LEDGER_SETTLE_DUE,
			 alone ? SETTLE_BATCH_MAX : st->items.n / 2, st->now_ms, &count, err);
	if (r < 0)
		return r;
	st->ret->failed += alone ? count : 0;
	if (alone && !count) /* E8: it carried a call */
		err_set(&st->ret->odd, -EREMOTEIO, "lease %s: a call failed: %s",
			st->items.at[0].lease, effects->error);
	st->ret->more = true;
	return 0;
}

static int executed(struct step *st, const struct sui_effects *effects, struct err *err)
{
	st->i->fee = sui_gas_cost(&effects->gas);
	st->i->checkpoint = effects->checkpoint;
	st->i->error[0] = '\0';
	if (!effects->success)
		return halve(st, effects, err);
	st->i->state = LEDGER_INTENT_EXECUTED;
	st->ret->more = true;
	return put_intent(st->s, st->i, st->now_ms, err);
}

/* E2. */
static int unknown(struct step *st, uint64_t epoch, bool *ret_done, struct err *err)
{
	struct err why = {};

	*ret_done = epoch > st->i->max_epoch;
	if (!*ret_done)
		return 0;
	err_set(&why, -ETIME, "the transaction's time is over and the chain does not know it");
	st->i->confirmations++;
	if (st->i->confirmations >= SETTLE_CONFIRMATIONS)
		return give_up(st, LEDGER_INTENT_EXPIRED, &why, err);
	settle_wait(st->ret, st->i->attempts, why.code, &why);
	return put_intent(st->s, st->i, st->now_ms, err);
}

/* Asks for what may have been sent before. *ret_done: this step is over. */
static int ask_first(struct step *st, bool *ret_done, struct err *err)
{
	struct sui_effects effects = {};
	struct err why = {};
	uint64_t epoch = 0;
	int r = st->s->chain->find(st->s->arg, st->i->digest, &effects, &epoch, &why);

	*ret_done = true;
	if (r == 0)
		return executed(st, &effects, err);
	if (r == -ENOENT)
		return unknown(st, epoch, ret_done, err);
	return settle_wait(st->ret, st->i->attempts, r, &why);
}

/* On disk before the first byte leaves: that it is on its way. */
static int journal_attempt(struct step *st, struct err *err)
{
	bool first = st->i->state == LEDGER_INTENT_BUILT;
	const struct items none = {};
	size_t count = 0;

	st->i->state = LEDGER_INTENT_SUBMITTED;
	st->i->attempts++;
	st->i->open = true;
	return close_intent(st->s, st->i, first ? &st->items : &none, LEDGER_SETTLE_SUBMITTED, 0,
			    st->now_ms, &count, err);
}

static int submit(struct step *st, struct err *err)
{
	bool open = st->i->open, done = false;
	struct sui_effects effects = {};
	struct err why = {};
	int r = st->i->attempts ? ask_first(st, &done, err) : 0;

	if (r < 0 || done)
		return r;
	r = journal_attempt(st, err);
	if (r < 0)
		return r;
	r = st->s->chain->execute(st->s->arg, st->i->bytes, st->i->len, st->i->signature, &effects,
				  &why);
	if (r == 0)
		return executed(st, &effects, err);
	/* not even this attempt can have been taken: as before it */
	st->i->open = open || sui_undecided(r);
	if (r == -EINVAL && !st->i->open)
		return give_up(st, LEDGER_INTENT_REFUSED, &why, err);
	snprintf(st->i->error, sizeof(st->i->error), "%s", why.text);
	settle_wait(st->ret, st->i->attempts, r, &why);
	return put_intent(st->s, st->i, st->now_ms, err);
}

/* E3 for one lease: 1 the chain has it, 0 it has not, or a code: not known yet. */
static int shown(struct step *st, const struct ledger_intent_item *item, struct err *why)
{
	struct settle_lease on_chain = {};
	struct ledger_lease lease;
	bool foreign = false;
	int r = ledger_lease_get(st->s->ledger, item->lease, &lease, why);

	if (r == 0)
		r = st->s->chain->lease(st->s->arg, lease.id, &on_chain, why);
	if (r == 0)
		r = settle_follow(st->s, item->lease, &on_chain, st->now_ms, st->ret, why);
	if (r == 0)
		r = settle_is_foreign(st->s, item->lease, &on_chain, &foreign, why);
	if (r < 0)
		return r;
	if (on_chain.lease.seq >= item->seq)
		return !foreign;
	if (on_chain.lease.chain.checkpoint >= st->i->checkpoint)
		return 0;
	return err_set(why, -EAGAIN, "lease %s: the server is behind checkpoint %" PRIu64,
		       item->lease, st->i->checkpoint);
}

static int finish(struct step *st, struct err *err)
{
	static const char skipped[] = "the chain skipped the report";
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	int r = ledger_begin(st->s->ledger, &tx, err);

	for (size_t n = 0; r == 0 && n < st->items.n; n++)
		r = settle_rows(
			&tx, &(struct settle_span){ st->items.at[n].lease, 1, st->items.at[n].seq },
			st->items.shown[n] ? LEDGER_SETTLE_FINAL : LEDGER_SETTLE_FAILED,
			st->items.shown[n] ? "" : skipped, st->now_ms,
			st->items.shown[n] ? &st->ret->settled : &st->ret->failed, err);
	for (size_t n = 0; r == 0 && n < st->items.n; n++)
		r = settle_cosigns_done(&tx, st->items.at[n].lease, st->items.at[n].seq, err);
	st->i->state = LEDGER_INTENT_FINAL;
	st->i->updated_ms = st->now_ms;
	if (r == 0)
		r = ledger_intent_put(&tx, st->i, err);
	if (r == 0)
		r = settle_batch_set(&tx, 2 * st->items.n, err);
	if (r == 0)
		r = ledger_commit(&tx, err);
	st->ret->more = r == 0;
	return r;
}

static int confirm(struct step *st, struct err *err)
{
	struct err why = {};
	int r = 0;

	if (!st->i->checkpoint) {
		struct sui_effects effects = {};
		uint64_t epoch;

		r = st->s->chain->find(st->s->arg, st->i->digest, &effects, &epoch, &why);
		if (r == 0 && !effects.checkpoint)
			r = err_set(&why, -EAGAIN, "the transaction is in no checkpoint yet");
		if (r < 0)
			return settle_wait(st->ret, 0, r, &why);
		st->i->checkpoint = effects.checkpoint;
	}
	for (size_t n = 0; n < st->items.n; n++) {
		r = shown(st, &st->items.at[n], &why);
		if (r < 0)
			return settle_wait(st->ret, 0, r, &why);
		st->items.shown[n] = r == 1;
	}
	return finish(st, err);
}

/* Moves what is open one step on, or begins. */
static int move_on(struct settle *s, uint64_t now_ms, struct settle_result *ret, struct err *err)
{
	cleanup(ledger_intent_fini) struct ledger_intent intent = {};
	struct step st = { .s = s, .i = &intent, .now_ms = now_ms, .ret = ret };
	int r = ledger_intent_open(s->ledger, &intent, err);

	if (r == -ENOENT) {
		if (err)
			*err = (struct err){};
		return settle_begin(s, now_ms, ret, err);
	}
	if (r == 0)
		r = ledger_intent_items(s->ledger, intent.digest, items_add, &st.items, err);
	if (r < 0)
		return r;
	return intent.state == LEDGER_INTENT_EXECUTED ? confirm(&st, err) : submit(&st, err);
}

int settle_step(struct settle *s, uint64_t now_ms, struct settle_result *ret, struct err *err)
{
	uint64_t rests_ms = s->rests_until_ms > now_ms ? s->rests_until_ms - now_ms : 0;
	int r = 0;

	*ret = (struct settle_result){};
	if (settle_look_due(s, now_ms))
		r = settle_look(s, now_ms, ret, err);
	if (r == 0 && !ret->more && rests_ms && rests_ms <= WAIT_MAX_MS) {
		ret->wait_ms = rests_ms;
	} else if (r == 0 && !ret->more) {
		r = move_on(s, now_ms, ret, err);
		s->rests_until_ms = ret->why.code ? now_ms + ret->wait_ms : 0;
	}
	ret->look_ms = settle_look_wait(s, now_ms);
	return r;
}
