/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/config.h"
#include "chain/amount.h"
#include "cli/deed.h"
#include "cli/members.h"
#include "cli/number.h"
#include "cli/provider.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "core/parse.h"

#define ENDPOINT_MAX 256 /* bytes; provider.move */

const struct cli_flag provider_register_flags[] = {
	{ "key", 'k', "FILE", "the owner's key, which signs and pays; not on the node" },
	{ "stake", 's', "AMOUNT", "what lies would cost" },
	{ "cpu-millis", 0, "N", "what the node has: 1000 are one core" },
	{ "memory", 0, "SIZE", "and its memory, such as 64GiB" },
	{ "net", 0, "SIZE", "and what it sends or receives in a second" },
	{ "report-key", 0, "HEX", "the key that signs reports; that of key.file unless given" },
	{ "payout", 0, "ADDRESS", "who is paid; the owner unless given" },
	{ "agent", 0, "ADDRESS", "the node's own account; that of chain.keyFile unless given" },
	{ "endpoint", 0, "TEXT", "where tenants find the provider" },
	{},
};

struct registration {
	uint8_t key[PUBKEY_LEN], agent[OBJECT_ID_LEN], payout[OBJECT_ID_LEN];
	uint64_t stake, cpu_millis, memory_bytes, net_bytes_s;
	const char *endpoint;
};

static int build_register(struct deed *d, struct tx *tx, struct tx_arg coin, const void *arg,
			  struct err *err)
{
	const struct registration *reg = arg;
	const struct tx_arg capacity[] = { tx_pure_u64(tx, reg->cpu_millis),
					   tx_pure_u64(tx, reg->memory_bytes),
					   tx_pure_u64(tx, reg->net_bytes_s), tx_clock(tx) };
	struct tx_arg args[7], made;
	int r = deed_market(d, tx, &args[0], err);

	if (r < 0)
		return r;
	args[1] = coin;
	args[2] = tx_pure_bytes(tx, reg->key, PUBKEY_LEN);
	args[3] = tx_call(tx, d->site.package, "provider", "capacity", NULL, 0, capacity,
			  ARRAY_LEN(capacity));
	args[4] = tx_pure_bytes(tx, reg->endpoint, strlen(reg->endpoint));
	args[5] = tx_pure_id(tx, reg->agent);
	args[6] = tx_pure_id(tx, reg->payout);
	made = tx_call(tx, d->site.package, "provider", "register", NULL, 0, args, ARRAY_LEN(args));
	tx_call(tx, d->site.package, "provider", "share", NULL, 0, &made, 1);
	return 0;
}

static int read_number(struct cli *cli, const char *flag, enum number_kind kind, uint64_t *ret,
		       struct err *err)
{
	const struct number_range some = { kind, 1, UINT64_MAX };

	if (!cli_flag(cli, flag))
		return cli_usage(cli, err, "provider register: --%s is needed", flag);
	return number_flag(cli, flag, &some, ret, err);
}

/* The key that reports are signed with: given, or this node's. */
static int read_report_key(struct cli *cli, struct registration *reg, struct err *err)
{
	const char *hex = cli_flag(cli, "report-key");

	if (hex && parse_hex(hex, reg->key, PUBKEY_LEN) < 0)
		return cli_usage(
			cli, err,
			"--report-key: not a public key, which is %d lower-case hex digits",
			2 * PUBKEY_LEN);
	if (hex || provider_own_key(cli, reg->key))
		return 0;
	return cli_usage(cli, err,
			 "provider register: no key of this node to read (key.file); name the one "
			 "that signs reports by --report-key, 'weir key show' has it");
}

/* Who pays for gas on the node, and may speak for the provider; and who is paid. */
static int read_accounts(struct cli *cli, const struct deed *d, struct registration *reg,
			 struct err *err)
{
	const char *agent = cli_flag(cli, "agent"), *payout = cli_flag(cli, "payout");
	cleanup(key_free) struct key *gas = NULL;
	const struct config *cfg;
	int r = cli_config(cli, &cfg, err);

	memcpy(reg->agent, d->sender, OBJECT_ID_LEN);
	memcpy(reg->payout, d->sender, OBJECT_ID_LEN);
	if (r == 0 && agent)
		r = site_id("--agent", agent, reg->agent, err);
	else if (r == 0 && cfg->chain.key_file[0] && key_load(cfg->chain.key_file, &gas, NULL) == 0)
		address_of_key(key_public(gas), reg->agent);
	if (r == 0 && payout)
		r = site_id("--payout", payout, reg->payout, err);
	return r;
}

static int read_registration(struct cli *cli, const struct deed *d, struct registration *reg,
			     struct err *err)
{
	int r = provider_amount(cli, cli_flag(cli, "stake"), &reg->stake, err);

	reg->endpoint = cli_flag(cli, "endpoint") ? cli_flag(cli, "endpoint") : "";
	if (r == 0 && strlen(reg->endpoint) > ENDPOINT_MAX)
		r = cli_usage(cli, err, "--endpoint: over %d bytes", ENDPOINT_MAX);
	if (r == 0)
		r = read_number(cli, "cpu-millis", NUMBER_COUNT, &reg->cpu_millis, err);
	if (r == 0)
		r = read_number(cli, "memory", NUMBER_SIZE, &reg->memory_bytes, err);
	if (r == 0)
		r = read_number(cli, "net", NUMBER_SIZE, &reg->net_bytes_s, err);
	if (r == 0)
		r = read_report_key(cli, reg, err);
	return r < 0 ? r : read_accounts(cli, d, reg, err);
}

static int describe_registration(const struct registration *reg, struct deed_order *o,
				 struct err *err)
{
	char stake[AMOUNT_SIZE], agent[ADDRESS_SIZE], payout[ADDRESS_SIZE];
	char key[2 * PUBKEY_LEN + 1];
	int n;

	address_format(reg->agent, agent);
	address_format(reg->payout, payout);
	format_hex(reg->key, PUBKEY_LEN, key);
	n = snprintf(o->what, sizeof(o->what),
		     "provider register --stake %s --cpu-millis %" PRIu64 " --memory %" PRIu64
		     " --net %" PRIu64 " --report-key %s --agent %s --payout %s --endpoint '%s'",
		     amount_format(reg->stake, stake), reg->cpu_millis, reg->memory_bytes,
		     reg->net_bytes_s, key, agent, payout, reg->endpoint);
	return n < DEED_WHAT_MAX ? 0 : err_set(err, -E2BIG, "provider register: too long");
}

static int check_minimum(struct deed *d, uint64_t stake, struct err *err)
{
	cleanup(sui_object_fini) struct sui_object market = {};
	char want[AMOUNT_SIZE];
	uint64_t min = 0;
	int r = provider_market(d, &market, err);

	if (r == 0 && json_u64(json_get(market.json, "params"), "min_stake", &min) < 0)
		r = err_set(err, -EBADMSG, "chain.market: the object is no market");
	if (r == 0 && stake < min)
		r = err_set(err, -EINVAL, "--stake: the market wants %s at least",
			    amount_format(min, want));
	return r;
}

int provider_register(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(deed_fini) struct deed d = {};
	cleanup(json_free) struct json *o = NULL;
	struct registration reg = {};
	struct deed_order order = { .build = build_register, .arg = &reg };
	char text[ADDRESS_SIZE], line[ADDRESS_SIZE + 32];
	uint8_t id[OBJECT_ID_LEN];
	struct deed_done done;
	int r = deed_open(cli, &d, err);

	if (r == 0)
		r = read_registration(cli, &d, &reg, err);
	if (r == 0)
		r = check_minimum(&d, reg.stake, err);
	if (r == 0)
		r = describe_registration(&reg, &order, err);
	order.amount = reg.stake;
	if (r == 0)
		r = deed_do(&d, &order, &done, err);
	if (r == 0)
		r = deed_created(&done, "provider::Provider", id, err);
	if (r < 0)
		return r;
	address_format(id, text);
	snprintf(line, sizeof(line), "chain: {provider: '%s'}", text);
	o = deed_json(&done);
	json_set_str(o, "provider", text);
	member_mist(o, "stake", reg.stake);
	member_hex(o, "report_key", reg.key, PUBKEY_LEN);
	json_set_str(o, "configuration", line);
	*ret = take_ptr(o);
	return 0;
}
