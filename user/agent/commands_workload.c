/* SPDX-License-Identifier: Apache-2.0 */
/* workload.*: what takes its time is done on the hands' queue. */
#include "agent/commands.h"

#include <errno.h>
#include <string.h>

#include "agent/agent_int.h"
#include "agent/ctl.h"
#include "agent/run_blob.h"
#include "agent/run_record.h"
#include "agent/runs.h"
#include "agent/work.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/json.h"
#include "workload/workload.h"

struct workload_job {
	struct work_job job;
	struct agent *agent;
	/* what is done, and on the hands' queue afterwards; NULL: nothing more */
	int (*act)(struct workload_job *w, struct json **ret, struct err *err);
	int (*then)(struct workload_job *w, struct json **ret, struct err *err);
	struct json *args, *result;
	struct run_record *record; /* of a Pod that was made */
	struct ctl_reply *reply;
	struct err err;
	int r;
};

/* {"K": "V"} -> "K=V", closed by NULL; the texts live in *text. */
static int env_of(const struct json *args, struct json **text, const char *ret[BUNDLE_ENV_MAX + 1],
		  struct err *err)
{
	size_t n = 0;

	*text = json_new_array();
	if (!*text)
		return err_errno(err, -ENOMEM, "env");
	json_foreach(v, json_get(args, "env")) {
		char pair[4096];

		if (n == BUNDLE_ENV_MAX || !json_key(v) || json_type(v) != JSON_STRING ||
		    path_format(pair, sizeof(pair), "%s=%s", json_key(v), json_text(v, "")))
			return err_set(err, -EINVAL,
				       "env: want an object of at most %d texts, of at most %zu "
				       "bytes each",
				       BUNDLE_ENV_MAX, sizeof(pair) - 1);
		if (json_add_str(*text, pair))
			return err_errno(err, -ENOMEM, "env");
		n++;
	}
	for (size_t i = 0; i < n; i++)
		ret[i] = json_text(json_at(*text, i), "");
	ret[n] = NULL;
	return 0;
}

static int limits_of(const struct json *args, struct workload_spec *spec, struct err *err)
{
	uint64_t port = 8080, cpu = 0, memory = 0, pids = 0;
	int r = arg_u64(args, "port", 65535, &port, err);

	if (!r)
		r = arg_u64(args, "cpuMillis", 1024000, &cpu, err);
	if (!r)
		r = arg_u64(args, "memoryBytes", INT64_MAX, &memory, err);
	if (!r)
		r = arg_u64(args, "pids", 1 << 22, &pids, err);
	spec->port = (uint16_t)port;
	spec->limits.cpu_millis = (uint32_t)cpu;
	spec->limits.memory_bytes = memory;
	spec->limits.pids = (uint32_t)pids;
	return r;
}

/* As a container of runc's, or where there is an API server as a Pod. */
static int run_spec(struct workload_job *w, const struct workload_spec *spec, struct json **ret,
		    struct err *err)
{
	cleanup(workload_free) struct workload *made = NULL;
	int r;

	if (w->agent->runs) {
		r = hosting_make(w->agent, spec, &w->record, err);
		if (r == 0)
			*ret = run_record_json(w->record);
		return r;
	}
	r = workload_run(w->agent->cfg->paths.state, spec, &made, err);
	if (r == 0)
		*ret = workload_json(made);
	return r;
}

static int run_workload(struct workload_job *w, struct json **ret, struct err *err)
{
	cleanup(json_free) struct json *env_text = NULL;
	struct workload_spec spec = { .lease = json_str(w->args, "lease", NULL),
				      .ready = json_str(w->args, "ready", NULL),
				      .restart = WORKLOAD_RESTART_ALWAYS,
				      .netns = json_str(w->args, "netns", NULL),
				      .host = json_str(w->args, "host", NULL),
				      .cgroup = json_str(w->args, "cgroup", NULL) };
	const char *env[BUNDLE_ENV_MAX + 1];
	cleanup(close_fd) int fd = -1;
	int r;

	r = arg_text(w->args, "name", &spec.name, err);
	if (!r && json_get(w->args, "restart"))
		r = workload_restart_parse(json_str(w->args, "restart", ""), &spec.restart, err);
	if (!r && !w->agent->runs)
		r = arg_text(w->args, "cgroup", &spec.cgroup, err);
	if (!r)
		r = limits_of(w->args, &spec, err);
	if (!r)
		r = env_of(w->args, &env_text, env, err);
	if (!r)
		r = run_blob(w->agent->store, w->args, spec.digest, &fd, err);
	spec.blob_fd = fd;
	spec.env = env;
	return r < 0 ? r : run_spec(w, &spec, ret, err);
}

static int check_lease(struct workload_job *w, struct json **ret, struct err *err)
{
	(void)ret;
	return hosting_check_lease(w->agent, json_str(w->args, "lease", NULL), err);
}

static int stop_workload(struct workload_job *w, struct json **ret, struct err *err)
{
	uint64_t grace = WORKLOAD_GRACE_MS;
	const char *name = NULL;
	int r = arg_text(w->args, "name", &name, err);

	if (!r)
		r = arg_u64(w->args, "graceMs", 600000, &grace, err);
	*ret = NULL;
	return r < 0 ? r : workload_stop(w->agent->cfg->paths.state, name, (uint32_t)grace, err);
}

static int remove_workload(struct workload_job *w, struct json **ret, struct err *err)
{
	const char *name = NULL;
	int r = arg_text(w->args, "name", &name, err);

	(void)ret;
	return r < 0 ? r : workload_remove(w->agent->cfg->paths.state, name, err);
}

static void workload_work(struct work_job *job)
{
	struct workload_job *w = container_of(job, struct workload_job, job);

	w->r = w->act(w, &w->result, &w->err);
}

static void workload_done(struct work_job *job)
{
	struct workload_job *w = container_of(job, struct workload_job, job);

	if (w->r == 0 && w->then) {
		w->act = take_ptr(w->then);
		work_add(w->agent->hands, &w->job);
		return;
	}
	if (!w->agent->runs)
		keeper_look(w->agent, json_str(w->args, "name", ""));
	if (w->record && w->agent->runs)
		w->r = runs_add(w->agent->runs, take_ptr(w->record), &w->err);
	run_record_free(&w->record); /* the agent ends: the record is on disk */
	if (w->r < 0)
		ctl_reply_error(w->reply, &w->err);
	else
		ctl_reply_ok(w->reply, w->result);
	json_free(&w->args);
	free(w);
}

/* w NULL: there was no memory for it. */
static void workload_add(struct agent *a, struct work *queue, struct workload_job *w,
			 struct ctl_reply *reply)
{
	struct err err = {};

	if (!w) {
		err_errno(&err, -ENOMEM, "workload");
		ctl_reply_error(reply, &err);
		return;
	}
	w->job = (struct work_job){ .run = workload_work, .done = workload_done };
	w->agent = a;
	w->reply = reply;
	work_add(queue, &w->job);
}

static struct workload_job *workload_job_new(const struct json *args)
{
	struct workload_job *w = calloc(1, sizeof(*w));

	if (w)
		w->args = args ? json_dup(args) : NULL;
	return w;
}

void cmd_workload_run(void *ctx, const struct json *args, struct ctl_reply *reply)
{
	struct workload_job *w = workload_job_new(args);
	struct agent *a = ctx;

	if (w) {
		w->act = check_lease;
		w->then = run_workload;
	}
	workload_add(a, a->books, w, reply);
}

/* One that is a Pod goes behind this; what there is to wait for, kubectl shows. */
static void stop_pod(struct agent *a, const struct json *args, struct ctl_reply *reply)
{
	const char *name = NULL;
	struct err err = {};
	int r = arg_text(args, "name", &name, &err);

	if (!r)
		r = runs_end(a->runs, name, &err);
	if (r < 0)
		ctl_reply_error(reply, &err);
	else
		ctl_reply_ok(reply, NULL);
}

/* One act on the hands' queue. */
static void workload_act(struct agent *a,
			 int (*act)(struct workload_job *, struct json **, struct err *),
			 const struct json *args, struct ctl_reply *reply)
{
	struct workload_job *w = workload_job_new(args);

	if (w)
		w->act = act;
	workload_add(a, a->hands, w, reply);
}

void cmd_workload_remove(void *ctx, const struct json *args, struct ctl_reply *reply)
{
	workload_act(ctx, remove_workload, args, reply);
}

void cmd_workload_stop(void *ctx, const struct json *args, struct ctl_reply *reply)
{
	struct agent *a = ctx;

	if (a->runs)
		stop_pod(a, args, reply);
	else {
		keeper_leaves(a, json_str(args, "name", ""));
		workload_act(a, stop_workload, args, reply);
	}
}
