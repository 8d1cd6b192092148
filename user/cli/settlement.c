/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/settlement.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config.h"
#include "agent/settle.h"
#include "cli/members.h"
#include "cli/node.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "core/cleanup.h"
#include "core/json.h"
#include "core/parse.h"
#include "ledger/intent.h"
#include "ledger/lease.h"

#define ID_MAX (LEDGER_LABEL_MAX + 24) /* of "LEASE/SEQ" */

/* What is shown, and the transactions that carried it, in the same order. */
struct shown {
	struct json *list;
	struct ledger *ledger;
	bool sui;
	uint64_t settle_ms; /* sui: chain.settleEvery */
	struct ledger_carried *carried;
	size_t n, cap;
	size_t at; /* nothing before it matters to the settlements that follow */
};

static void shown_fini(struct shown *s)
{
	free(s->carried);
}

static int add_carried(const struct ledger_carried *c, void *arg)
{
	struct shown *s = arg;
	size_t cap = s->cap ? 2 * s->cap : 64;
	struct ledger_carried *more;

	if (s->n == s->cap) {
		more = reallocarray(s->carried, cap, sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->carried = more;
		s->cap = cap;
	}
	s->carried[s->n++] = *c;
	return 0;
}

static int compare(const struct ledger_carried *c, const struct ledger_settlement *s)
{
	int order = strcmp(c->item.lease, s->lease);

	if (order != 0)
		return order;
	return c->item.seq < s->seq ? -1 : 0;
}

/* The transaction that a receipt went with: a later one of its lease carries it too. Of one that is paid
 * the one that paid it, else the last that tried; NULL: none has. */
static const struct ledger_carried *find_carried(struct shown *list,
						 const struct ledger_settlement *s)
{
	const struct ledger_carried *last = NULL;

	while (list->at < list->n && compare(&list->carried[list->at], s) < 0)
		list->at++;
	for (size_t i = list->at; i < list->n && compare(&list->carried[i], s) == 0; i++) {
		const struct ledger_carried *c = &list->carried[i];

		if (s->state == LEDGER_SETTLE_FINAL && c->state == LEDGER_INTENT_FINAL)
			return c;
		last = c;
	}
	return s->state == LEDGER_SETTLE_FINAL ? NULL : last;
}

/* When it goes at the latest, 0: never, or as soon as it can. What failed of a lease that is closed does not. */
static uint64_t next_try(const struct shown *list, const struct ledger_settlement *s)
{
	struct ledger_lease lease;

	if (list->sui && s->state == LEDGER_SETTLE_DUE && !s->attempts && list->settle_ms)
		return s->created_ms + list->settle_ms;
	if (!list->sui || s->state != LEDGER_SETTLE_FAILED ||
	    ledger_lease_get(list->ledger, s->lease, &lease, NULL) < 0 || lease.closed_ms)
		return 0;
	return s->updated_ms + settle_rest_ms(s->attempts);
}

static int add(const struct ledger_settlement *s, void *arg)
{
	struct shown *list = arg;
	const struct ledger_carried *carried = find_carried(list, s);
	struct json *o = json_new_object();
	char id[ID_MAX], digest[DIGEST_SIZE];

	snprintf(id, sizeof(id), "%s/%" PRIu64, s->lease, s->seq);
	if (carried)
		digest_format(carried->digest, digest);
	json_set_str(o, "id", id);
	json_set_str(o, "lease", s->lease);
	json_set_u64(o, "seq", s->seq);
	json_set_str(o, "state", ledger_settle_name(s->state));
	member_mist(o, "amount", s->amount);
	member_time(o, "created", s->created_ms);
	member_time(o, "updated", s->updated_ms);
	json_set_u64(o, "attempts", s->attempts);
	member_time(o, "next_try", next_try(list, s));
	member_text(o, "error", s->error);
	json_set_str(o, "digest", carried ? digest : NULL);
	return json_add(list->list, o);
}

static int fill(struct cli *cli, struct ledger *ledger, struct json *list, struct err *err)
{
	cleanup(shown_fini) struct shown shown = { .list = list, .ledger = ledger };
	const char *lease = cli_flag(cli, "lease");
	const struct config *cfg;
	int rc = cli_config(cli, &cfg, err);

	if (rc < 0)
		return rc;
	shown.sui = cfg->chain.kind == CONFIG_CHAIN_SUI;
	shown.settle_ms = cfg->chain.settle_ms;
	rc = ledger_intent_carried(ledger, lease, add_carried, &shown, err);
	if (rc == 0)
		rc = ledger_settlement_list(ledger, lease, LEDGER_SETTLE_ANY, add, &shown, err);
	return rc;
}

static int run_show(struct cli *cli, struct json **ret, struct err *err)
{
	return node_ledger_list(cli, fill, ret, err);
}

/* Splits LEASE/SEQ. */
static int read_id(struct cli *cli, const char *id, struct json *args, struct err *err)
{
	const char *slash = strchr(id, '/');
	char lease[LEDGER_LABEL_MAX];
	uint64_t seq;

	if (!slash || slash == id || slash - id >= LEDGER_LABEL_MAX ||
	    parse_u64(slash + 1, 1, INT64_MAX, &seq) < 0)
		return cli_usage(cli, err,
				 "settlement retry: '%.80s' is not LEASE/SEQ, as 'settlement show' "
				 "has it",
				 id);
	snprintf(lease, sizeof(lease), "%.*s", (int)(slash - id), id);
	json_set_str(args, "lease", lease);
	return json_set_u64(args, "seq", seq);
}

static int run_retry(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(json_free) struct json *args = json_new_object();
	const char *id = cli_arg(cli, 0), *lease = cli_flag(cli, "lease");
	int rc = 0;

	if (!args)
		return -ENOMEM;
	if (id && lease)
		return cli_usage(cli, err, "settlement retry: either ID or --lease");
	if (id)
		rc = read_id(cli, id, args, err);
	else if (lease)
		rc = json_set_str(args, "lease", lease);
	return rc < 0 ? rc : node_call(cli, "settlement.retry", take_ptr(args), ret, err);
}

static const struct column columns[] = {
	{ "LEASE", "lease", FORM_TEXT },       { "SEQ", "seq", FORM_NUMBER },
	{ "STATE", "state", FORM_TEXT },       { "AMOUNT", "amount", FORM_SUI },
	{ "UPDATED", "updated", FORM_TEXT },   { "TRIES", "attempts", FORM_NUMBER },
	{ "NEXT TRY", "next_try", FORM_TEXT }, { "REASON", "error", FORM_TEXT },
	{ "DIGEST", "digest", FORM_TEXT },     {},
};

static const struct cli_flag lease_flag[] = { { "lease", 'l', "LEASE", "of this lease only" }, {} };

static const struct cli_command commands[] = {
	{
		.name = "show",
		.flags = lease_flag,
		.help = "what became of each receipt's money",
		.more = "What failed on Sui is tried again at NEXT TRY, or goes along with the lease's "
			"next receipt. DIGEST is the transaction that paid, or else the last that "
			"carried it.",
		.views = (const struct view[]){ { .path = "", .columns = columns }, {} },
		.run = run_show,
	},
	{
		.name = "retry",
		.args = "[ID]",
		.flags = lease_flag,
		.help = "try now what failed, instead of when its rest is over",
		.more = "ID is LEASE/SEQ; without it all that failed, or all of --lease. The agent does "
			"it, and only with chain.kind sui. What may have been taken is never sent as "
			"something else, and so is left alone (under_way).",
		.views = (const struct view[]){ { .path = "" }, {} },
		.run = run_retry,
	},
	{},
};

const struct cli_object cli_object_settlement = {
	.name = "settlement",
	.summary = "payments on the way and done",
	.commands = commands,
};
