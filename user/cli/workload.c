/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/workload.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run_record.h"
#include "cli/node.h"
#include "cli/number.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "cli/walrus.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "walrus/blobname.h"
#include "workload/output.h"

#define LOG_LAST (64u << 10)

struct show {
	const char *name; /* NULL: all */
	struct json *list;
};

/* Those that are Pods; how they are, the API server knows. */
static int add_pod(void *arg, struct run_record *r, const struct err *why)
{
	const struct show *show = arg;
	struct json *one;

	(void)why; /* of a broken one the agent tells */
	if (r && (!show->name || strcmp(r->name, show->name) == 0)) {
		one = run_record_json(r);
		json_set_str(one, "state", r->ended ? "ending" : "pod");
		json_add(show->list, one);
	}
	run_record_free(&r);
	return 0;
}

static int add_pods(const char *state, const struct show *show, struct err *err)
{
	struct show copy = *show;
	char dir[NODE_PATH_MAX];
	int rc = path_format(dir, sizeof(dir), "%s/%s", state, RUN_RECORDS_DIR);

	return rc < 0 ? err_errno(err, rc, "%s", state) : run_record_list(dir, add_pod, &copy, err);
}

static int run_show(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(workloads_fini) struct workloads all = {};
	cleanup(json_free) struct json *list = json_new_array();
	const char *name = cli_arg(cli, 0);
	char state[NODE_PATH_MAX];
	int rc;

	if (!list)
		return -ENOMEM;
	rc = node_state(cli, NULL, state, err);
	if (rc == 0)
		rc = workload_list(state, &all, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < all.len; i++)
		if (!name || strcmp(all.at[i]->name, name) == 0)
			json_add(list, workload_json(all.at[i]));
	rc = add_pods(state, &(struct show){ name, list }, err);
	if (rc != 0)
		return rc;
	if (name && json_len(list) == 0)
		return err_set(err, -ENOENT, "no workload '%s'; 'weir workload show' lists all",
			       name);
	*ret = take_ptr(list);
	return 0;
}

static int set_limits(struct cli *cli, struct json *args, struct err *err)
{
	/* the names of the control request, and of the flags */
	static const struct {
		const char *key, *flag;
		struct number_range number;
	} limits[] = {
		{ "port", "port", { NUMBER_COUNT, 1, UINT16_MAX } },
		{ "cpuMillis", "cpu-millis", { NUMBER_COUNT, 1, UINT32_MAX } },
		{ "pids", "pids", { NUMBER_COUNT, 1, UINT32_MAX } },
		{ "memoryBytes", "memory", { NUMBER_SIZE, 1, INT64_MAX } },
	};

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		uint64_t v = 0;
		int rc = number_flag(cli, limits[i].flag, &limits[i].number, &v, err);

		if (rc == 0 && v)
			rc = json_set_u64(args, limits[i].key, v);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* KEY=VALUE words behind NAME and FILE. */
static int set_env(struct cli *cli, struct json *args, struct err *err)
{
	cleanup(json_free) struct json *env = json_new_object();
	const char *word;

	if (!env)
		return -ENOMEM;
	for (size_t i = 2; (word = cli_arg(cli, i)); i++) {
		const char *eq = strchr(word, '=');
		cleanup(free_ptr) char *key = eq ? strndup(word, (size_t)(eq - word)) : NULL;

		if (!eq || eq == word)
			return cli_usage(cli, err, "workload run: '%.40s' is not KEY=VALUE", word);
		if (!key)
			return -ENOMEM;
		if (json_get(env, key))
			return cli_usage(cli, err, "workload run: %.40s is given twice", key);
		json_set_str(env, key, eq + 1);
	}
	return json_set(args, "env", take_ptr(env));
}

static int run_run(struct cli *cli, struct json **ret, struct err *err)
{
	static const char *const texts[] = { "cgroup", "integrity", "netns",  "host",
					     "lease",  "ready",	    "restart" };
	cleanup(json_free) struct json *args = json_new_object();
	const char *what = cli_arg(cli, 1);
	cleanup(free_ptr) char *file = realpath(what, NULL);
	uint8_t id[BLOBID_LEN];
	int rc;

	if (!args)
		return -ENOMEM;
	if (!file && blobname_parse(what, id, NULL) < 0)
		return err_errno(err, -ENOENT, "%s", what);
	json_set_str(args, "name", cli_arg(cli, 0));
	json_set_str(args, file ? "file" : "blob_id", file ? file : what);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (cli_flag(cli, texts[i]))
			json_set_str(args, texts[i], cli_flag(cli, texts[i]));
	rc = set_limits(cli, args, err);
	if (rc == 0)
		rc = set_env(cli, args, err);
	if (rc != 0)
		return rc;
	return node_call(cli, "workload.run", take_ptr(args), ret, err);
}

static int call_named(struct cli *cli, const char *command, struct json **ret, struct err *err)
{
	cleanup(json_free) struct json *args = json_new_object();

	if (!args)
		return -ENOMEM;
	json_set_str(args, "name", cli_arg(cli, 0));
	return node_call(cli, command, take_ptr(args), ret, err);
}

static int run_stop(struct cli *cli, struct json **ret, struct err *err)
{
	return call_named(cli, "workload.stop", ret, err);
}

static int run_remove(struct cli *cli, struct json **ret, struct err *err)
{
	return call_named(cli, "workload.remove", ret, err);
}

/* Under -j one object; else the text alone. */
static int run_log(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(OUTPUT_LAST_MAX + 1);
	static const struct number_range some = { NUMBER_SIZE, 0, OUTPUT_LAST_MAX };
	uint64_t last = LOG_LAST;
	char state[NODE_PATH_MAX];
	int rc = number_flag(cli, "bytes", &some, &last, err);

	if (rc == 0)
		rc = node_state(cli, NULL, state, err);
	if (rc == 0)
		rc = workload_output(state, cli_arg(cli, 0), (size_t)last, &text, err);
	if (rc < 0)
		return rc;
	if (!cli->args.json)
		return text.len ? buf_append(&cli->raw, text.data, text.len) : 0;
	*ret = json_new_object();
	json_set_str(*ret, "name", cli_arg(cli, 0));
	return json_set_str(*ret, "log", text.data ? text.data : "");
}

static const struct cli_flag log_flags[] = {
	{ "bytes", 'b', "SIZE", "at most this much of its end; 64KiB unless given" },
	{},
};

static const struct cli_flag run_flags[] = {
	{ "cgroup", 'g', "PATH",
	  "its cgroup below the cgroup2 mount, such as /weir/pods/web; needed where it is no Pod" },
	{ "port", 'P', "N", "the port it shall listen on (its variable PORT); 8080 unless given" },
	{ "integrity", 'i', "SRI", "refuse FILE unless it has this digest (sha512-...)" },
	{ "lease", 'l', "LEASE", "the lease that pays for it" },
	{ "netns", 'n', "PATH", "network namespace; unless given a fresh one without a way out" },
	{ "host", 0, "ADDRESS", "the address it shall listen on (its variable HOST)" },
	{ "cpu-millis", 0, "N", "at most N thousandths of a CPU" },
	{ "memory", 'm', "SIZE", "at most this memory, such as 256MiB" },
	{ "pids", 0, "N", "at most N processes and threads" },
	{ "ready", 'r', "PROBE",
	  "when it is ready: tcp (its port takes a connection; unless given), http:/PATH (answers "
	  "below 400), none" },
	{ "restart", 0, "WHEN",
	  "when it has ended: always (unless given), on-failure, never; not of a Pod" },
	{},
};

static const struct view answer_views[] = { { .path = "" }, {} };

static const struct column columns[] = {
	{ "NAME", "name", FORM_TEXT },
	{ "STATE", "state", FORM_TEXT },
	{ "PACKAGE", "package", FORM_TEXT },
	{ "VERSION", "version", FORM_TEXT },
	{ "PORT", "port", FORM_NUMBER },
	{ "PID", "pid", FORM_NUMBER },
	{ "RESTARTS", "restarts", FORM_NUMBER },
	{ "LAST EXIT", "last_exit", FORM_TEXT },
	{ "LEASE", "lease", FORM_TEXT },
	{ "CGROUP", "cgroup", FORM_TEXT },
	{ "STARTED", "started", FORM_TEXT },
	{ "REASON", "reason", FORM_TEXT },
	{},
};

static const struct cli_command commands[] = {
	{
		.name = "show",
		.args = "[NAME]",
		.help = "workloads of this node and whether they run",
		.views = (const struct view[]){ { .path = "", .columns = columns }, {} },
		.run = run_show,
	},
	{
		.name = "run",
		.args = "NAME FILE|ID [KEY=VALUE ...]",
		.takes_blob_id = true,
		.flags = run_flags,
		.help = "check, unpack and run an npm tarball; KEY=VALUE go to its environment",
		.more = "FILE is what 'npm pack' makes, with its dependencies bundled; ID is a Walrus blob "
			"id that 'workload pull' has got. It runs without capabilities on read-only code. "
			"The agent does it; the workload outlives it. One that ends is run again, at once, "
			"then after 10 s, twice that, 5 min at most (workload.backoff). "
			"Where objects come from an API server it becomes a Pod and a Service in the "
			"namespace weir-workloads, for a lease, and goes when that is closed.",
		.views = answer_views,
		.run = run_run,
	},
	{
		.name = "log",
		.args = "NAME",
		.flags = log_flags,
		.help = "what a workload has printed, the last of it",
		.more = "What would make a terminal do something is shown as '?'. Of a Pod, 'kubectl logs'.",
		.views = answer_views,
		.run = run_log,
	},
	{
		.name = "stop",
		.args = "NAME",
		.help = "end a workload: SIGTERM, and SIGKILL after a while",
		.views = answer_views,
		.run = run_stop,
	},
	{
		.name = "remove",
		.args = "NAME",
		.help = "forget a workload that has ended, with its record and log",
		.views = answer_views,
		.run = run_remove,
	},
	{
		.name = "prune",
		.flags = walrus_prune_flags,
		.help = "remove packages and blobs that no workload is made of",
		.more = "A stopped workload still counts, until 'workload remove'. What is removed can be "
			"pulled again.",
		.views = walrus_prune_views,
		.run = walrus_prune,
	},
	{
		.name = "publish",
		.args = "[DIR]",
		.flags = walrus_publish_flags,
		.help = "pack the npm package in DIR, or of a commit, and store it on Walrus",
		.more = "DIR may be a tarball as well, which is sent as it is. No script of the package "
			"is run. Every dependency must be bundled. The publisher (walrus.publisher) pays "
			"and is not trusted: the blob id is calculated here. With --seal the package is "
			"encrypted before that (seal.servers), and nobody is asked: the lease must then name the "
			"seal id that is printed.",
		.views = answer_views,
		.run = walrus_publish,
	},
	{
		.name = "pull",
		.args = "ID",
		.takes_blob_id = true,
		.flags = walrus_pull_flags,
		.help = "get the Walrus blob ID into this node's store, from any aggregator",
		.more = "No aggregator (walrus.aggregators) is trusted: only content that has this blob id "
			"is stored, and who sent other content is named. ID may be a quilt patch id: then "
			"the whole quilt is got and verified, and the file stored beside it. With --unseal "
			"the lease on chain says what it is, the key servers (seal.servers) give their keys to "
			"this node's chain.keyFile, and the package is stored for root alone.",
		.views = walrus_pull_views,
		.run = walrus_pull,
	},
	{
		.name = "verify",
		.args = "ID FILE",
		.takes_blob_id = true,
		.flags = walrus_verify_flags,
		.help = "is FILE the content that the Walrus blob id ID names? exit 1 if not",
		.more = "ID is in base64url, or the decimal number that Sui shows. The id is calculated "
			"from the file alone: nobody is asked.",
		.views = answer_views,
		.run = walrus_verify,
	},
	{},
};

const struct cli_object cli_object_workload = {
	.name = "workload",
	.summary = "npm packages that run on this node",
	.commands = commands,
};
