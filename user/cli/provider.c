/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/provider.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/config.h"
#include "chain/amount.h"
#include "cli/deed.h"
#include "cli/members.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "cli/provider_view.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/json.h"

/* Provider and market as they are on chain. */
struct pair {
	struct sui_object provider, market;
};

static void pair_fini(struct pair *p)
{
	sui_object_fini(&p->provider);
	sui_object_fini(&p->market);
}

int provider_market(struct deed *d, struct sui_object *ret, struct err *err)
{
	int r = sui_get_object(d->sui, d->site.market, ret, err);

	return r < 0 ? err_wrap(err, "chain.market") : 0;
}

static int read_pair(struct deed *d, const uint8_t id[OBJECT_ID_LEN], struct pair *ret,
		     struct err *err)
{
	static const uint8_t none[OBJECT_ID_LEN];
	int r;

	if (memcmp(id, none, sizeof(none)) == 0)
		return err_set(err, -EINVAL,
			       "chain.provider: is empty; 'weir provider register' makes one");
	r = sui_get_object(d->sui, id, &ret->provider, err);
	if (r < 0)
		return err_wrap(err, "the provider");
	return provider_market(d, &ret->market, err);
}

/* ---- show ----------------------------------------------------------------------------------- */

/* The public half of key.file, where there is one that we may read. */
bool provider_own_key(struct cli *cli, uint8_t *ret)
{
	cleanup(key_free) struct key *key = NULL;
	const struct config *cfg;

	if (cli_config(cli, &cfg, NULL) < 0 || key_load(cfg->key.file, &key, NULL) < 0)
		return false;
	memcpy(ret, key_public(key), PUBKEY_LEN);
	return true;
}

static int run_show(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(deed_fini) struct deed d = {};
	cleanup(pair_fini) struct pair pair = {};
	const char *id = cli_arg(cli, 0);
	uint8_t key[PUBKEY_LEN];
	int r = deed_look(cli, &d, err);

	if (r == 0 && id)
		r = site_id("ID", id, d.site.provider, err);
	if (r == 0)
		r = read_pair(&d, d.site.provider, &pair, err);
	if (r < 0)
		return r;
	return provider_view(pair.provider.json, pair.market.json,
			     provider_own_key(cli, key) ? key : NULL, clock_wall_ms(), ret, err);
}

/* ---- stake, unbond, withdraw ---------------------------------------------------------------- */

int provider_amount(struct cli *cli, const char *text, uint64_t *ret, struct err *err)
{
	struct err why = {};

	if (!text || amount_parse(text, ret, &why) < 0 || !*ret)
		return cli_usage(cli, err, "provider %s: %s", cli->args.command->name,
				 why.code ? why.text : "an amount over 0 is needed");
	return 0;
}

struct change {
	uint64_t amount;
	const uint8_t *provider;
};

/* Both objects, as every call on a provider begins. */
static int begin(struct deed *d, struct tx *tx, const struct change *c, struct tx_arg args[2],
		 struct err *err)
{
	int r = deed_market(d, tx, &args[0], err);

	return r < 0 ? r : deed_shared(d, tx, "the provider", c->provider, true, &args[1], err);
}

static int build_stake(struct deed *d, struct tx *tx, struct tx_arg coin, const void *arg,
		       struct err *err)
{
	struct tx_arg args[3];
	int r = begin(d, tx, arg, args, err);

	args[2] = coin;
	if (r == 0)
		tx_call(tx, d->site.package, "provider", "add_stake", NULL, 0, args, 3);
	return r;
}

static int build_unbond(struct deed *d, struct tx *tx, struct tx_arg coin, const void *arg,
			struct err *err)
{
	const struct change *c = arg;
	struct tx_arg args[4];
	int r = begin(d, tx, c, args, err);

	(void)coin;
	if (r < 0)
		return r;
	args[2] = tx_pure_u64(tx, c->amount);
	args[3] = tx_clock(tx);
	tx_call(tx, d->site.package, "provider", "unbond", NULL, 0, args, 4);
	return 0;
}

static int build_withdraw(struct deed *d, struct tx *tx, struct tx_arg coin, const void *arg,
			  struct err *err)
{
	struct tx_arg args[3];
	int r = begin(d, tx, arg, args, err);

	(void)coin;
	if (r < 0)
		return r;
	args[2] = tx_clock(tx);
	tx_call(tx, d->site.package, "provider", "withdraw", NULL, 0, args, 3);
	return 0;
}

static int change(struct deed *d, struct deed_order *o, struct change *c, struct json **ret,
		  struct err *err)
{
	struct deed_done done;
	char id[ADDRESS_SIZE];
	int r;

	c->provider = d->site.provider;
	o->arg = c;
	r = deed_do(d, o, &done, err);
	if (r < 0)
		return r;
	address_format(d->site.provider, id);
	*ret = deed_json(&done);
	json_set_str(*ret, "provider", id);
	if (c->amount)
		member_mist(*ret, "amount", c->amount);
	return 0;
}

static void describe(struct deed_order *o, const char *command, uint64_t amount)
{
	char text[AMOUNT_SIZE] = "";

	if (amount)
		amount_format(amount, text);
	snprintf(o->what, sizeof(o->what), "provider %s%s%s", command, amount ? " " : "", text);
}

/* The key's provider, with what its owner alone may do checked before it is tried. */
static int open_own(struct cli *cli, bool owner, struct deed *d, struct provider_state *ret,
		    struct err *err)
{
	cleanup(pair_fini) struct pair pair = {};
	uint8_t address[OBJECT_ID_LEN];
	int r = deed_open(cli, d, err);

	if (r == 0)
		r = read_pair(d, d->site.provider, &pair, err);
	if (r == 0)
		r = provider_read(pair.provider.json, pair.market.json, ret, err);
	if (r == 0 && owner &&
	    (address_parse(ret->owner, address) < 0 ||
	     memcmp(address, d->sender, sizeof(address)) != 0))
		r = err_set(err, -EPERM, "--key: is not that of the provider's owner, %s",
			    ret->owner);
	return r;
}

static int run_stake(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(deed_fini) struct deed d = {};
	struct deed_order order = { .build = build_stake };
	struct provider_state state = {};
	struct change c = {};
	int r = provider_amount(cli, cli_arg(cli, 0), &c.amount, err);

	if (r == 0)
		r = open_own(cli, false, &d, &state, err);
	if (r < 0)
		return r;
	order.amount = c.amount;
	describe(&order, "stake", c.amount);
	return change(&d, &order, &c, ret, err);
}

static int run_unbond(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(deed_fini) struct deed d = {};
	struct deed_order order = { .build = build_unbond };
	char has[AMOUNT_SIZE], min[AMOUNT_SIZE];
	struct provider_state s = {};
	struct change c = {};
	int r = provider_amount(cli, cli_arg(cli, 0), &c.amount, err);

	if (r == 0)
		r = open_own(cli, true, &d, &s, err);
	if (r < 0)
		return r;
	describe(&order, "unbond", c.amount);
	/* of one that was sent before the stake is gone already: deed_do() knows */
	if (!deed_is_open(&d) && c.amount > s.stake)
		return err_set(err, -EINVAL, "the stake is %s", amount_format(s.stake, has));
	if (!deed_is_open(&d) && s.stake - c.amount < s.min_stake &&
	    !cli_flag(cli, "below-minimum"))
		return err_set(err, -EINVAL,
			       "%s would be left, under the market's minimum of %s: reports would "
			       "need the tenants' signatures; --below-minimum if that is meant",
			       amount_format(s.stake - c.amount, has),
			       amount_format(s.min_stake, min));
	return change(&d, &order, &c, ret, err);
}

static int run_withdraw(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(deed_fini) struct deed d = {};
	struct deed_order order = { .build = build_withdraw };
	struct provider_state state = {};
	struct change c = {};
	int r = open_own(cli, false, &d, &state, err);

	if (r < 0)
		return r;
	describe(&order, "withdraw", 0);
	return change(&d, &order, &c, ret, err);
}

/* ---- The table ------------------------------------------------------------------------------ */

static const struct column unbonding_columns[] = {
	{ "UNBONDING", "amount", FORM_SUI },
	{ "RELEASE", "release", FORM_TEXT },
	{ "FREE", "free", FORM_TEXT },
	{},
};

static const struct column key_columns[] = {
	{ "KEY", "key", FORM_TEXT },	     { "STATE", "state", FORM_TEXT },
	{ "RETIRED", "retired", FORM_TEXT }, { "COUNTS UNTIL", "counts_until", FORM_TEXT },
	{ "SLASHED", "slashed", FORM_TEXT }, {},
};

static const char *const money[] = { "stake", "minimum_stake", "amount", "gas", NULL };

static const struct view show_views[] = {
	{ .path = "", .money = money },
	{ .path = "capacity" },
	{ .path = "unbonding", .columns = unbonding_columns, .empty = "nothing is unbonding" },
	{ .path = "keys", .columns = key_columns },
	{},
};

static const struct view answer_views[] = { { .path = "", .money = money }, {} };

static const struct cli_flag key_flag[] = {
	{ "key", 'k', "FILE", "the key that signs and pays" },
	{},
};

static const struct cli_flag unbond_flags[] = {
	{ "key", 'k', "FILE", "the owner's key, which signs and pays" },
	{ "below-minimum", 0, NULL, "also when less than the market's minimum is left" },
	{},
};

#define SENDS                                                                                    \
	"FILE is one of 'key new' or what a wallet exported (suiprivkey1...), mode 0600. It is " \
	"tried out first. Its digest is told before it is sent; when no answer comes, the same " \
	"command again asks for it, and never sends another. chain.kind must be sui."

static const struct cli_command commands[] = {
	{
		.name = "show",
		.args = "[ID]",
		.help = "stake, keys and capacity on chain; of chain.provider unless ID is given",
		.more = "backed says whether reports are taken without the tenants' signatures; "
			"report_key what this node's own key is there. A retired key still costs stake "
			"until its time is over.",
		.views = show_views,
		.run = run_show,
	},
	{
		.name = "register",
		.flags = provider_register_flags,
		.help = "become a provider of the market, with a stake; prints its id",
		.more = SENDS,
		.views = answer_views,
		.run = provider_register,
	},
	{
		.name = "stake",
		.args = "AMOUNT",
		.flags = key_flag,
		.help = "add to the stake; anyone may",
		.more = SENDS,
		.views = answer_views,
		.run = run_stake,
	},
	{
		.name = "unbond",
		.args = "AMOUNT",
		.flags = unbond_flags,
		.help = "ask stake back; it can be withdrawn when its time is over, and lies cost it "
			"till then",
		.more = SENDS,
		.views = answer_views,
		.run = run_unbond,
	},
	{
		.name = "withdraw",
		.flags = key_flag,
		.help = "send what has been unbonding for long enough to the owner; anyone may",
		.more = SENDS,
		.views = answer_views,
		.run = run_withdraw,
	},
	{},
};

const struct cli_object cli_object_provider = {
	.name = "provider",
	.summary = "this provider on chain: what it stakes, signs with and has",
	.commands = commands,
};
