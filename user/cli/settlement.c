/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/settlement.h"
#include "cli/members.h"
#include "cli/node.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "core/json.h"

static int add(const struct ledger_settlement *s, void *arg)
{
	struct json *o = json_new_object();

	json_set_str(o, "lease", s->lease);
	json_set_u64(o, "seq", s->seq);
	json_set_str(o, "state", ledger_settle_name(s->state));
	member_mist(o, "amount", s->amount);
	member_time(o, "created", s->created_ms);
	member_time(o, "updated", s->updated_ms);
	json_set_u64(o, "attempts", s->attempts);
	member_text(o, "error", s->error);
	return json_add(arg, o);
}

static int fill(struct cli *cli, struct ledger *ledger, struct json *list, struct err *err)
{
	return ledger_settlement_list(ledger, cli_flag(cli, "lease"), LEDGER_SETTLE_ANY, add, list,
				      err);
}

static int run_show(struct cli *cli, struct json **ret, struct err *err)
{
	return node_ledger_list(cli, fill, ret, err);
}

static const struct column columns[] = {
	{ "LEASE", "lease", FORM_TEXT },
	{ "SEQ", "seq", FORM_NUMBER },
	{ "STATE", "state", FORM_TEXT },
	{ "AMOUNT", "amount", FORM_SUI },
	{ "CREATED", "created", FORM_TEXT },
	{ "UPDATED", "updated", FORM_TEXT },
	{ "ATTEMPTS", "attempts", FORM_NUMBER },
	{ "ERROR", "error", FORM_TEXT },
	{},
};

static const struct cli_command commands[] = {
	{
		.name = "show",
		.flags = (const struct cli_flag[]){ { "lease", 'l', "LEASE", "of this lease only" },
						    {} },
		.help = "what became of each receipt's money",
		.views = (const struct view[]){ { .path = "", .columns = columns }, {} },
		.run = run_show,
	},
	{},
};

const struct cli_object cli_object_settlement = {
	.name = "settlement",
	.summary = "payments on the way and done",
	.commands = commands,
};
