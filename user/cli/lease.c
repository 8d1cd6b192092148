/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "chain/amount.h"
#include "chain/lease.h"
#include "cli/lease_tenant.h"
#include "cli/members.h"
#include "cli/node.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "ledger/lease.h"

struct collect {
	struct json *json;
	struct err *err;
};

/* What waits for its time on chain; of a lease that the ledger keeps, nothing does. */
static void add_claims(struct json *o, const struct lease *l)
{
	uint64_t before = l->total_due - l->chain.waiting;
	struct json *list = json_new_array();

	for (size_t i = 0; i < l->chain.nclaims; i++) {
		const struct lease_claim *claim = &l->chain.claims[i];
		struct json *c = json_new_object();

		member_mist(c, "amount", claim->total_due - before);
		member_time(c, "release", claim->release_ms);
		json_add(list, c);
		before = claim->total_due;
	}
	member_mist(o, "reported", l->total_due);
	member_mist(o, "waiting", l->chain.waiting);
	json_set(o, "claims", list);
	member_time(o, "disputed_until", l->chain.disputed_until_ms);
	member_mist(o, "struck", l->chain.struck);
	member_number(o, "version", l->chain.version);
}

static int add(const struct ledger_lease *row, void *arg)
{
	struct collect *list = arg;
	struct json *o, *p;
	struct lease l;
	int rc = lease_decode(row->account, row->account_len, &l, list->err);

	if (rc < 0)
		return err_wrap(list->err, "lease %s in the ledger", row->label);
	o = json_new_object();
	p = json_new_object();
	json_set_str(o, "lease", row->label);
	member_hex(o, "id", row->id, sizeof(row->id));
	member_hex(o, "market", row->market, sizeof(row->market));
	member_hex(o, "provider", row->provider, sizeof(row->provider));
	member_hex(o, "tenant", l.terms.tenant, sizeof(l.terms.tenant));
	json_set_str(o, "state", lease_state_name(l.state));
	member_time(o, "opened", row->opened_ms);
	member_time(o, "closing", l.closing_ms);
	member_time(o, "closed", row->closed_ms);
	price_to_json(&l.terms.prices, p);
	json_set(o, "prices", p);
	member_mist(o, "deposited", l.deposited);
	member_mist(o, "total_due", row->last_total_due);
	member_mist(o, "paid", l.paid);
	member_mist(o, "refunded", l.refunded);
	member_mist(o, "escrow", lease_escrow(&l));
	member_mist(o, "unpaid", lease_unpaid(&l));
	add_claims(o, &l);
	json_set_u64(o, "seq", row->seq);
	json_set_u64(o, "signed_seq", row->signed_seq);
	json_set_str(o, "held", row->held);
	member_time(o, "billed_to", row->last_to_ms);
	return json_add(list->json, o);
}

/* All leases, or the one that was asked for. */
static int fill(struct cli *cli, struct ledger *ledger, struct json *list, struct err *err)
{
	const char *label = cli_arg(cli, 0);
	struct collect to = { .json = list, .err = err };
	struct ledger_lease lease;
	int rc;

	if (!label)
		return ledger_lease_list(ledger, add, &to, err);
	rc = ledger_lease_get(ledger, label, &lease, err);
	if (rc == -ENOENT)
		return err_set(err, rc, "no lease '%s'; 'weir lease show' lists all", label);
	return rc < 0 ? rc : add(&lease, &to);
}

static int run_show(struct cli *cli, struct json **ret, struct err *err)
{
	return node_ledger_list(cli, fill, ret, err);
}

/* Sets key to the flag's amount in MIST, 0 when it is not given. */
static int set_amount(struct cli *cli, struct json *o, const char *key, const char *flag,
		      struct err *err)
{
	const char *text = cli_flag(cli, flag);
	struct err why = {};
	uint64_t mist = 0;

	if (text && amount_parse(text, &mist, &why) < 0)
		return cli_usage(cli, err, "--%s: %s", flag, why.text);
	return json_set_u64(o, key, mist);
}

static const struct {
	const char *key, *flag;
} prices[] = {
	{ "coreSecond", "core-second" },   { "gibSecond", "gib-second" },
	{ "gibExternal", "gib-external" }, { "gibCluster", "gib-cluster" },
	{ "gibLocal", "gib-local" },
};

static int run_open(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(json_free) struct json *args = json_new_object();
	cleanup(json_free) struct json *list = json_new_object();
	int rc = 0;

	if (!args || !list)
		return -ENOMEM;
	if (cli_flag(cli, "provider"))
		return lease_tenant_open(cli, ret, err);
	if (cli_flag(cli, "object")) {
		json_set_str(args, "label", cli_arg(cli, 0));
		json_set_str(args, "object", cli_flag(cli, "object"));
		return node_call(cli, "lease.open", take_ptr(args), ret, err);
	}
	if (!cli_flag(cli, "tenant") || !cli_flag(cli, "deposit"))
		return cli_usage(cli, err,
				 "lease open: --tenant and --deposit, --object, or --provider and "
				 "--deposit are needed");
	json_set_str(args, "label", cli_arg(cli, 0));
	json_set_str(args, "tenant", cli_flag(cli, "tenant"));
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(prices); i++)
		rc = set_amount(cli, list, prices[i].key, prices[i].flag, err);
	if (rc == 0)
		rc = set_amount(cli, args, "deposit", "deposit", err);
	if (rc == 0)
		rc = set_amount(cli, args, "rateCap", "rate-cap", err);
	if (rc != 0)
		return rc;
	json_set(args, "prices", take_ptr(list));
	return node_call(cli, "lease.open", take_ptr(args), ret, err);
}

static int run_top_up(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(json_free) struct json *args = json_new_object();
	struct err why = {};
	uint64_t amount;

	if (!args)
		return -ENOMEM;
	if (cli_flag(cli, "key"))
		return lease_tenant_top_up(cli, ret, err);
	if (amount_parse(cli_arg(cli, 1), &amount, &why) < 0)
		return cli_usage(cli, err, "lease top-up: %s", why.text);
	if (!amount)
		return cli_usage(cli, err, "lease top-up: nothing is added by 0");
	json_set_str(args, "label", cli_arg(cli, 0));
	json_set_u64(args, "amount", amount);
	return node_call(cli, "lease.top-up", take_ptr(args), ret, err);
}

static int run_close(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(json_free) struct json *args = json_new_object();

	if (!args)
		return -ENOMEM;
	if (cli_flag(cli, "key"))
		return lease_tenant_close(cli, ret, err);
	json_set_str(args, "label", cli_arg(cli, 0));
	return node_call(cli, "lease.close", take_ptr(args), ret, err);
}

static const struct column columns[] = {
	{ "LEASE", "lease", FORM_TEXT },
	{ "STATE", "state", FORM_TEXT },
	{ "DEPOSITED", "deposited", FORM_SUI },
	{ "DUE", "total_due", FORM_SUI },
	{ "PAID", "paid", FORM_SUI },
	{ "WAITING", "waiting", FORM_SUI },
	{ "RELEASE", "claims.release", FORM_TEXT },
	{ "STRUCK", "struck", FORM_SUI },
	{ "REFUNDED", "refunded", FORM_SUI },
	{ "ESCROW", "escrow", FORM_SUI },
	{ "SEQ", "seq", FORM_NUMBER },
	{ "BILLED TO", "billed_to", FORM_TEXT },
	{ "HELD", "held", FORM_TEXT },
	{},
};

static const char *const money[] = { "deposited", "paid",   "refunded", "escrow", "unpaid",
				     "deposit",	  "amount", "gas",	NULL };

static const struct view answer_views[] = { { .path = "", .money = money }, {} };

static const struct cli_flag open_flags[] = {
	{ "tenant", 't', "ID", "who pays and gets the refund" },
	{ "deposit", 'd', "AMOUNT", "what is put into escrow" },
	{ "core-second", 0, "AMOUNT",
	  "price of a core for a second; 0 unless given, as all prices" },
	{ "gib-second", 0, "AMOUNT", "price of a GiB of memory for a second" },
	{ "gib-external", 0, "AMOUNT", "price of a GiB to or from outside of the cluster" },
	{ "gib-cluster", 0, "AMOUNT", "price of a GiB to or from other nodes" },
	{ "gib-local", 0, "AMOUNT", "price of a GiB within this node" },
	{ "rate-cap", 0, "AMOUNT", "most that a second may cost; 0: no cap" },
	{ "object", 0, "ID",
	  "chain.kind sui, provider: the lease that the tenant opened on chain; no other flag" },
	{ "provider", 0, "ID", "chain.kind sui, tenant: with whom to open one on chain" },
	{ "key", 'k', "FILE", "tenant: the key that signs and pays, and co-signs receipts" },
	{ "blob", 0, "ID", "tenant: what is to run, on Walrus" },
	{ "integrity", 'i', "SRI", "tenant: and its digest (sha512-...)" },
	{ "entry", 0, "TEXT", "tenant: and where it begins" },
	{ "cpu-millis", 0, "N", "tenant: what it may use: 1000 are one core" },
	{ "memory", 0, "SIZE", "tenant: and of memory, such as 256MiB" },
	{ "pids", 0, "N", "tenant: and of processes" },
	{ "grace", 0, "DURATION",
	  "tenant: how long after its end reports are taken; 1d unless given" },
	{},
};

static const struct cli_flag key_flag[] = {
	{ "key", 'k', "FILE",
	  "chain.kind sui, tenant: the key that signs and pays; LEASE is its id on chain" },
	{},
};

static const struct cli_command commands[] = {
	{
		.name = "show",
		.args = "[LEASE]",
		.help = "leases with their deposits and what is due",
		.more = "DUE is what receipts say, PAID what the escrow gave. On chain a claim is WAITING "
			"until its RELEASE, longer while it is disputed, and what a dispute STRUCK is never "
			"paid; with chain.kind local both are 0. -j tells more: reported (up to which total "
			"reports were taken), claims, disputed_until, closing, unpaid (released, and not "
			"covered by the deposit), version (of the object on chain, as it was read last).",
		.views = (const struct view[]){ { .path = "", .columns = columns }, {} },
		.run = run_show,
	},
	{
		.name = "open",
		.args = "LEASE",
		.flags = open_flags,
		.help = "agree on prices and put a deposit into escrow",
		.more = "LEASE is the value of the label weir.dev/lease that ties pods to it. Prices "
			"never change later. The agent does it, but with --provider: that opens a lease on "
			"Sui as its tenant, without an agent, and prints what the provider has to run; more "
			"on FILE and on what is done when no answer comes: 'provider help'. Amounts are "
			"exact: 1.5SUI, 250MIST; without a unit MIST.",
		.views = answer_views,
		.run = run_open,
	},
	{
		.name = "top-up",
		.args = "LEASE AMOUNT",
		.flags = key_flag,
		.help = "add to the deposit; what is due and not paid yet is paid at once",
		.views = answer_views,
		.run = run_top_up,
	},
	{
		.name = "close",
		.args = "LEASE",
		.flags = key_flag,
		.help = "settle the rest and refund what is left",
		.more = "On Sui (--key) windows up to now may still be reported for the lease's grace; "
			"the same command after that asks what is left back, if nobody did before.",
		.views = answer_views,
		.run = run_close,
	},
	{},
};

const struct cli_object cli_object_lease = {
	.name = "lease",
	.summary = "who pays which prices from which deposit",
	.commands = commands,
};
