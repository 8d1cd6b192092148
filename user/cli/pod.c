/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/members.h"
#include "cli/node.h"
#include "cli/number.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "cli/pods.h"
#include "cli/top.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "ledger/ledger.h"

#define EVERY_MIN_MS 250
#define EVERY_MAX_MS 3600000
#define EVERY_MS 2000

static const char *state_name(uint32_t state)
{
	static const char *const names[] = {
		[WEIR_POD_LIVE] = "running",   [WEIR_POD_REMOVED] = "removed",
		[WEIR_POD_RELEASED] = "ended", [WEIR_POD_SETTLED] = "ended",
		[WEIR_POD_MISSED] = "ended",
	};

	return state < ARRAY_LEN(names) ? names[state] : "?";
}

static struct json *pod_json(const struct pods_row *row)
{
	struct json *o = json_new_object();

	member_name(o, "pod", row->known.namespace, row->known.name);
	member_text(o, "namespace", row->known.namespace);
	member_text(o, "name", row->known.name);
	member_text(o, "uid", row->known.uid);
	member_text(o, "lease", row->known.lease);
	json_set_u64(o, "cgroup_id", row->cgroup_id);
	json_set_str(o, "cgroup", row->pod.name);
	json_set_str(o, "state", state_name(row->pod.state));
	member_known(o, "cpu_millicores", row->has_cpu, row->cpu_millis);
	member_known(o, "memory_bytes", row->has_memory, row->memory_bytes);
	member_usage(o, &row->use, 1);
	return o;
}

/* Those of that name; a pod that came back under its name is there twice. */
static int keep_named(const char *name, const struct json *all, struct json **ret, struct err *err)
{
	cleanup(json_free) struct json *list = json_new_array();

	if (!list)
		return -ENOMEM;
	json_foreach(pod, all)
		if (strcmp(json_str(pod, "pod", ""), name) == 0)
			json_add(list, json_dup(pod));
	if (json_len(list) == 0)
		return err_set(err, -ENOENT, "no pod %s is metered here; 'weir pod show' lists all",
			       name);
	*ret = take_ptr(list);
	return 0;
}

static int run_show(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(pods_source_fini) struct pods_source source = {};
	cleanup(json_free) struct json *list = json_new_array();
	cleanup(pods_fini) struct pods pods = {};
	int rc;

	if (!list)
		return -ENOMEM;
	rc = pods_source_open(cli, &source, err);
	if (rc == 0)
		rc = pods_read(&source, &pods, err);
	if (rc == 0)
		rc = pods_window(&source, &pods, err);
	for (size_t i = 0; rc == 0 && i < pods.n; i++)
		rc = json_add(list, pod_json(&pods.v[i]));
	if (rc == 0 && cli_arg(cli, 0))
		return keep_named(cli_arg(cli, 0), list, ret, err);
	if (rc == 0)
		*ret = take_ptr(list);
	return rc;
}

static int read_by(struct cli *cli, enum top_key *ret, struct err *err)
{
	const char *text = cli_flag(cli, "sort-by");

	if (!text || top_key_parse(text, ret) == 0)
		return 0;
	return cli_usage(cli, err, "--sort-by: '%.40s' is not one of cpu, memory, rx, tx, name",
			 text);
}

static int read_every(struct cli *cli, uint64_t *ret_ms, struct err *err)
{
	static const struct number_range every = { NUMBER_TIME, EVERY_MIN_MS, EVERY_MAX_MS };

	*ret_ms = EVERY_MS;
	return number_flag(cli, "every", &every, ret_ms, err);
}

static int run_top(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(pods_source_fini) struct pods_source source = {};
	struct top_options opt = { .source = &source };
	int rc = read_by(cli, &opt.by, err);

	if (rc == 0)
		rc = read_every(cli, &opt.every_ms, err);
	if (rc == 0)
		rc = pods_source_open(cli, &source, err);
	if (rc < 0)
		return rc;
	if (cli->args.json || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
		return top_once(&opt, ret, err);
	return top_screen(&opt, err);
}

static const struct column show_columns[] = {
	{ "NAMESPACE", "namespace", FORM_TEXT },
	{ "NAME", "name", FORM_TEXT },
	{ "CPU(cores)", "cpu_millicores", FORM_MILLI },
	{ "MEMORY(bytes)", "memory_bytes", FORM_MI },
	{ "LEASE", "lease", FORM_TEXT },
	{ "STATE", "state", FORM_TEXT },
	{ "CPU(s)", "cpu_ns", FORM_NS },
	{ "MEMORY(GiB.s)", "memory_byte_ns", FORM_BYTE_NS },
	{ "PEAK", "memory_peak_bytes", FORM_BYTES },
	{ "RX", "rx_bytes", FORM_BYTES },
	{ "TX", "tx_bytes", FORM_BYTES },
	{ "CGROUP", "cgroup", FORM_TEXT },
	{},
};

static const struct column top_columns[] = {
	{ "NAMESPACE", "namespace", FORM_TEXT },
	{ "NAME", "name", FORM_TEXT },
	{ "CPU(cores)", "cpu_millicores", FORM_MILLI },
	{ "MEMORY(bytes)", "memory_bytes", FORM_MI },
	{ "RX(bytes/s)", "rx_bytes_per_second", FORM_BYTES },
	{ "TX(bytes/s)", "tx_bytes_per_second", FORM_BYTES },
	{ "LEASE", "lease", FORM_TEXT },
	{},
};

static const struct cli_flag top_flags[] = {
	{ "sort-by", 's', "KEY", "cpu (the default), memory, rx, tx or name" },
	{ "every", 'n', "TIME", "between two looks: 2s unless given" },
	{},
};

static const struct cli_command commands[] = {
	{
		.name = "show",
		.args = "[NS/NAME]",
		.help = "the pods that the kernel meters, with their counters since they began",
		.more = "The first columns are those of 'kubectl top pod': CPU of the last window that is "
			"booked, memory in use at the agent's last reading. Behind them are counters "
			"since the pod began: CPU and memory of the last reading, bytes of now. Names "
			"come from the ledger; a pod that is not in it yet is known by its cgroup.",
		.views = (const struct view[]){ { .path = "",
						  .columns = show_columns,
						  .notes = { "not_measured" } },
						{} },
		.run = run_show,
	},
	{
		.name = "top",
		.flags = top_flags,
		.help = "pods by what they use now, on a terminal until q is pressed",
		.more = "Keys: c, m, r, t, n sort by CPU, memory, bytes received, bytes sent, name; "
			"arrows, PgUp, PgDn, Home and End move; q ends. Not on a terminal, or with -j, "
			"it looks twice, prints once and ends. CPU is over the time between two readings "
			"of the agent; without one it is unknown.",
		.views = (const struct view[]){ { .path = "", .columns = top_columns }, {} },
		.run = run_top,
	},
	{},
};

const struct cli_object cli_object_pod = {
	.name = "pod",
	.summary = "pods and what they have used so far",
	.commands = commands,
};
