/* SPDX-License-Identifier: Apache-2.0 */
/* Making the next transaction: what is due, what of it the chain would take, and what that costs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/book_int.h"
#include "agent/settle_cosign.h"
#include "agent/settle_int.h"
#include "chain/tx_build.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/json.h"
#include "ledger/lease.h"
#include "ledger/receipt.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

/* A lease with something due, up to its newest receipt; or, with a call, one that needs that. */
struct candidate {
	struct ledger_intent_item item;
	enum lease_call call;
	struct ledger_receipt receipt;
	struct settle_object lease;
	bool cosigned; /* by its tenant too: the chain pays it at once */
	uint8_t cosig[SIG_LEN];
};

struct plan {
	struct settle *s;
	uint64_t now_ms;
	struct settle_result *ret;
	struct sui_epoch epoch;
	size_t max; /* leases */
	uint64_t ripe_ms; /* when the next receipt may be sent; 0: there is none */
	uint64_t oldest_ms; /* since when the one that waits longest does */
	bool tried; /* one of them was before */
	struct candidate at[SETTLE_BATCH_MAX];
	size_t n;
};

static void plan_fini(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		ledger_receipt_fini(&p->at[i].receipt);
	p->n = 0;
}

/* Nothing can be built now, for a reason that passes. */
static int put_off(struct plan *p, uint64_t attempts, int code, const struct err *why)
{
	plan_fini(p);
	return settle_wait(p->ret, attempts, code, why);
}

/* In order of lease and seq, so that the last one seen of a lease is its newest. */
static int add_due(const struct ledger_settlement *row, void *arg)
{
	struct plan *p = arg;
	struct candidate *last = p->n ? &p->at[p->n - 1] : NULL;
	uint64_t ripe_ms = row->created_ms + SETTLE_LAG_MS; /* it was made when its window ended */

	if (ripe_ms > p->now_ms) {
		if (!p->ripe_ms || ripe_ms < p->ripe_ms)
			p->ripe_ms = ripe_ms;
		return 0;
	}
	if (!p->oldest_ms || row->created_ms < p->oldest_ms)
		p->oldest_ms = row->created_ms;
	p->tried |= row->attempts != 0;
	if (last && strcmp(last->item.lease, row->lease) == 0) {
		last->item.seq = row->seq;
		return 0;
	}
	if (p->n == p->max)
		return 0;
	p->at[p->n] = (struct candidate){ .item.seq = row->seq };
	snprintf(p->at[p->n].item.lease, sizeof(p->at[p->n].item.lease), "%s", row->lease);
	p->n++;
	return 0;
}

/* E10: leaves nothing to do, or all. */
static int let_rest(struct plan *p, struct err *err)
{
	uint64_t at_ms = p->oldest_ms + p->s->every_ms;
	bool pressing = p->tried;
	int r = 0;

	if (!p->n || at_ms <= p->now_ms)
		return 0;
	for (size_t i = 0; r == 0 && !pressing && i < p->n; i++)
		r = settle_is_pressing(p->s->ledger, p->at[i].item.lease, &pressing, err);
	if (r < 0 || pressing)
		return r;
	plan_fini(p);
	p->ripe_ms = at_ms;
	return 0;
}

/* E9: before a newer one, and again if it went without the co-signature. */
static int add_cosigned(struct plan *p, const struct settle_cosigned *c, struct err *err)
{
	struct ledger_settlement row;
	size_t at = 0;
	int r = ledger_settlement_get(p->s->ledger, c->lease, c->seq, &row, err);

	while (at < p->n && strcmp(p->at[at].item.lease, c->lease) != 0)
		at++;
	if (r < 0 || row.created_ms + SETTLE_LAG_MS > p->now_ms || at == p->max)
		return r;
	p->n += at == p->n;
	p->at[at] = (struct candidate){ .item.seq = c->seq, .cosigned = true };
	snprintf(p->at[at].item.lease, sizeof(p->at[at].item.lease), "%s", c->lease);
	memcpy(p->at[at].cosig, c->sig, SIG_LEN);
	return 0;
}

static int add_all_cosigned(struct plan *p, struct err *err)
{
	struct settle_cosigns all = {};
	int r = settle_cosigns_get(p->s->ledger, &all, err);

	for (size_t i = 0; r == 0 && i < all.n; i++)
		r = add_cosigned(p, &all.at[i], err);
	return r;
}

static void drop(struct plan *p, size_t i)
{
	ledger_receipt_fini(&p->at[i].receipt);
	p->n--;
	memmove(&p->at[i], &p->at[i + 1], (p->n - i) * sizeof(p->at[i]));
}

/* Settles a candidate without a transaction, one way or the other, and takes it out. */
static int decide(struct plan *p, size_t i, enum ledger_settle to, const char *why, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	int r = ledger_begin(p->s->ledger, &tx, err);

	if (r == 0)
		r = settle_rows(
			&tx, &(struct settle_span){ p->at[i].item.lease, 1, p->at[i].item.seq }, to,
			why, p->now_ms,
			to == LEDGER_SETTLE_FINAL ? &p->ret->settled : &p->ret->failed, err);
	if (r == 0)
		r = ledger_commit(&tx, err);
	if (r == 0)
		drop(p, i);
	return r;
}

/* The chain takes no window that ends after the lease does. Leaves the candidate the newest receipt
 * that it takes still, number 0 when there is none; the later ones have failed. */
static int cut_off(struct plan *p, struct candidate *c, struct err *err)
{
	struct settle_span late = { c->item.lease, c->item.seq + 1, c->item.seq };
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	struct ledger_lease row;
	struct lease lease;
	int r = ledger_lease_get(p->s->ledger, c->item.lease, &row, err);

	if (r == 0)
		r = book_account(&row, &lease, err);
	while (r == 0 && lease.closing_ms && c->receipt.to_ms > lease.closing_ms) {
		ledger_receipt_fini(&c->receipt);
		late.first = c->item.seq--;
		if (c->item.seq)
			r = ledger_receipt_get(p->s->ledger, c->item.lease, c->item.seq,
					       &c->receipt, err);
	}
	if (r < 0 || late.first > late.last)
		return r;
	r = ledger_begin(p->s->ledger, &tx, err);
	if (r == 0)
		r = settle_rows(&tx, &late, LEDGER_SETTLE_FAILED,
				"the lease was told to end before this window did", p->now_ms,
				&p->ret->failed, err);
	return r < 0 ? r : ledger_commit(&tx, err);
}

/* The chain needs it no more, or takes it no more: up to this number. */
static int forget_cosigned(struct plan *p, struct candidate *c, uint64_t seq, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	int r = ledger_begin(p->s->ledger, &tx, err);

	c->cosigned = false;
	p->ret->more = true; /* what it held up */
	if (r == 0)
		r = settle_cosigns_drop(&tx, c->item.lease, seq, err);
	return r < 0 ? r : ledger_commit(&tx, err);
}

/* Does the co-signature of that number go along still? */
static int check_cosigned(struct plan *p, struct candidate *c, uint64_t seq,
			  const struct lease *on_chain, struct err *err)
{
	bool newer = on_chain->seq > seq;
	bool released = on_chain->seq == seq && !on_chain->chain.waiting;

	if (!c->cosigned || (c->item.seq == seq && !newer && !released))
		return 0;
	return forget_cosigned(p, c, seq, err);
}

/* What was read changes what there is to do. *ret_keep: it belongs into the batch still. */
static int check_receipt(struct plan *p, size_t i, const struct lease *on_chain, bool *ret_keep,
			 struct err *err)
{
	struct candidate *c = &p->at[i];
	uint64_t seq = c->item.seq;
	int r = ledger_receipt_get(p->s->ledger, c->item.lease, seq, &c->receipt, err);

	if (r == 0)
		r = cut_off(p, c, err);
	if (r == 0)
		r = check_cosigned(p, c, seq, on_chain, err);
	if (r < 0)
		return r;
	if (on_chain->seq >= c->item.seq && !c->cosigned)
		return decide(p, i, LEDGER_SETTLE_FINAL, "", err);
	*ret_keep = true;
	return 0;
}

static int check_call(struct plan *p, size_t i, bool *ret_keep, struct err *err)
{
	struct candidate *c = &p->at[i];
	int r = settle_call_of(p->s, c->item.lease, p->now_ms, &c->call, err);

	*ret_keep = r == 0 && c->call != LEASE_CALL_NONE;
	if (!*ret_keep)
		drop(p, i);
	return r;
}

/* The lease as the chain has it. *ret_keep: it belongs into the batch. */
static int look_up(struct plan *p, size_t i, bool *ret_keep, struct err *err)
{
	struct candidate *c = &p->at[i];
	struct settle_lease on_chain = {};
	struct ledger_lease row;
	struct err why = {};
	bool foreign = false;
	int r = ledger_lease_get(p->s->ledger, c->item.lease, &row, err);

	if (r < 0)
		return r;
	*ret_keep = false;
	r = p->s->chain->lease(p->s->arg, row.id, &on_chain, &why);
	if (r == -ENOENT)
		return decide(p, i, LEDGER_SETTLE_FAILED, why.text, err);
	if (r < 0)
		return put_off(p, 0, r, &why);
	r = settle_follow(p->s, c->item.lease, &on_chain, p->now_ms, p->ret, err);
	if (r == 0)
		r = settle_is_foreign(p->s, c->item.lease, &on_chain, &foreign, err);
	if (r < 0)
		return r;
	p->ret->foreign |= foreign;
	if (foreign)
		return decide(
			p, i, LEDGER_SETTLE_FAILED,
			"the chain has reports that this ledger does not, which is an old copy "
			"or a second one: put back the one that made them, or two reports of "
			"one number cost the stake",
			err);
	memcpy(c->lease.id, row.id, sizeof(c->lease.id));
	c->lease.initial_version = on_chain.initial_version;
	return c->call ? check_call(p, i, ret_keep, err) :
			 check_receipt(p, i, &on_chain.lease, ret_keep, err);
}

static void add_call(struct tx *tx, const struct settle *s, const struct candidate *c)
{
	const char *submit = c->cosigned ? "submit_cosigned" : "try_submit";
	struct tx_arg args[7] = {
		tx_shared(tx, s->market.id, s->market.initial_version, false),
		tx_shared(tx, s->provider.id, s->provider.initial_version, false),
		tx_shared(tx, c->lease.id, c->lease.initial_version, true),
	};
	size_t n = 3;

	if (!c->call) {
		args[n++] = tx_pure_bytes(tx, c->receipt.report, LEDGER_REPORT_LEN);
		args[n++] = tx_pure_bytes(tx, c->receipt.signature, LEDGER_SIG_LEN);
	}
	if (c->cosigned)
		args[n++] = tx_pure_bytes(tx, c->cosig, SIG_LEN);
	args[n++] = tx_clock(tx);
	tx_call(tx, s->package, "lease", c->call ? lease_call_name(c->call) : submit, &s->coin, 1,
		args, n);
}

/* One transaction of all candidates, with this budget. */
static int build(const struct plan *p, uint64_t budget, struct buf *ret, struct err *err)
{
	cleanup(tx_fini) struct tx tx = {};
	const struct settle *s = p->s;
	struct tx_window window = { .epoch = p->epoch.epoch };
	int r;

	random_bytes(&window.nonce, sizeof(window.nonce));
	memcpy(window.chain, s->genesis, HASH_LEN);
	address_of_key(key_public(s->key), tx.sender);
	for (size_t i = 0; i < p->n; i++)
		add_call(&tx, s, &p->at[i]);
	tx_pay_from_balance(&tx, tx.sender, p->epoch.gas_price, budget, &window);
	r = tx_validate(&tx, err);
	if (r == 0)
		r = tx_encode(&tx, ret);
	return r;
}

/* Whether command i said true: its one result is a bool in BCS. */
static bool taken(const struct json *outputs, size_t i)
{
	const struct json *results = json_get(json_at(outputs, i), "returnValues");
	const struct json *value = json_path(json_first(results), "value");

	return strcmp(json_str(value, "bcs", ""), "AQ==") == 0;
}

/* E4, before it costs anything. */
static int shrink(struct plan *p, const struct sui_effects *effects, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	int r;

	p->ret->more = true;
	if (p->n == 1 && p->at[0].cosigned) /* without the co-signature it may be taken */
		return forget_cosigned(p, &p->at[0], p->at[0].item.seq, err);
	if (p->n == 1 && p->at[0].call)
		err_set(&p->ret->odd, -EREMOTEIO, "lease %s: %s would fail: %s",
			p->at[0].item.lease, lease_call_name(p->at[0].call), effects->error);
	if (p->n == 1)
		return decide(p, 0, LEDGER_SETTLE_FAILED, effects->error, err);
	r = ledger_begin(p->s->ledger, &tx, err);
	if (r == 0)
		r = settle_batch_set(&tx, p->n / 2, err);
	if (r == 0)
		r = ledger_commit(&tx, err);
	plan_fini(p);
	return r;
}

/* Leaves in the plan what the chain would take, and says what it would cost; with nothing left the
 * step is over. */
static int try_out(struct plan *p, uint64_t *ret_budget, struct err *err)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(TX_LEN_MAX);
	cleanup(json_free) struct json *outputs = NULL;
	struct sui_effects effects = {};
	struct err why = {};
	int r = build(p, p->s->gas_max, &bytes, err);

	if (r < 0)
		return r;
	r = p->s->chain->simulate(p->s->arg, bytes.data, bytes.len, &effects, &outputs, &why);
	if (r < 0)
		return put_off(p, 0, r, &why);
	if (!effects.success)
		return shrink(p, &effects, err);
	for (size_t i = p->n; r == 0 && i > 0; i--)
		/* what is co-signed aborts where another one is skipped */
		if (!p->at[i - 1].call && !p->at[i - 1].cosigned && !taken(outputs, i - 1))
			r = decide(p, i - 1, LEDGER_SETTLE_FAILED,
				   "the chain would skip the report", err);
	if (r == 0 && sui_budget(&effects.gas, p->epoch.gas_price, ret_budget) < 0)
		*ret_budget = UINT64_MAX;
	return r;
}

/* E5. */
static int check_fees(struct plan *p, uint64_t budget, struct err *err)
{
	uint64_t since = p->now_ms > DAY_MS ? p->now_ms - DAY_MS : 0, spent = 0;
	struct err why = {};
	int r = ledger_intent_fees(p->s->ledger, since, &spent, err);

	if (r < 0)
		return r;
	if (budget > p->s->gas_max)
		err_set(&why, -EDQUOT,
			"a transaction of %zu leases needs %" PRIu64 " MIST, over chain.gasBudget",
			p->n, budget);
	else if (spent > p->s->fee_max || budget > p->s->fee_max - spent)
		err_set(&why, -EDQUOT,
			"%" PRIu64 " MIST of fees in 24 hours, and %" PRIu64
			" more, are over chain.feesPerDay",
			spent, budget);
	return why.code ? put_off(p, 9, why.code, &why) : 0;
}

/* E1. */
static int journal(struct plan *p, const struct buf *bytes, uint64_t budget, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	struct ledger_intent_item items[SETTLE_BATCH_MAX];
	struct ledger_intent intent = {
		.bytes = (uint8_t *)bytes->data,
		.len = bytes->len,
		.max_epoch = p->epoch.epoch + 1,
		.fee = budget,
		.created_ms = p->now_ms,
	};
	size_t count = 0;
	int r;

	tx_digest(bytes->data, bytes->len, intent.digest);
	sui_sign(INTENT_TRANSACTION, bytes->data, bytes->len, p->s->key, intent.signature);
	for (size_t i = 0; i < p->n; i++)
		items[i] = p->at[i].item;
	r = ledger_begin(p->s->ledger, &tx, err);
	if (r == 0)
		r = ledger_intent_add(&tx, &intent, items, p->n, err);
	for (size_t i = 0; r == 0 && i < p->n; i++)
		r = settle_rows(&tx, &(struct settle_span){ items[i].lease, 1, items[i].seq },
				LEDGER_SETTLE_BUILT, "", p->now_ms, &count, err);
	for (size_t i = 0; r == 0 && i < p->n; i++)
		if (p->at[i].cosigned)
			r = settle_cosigns_sent(&tx, items[i].lease, err);
	if (r == 0)
		r = ledger_commit(&tx, err);
	p->ret->more = r == 0;
	return r;
}

static int make(struct plan *p, struct err *err)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(TX_LEN_MAX);
	uint64_t budget = 0;
	int r = try_out(p, &budget, err);

	if (r == 0 && p->n)
		r = check_fees(p, budget, err);
	if (r < 0 || !p->n)
		return r;
	r = build(p, budget, &bytes, err);
	return r < 0 ? r : journal(p, &bytes, budget, err);
}

/* E8: alone, for what becomes of it is nobody else's. */
static int add_next_call(struct plan *p, struct err *err)
{
	struct candidate c = {};
	int r = settle_call_next(p->s, p->now_ms, &c.item, &c.call, err);

	if (r < 0 || !c.call)
		return r;
	p->at[p->n++] = c;
	p->ret->more = true; /* there may be another */
	return 0;
}

int settle_begin(struct settle *s, uint64_t now_ms, struct settle_result *ret, struct err *err)
{
	const unsigned int live =
		1U << LEDGER_SETTLE_DUE | 1U << LEDGER_SETTLE_BUILT | 1U << LEDGER_SETTLE_SUBMITTED;
	cleanup(plan_fini) struct plan p = { .s = s, .now_ms = now_ms, .ret = ret };
	struct err why = {};
	int r = settle_batch_get(s->ledger, &p.max, NULL);

	if (r == 0)
		r = settle_retry(s->ledger, now_ms, err);
	if (r == 0)
		r = ledger_settlement_list(s->ledger, NULL, live, add_due, &p, err);
	if (r == 0)
		r = let_rest(&p, err);
	if (r == 0)
		r = add_all_cosigned(&p, err);
	if (r == 0 && !p.n && p.ripe_ms)
		ret->wait_ms = p.ripe_ms - now_ms;
	if (r == 0 && !p.n)
		r = add_next_call(&p, err);
	if (r < 0 || !p.n)
		return r;
	r = s->chain->epoch(s->arg, &p.epoch, &why);
	if (r < 0)
		return settle_wait(ret, 0, r, &why);
	for (size_t i = 0; r == 0 && i < p.n;) {
		bool keep = false;

		r = look_up(&p, i, &keep, err);
		i += keep ? 1 : 0;
	}
	if (r == 0 && p.n)
		r = make(&p, err);
	/* what was decided made room for others */
	ret->more |= !ret->why.code && (ret->settled || ret->failed);
	return r;
}
