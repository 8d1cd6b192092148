/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directing: objects -> table of Services -> kernel. Level-triggered: every round compares the whole
 * table with the whole kernel state, so a failed round is made good by the next.
 */
#include <errno.h>

/* The default, HASH_JEN, falls through case labels in a way clang warns of. */
#define HASH_FUNCTION(key, len, hash) HASH_SAX(key, len, hash)
#include <uthash.h>

#include "agent/agent_int.h"
#include "agent/services.h"
#include "agent/work.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/log.h"
#include "svc/plan.h"
#include "svc/svc.h"
#include "svc/view.h"

#define RETRY_MS 1000

/* A Service whose pending fields were told; told again only when they change. */
struct direct_warned {
	char key[2 * (SVC_MAX_TEXT + 1)];
	char pending[160];
	bool there; /* in the table at hand */
	UT_hash_handle hh;
};

static void warn_pending(struct agent *a, const struct svc_service *s)
{
	const char *fields[SVC_PENDING_MAX];
	size_t n = svc_pending(s, fields);
	struct direct_warned *w = NULL;
	char key[sizeof(w->key)], text[sizeof(w->pending)] = "";

	for (size_t i = 0, at = 0; i < n && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? "," : "",
				       fields[i]);
	snprintf(key, sizeof(key), "%s/%s", s->ns, s->name);
	HASH_FIND_STR(a->warned, key, w);
	if (!w && !n)
		return;
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return;
		memcpy(w->key, key, sizeof(w->key));
		HASH_ADD_STR(a->warned, key, w);
	}
	w->there = n > 0;
	if (!strcmp(w->pending, text))
		return;
	memcpy(w->pending, text, sizeof(w->pending));
	if (n)
		log_warn("direct", "fields of a Service that are not applied yet",
			 "service=%s fields=%s", key, text);
}

static void warn_all(struct agent *a)
{
	struct direct_warned *w, *next;

	for (w = a->warned; w; w = w->hh.next)
		w->there = false;
	for (size_t i = 0; i < a->services->n_services; i++)
		warn_pending(a, a->services->services[i]);
	HASH_ITER(hh, a->warned, w, next) {
		if (w->there)
			continue;
		HASH_DEL(a->warned, w);
		free(w);
	}
}

/* ---- Saving for the command line ------------------------------------------------------------ */

/* On the books' queue, since it syncs to disk. The table is only read, here and there, and is freed
 * by who lets go of it last. One at a time: what changed meanwhile is saved by the next. */
struct direct_save {
	struct work_job job;
	struct agent *agent;
	struct svc_table *table;
	struct err err;
};

static void save(struct agent *a);

static void save_run(struct work_job *job)
{
	struct direct_save *s = container_of(job, struct direct_save, job);
	char path[METER_PATH_MAX];

	if (path_format(path, sizeof(path), "%s/%s", s->agent->cfg->paths.state, SVC_SAVED_NAME))
		err_set(&s->err, -ENAMETOOLONG, "paths.state: too long");
	else
		svc_save(s->table, path, &s->err);
}

static void save_done(struct work_job *job)
{
	struct direct_save *s = container_of(job, struct direct_save, job);
	struct agent *a = s->agent;

	if (s->err.code)
		log_error("direct", "the table could not be saved for the command line", "error=%s",
			  log_quote(s->err.text));
	a->saving = NULL;
	if (s->table != a->services) {
		svc_table_free(&s->table);
		save(a);
	}
	free(s);
}

static void save(struct agent *a)
{
	struct direct_save *s;

	if (a->saving)
		return;
	s = calloc(1, sizeof(*s));
	if (!s) {
		log_error("direct", "the table could not be saved for the command line",
			  "error=memory");
		return;
	}
	*s = (struct direct_save){ .job = { .run = save_run, .done = save_done },
				   .agent = a,
				   .table = a->services };
	a->saving = a->services;
	work_add(a->books, &s->job);
}

/* ---- Syncing -------------------------------------------------------------------------------- */

static void sync_now(struct agent *a);

static void on_replan(uv_timer_t *timer)
{
	sync_now(timer->data);
}

static void sync_now(struct agent *a)
{
	cleanup(svc_plan_free) struct svc_plan *plan = NULL;
	uint64_t now = clock_boot_ns() / 1000000;
	struct err err = {};

	uv_timer_stop(&a->replan);
	if (svc_sync(a->dp, a->services, a->idle, now, &plan, &err) < 0) {
		a->sync_failed_ms = clock_wall_ms();
		log_error("direct", "the kernel's tables could not be brought up to date",
			  "error=%s", log_quote(err.text));
		uv_timer_start(&a->replan, on_replan, RETRY_MS, 0);
		return;
	}
	a->synced_ms = clock_wall_ms();
	a->sync_failed_ms = 0;
	if (plan->full.code)
		log_error("direct", "a table is full", "error=%s", log_quote(plan->full.text));
	if (plan->n_ops)
		log_info("direct", "synced", "services=%zu operations=%zu", a->services->n_services,
			 plan->n_ops);
	if (plan->next_ms)
		uv_timer_start(&a->replan, on_replan, plan->next_ms > now ? plan->next_ms - now : 1,
			       0);
}

void direct_changed(struct agent *a, const struct kube_set *set)
{
	const struct config *cfg = a->cfg;
	const struct services_node node = {
		.name = cfg->node.name,
		.zone = cfg->node.zone,
		.addresses = cfg->node.addresses.v,
		.n_addresses = cfg->node.addresses.n,
		.cluster_cidrs = cfg->meter.cluster_cidrs.v,
		.n_cluster_cidrs = cfg->meter.cluster_cidrs.n,
	};
	struct svc_table *next = NULL;
	struct err err = {};

	if (services_translate(set, &node, &next, &err) < 0) {
		log_error("direct", "objects kept as they were", "error=%s", log_quote(err.text));
		return;
	}
	if (a->saving != a->services)
		svc_table_free(&a->services);
	a->services = next;
	warn_all(a);
	sync_now(a);
	save(a);
}

int direct_open(struct agent *a, struct err *err)
{
	int r = svc_idle_new(SVC_GRACE_MS, &a->idle);

	if (r < 0)
		return err_errno(err, r, "starting to direct");
	uv_timer_init(&a->loop, &a->replan);
	a->replan.data = a;
	return 0;
}

void direct_close(struct agent *a)
{
	struct direct_warned *w, *next;

	HASH_ITER(hh, a->warned, w, next) {
		HASH_DEL(a->warned, w);
		free(w);
	}
	svc_table_free(&a->services);
	svc_idle_free(&a->idle);
}
