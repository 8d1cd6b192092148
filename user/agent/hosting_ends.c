/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workloads of leases that ended are ended: Pods by runs.h, containers of runc's by stopping them.
 * Looked for when a window was closed, for that is when leases close, when the chain says that one has
 * ended, and at the start. A lease that can't be read counts as open.
 */
#include <errno.h>
#include <stdlib.h>

#include "agent/agent_int.h"
#include "agent/book_int.h"
#include "agent/runs.h"
#include "agent/work.h"
#include "core/cleanup.h"
#include "core/log.h"
#include "workload/workload.h"

/* A look goes from queue to queue: workloads are the hands', leases the books'. */
struct hosting_look {
	struct work_job job;
	struct agent *agent;
	struct hosting_lease {
		char label[LEDGER_LABEL_MAX];
		bool ended;
	} *leases; /* each once */
	size_t n;
	size_t stopped;
	struct err err; /* of the last that could not be stopped, or listed */
};

static void look_free(struct hosting_look **look)
{
	free((*look)->leases);
	free_ptr(look);
}

static bool has(const struct hosting_look *look, const char *label, bool ended)
{
	for (size_t i = 0; i < look->n; i++)
		if (strcmp(look->leases[i].label, label) == 0)
			return look->leases[i].ended || !ended;
	return false;
}

/* 0 when it is there already. */
static int look_add(struct hosting_look *look, const char *label)
{
	struct hosting_lease *more;

	if (!label[0] || strlen(label) >= LEDGER_LABEL_MAX || has(look, label, false))
		return 0;
	more = reallocarray(look->leases, look->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	look->leases = more;
	more[look->n] = (struct hosting_lease){};
	snprintf(more[look->n].label, sizeof(more[look->n].label), "%s", label);
	look->n++;
	return 0;
}

static void go_on(struct hosting_look *look, struct work *queue, void (*run)(struct work_job *),
		  void (*done)(struct work_job *))
{
	look->job = (struct work_job){ .run = run, .done = done };
	work_add(queue, &look->job);
}

/* ---- Containers ----------------------------------------------------------------------------- */

static bool runs_still(const struct workload *w)
{
	return w->state == WORKLOAD_STATE_RUNNING || w->state == WORKLOAD_STATE_CREATED ||
	       w->state == WORKLOAD_STATE_WAITING;
}

static void stop_run(struct work_job *job)
{
	struct hosting_look *look = container_of(job, struct hosting_look, job);
	const char *state = look->agent->cfg->paths.state;
	cleanup(workloads_fini) struct workloads all = {};

	if (workload_list(state, &all, &look->err) < 0)
		return;
	for (size_t i = 0; i < all.len; i++) {
		const struct workload *w = all.at[i];
		struct err why = {};

		if (!runs_still(w) || !has(look, w->lease, true))
			continue;
		if (workload_stop(state, w->name, WORKLOAD_GRACE_MS, &why) == 0)
			look->stopped++;
		else
			look->err = why;
	}
}

static void stop_done(struct work_job *job)
{
	struct hosting_look *look = container_of(job, struct hosting_look, job);

	if (look->stopped)
		log_info("hosting", "workloads of leases that ended are stopped", "n=%zu",
			 look->stopped);
	if (look->err.code)
		log_error("hosting", "a workload of a lease that ended runs on", "error=%s",
			  log_quote(look->err.text));
	look_free(&look);
}

static void list_run(struct work_job *job)
{
	struct hosting_look *look = container_of(job, struct hosting_look, job);
	cleanup(workloads_fini) struct workloads all = {};

	if (workload_list(look->agent->cfg->paths.state, &all, NULL) < 0)
		return; /* who asks for them hears why; the next window looks again */
	for (size_t i = 0; i < all.len; i++)
		if (runs_still(all.at[i]) && look_add(look, all.at[i]->lease) < 0)
			return;
}

/* ---- Leases --------------------------------------------------------------------------------- */

static void look_run(struct work_job *job)
{
	struct hosting_look *look = container_of(job, struct hosting_look, job);

	for (size_t i = 0; i < look->n; i++) {
		struct hosting_lease *l = &look->leases[i];
		struct ledger_lease row;
		struct lease lease;

		l->ended = ledger_lease_get(look->agent->ledger, l->label, &row, NULL) == 0 &&
			   book_account(&row, &lease, NULL) == 0 && lease_ended(&lease);
	}
}

static void look_done(struct work_job *job)
{
	struct hosting_look *look = container_of(job, struct hosting_look, job);
	struct agent *a = look->agent;
	bool ended = false;

	for (size_t i = 0; i < look->n; i++) {
		ended |= look->leases[i].ended;
		if (a->runs && look->leases[i].ended)
			runs_end_lease(a->runs, look->leases[i].label);
	}
	if (ended && !a->hosting_dir[0] && !a->stopping)
		go_on(look, a->hands, stop_run, stop_done);
	else
		look_free(&look);
}

static void list_done(struct work_job *job)
{
	struct hosting_look *look = container_of(job, struct hosting_look, job);

	if (look->n)
		go_on(look, look->agent->books, look_run, look_done);
	else
		look_free(&look);
}

void hosting_look(struct agent *a)
{
	cleanup(free_ptr) const char **labels = NULL;
	struct hosting_look *look = calloc(1, sizeof(*look));
	size_t n = a->runs ? runs_leases(a->runs, &labels) : 0;
	int r = look ? 0 : -ENOMEM;

	if (r < 0)
		return; /* the next window looks again */
	look->agent = a;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = look_add(look, labels[i]);
	if (n)
		go_on(look, a->books, look_run, look_done);
	else if (!a->hosting_dir[0] && !a->stopping)
		go_on(look, a->hands, list_run, list_done);
	else
		look_free(&look);
}

int hosting_check_lease(struct agent *a, const char *label, struct err *err)
{
	bool pods = a->hosting_dir[0] != '\0', none = !label || !*label;
	struct ledger_lease row;
	struct lease lease;
	int r;

	if (none && !pods)
		return 0;
	if (none)
		return err_set(err, -EINVAL,
			       "lease: missing; a workload that is a Pod runs for a lease");
	r = ledger_lease_get(a->ledger, label, &row, err);
	if (r == -ENOENT && !pods)
		return 0;
	if (r == -ENOENT)
		return err_set(err, r, "there is no lease %s; open it first", label);
	if (r == 0)
		r = book_account(&row, &lease, err);
	if (r == 0 && lease.closing_ms)
		return err_set(err, -EPERM, "lease %s is %s", label, lease_state_name(lease.state));
	return r;
}
