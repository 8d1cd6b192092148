/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "agent/config.h"
#include "cli/members.h"
#include "cli/node.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "cli/takeover.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "dp/dp.h"
#include "svc/plan.h"
#include "svc/svc.h"

static int add_programs(struct dp *dp, struct json *o, struct err *err)
{
	cleanup(free_ptr) struct dp_program *programs = NULL;
	struct json *list;
	size_t n;
	int rc = dp_programs(dp, &programs, &n, err);

	if (rc < 0)
		return rc;
	list = json_new_array();
	for (size_t i = 0; i < n; i++) {
		struct json *p = json_new_object();

		json_set_str(p, "name", programs[i].name);
		json_set_str(p, "attach", programs[i].attach);
		json_set_u64(p, "id", programs[i].id);
		member_number(p, "link_id", programs[i].link_id);
		member_number(p, "ifindex", programs[i].ifindex);
		member_text(p, "device", programs[i].device);
		json_set_u64(p, "verified_insns", programs[i].verified_insns);
		json_set_u64(p, "xlated_bytes", programs[i].xlated_bytes);
		json_set_u64(p, "run_count", programs[i].run_count);
		json_set_u64(p, "run_ns", programs[i].run_ns);
		json_add(list, p);
	}
	return json_set(o, "programs", list);
}

static int add_maps(struct dp *dp, struct json *o, struct err *err)
{
	cleanup(free_ptr) struct dp_map *maps = NULL;
	struct json *list;
	size_t n;
	int rc = dp_maps(dp, &maps, &n, err);

	if (rc < 0)
		return rc;
	list = json_new_array();
	for (size_t i = 0; i < n; i++) {
		struct json *m = json_new_object();

		json_set_str(m, "name", maps[i].name);
		json_set_str(m, "type", maps[i].type);
		json_set_u64(m, "id", maps[i].id);
		if (maps[i].entries == UINT32_MAX)
			json_set_null(m, "entries");
		else
			json_set_u64(m, "entries", maps[i].entries);
		json_set_u64(m, "max_entries", maps[i].max_entries);
		json_add(list, m);
	}
	return json_set(o, "maps", list);
}

static int run_status(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(dp_close) struct dp *dp = NULL;
	cleanup(json_free) struct json *o = json_new_object();
	const struct config *cfg;
	int rc;

	if (!o)
		return -ENOMEM;
	rc = node_dp(cli, &dp, err);
	if (rc == 0)
		rc = cli_config(cli, &cfg, err);
	if (rc != 0)
		return rc;
	json_set_u64(o, "abi", WEIR_ABI);
	json_set_str(o, "bpffs", cfg->paths.bpffs);
	rc = add_programs(dp, o, err);
	if (rc == 0)
		rc = add_maps(dp, o, err);
	if (rc == 0)
		*ret = take_ptr(o);
	return rc;
}

static int run_check(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(dp_close) struct dp *dp = NULL;
	cleanup(svc_table_free) struct svc_table *desired = NULL;
	cleanup(svc_actual_fini) struct svc_actual actual = {};
	int rc;

	rc = node_dp(cli, &dp, err);
	if (rc == 0)
		rc = node_services(cli, &desired, err);
	if (rc == 0 && desired->maglev)
		rc = dp_ring_open(dp, err);
	if (rc == 0)
		rc = svc_actual_read(dp, &actual, err);
	if (rc == 0)
		rc = svc_diff(desired, &actual, ret, err);
	if (rc != 0)
		return rc;
	return json_len(*ret) > 0;
}

/* What a detach would remove, also beside a running agent. */
static int list_pins(const char *bpffs, struct json **ret, struct err *err)
{
	cleanup(free_ptr) struct dp_pin *pins = NULL;
	cleanup(json_free) struct json *list = json_new_array();
	size_t n = 0;
	int rc = dp_pins(bpffs, &pins, &n, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		struct json *o = json_new_object();

		json_set_str(o, "kind", pins[i].kind);
		json_set_str(o, "name", strrchr(pins[i].path, '/') + 1);
		json_set_str(o, "path", pins[i].path);
		json_set_str(o, "action", "delete");
		json_add(list, o);
	}
	*ret = take_ptr(list);
	return 0;
}

static int run_detach(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(json_free) struct json *status = NULL;
	const struct config *cfg;
	int rc = cli_config(cli, &cfg, err);

	if (rc < 0)
		return rc;
	if (cli_flag(cli, "dry-run"))
		return list_pins(cfg->paths.bpffs, ret, err);
	rc = node_call(cli, "agent.status", NULL, &status, err);
	if (rc == 0 || rc == -EREMOTEIO)
		return err_set(err, -EBUSY,
			       "the agent runs and needs them; 'weir agent stop' first");
	if (rc != -ECONNREFUSED)
		return rc;
	*err = (struct err){};
	return dp_detach(cfg->paths.bpffs, err);
}

static int run_stats(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(dp_close) struct dp *dp = NULL;
	cleanup(json_free) struct json *list = json_new_array();
	uint64_t counts[WEIR_REASON_MAX_];
	int rc;

	if (!list)
		return -ENOMEM;
	rc = node_dp(cli, &dp, err);
	if (rc == 0)
		rc = dp_reasons(dp, counts, err);
	if (rc != 0)
		return rc;
	for (enum weir_reason r = 0; r < WEIR_REASON_MAX_; r++) {
		struct json *o = json_new_object();

		json_set_str(o, "reason", dp_reason_name(r));
		json_set_u64(o, "count", counts[r]);
		json_set_str(o, "help", dp_reason_help(r));
		json_add(list, o);
	}
	*ret = take_ptr(list);
	return 0;
}

static const struct column program_columns[] = {
	{ "PROGRAM", "name", FORM_TEXT },
	{ "ATTACHED TO", "attach", FORM_TEXT },
	{ "IFINDEX", "ifindex", FORM_NUMBER },
	{ "DEVICE", "device", FORM_TEXT },
	{ "ID", "id", FORM_NUMBER },
	{ "LINK", "link_id", FORM_NUMBER },
	{ "VERIFIED", "verified_insns", FORM_NUMBER },
	{ "BYTES", "xlated_bytes", FORM_NUMBER },
	{ "RUNS", "run_count", FORM_NUMBER },
	{ "RUN TIME(s)", "run_ns", FORM_NS },
	{},
};

static const struct column map_columns[] = {
	{ "MAP", "name", FORM_TEXT },	      { "TYPE", "type", FORM_TEXT },
	{ "ID", "id", FORM_NUMBER },	      { "ENTRIES", "entries", FORM_NUMBER },
	{ "OF", "max_entries", FORM_NUMBER }, {},
};

static const struct column difference_columns[] = { { "DIFFERENCE", "", FORM_TEXT }, {} };

static const struct column stats_columns[] = {
	{ "REASON", "reason", FORM_TEXT },
	{ "COUNT", "count", FORM_NUMBER },
	{ "MEANING", "help", FORM_TEXT },
	{},
};

static const struct column pin_columns[] = {
	{ "KIND", "kind", FORM_TEXT },
	{ "NAME", "name", FORM_TEXT },
	{ "ACTION", "action", FORM_TEXT },
	{ "PIN", "path", FORM_TEXT },
	{},
};

static const struct cli_flag dry_run_flags[] = {
	{ .name = "dry-run", .help = "show what would go, and change nothing" },
	{},
};

static const struct cli_command commands[] = {
	{
		.name = "status",
		.help = "the programs and maps in the kernel",
		.more = "Runs and run time are counted while the sysctl kernel.bpf_stats_enabled is 1. The "
			"programs of devices have the index of theirs, and its name when asked in the node's "
			"network namespace; on kernels without tcx (before 6.6), where they are filters, they "
			"are listed only then.",
		.views = (const struct view[]){ { .path = "" },
						{ .path = "programs", .columns = program_columns },
						{ .path = "maps", .columns = map_columns },
						{} },
		.run = run_status,
	},
	{
		.name = "check",
		.help = "what the kernel does otherwise than the Services say; exit status 1 if "
			"anything",
		.more = "A change that is just being applied is a difference too: ask again.",
		.views =
			(const struct view[]){ { .path = "",
						 .columns = difference_columns,
						 .empty = "the kernel does what the Services say" },
					       {} },
		.run = run_check,
	},
	{
		.name = "stats",
		.help = "how often what happened to dials and packets, by reason",
		.views = (const struct view[]){ { .path = "", .columns = stats_columns }, {} },
		.run = run_stats,
	},
	{
		.name = "takeover",
		.flags = dry_run_flags,
		.help = "remove what kube-proxy left on this node: rules, chains, tables, IPVS",
		.more = "Stop kube-proxy first, for while it runs it writes its rules again, and have the "
			"agent serve ('datapath check' is silent). The rules of all of kube-proxy's modes "
			"go: nftables, iptables-legacy, iptables-nft and IPVS, each table in one step. "
			"What others made stays byte for byte, the kubelet's chains too. A chain that "
			"somebody else's rule leads to is emptied instead. Connections that kube-proxy's "
			"rules translated may end. Exit status 1 if something could not be looked at or "
			"removed.",
		.views = takeover_views,
		.run = run_takeover,
	},
	{
		.name = "detach",
		.flags = dry_run_flags,
		.help = "take programs, links and maps out of the kernel; Services stop working",
		.more = "Leaves the node as it was before Weir. Readings that are not in the ledger yet "
			"are lost. Refused while the agent runs.",
		.views = (const struct view[]){ { .path = "",
						  .columns = pin_columns,
						  .empty = "nothing of Weir is in the kernel" },
						{} },
		.run = run_detach,
	},
	{},
};

const struct cli_object cli_object_datapath = {
	.name = "datapath",
	.summary = "what of Weir is in the kernel",
	.commands = commands,
};
