/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>
#include <uv.h>

#include "agent/notices.h"
#include "agent/run_record.h"
#include "agent/run_request.h"
#include "agent/run_step.h"
#include "agent/work.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/json.h"
#include "core/log.h"
#include "k8s/api.h"
#include "k8s/notice.h"
#include "k8s/run.h"
#include "k8s/set.h"

#define BODY_MAX (1u << 20)
#define RETRY_MS 1000
#define RETRY_MAX_MS 60000
#define UNSEEN_MS 10000 /* a Pod that was applied is seen by then, or went before it was */

/* One workload. A call or a write is under way, or it waits for its time, or it rests. */
struct runs_one {
	struct runs_one *prev, *next;
	struct runs *all;
	struct run_record *record;
	struct run_state state;
	enum run_step step; /* that is being taken */
	struct kube_call *call;
	struct buf body;
	struct work_job job; /* writes or removes the record; record is its alone then */
	struct err job_err;
	bool writing, end_asked;
	bool unseen; /* due_ms is when it should have been seen */
	unsigned int failures; /* in a row */
	uint64_t due_ms; /* not before */
	char told[sizeof(((struct err *)NULL)->text)]; /* why it failed, as told last */
	char pod_uid[64], service_uid[64]; /* for Events; "": not seen yet */
};

struct runs {
	struct runs_options opt;
	struct runs_one *list;
	size_t n;
	bool seen; /* runs_saw() was called */
	bool stopped;
	unsigned int users; /* timers and jobs that still know it */
	uv_timer_t retry, doubt;
};

static void go_on(struct runs_one *r);

static uint64_t now_ms(void)
{
	return clock_boot_ns() / 1000000;
}

static void run_free(struct runs_one **run)
{
	struct runs_one *r = take_ptr(*run);

	if (!r)
		return;
	run_record_free(&r->record);
	buf_fini(&r->body);
	free(r);
}

static void release(struct runs *rs)
{
	struct runs_one *r, *next;

	if (--rs->users > 0)
		return;
	DL_FOREACH_SAFE(rs->list, r, next) {
		DL_DELETE(rs->list, r);
		run_free(&r);
	}
	free(rs);
}

/* ---- Waiting -------------------------------------------------------------------------------- */

static void on_retry(uv_timer_t *timer);

/* One timer for all: whoever is due then goes on, and it is set anew. */
static void plan_retry(struct runs *rs)
{
	uint64_t now = now_ms(), first = UINT64_MAX;

	for (const struct runs_one *r = rs->list; r; r = r->next)
		if (r->due_ms && r->due_ms < first)
			first = r->due_ms;
	if (first == UINT64_MAX || rs->stopped)
		return;
	uv_timer_start(&rs->retry, on_retry, first > now ? first - now : 0, 0);
}

static void on_retry(uv_timer_t *timer)
{
	struct runs *rs = timer->data;
	struct runs_one *r, *next;
	uint64_t now = now_ms();

	DL_FOREACH_SAFE(rs->list, r, next) {
		if (!r->due_ms || r->due_ms > now)
			continue;
		r->due_ms = 0;
		if (r->unseen && !r->state.ended)
			run_step_doubt(&r->state);
		r->unseen = false;
		go_on(r);
	}
	plan_retry(rs);
}

static void on_doubt(uv_timer_t *timer)
{
	struct runs *rs = timer->data;
	struct runs_one *r, *next;

	DL_FOREACH_SAFE(rs->list, r, next) {
		if (!r->state.ended)
			run_step_doubt(&r->state);
		go_on(r);
	}
}

static const char *verb_of(enum run_step step)
{
	return run_step_is_apply(step)	? "apply" :
	       run_step_is_delete(step) ? "delete" :
	       step == RUN_FORGET	? "forget" :
					  "end";
}

/* A person sees it where he looks first: at the Service, which is there when the Pod can't be. */
static void notice(const struct runs_one *r, bool of_pod, const char *reason, const char *message)
{
	const struct kube_notice n = {
		.kind = of_pod ? "Pod" : "Service",
		.namespace = RUNS_NAMESPACE,
		.name = r->record->name,
		.uid = of_pod ? r->pod_uid : r->service_uid,
		.reason = reason,
		.message = message,
		.warning = !of_pod,
	};

	notices_tell(r->all->opt.notices, &n);
}

static void failed(struct runs_one *r, const struct err *err, uint32_t retry_after_s)
{
	uint64_t wait = RETRY_MS << (r->failures < 6 ? r->failures : 6);

	if (retry_after_s * 1000ULL > wait)
		wait = retry_after_s * 1000ULL;
	r->due_ms = now_ms() + (wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
	r->failures++;
	if (strcmp(r->told, err->text) != 0) {
		memcpy(r->told, err->text, sizeof(r->told));
		log_warn("runs", "a workload waits", "workload=%s step=%s error=%s",
			 r->record->name, verb_of(r->step), log_quote(err->text));
		if (run_step_is_apply(r->step))
			notice(r, false, "FailedToApply", err->text);
	}
	plan_retry(r->all);
}

/* ---- Records -------------------------------------------------------------------------------- */

static void write_run(struct work_job *job)
{
	struct runs_one *r = container_of(job, struct runs_one, job);
	const char *dir = r->all->opt.dir;

	r->job_err = (struct err){};
	if (r->step == RUN_FORGET)
		run_record_remove(dir, r->record->name, &r->job_err);
	else
		run_record_save(dir, r->record, &r->job_err);
}

static void forget(struct runs_one *r)
{
	struct runs *rs = r->all;

	log_info("runs", "a workload and all of it is gone", "workload=%s lease=%s",
		 r->record->name, log_quote(r->record->lease));
	DL_DELETE(rs->list, r);
	rs->n--;
	run_free(&r);
}

/* The end is on disk: from here on things are deleted. */
static void ended(struct runs_one *r)
{
	log_info("runs", "a workload ends", "workload=%s lease=%s", r->record->name,
		 log_quote(r->record->lease));
	if (r->state.pod == RUN_POD_THERE)
		notice(r, true, "WorkloadEnded",
		       "its lease is closed, or it was stopped: Pod and Service go");
	run_step_end(&r->state);
}

static void write_done(struct work_job *job)
{
	struct runs_one *r = container_of(job, struct runs_one, job);
	struct runs *rs = r->all;

	r->writing = false;
	if (rs->stopped)
		; /* all goes with the last user */
	else if (r->job_err.code)
		failed(r, &r->job_err, 0);
	else if (r->step == RUN_FORGET)
		forget(r);
	else {
		ended(r);
		go_on(r);
	}
	release(rs);
}

static void write_record(struct runs_one *r, enum run_step step)
{
	r->step = step;
	r->writing = true;
	r->all->users++;
	r->job = (struct work_job){ .run = write_run, .done = write_done };
	work_add(r->all->opt.queue, &r->job);
}

/* ---- Asking --------------------------------------------------------------------------------- */

static void on_reply(void *arg, const struct kube_reply *reply)
{
	struct runs_one *r = arg;

	r->call = NULL;
	buf_fini(&r->body);
	if (!run_step_is_met(&r->state, r->step, reply->code, reply->status)) {
		failed(r, reply->err, reply->retry_after_s);
		return;
	}
	if (reply->code == 0)
		log_debug("runs", "done", "workload=%s step=%s object=%s", r->record->name,
			  verb_of(r->step), kube_run_kind(run_step_object(r->step)));
	r->failures = 0;
	r->told[0] = '\0';
	run_step_did(&r->state, r->step);
	if (r->step == RUN_APPLY + KUBE_RUN_POD && r->state.pod == RUN_POD_NONE) {
		r->unseen = true;
		r->due_ms = now_ms() + UNSEEN_MS;
		plan_retry(r->all);
	}
	go_on(r);
}

static int ask(struct runs_one *r, struct err *err)
{
	cleanup(buf_fini) struct buf path = BUF_INIT(KUBE_PATH_MAX);
	bool apply = run_step_is_apply(r->step);
	int rc;

	r->body = (struct buf)BUF_INIT(BODY_MAX);
	rc = run_request(r->record, RUNS_NAMESPACE, r->all->opt.node, r->step, &path, &r->body,
			 err);
	if (rc < 0)
		return rc;
	const struct kube_request req = {
		.method = apply ? "PATCH" : "DELETE",
		.path = path.data,
		.content_type = KUBE_APPLY,
		.data = r->body.data,
		.len = r->body.len,
		.done = on_reply,
		.arg = r,
	};

	return kube_api_call(r->all->opt.api, &req, &r->call, err);
}

/* Takes the next step, if there is one and nothing stands in its way. */
static void go_on(struct runs_one *r)
{
	struct err err = {};

	if (!r->all->seen || r->all->stopped || r->call || r->writing || r->due_ms)
		return;
	if (r->end_asked && !r->state.ended) {
		r->record->ended = true;
		write_record(r, RUN_REST);
		return;
	}
	r->step = run_step_next(&r->state);
	if (r->step == RUN_REST)
		return;
	if (r->step == RUN_FORGET) {
		write_record(r, RUN_FORGET);
		return;
	}
	if (ask(r, &err) < 0) {
		buf_fini(&r->body);
		failed(r, &err, 0);
	}
}

/* ---- What is there -------------------------------------------------------------------------- */

static void keep_uid(const struct kube_object *obj, char uid[64])
{
	snprintf(uid, 64, "%s", obj ? obj->meta.uid : "");
}

static void saw(struct runs_one *r, const struct kube_set *set)
{
	const char *name = r->record->name;
	const struct kube_object *pod = kube_set_find(set, KUBE_POD, RUNS_NAMESPACE, name);
	enum run_pod was = r->state.pod;

	keep_uid(pod, r->pod_uid);
	keep_uid(kube_set_find(set, KUBE_SERVICE, RUNS_NAMESPACE, name), r->service_uid);
	run_step_saw(&r->state, run_pod_of(pod));
	if (r->unseen && r->state.pod != RUN_POD_NONE) {
		r->unseen = false;
		r->due_ms = 0;
	}
	if (was != RUN_POD_THERE && r->state.pod == RUN_POD_THERE) {
		log_info("runs", "a workload is a Pod here", "workload=%s lease=%s", name,
			 log_quote(r->record->lease));
		notice(r, true, "LeaseServed", "runs for its lease, which pays for what it uses");
	}
	go_on(r);
}

void runs_saw(struct runs *rs, const struct kube_set *set)
{
	struct runs_one *r, *next;

	rs->seen = true;
	DL_FOREACH_SAFE(rs->list, r, next) {
		saw(r, set);
	}
}

/* ---- Who is there --------------------------------------------------------------------------- */

static struct runs_one *find(const struct runs *rs, const char *name)
{
	struct runs_one *r;

	DL_FOREACH(rs->list, r) {
		if (strcmp(r->record->name, name) == 0)
			return r;
	}
	return NULL;
}

int runs_add(struct runs *rs, struct run_record *record, struct err *err)
{
	struct runs_one *r = NULL;
	int rc = 0;

	if (find(rs, record->name))
		rc = err_set(err, -EEXIST, "workload %s is there already; stop it first",
			     record->name);
	else if (!(r = calloc(1, sizeof(*r))))
		rc = err_errno(err, -ENOMEM, "workload %s", record->name);
	if (rc < 0) {
		run_record_free(&record);
		return rc;
	}
	r->all = rs;
	r->record = record;
	r->state.ended = record->ended;
	DL_APPEND(rs->list, r);
	rs->n++;
	go_on(r);
	return 0;
}

static void end(struct runs_one *r)
{
	r->end_asked = true;
	r->unseen = false;
	r->due_ms = 0;
	go_on(r);
}

int runs_end(struct runs *rs, const char *name, struct err *err)
{
	struct runs_one *r = find(rs, name);

	if (!r)
		return err_set(err, -ENOENT, "there is no workload %s", name);
	end(r);
	return 0;
}

void runs_end_lease(struct runs *rs, const char *lease)
{
	struct runs_one *r, *next;

	DL_FOREACH_SAFE(rs->list, r, next) {
		if (strcmp(r->record->lease, lease) == 0)
			end(r);
	}
}

size_t runs_leases(const struct runs *rs, const char ***ret)
{
	const char **list = calloc(rs->n + 1, sizeof(*list));
	const struct runs_one *r;
	size_t n = 0;

	DL_FOREACH(list ? rs->list : NULL, r) {
		size_t i = 0;

		while (i < n && strcmp(list[i], r->record->lease) != 0)
			i++;
		if (i == n && !r->state.ended && !r->end_asked)
			list[n++] = r->record->lease;
	}
	*ret = list;
	return n;
}

/* ---- Life ----------------------------------------------------------------------------------- */

static int take_record(void *arg, struct run_record *record, const struct err *why)
{
	struct err err = {};

	if (!record) {
		log_error("runs", "a record is left alone", "error=%s", log_quote(why->text));
		return 0;
	}
	return runs_add(arg, record, &err);
}

static void on_close(uv_handle_t *handle)
{
	release(handle->data);
}

int runs_new(const struct runs_options *opt, struct runs **ret, struct err *err)
{
	struct runs *rs = calloc(1, sizeof(*rs));
	int rc;

	if (!rs)
		return err_errno(err, -ENOMEM, "workloads");
	rs->opt = *opt;
	uv_timer_init(opt->loop, &rs->retry);
	uv_timer_init(opt->loop, &rs->doubt);
	rs->retry.data = rs->doubt.data = rs;
	rs->users = 2;
	uv_timer_start(&rs->doubt, on_doubt, RUNS_DOUBT_MS, RUNS_DOUBT_MS);
	rc = run_record_list(opt->dir, take_record, rs, err);
	if (rc < 0) {
		runs_stop(&rs);
		return rc;
	}
	*ret = rs;
	return 0;
}

void runs_stop(struct runs **runs)
{
	struct runs *rs = take_ptr(*runs);
	struct runs_one *r;

	if (!rs)
		return;
	rs->stopped = true;
	DL_FOREACH(rs->list, r) {
		kube_api_cancel(&r->call);
	}
	uv_close((uv_handle_t *)&rs->retry, on_close);
	uv_close((uv_handle_t *)&rs->doubt, on_close);
}
