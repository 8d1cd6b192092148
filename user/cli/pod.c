/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/members.h"
#include "cli/node.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/json.h"
#include "dp/dp.h"
#include "ledger/ledger.h"
#include "ledger/pod.h"
#include "meter/reading.h"

struct show {
	struct dp *dp;
	struct ledger *ledger; /* NULL: none; then pods have no names */
	char boot[BOOT_ID_LEN];
	struct json *list;
	struct err *err;
};

static int add_pod(const struct show *s, const struct weir_sample *sample)
{
	const char *const states[] = {
		[WEIR_POD_LIVE] = "running",
		[WEIR_POD_REMOVED] = "removed",
		[WEIR_POD_RELEASED] = "ended",
		[WEIR_POD_SETTLED] = "ended",
		[WEIR_POD_MISSED] = "ended",
	};
	uint32_t state = sample->pod.state;
	struct ledger_pod known = {};
	struct weir_net net;
	struct usage u;
	struct json *o;
	int rc;

	if (s->ledger) {
		rc = ledger_pod_find(s->ledger, s->boot, sample->cgroup_id, &known, s->err);
		if (rc < 0 && rc != -ENOENT)
			return rc;
	}
	rc = dp_net(s->dp, sample->cgroup_id, &net, s->err);
	if (rc < 0)
		return rc;
	meter_reading(sample, &net, (uint64_t)sysconf(_SC_PAGESIZE), &u);
	o = json_new_object();
	member_name(o, "pod", known.namespace, known.name);
	member_text(o, "namespace", known.namespace);
	member_text(o, "name", known.name);
	member_text(o, "uid", known.uid);
	member_text(o, "lease", known.lease);
	json_set_u64(o, "cgroup_id", sample->cgroup_id);
	json_set_str(o, "cgroup", sample->pod.name);
	json_set_str(o, "state", state < ARRAY_LEN(states) ? states[state] : "?");
	member_usage(o, &u, 1);
	return json_add(s->list, o);
}

/* One order whenever the kernel is asked. */
static int by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct weir_sample *)a)->cgroup_id;
	uint64_t y = ((const struct weir_sample *)b)->cgroup_id;

	return (x > y) - (x < y);
}

/* A copy, since the agent's next walk writes over the mapping; again if one ended meanwhile. */
static int copy_samples(struct dp *dp, struct weir_sample **ret, size_t *ret_n)
{
	for (int tries = 0;; tries++) {
		cleanup(free_ptr) struct weir_sample *copy = NULL;
		const struct weir_sample *samples;
		uint64_t before, after;
		size_t n = dp_samples(dp, &samples, &before);

		copy = calloc(n + 1, sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		memcpy(copy, samples, n * sizeof(*copy));
		dp_samples(dp, &samples, &after);
		if (before != after && tries < 3)
			continue;
		*ret = take_ptr(copy);
		*ret_n = n;
		return 0;
	}
}

static int add_pods(const struct show *s)
{
	cleanup(free_ptr) struct weir_sample *samples = NULL;
	size_t n = 0;
	int rc = copy_samples(s->dp, &samples, &n);

	if (rc < 0)
		return rc;
	qsort(samples, n, sizeof(*samples), by_id);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (i == 0 || samples[i].cgroup_id != samples[i - 1].cgroup_id)
			rc = add_pod(s, &samples[i]);
	if (rc == 0)
		*s->err = (struct err){}; /* of pods that the ledger doesn't know yet */
	return rc;
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
	cleanup(dp_close) struct dp *dp = NULL;
	cleanup(ledger_close) struct ledger *ledger = NULL;
	cleanup(json_free) struct json *list = json_new_array();
	struct show s = { .list = list, .err = err };
	int rc;

	if (!list)
		return -ENOMEM;
	rc = node_dp(cli, &dp, err);
	if (rc < 0)
		return rc;
	rc = node_ledger(cli, &ledger, err);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	*err = (struct err){};
	rc = clock_boot_id(s.boot);
	if (rc < 0)
		return err_errno(err, rc, "/proc/sys/kernel/random/boot_id");
	s.dp = dp;
	s.ledger = ledger;
	rc = add_pods(&s);
	if (rc == 0 && cli_arg(cli, 0))
		return keep_named(cli_arg(cli, 0), list, ret, err);
	if (rc == 0)
		*ret = take_ptr(list);
	return rc;
}

static const struct column columns[] = {
	{ "NAMESPACE", "namespace", FORM_TEXT },
	{ "POD", "name", FORM_TEXT },
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

static const struct cli_command commands[] = {
	{
		.name = "show",
		.args = "[NS/NAME]",
		.help = "the pods that the kernel meters, with their counters since they began",
		.more = "CPU and memory are those of the agent's last reading, bytes are of now. Names "
			"come from the ledger; a pod that is not in it yet is known by its cgroup.",
		.views =
			(const struct view[]){
				{ .path = "", .columns = columns, .notes = { "not_measured" } },
				{} },
		.run = run_show,
	},
	{},
};

const struct cli_object cli_object_pod = {
	.name = "pod",
	.summary = "pods and what they have used so far",
	.commands = commands,
};
