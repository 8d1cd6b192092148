/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chain/amount.h"
#include "cli/deed_int.h"
#include "core/cleanup.h"
#include "core/err.h"

#define COINS_MAX \
	32 /* largest ones: with all that a deed changes they are one page of its effects */
#define SUI_TYPE "0x2::sui::SUI"

/* Where money and gas come from. */
struct purse {
	bool balance; /* the address balance; else these coins, the largest first */
	struct object_ref coins[COINS_MAX];
	uint64_t mist[COINS_MAX];
	size_t n;
};

static int add_coin(void *arg, const struct object_ref *ref, uint64_t balance)
{
	struct purse *p = arg;
	size_t at = p->n;

	while (at > 0 && p->mist[at - 1] < balance)
		at--;
	if (at == COINS_MAX)
		return 0;
	p->n += p->n < COINS_MAX;
	for (size_t i = p->n - 1; i > at; i--) {
		p->coins[i] = p->coins[i - 1];
		p->mist[i] = p->mist[i - 1];
	}
	p->coins[at] = *ref;
	p->mist[at] = balance;
	return 0;
}

static int too_little(const struct deed *d, uint64_t amount, uint64_t address, uint64_t coins,
		      struct err *err)
{
	char sender[ADDRESS_SIZE], has[AMOUNT_SIZE], in_coins[AMOUNT_SIZE], wants[AMOUNT_SIZE];
	char gas[AMOUNT_SIZE];

	address_format(d->sender, sender);
	return err_set(err, -EDQUOT,
		       "%s has %s in its address balance and %s in coins; this takes %s and up to "
		       "%s for gas (chain.gasBudget), from one of the two",
		       sender, amount_format(address, has), amount_format(coins, in_coins),
		       amount_format(amount, wants), amount_format(d->gas_max, gas));
}

static int fill_purse(struct deed *d, uint64_t amount, struct purse *ret, struct err *err)
{
	struct sui_balance balance;
	uint64_t need, sum = 0;
	int r = sui_get_balance(d->sui, d->sender, SUI_TYPE, &balance, err);

	if (r < 0)
		return r;
	if (__builtin_add_overflow(amount, d->gas_max, &need))
		return too_little(d, amount, balance.address, balance.coins, err);
	*ret = (struct purse){ .balance = balance.address >= need };
	if (ret->balance)
		return 0;
	r = sui_list_coins(d->sui, d->sender, SUI_TYPE, add_coin, ret, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ret->n; i++)
		if (__builtin_add_overflow(sum, ret->mist[i], &sum))
			sum = UINT64_MAX;
	return sum >= need ? 0 : too_little(d, amount, balance.address, sum, err);
}

/* A coin of the amount, for the commands that follow. */
static struct tx_arg take_coin(struct tx *tx, const struct purse *p, uint64_t amount)
{
	static const uint8_t framework[OBJECT_ID_LEN] = { [OBJECT_ID_LEN - 1] = 2 };
	static const char *const type = SUI_TYPE;
	struct tx_arg arg;

	if (p->balance) {
		arg = tx_funds(tx, SUI_TYPE, amount);
		return tx_call(tx, framework, "coin", "redeem_funds", &type, 1, &arg, 1);
	}
	arg = tx_pure_u64(tx, amount);
	return tx_nested(tx_split(tx, tx_gas_coin(), &arg, 1), 0);
}

struct recipe {
	const struct deed_order *order;
	struct purse purse;
	struct sui_epoch epoch;
	uint32_t nonce;
};

static int build(struct deed *d, const struct recipe *c, uint64_t budget, struct buf *out,
		 struct err *err)
{
	cleanup(tx_fini) struct tx tx = {};
	struct tx_window window = { .epoch = c->epoch.epoch, .nonce = c->nonce };
	struct tx_arg coin = {};
	int r;

	memcpy(tx.sender, d->sender, OBJECT_ID_LEN);
	memcpy(window.chain, d->site.genesis, HASH_LEN);
	if (c->order->amount)
		coin = take_coin(&tx, &c->purse, c->order->amount);
	r = c->order->build(d, &tx, coin, c->order->arg, err);
	if (r < 0)
		return r;
	if (c->purse.balance) {
		tx_pay_from_balance(&tx, d->sender, c->epoch.gas_price, budget, &window);
	} else {
		tx_pay_from_coins(&tx, d->sender, c->epoch.gas_price, budget, c->purse.coins,
				  c->purse.n);
		/* its coins keep it from happening twice; this, from happening some day */
		tx.expiration = (struct tx_expiration){ .kind = TX_UNTIL_EPOCH,
							.epoch = c->epoch.epoch + 1 };
	}
	r = tx_validate(&tx, err);
	return r < 0 ? r : tx_encode(&tx, out);
}

static int try_out(struct deed *d, const struct recipe *c, uint64_t *ret_budget, struct err *err)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(TX_LEN_MAX);
	struct sui_effects effects = {};
	char budget[AMOUNT_SIZE];
	int r = build(d, c, d->gas_max, &bytes, err);

	if (r == 0)
		r = sui_simulate(d->sui, bytes.data, bytes.len, &effects, NULL, err);
	if (r < 0)
		return r;
	if (!effects.success)
		return err_set(err, -EREMOTEIO, "the chain would refuse it: %s", effects.error);
	if (sui_budget(&effects.gas, c->epoch.gas_price, ret_budget) < 0 ||
	    *ret_budget > d->gas_max)
		return err_set(err, -EDQUOT, "it needs more gas than %s, which is chain.gasBudget",
			       amount_format(d->gas_max, budget));
	return 0;
}

int deed_make(struct deed *d, const struct deed_order *order, struct deed_file *ret,
	      struct err *err)
{
	cleanup(deed_file_fini) struct deed_file f = { .tx = BUF_INIT(TX_LEN_MAX) };
	struct recipe c = { .order = order };
	uint64_t budget = 0;
	int r = sui_get_epoch(d->sui, &c.epoch, err);

	random_bytes(&c.nonce, sizeof(c.nonce));
	if (r == 0)
		r = fill_purse(d, order->amount, &c.purse, err);
	if (r == 0)
		r = try_out(d, &c, &budget, err);
	if (r == 0)
		r = build(d, &c, budget, &f.tx, err);
	if (r < 0)
		return r;
	snprintf(f.what, sizeof(f.what), "%s", order->what);
	f.max_epoch = c.epoch.epoch + 1;
	tx_digest(f.tx.data, f.tx.len, f.digest);
	sui_sign(INTENT_TRANSACTION, f.tx.data, f.tx.len, d->key, f.signature);
	*ret = f;
	f.tx = (struct buf)BUF_INIT(0);
	return 0;
}
