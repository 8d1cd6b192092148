/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/csv.h"
#include "cli/focus.h"
#include "cli/format.h"
#include "cli/members.h"
#include "cli/node.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "cli/pick.h"
#include "cli/window.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/json.h"
#include "ledger/ledger.h"
#include "ledger/usage.h"

#define ROW_TITLE_MAX (LEDGER_NAMESPACE_MAX + LEDGER_NAME_MAX)

static const char *const by_names[LEDGER_BY_MAX_] = {
	[LEDGER_BY_WINDOW] = "window",
	[LEDGER_BY_POD] = "pod",
	[LEDGER_BY_NAMESPACE] = "namespace",
	[LEDGER_BY_LEASE] = "lease",
};

/* Whose the row is. */
static const char *title(const struct ledger_usage_row *row, char ret[ROW_TITLE_MAX])
{
	const char *ns = row->namespace[0] ? row->namespace : row->lease;

	snprintf(ret, ROW_TITLE_MAX, "%s%s%s", ns, row->name[0] ? "/" : "", row->name);
	return ret;
}

/* Both opinions, where they differ in some window; else nulls. */
static void add_interface(struct json *o, const struct ledger_usage_row *row)
{
	const struct usage_interface *i = &row->interface;
	char who[ROW_TITLE_MAX], sent[FORMAT_MAX], got[FORMAT_MAX], text[300];
	char raw_sent[FORMAT_MAX], raw_got[FORMAT_MAX];
	struct json *notes;

	if (!row->differing) {
		json_set_null(o, "rx_bytes_interface");
		json_set_null(o, "tx_bytes_interface");
		return;
	}
	json_set_u64(o, "rx_bytes_interface", i->rx.bytes);
	json_set_u64(o, "tx_bytes_interface", i->tx.bytes);
	snprintf(text, sizeof(text),
		 "in %" PRIu64 " of %" PRIu64
		 " windows its interface saw other bytes than its sockets: "
		 "sent %s, not %s, received %s, not %s; billed is what the sockets account for",
		 row->differing, row->parts, format_bytes(i->tx.bytes, sent),
		 format_bytes(row->usage.tx.raw.bytes, raw_sent), format_bytes(i->rx.bytes, got),
		 format_bytes(row->usage.rx.raw.bytes, raw_got));
	notes = json_new_object();
	json_set_str(notes, title(row, who), text);
	json_set(o, "differs", notes);
}

/* Those that the configuration named when the pod was first billed; of several pods null. */
static void add_labels(struct json *o, const struct ledger_usage_row *row)
{
	struct json *labels = NULL;

	if (row->labels[0])
		json_parse(row->labels, strlen(row->labels), LEDGER_LABELS_MAX, "labels", &labels,
			   NULL);
	if (row->name[0])
		json_set(o, "labels", labels ? labels : json_new_object());
	else
		json_set_null(o, "labels");
}

static int add(const struct ledger_usage_row *row, void *arg)
{
	struct json *o = json_new_object();

	member_name(o, "pod", row->namespace, row->name);
	member_text(o, "namespace", row->namespace);
	member_text(o, "name", row->name);
	member_text(o, "uid", row->uid);
	if (row->cgroup_id)
		json_set_u64(o, "cgroup_id", row->cgroup_id);
	else
		json_set_null(o, "cgroup_id");
	member_text(o, "lease", row->lease);
	add_labels(o, row);
	member_time(o, "from", row->from_ms);
	member_time(o, "to", row->to_ms);
	member_time(o, "late_since", row->since_ms);
	member_usage(o, &row->usage, row->parts);
	add_interface(o, row);
	return json_add(arg, o);
}

static int read_by(struct cli *cli, const char *text, struct ledger_query *q, struct err *err)
{
	struct names names = {};
	struct err why = {};
	size_t i;

	if (!text)
		return 0;
	for (i = 0; i < LEDGER_BY_MAX_; i++)
		names_add(&names, by_names[i]);
	if (pick(&names, "a key", text, &i, &why) < 0)
		return cli_usage(cli, err, "--by: %s", why.text);
	q->by = (enum ledger_by)i;
	return 0;
}

/* Splits --pod NS/NAME; ns keeps the namespace. */
static int read_pod(struct cli *cli, struct ledger_query *q, char ns[LEDGER_NAMESPACE_MAX],
		    struct err *err)
{
	const char *text = cli_flag(cli, "pod"), *slash = text ? strchr(text, '/') : NULL;

	if (!text)
		return 0;
	if (!slash || slash == text || !slash[1] || slash - text >= LEDGER_NAMESPACE_MAX)
		return cli_usage(cli, err, "--pod: '%.80s' is not NS/NAME", text);
	snprintf(ns, LEDGER_NAMESPACE_MAX, "%.*s", (int)(slash - text), text);
	q->namespace = ns;
	q->name = slash + 1;
	return 0;
}

/* All time, from 0 to 0, unless --window is given. */
static int read_window(struct cli *cli, struct window *ret, struct err *err)
{
	const char *text = cli_flag(cli, "window");
	struct err why = {};

	if (text && window_parse(text, clock_wall_ms(), ret, &why) < 0)
		return cli_usage(cli, err, "--window: %s", why.text);
	return 0;
}

static int query(struct cli *cli, enum ledger_by by, struct json **ret, struct err *err)
{
	cleanup(ledger_close) struct ledger *ledger = NULL;
	cleanup(json_free) struct json *list = json_new_array();
	struct ledger_query q = { .by = by, .lease = cli_flag(cli, "lease") };
	char ns[LEDGER_NAMESPACE_MAX];
	struct window w = {};
	int rc;

	if (!list)
		return -ENOMEM;
	rc = read_window(cli, &w, err);
	q.from_ms = w.from_ms;
	q.to_ms = w.to_ms;
	if (rc == 0)
		rc = read_by(cli, cli_flag(cli, "by"), &q, err);
	if (rc == 0)
		rc = read_pod(cli, &q, ns, err);
	if (rc == 0)
		rc = node_ledger(cli, &ledger, err);
	if (rc == 0)
		rc = ledger_usage_query(ledger, &q, add, list, err);
	if (rc == 0)
		*ret = take_ptr(list);
	return rc;
}

static int run_show(struct cli *cli, struct json **ret, struct err *err)
{
	return query(cli, LEDGER_BY_POD, ret, err);
}

static const char *const csv_keys[] = {
	"pod",
	"uid",
	"cgroup_id",
	"lease",
	"from",
	"to",
	"cpu_ns",
	"memory_byte_ns",
	"memory_peak_bytes",
	"rx_bytes",
	"rx_packets",
	"rx_bytes_local",
	"rx_bytes_cluster",
	"rx_bytes_external",
	"rx_bytes_raw",
	"tx_bytes",
	"tx_packets",
	"tx_bytes_local",
	"tx_bytes_cluster",
	"tx_bytes_external",
	"tx_bytes_raw",
	"rx_bytes_interface",
	"tx_bytes_interface",
	"labels",
	NULL,
};

static int export_focus(struct cli *cli, struct err *err)
{
	cleanup(ledger_close) struct ledger *ledger = NULL;
	struct window w = {};
	int rc;

	if (cli_flag(cli, "by") || cli_flag(cli, "pod"))
		return cli_usage(
			cli, err,
			"--format focus: a row is a charge; --by and --pod don't go with it");
	rc = read_window(cli, &w, err);
	if (rc == 0)
		rc = node_ledger(cli, &ledger, err);
	if (rc == 0)
		rc = focus_export(ledger, &w, cli_flag(cli, "lease"), &cli->raw, err);
	return rc;
}

static int run_export(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(json_free) struct json *list = NULL;
	const char *format = cli_flag(cli, "format");
	bool csv = format && strcmp(format, "csv") == 0;
	int rc;

	if (format && strcmp(format, "focus") == 0)
		return export_focus(cli, err);
	if (format && !csv && strcmp(format, "json") != 0)
		return cli_usage(cli, err, "--format: '%.40s' is not one of json, csv, focus",
				 format);
	rc = query(cli, LEDGER_BY_WINDOW, &list, err);
	if (rc < 0)
		return rc;
	if (csv)
		return csv_print(list, csv_keys, &cli->raw);
	rc = json_print(list, cli->args.pretty, &cli->raw);
	(void)ret;
	return rc < 0 ? rc : buf_puts(&cli->raw, "\n");
}

static const struct column columns[] = {
	{ "NAMESPACE", "namespace", FORM_TEXT },
	{ "POD", "name", FORM_TEXT },
	{ "LEASE", "lease", FORM_TEXT },
	{ "FROM", "from", FORM_TEXT },
	{ "TO", "to", FORM_TEXT },
	{ "CPU(s)", "cpu_ns", FORM_NS },
	{ "MEMORY(GiB.s)", "memory_byte_ns", FORM_BYTE_NS },
	{ "PEAK", "memory_peak_bytes", FORM_BYTES },
	{ "RX", "rx_bytes", FORM_BYTES },
	{ "TX", "tx_bytes", FORM_BYTES },
	{ "TX LOCAL", "tx_bytes_local", FORM_BYTES },
	{ "TX CLUSTER", "tx_bytes_cluster", FORM_BYTES },
	{ "TX EXTERNAL", "tx_bytes_external", FORM_BYTES },
	{},
};

#define WINDOW_HELP                                                                              \
	"today, yesterday, week, lastweek, month, lastmonth, 30m, 12h, 7d, 2w, or FROM,TO; all " \
	"that is in the ledger unless given"

static const struct cli_flag show_flags[] = {
	{ "window", 'w', "W", WINDOW_HELP },
	{ "by", 'b', "KEY", "a row for each pod (the default), namespace, lease or window" },
	{ "pod", 0, "NS/NAME", "of this pod only" },
	{ "lease", 'l', "LEASE", "of this lease only" },
	{},
};

static const struct cli_flag export_flags[] = {
	{ "format", 'f', "FORMAT",
	  "json (the default), csv, or focus: charges in the columns of FOCUS 1.3" },
	{ "window", 'w', "W", WINDOW_HELP },
	{ "by", 'b', "KEY", "a row for each window (the default), pod, namespace or lease" },
	{ "pod", 0, "NS/NAME", "of this pod only" },
	{ "lease", 'l', "LEASE", "of this lease only" },
	{},
};

static const struct cli_command commands[] = {
	{
		.name = "show",
		.flags = show_flags,
		.help = "what pods used in a window of time",
		.more = "Reads what is booked: the window of metering that is still open is not in it. "
			"Times are UTC; FROM and TO are RFC 3339 or seconds since 1970. A window of "
			"metering belongs to the range that holds its beginning. What was not measured "
			"is '-' with the reason below, and null in JSON. Where a pod's interface saw other "
			"bytes than its sockets account for, by more than 64 KiB and a sixteenth of "
			"them in a window, both are shown; billed are the sockets'. late_since (JSON) says "
			"from when usage is that was booked in a later window than its own: windows "
			"that are closed never change. Days older than meter.keep are kept as a whole.",
		.views = (const struct view[]){ { .path = "",
						  .columns = columns,
						  .notes = { "not_measured", "differs" } },
						{} },
		.run = run_show,
	},
	{
		.name = "export",
		.flags = export_flags,
		.help = "usage for other programs, unsummed unless --by says otherwise",
		.run = run_export,
	},
	{},
};

const struct cli_object cli_object_usage = {
	.name = "usage",
	.summary = "CPU, memory and bytes that pods used",
	.commands = commands,
};
