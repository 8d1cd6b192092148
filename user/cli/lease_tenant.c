/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lease_tenant.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/config.h"
#include "chain/amount.h"
#include "cli/deed.h"
#include "cli/members.h"
#include "cli/number.h"
#include "cli/provider_view.h"
#include "core/bcs.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "core/parse.h"
#include "core/usage.h"
#include "walrus/blobname.h"
#include "walrus/sri.h"

#define GRACE_DEFAULT_MS 86400000 /* a provider may be away for so long and is paid still */
#define GRACE_MAX_MS UINT64_C(2592000000) /* lease.move */
#define ENTRY_MAX 256 /* bytes; offer.move */

/* Amounts, by the flags that say them. */
enum offer_amount {
	OFFER_DEPOSIT,
	OFFER_CORE,
	OFFER_MEMORY,
	OFFER_EXTERNAL,
	OFFER_CLUSTER,
	OFFER_LOCAL,
	OFFER_CAP,
	OFFER_AMOUNT_MAX_
};

static const char *const amount_flags[] = {
	[OFFER_DEPOSIT] = "deposit",	 [OFFER_CORE] = "core-second",
	[OFFER_MEMORY] = "gib-second",	 [OFFER_EXTERNAL] = "gib-external",
	[OFFER_CLUSTER] = "gib-cluster", [OFFER_LOCAL] = "gib-local",
	[OFFER_CAP] = "rate-cap",
};
_Static_assert(ARRAY_LEN(amount_flags) == OFFER_AMOUNT_MAX_, "a flag for each amount");

struct offer {
	const char *label, *entry;
	uint8_t provider[OBJECT_ID_LEN], blob[BLOBID_LEN];
	uint64_t amounts[OFFER_AMOUNT_MAX_];
	uint64_t cpu_millis, memory_bytes, pids, grace_ms;
	struct sri sri;
	uint8_t tenant_key[PUBKEY_LEN];
};

/* ---- What was asked for --------------------------------------------------------------------- */

static int read_amounts(struct cli *cli, struct offer *o, struct err *err)
{
	for (size_t i = 0; i < OFFER_AMOUNT_MAX_; i++) {
		const char *text = cli_flag(cli, amount_flags[i]);
		struct err why = {};

		if (text && amount_parse(text, &o->amounts[i], &why) < 0)
			return cli_usage(cli, err, "--%s: %s", amount_flags[i], why.text);
	}
	if (!o->amounts[OFFER_DEPOSIT])
		return cli_usage(cli, err, "lease open: --deposit AMOUNT is needed, more than 0");
	return 0;
}

static int read_limits(struct cli *cli, struct offer *o, struct err *err)
{
	const struct {
		const char *flag;
		struct number_range range;
		uint64_t *to;
	} limits[] = {
		{ "cpu-millis", { NUMBER_COUNT, 1, UINT64_MAX }, &o->cpu_millis },
		{ "memory", { NUMBER_SIZE, 0, UINT64_MAX }, &o->memory_bytes },
		{ "pids", { NUMBER_COUNT, 1, UINT64_MAX }, &o->pids },
		{ "grace", { NUMBER_TIME, 0, GRACE_MAX_MS }, &o->grace_ms },
	};
	int r = 0;

	o->grace_ms = GRACE_DEFAULT_MS;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(limits); i++)
		r = number_flag(cli, limits[i].flag, &limits[i].range, limits[i].to, err);
	return r;
}

static int read_work(struct cli *cli, struct offer *o, struct err *err)
{
	const char *blob = cli_flag(cli, "blob"), *sri = cli_flag(cli, "integrity");
	struct err why = {};

	if (blob && blobname_parse(blob, o->blob, &why) < 0)
		return cli_usage(cli, err, "--blob: %s", why.text);
	if (sri && (sri_parse(sri, &o->sri, &why) < 0 || o->sri.len != 1))
		return cli_usage(cli, err, "--integrity: %s",
				 why.code ? why.text : "more than one digest");
	o->entry = cli_flag(cli, "entry") ? cli_flag(cli, "entry") : "";
	if (strlen(o->entry) > ENTRY_MAX)
		return cli_usage(cli, err, "--entry: over %d bytes", ENTRY_MAX);
	return read_limits(cli, o, err);
}

static int describe(const struct offer *o, struct deed_order *order, struct err *err)
{
	cleanup(buf_fini) struct buf what = BUF_INIT(DEED_WHAT_MAX);
	char text[AMOUNT_SIZE], id[ADDRESS_SIZE], sri[SRI_TEXT_MAX], blob[BLOBNAME_MAX];
	const struct {
		const char *flag;
		uint64_t value;
	} limits[] = { { "cpu-millis", o->cpu_millis },
		       { "memory", o->memory_bytes },
		       { "pids", o->pids } };

	address_format(o->provider, id);
	buf_printf(&what, "lease open %s --provider %s", o->label, id);
	for (size_t i = 0; i < OFFER_AMOUNT_MAX_; i++)
		if (o->amounts[i])
			buf_printf(&what, " --%s %s", amount_flags[i],
				   amount_format(o->amounts[i], text));
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (limits[i].value)
			buf_printf(&what, " --%s %" PRIu64, limits[i].flag, limits[i].value);
	buf_printf(&what, " --grace %" PRIu64 "ms", o->grace_ms);
	if (memcmp(o->blob, (const uint8_t[BLOBID_LEN]){}, BLOBID_LEN) != 0)
		buf_printf(&what, " --blob=%s", blobname_format(o->blob, blob));
	if (o->sri.len)
		buf_printf(&what, " --integrity %s", sri_format(o->sri.digest[0], sri));
	if (o->entry[0])
		buf_printf(&what, " --entry '%s'", o->entry);
	if (buf_error(&what))
		return err_set(err, -E2BIG, "lease open: too long");
	memcpy(order->what, what.data, what.len + 1);
	return 0;
}

/* ---- The transaction ------------------------------------------------------------------------ */

static struct tx_arg price_list(struct tx *tx, const struct offer *o)
{
	static const enum offer_amount classes[USAGE_CLASS_MAX_] = {
		[USAGE_EXTERNAL] = OFFER_EXTERNAL,
		[USAGE_CLUSTER] = OFFER_CLUSTER,
		[USAGE_LOCAL] = OFFER_LOCAL,
	};
	cleanup(buf_fini) struct buf list = BUF_INIT(64);

	bcs_put_uleb(&list, USAGE_CLASS_MAX_);
	for (size_t i = 0; i < USAGE_CLASS_MAX_; i++)
		bcs_put_u64(&list, o->amounts[classes[i]]);
	return tx_pure(tx, list.data, list.len);
}

static struct tx_arg prices(struct deed *d, struct tx *tx, const struct offer *o)
{
	/* a price of bytes holds for both directions */
	const struct tx_arg args[] = { tx_pure_u64(tx, o->amounts[OFFER_CORE]),
				       tx_pure_u64(tx, o->amounts[OFFER_MEMORY]), price_list(tx, o),
				       price_list(tx, o), tx_pure_u64(tx, o->amounts[OFFER_CAP]) };

	return tx_call(tx, d->site.package, "offer", "prices", NULL, 0, args, ARRAY_LEN(args));
}

static struct tx_arg work(struct deed *d, struct tx *tx, const struct offer *o)
{
	const struct tx_arg args[] = {
		tx_pure(tx, o->blob, BLOBID_LEN), /* the id's bytes are a u256 in BCS */
		tx_pure_bytes(tx, o->sri.digest[0], o->sri.len ? SHA512_LEN : 0),
		tx_pure_bytes(tx, o->entry, strlen(o->entry)),
		tx_pure_u64(tx, o->cpu_millis),
		tx_pure_u64(tx, o->memory_bytes),
		tx_pure_u64(tx, o->pids),
		tx_pure_bytes(tx, "", 0),
	};

	return tx_call(tx, d->site.package, "offer", "work", NULL, 0, args, ARRAY_LEN(args));
}

static const char *const sui_type = "0x2::sui::SUI";

static int build_open(struct deed *d, struct tx *tx, struct tx_arg coin, const void *arg,
		      struct err *err)
{
	const struct offer *o = arg;
	struct tx_arg args[8], made;
	int r = deed_market(d, tx, &args[0], err);

	if (r == 0)
		r = deed_shared(d, tx, "--provider", o->provider, false, &args[1], err);
	if (r < 0)
		return r;
	args[2] = coin;
	args[3] = prices(d, tx, o);
	args[4] = work(d, tx, o);
	args[5] = tx_pure_bytes(tx, o->tenant_key, PUBKEY_LEN);
	args[6] = tx_pure_u64(tx, o->grace_ms);
	args[7] = tx_clock(tx);
	made = tx_call(tx, d->site.package, "lease", "open", &sui_type, 1, args, ARRAY_LEN(args));
	tx_call(tx, d->site.package, "lease", "share", &sui_type, 1, &made, 1);
	return 0;
}

/* The market and the provider, and whether the chain would open a lease with it. */
static int check_provider(struct deed *d, const struct offer *o, struct err *err)
{
	cleanup(sui_object_fini) struct sui_object provider = {}, market = {};
	char has[AMOUNT_SIZE], min[AMOUNT_SIZE];
	struct provider_state s;
	int r = sui_get_object(d->sui, o->provider, &provider, err);

	if (r < 0)
		return err_wrap(err, "--provider");
	r = sui_get_object(d->sui, d->site.market, &market, err);
	if (r < 0)
		return err_wrap(err, "chain.market");
	r = provider_read(provider.json, market.json, &s, err);
	if (r < 0)
		return r;
	if (json_bool(provider.json, "jailed", true))
		return err_set(err, -EPERM, "--provider: it is jailed, for a lie that was proven");
	if (s.stake < s.min_stake)
		return err_set(err, -EPERM, "--provider: its stake is %s, under the market's %s",
			       amount_format(s.stake, has), amount_format(s.min_stake, min));
	return 0;
}

/* Only SUI is taken along: what another coin's smallest unit is, nobody here knows. */
static int check_coin(struct cli *cli, struct err *err)
{
	const struct config *cfg;
	int r = cli_config(cli, &cfg, err);

	if (r == 0 && strcmp(cfg->chain.coin, sui_type) != 0)
		return err_set(err, -ENOTSUP,
			       "chain.coin: only leases in SUI are opened and fed "
			       "by this command");
	return r;
}

int lease_tenant_open(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(deed_fini) struct deed d = {};
	struct offer o = { .label = cli_arg(cli, 0) };
	struct deed_order order = { .build = build_open, .arg = &o };
	char text[ADDRESS_SIZE], runs[ADDRESS_SIZE + 256];
	uint8_t id[OBJECT_ID_LEN];
	struct deed_done done;
	int r = read_amounts(cli, &o, err);

	if (r == 0)
		r = read_work(cli, &o, err);
	if (r == 0)
		r = site_id("--provider", cli_flag(cli, "provider"), o.provider, err);
	if (r == 0)
		r = check_coin(cli, err);
	if (r == 0)
		r = deed_open(cli, &d, err);
	if (r == 0)
		r = check_provider(&d, &o, err);
	if (r == 0)
		r = describe(&o, &order, err);
	if (r < 0)
		return r;
	memcpy(o.tenant_key, key_public(d.key), PUBKEY_LEN);
	order.amount = o.amounts[OFFER_DEPOSIT];
	r = deed_do(&d, &order, &done, err);
	if (r == 0)
		r = deed_created(&done, "lease::Lease", id, err);
	if (r < 0)
		return r;
	address_format(id, text);
	snprintf(runs, sizeof(runs), "weir lease open %.63s --object %s", o.label, text);
	*ret = deed_json(&done);
	json_set_str(*ret, "object", text);
	member_mist(*ret, "deposit", order.amount);
	json_set_str(*ret, "provider_runs", runs);
	return 0;
}

/* ---- A lease that is there ------------------------------------------------------------------ */

struct feeding {
	uint8_t lease[OBJECT_ID_LEN], provider[OBJECT_ID_LEN];
	uint64_t initial_version;
	const char *function;
};

/* All calls on a lease are alike: market, provider, lease, what is given, the clock. */
static int build_call(struct deed *d, struct tx *tx, struct tx_arg coin, const void *arg,
		      struct err *err)
{
	const struct feeding *f = arg;
	struct tx_arg args[5];
	size_t n = 3;
	int r = deed_market(d, tx, &args[0], err);

	if (r == 0)
		r = deed_shared(d, tx, "the lease's provider", f->provider, false, &args[1], err);
	if (r < 0)
		return r;
	args[2] = tx_shared(tx, f->lease, f->initial_version, true);
	if (strcmp(f->function, "top_up") == 0)
		args[n++] = coin;
	args[n++] = tx_clock(tx);
	tx_call(tx, d->site.package, "lease", f->function, &sui_type, 1, args, n);
	return 0;
}

static int read_lease(struct cli *cli, struct deed *d, struct feeding *ret, bool *ret_closing,
		      struct err *err)
{
	cleanup(sui_object_fini) struct sui_object lease = {};
	uint8_t market[OBJECT_ID_LEN];
	int r = check_coin(cli, err);

	if (r == 0)
		r = site_id("LEASE", cli_arg(cli, 0), ret->lease, err);
	if (r == 0)
		r = deed_open(cli, d, err);
	if (r == 0)
		r = sui_get_object(d->sui, ret->lease, &lease, err);
	if (r < 0)
		return r;
	if (lease.owner != SUI_SHARED ||
	    address_parse(json_str(lease.json, "provider", ""), ret->provider) < 0 ||
	    address_parse(json_str(lease.json, "market", ""), market) < 0)
		return err_set(err, -EINVAL, "%.70s: is no lease", cli_arg(cli, 0));
	if (memcmp(market, d->site.market, sizeof(market)) != 0)
		return err_set(err, -EINVAL, "%.70s: is of another market than chain.market",
			       cli_arg(cli, 0));
	ret->initial_version = lease.initial_version;
	*ret_closing = json_type(json_get(lease.json, "closing_ms")) != JSON_NULL;
	return 0;
}

static int call_lease(struct deed *d, struct deed_order *order, const struct feeding *f,
		      struct json **ret, struct err *err)
{
	struct deed_done done;
	char text[ADDRESS_SIZE];
	int r;

	order->build = build_call;
	order->arg = f;
	r = deed_do(d, order, &done, err);
	if (r < 0)
		return r;
	address_format(f->lease, text);
	*ret = deed_json(&done);
	json_set_str(*ret, "object", text);
	/* of one that an earlier command sent, only that one knew */
	member_text(*ret, "done", done.resumed ? NULL : f->function);
	return 0;
}

int lease_tenant_top_up(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(deed_fini) struct deed d = {};
	struct feeding f = { .function = "top_up" };
	struct deed_order order = {};
	char amount[AMOUNT_SIZE], id[ADDRESS_SIZE];
	struct err why = {};
	bool closing = false;
	int r;

	if (amount_parse(cli_arg(cli, 1), &order.amount, &why) < 0 || !order.amount)
		return cli_usage(cli, err, "lease top-up: %s",
				 why.code ? why.text : "nothing is added by 0");
	r = read_lease(cli, &d, &f, &closing, err);
	if (r < 0)
		return r;
	if (closing && !deed_is_open(&d))
		return err_set(err, -ESHUTDOWN, "%.70s: is closing; nothing can be added",
			       cli_arg(cli, 0));
	address_format(f.lease, id);
	snprintf(order.what, sizeof(order.what), "lease top-up %s %s", id,
		 amount_format(order.amount, amount));
	r = call_lease(&d, &order, &f, ret, err);
	if (r == 0)
		member_mist(*ret, "amount", order.amount);
	return r;
}

int lease_tenant_close(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(deed_fini) struct deed d = {};
	struct deed_order order = {};
	struct feeding f = {};
	char id[ADDRESS_SIZE];
	bool closing = false;
	int r = read_lease(cli, &d, &f, &closing, err);

	if (r < 0)
		return r;
	f.function = closing ? "finish" : "close";
	address_format(f.lease, id);
	snprintf(order.what, sizeof(order.what), "lease close %s", id);
	r = call_lease(&d, &order, &f, ret, err);
	if (r == -EREMOTEIO && closing)
		err_wrap(err, "the lease is closing already, and reports may come until its grace "
			      "is over");
	return r;
}
