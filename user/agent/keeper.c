/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping the workloads that run stand-alone: each is tended (workload_tend) when its process ends, when
 * its init tells something else, when its time to run again has come, and behind each command on it. All
 * that must outlive the agent is in their records.
 *
 * An endpoint at the address of a Pod here whose cgroup is that of a workload is ready only while that is:
 * keeper_unready().
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>
#include <utlist.h>

#include "agent/agent_int.h"
#include "agent/source.h"
#include "agent/work.h"
#include "core/cgroup.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/log.h"
#include "k8s/set.h"
#include "workload/restart.h"
#include "workload/workload.h"

#define BUSY_MS 100 /* somebody acts on it, or it ended as it was looked at */
#define FAILED_MS 10000 /* it could not be tended */

/* Its handle has to outlive it for as long as the loop needs to close it. */
struct keeper_process {
	uv_poll_t poll;
	struct keeper_one *one; /* NULL: it is of no interest any more */
	int pidfd;
};

struct keeper_one {
	struct keeper_one *prev, *next;
	struct agent *agent;
	char name[WORKLOAD_NAME_MAX];
	struct workload *seen; /* NULL: not yet */
	bool leaving,
		left; /* a command stops it; that is over, and what came of it is to be seen */
	bool closed; /* goes when its last user does */
	unsigned int users; /* its handles and its job */
	uv_timer_t due;
	uv_fs_event_t told; /* by its init */
	struct keeper_process *process;
	pid_t watched;
	/* the job, and what it found */
	struct work_job job;
	bool running, again;
	struct workload *found;
	struct err err;
	int r, complained; /* complained: the code that was told last */
};

static void tend(struct keeper_one *k);

static bool is_ready(const struct keeper_one *k)
{
	return k->seen && !k->leaving && k->seen->state == WORKLOAD_STATE_RUNNING &&
	       k->seen->health == WORKLOAD_HEALTH_READY;
}

/* Its endpoints are not served. Of one that was not seen yet nobody knows which they are. */
static bool is_held_back(const struct keeper_one *k)
{
	return k->seen && !is_ready(k);
}

/* ---- Life ----------------------------------------------------------------------------------- */

static void release(struct keeper_one *k)
{
	if (--k->users > 0)
		return;
	DL_DELETE(k->agent->kept, k);
	workload_free(&k->seen);
	free(k);
}

static void on_close(uv_handle_t *handle)
{
	release(handle->data);
}

static void on_process_close(uv_handle_t *handle)
{
	struct keeper_process *p = handle->data;

	close(p->pidfd);
	free(p);
}

static void unwatch(struct keeper_one *k)
{
	struct keeper_process *p = take_ptr(k->process);

	k->watched = 0;
	uv_fs_event_stop(&k->told);
	if (!p)
		return;
	p->one = NULL;
	uv_close((uv_handle_t *)&p->poll, on_process_close);
}

static void forget(struct keeper_one *k)
{
	if (k->closed)
		return;
	k->closed = true;
	unwatch(k);
	uv_close((uv_handle_t *)&k->due, on_close);
	uv_close((uv_handle_t *)&k->told, on_close);
}

static struct keeper_one *find(struct agent *a, const char *name)
{
	struct keeper_one *k;

	DL_FOREACH(a->kept, k) {
		if (!k->closed && strcmp(k->name, name) == 0)
			return k;
	}
	return NULL;
}

/* seen: taken over; NULL without memory. */
static struct keeper_one *add(struct agent *a, const char *name, struct workload *seen)
{
	struct keeper_one *k = calloc(1, sizeof(*k));

	if (!k) {
		workload_free(&seen);
		return NULL;
	}
	k->agent = a;
	k->seen = seen;
	k->users = 2;
	snprintf(k->name, sizeof(k->name), "%s", name);
	uv_timer_init(&a->loop, &k->due);
	uv_fs_event_init(&a->loop, &k->told);
	k->due.data = k->told.data = k;
	DL_APPEND(a->kept, k);
	return k;
}

/* By its record, until it has been looked at: an endpoint that was not ready does not become so by a restart
 * of the agent. Of one whose record can't be read, looking at it tells. */
static struct keeper_one *add_recorded(struct agent *a, const char *name)
{
	struct workload *seen = NULL;

	workload_recorded(a->cfg->paths.state, name, &seen, NULL);
	return add(a, name, seen);
}

/* ---- Watching ------------------------------------------------------------------------------- */

static void on_due(uv_timer_t *timer)
{
	tend(timer->data);
}

static void on_told(uv_fs_event_t *handle, const char *file, int events, int status)
{
	(void)file;
	(void)events;
	(void)status;
	tend(handle->data);
}

static void on_process_end(uv_poll_t *poll, int status, int events)
{
	const struct keeper_process *p = poll->data;

	(void)status;
	(void)events;
	if (!p->one)
		return;
	uv_poll_stop(poll);
	tend(p->one);
}

static int watch_process(struct keeper_one *k, pid_t pid)
{
	struct keeper_process *p = calloc(1, sizeof(*p));
	int r = p ? 0 : -ENOMEM;

	if (r == 0 && (p->pidfd = pidfd_open(pid, 0)) < 0)
		r = -errno;
	if (r == 0 && (r = uv_poll_init(&k->agent->loop, &p->poll, p->pidfd)) < 0)
		close(p->pidfd);
	if (r < 0) {
		free(p);
		return r;
	}
	p->poll.data = p;
	p->one = k;
	k->process = p;
	return uv_poll_start(&p->poll, UV_READABLE, on_process_end);
}

/* What happened before it was watched is seen by tending it once more. */
static void watch(struct keeper_one *k)
{
	char path[METER_PATH_MAX];

	if (k->seen->pid == k->watched)
		return;
	unwatch(k);
	if (k->seen->pid == 0)
		return;
	if (watch_process(k, k->seen->pid) < 0)
		return; /* plan() looks again soon */
	k->watched = k->seen->pid;
	if (path_format(path, sizeof(path), "%s/workloads/%s/status", k->agent->cfg->paths.state,
			k->name) == 0)
		uv_fs_event_start(&k->told, on_told, path, 0); /* one of before has none */
	k->again = true;
}

static void plan(struct keeper_one *k)
{
	const struct workload *w = k->seen;

	if (w->state == WORKLOAD_STATE_WAITING)
		uv_timer_start(&k->due, on_due,
			       restart_wait_ms(w, &k->agent->backoff, clock_wall_ms()), 0);
	else if (w->pid != k->watched)
		uv_timer_start(&k->due, on_due, BUSY_MS, 0);
	else
		uv_timer_stop(&k->due);
}

/* ---- Tending -------------------------------------------------------------------------------- */

static void readiness_changed(struct agent *a)
{
	if (a->begun && !a->stopping)
		direct_changed(a, source_set(a->source), NULL);
}

static void tell(const struct workload *was, const struct workload *is)
{
	const char *shown = workload_shown_state(is->state, is->health);

	if (was && was->state == is->state && was->health == is->health &&
	    was->restarts == is->restarts)
		return;
	if (is->state == WORKLOAD_STATE_RUNNING || is->state == WORKLOAD_STATE_STOPPED)
		log_info("keeper", "a workload", "workload=%s state=%s restarts=%u last_exit=%s",
			 is->name, shown, is->restarts, log_quote(is->last_exit));
	else
		log_warn("keeper", "a workload",
			 "workload=%s state=%s restarts=%u last_exit=%s%s%s", is->name, shown,
			 is->restarts, log_quote(is->last_exit), is->reason[0] ? " reason=" : "",
			 is->reason[0] ? log_quote(is->reason) : "");
}

static void took(struct keeper_one *k, struct workload *found)
{
	bool was_held_back = is_held_back(k);
	bool moved = k->seen && strcmp(k->seen->cgroup, found->cgroup) != 0;

	k->complained = 0;
	if (k->left)
		k->leaving = k->left = false;
	tell(k->seen, found);
	workload_free(&k->seen);
	k->seen = found;
	watch(k);
	plan(k);
	if (moved || is_held_back(k) != was_held_back)
		readiness_changed(k->agent);
}

static void failed(struct keeper_one *k)
{
	if (k->r == -EWOULDBLOCK) {
		uv_timer_start(&k->due, on_due, BUSY_MS, 0);
		return;
	}
	if (k->r != k->complained)
		log_error("keeper", "a workload can't be looked after", "workload=%s error=%s",
			  k->name, log_quote(k->err.text));
	k->complained = k->r;
	uv_timer_start(&k->due, on_due, FAILED_MS, 0);
}

static void tend_run(struct work_job *job)
{
	struct keeper_one *k = container_of(job, struct keeper_one, job);

	k->err = (struct err){};
	k->r = workload_tend(k->agent->cfg->paths.state, k->name, &k->agent->backoff, &k->found,
			     &k->err);
}

static void tend_done(struct work_job *job)
{
	struct keeper_one *k = container_of(job, struct keeper_one, job);
	struct workload *found = take_ptr(k->found);

	k->running = false;
	if (k->closed) {
		workload_free(&found);
	} else if (k->r == 0) {
		took(k, found);
	} else if (k->r == -ENOENT || k->r == -EINVAL) { /* -EINVAL: no name of one */
		bool was_held_back = is_held_back(k);

		forget(k);
		if (was_held_back)
			readiness_changed(k->agent);
	} else {
		failed(k);
	}
	if (k->again && !k->closed)
		tend(k);
	release(k);
}

static void tend(struct keeper_one *k)
{
	if (k->closed)
		return;
	k->again = k->running;
	if (k->running)
		return;
	k->running = true;
	k->users++;
	k->job = (struct work_job){ .run = tend_run, .done = tend_done };
	work_add(k->agent->keeping, &k->job);
}

/* ---- Asked from outside --------------------------------------------------------------------- */

void keeper_look(struct agent *a, const char *name)
{
	struct keeper_one *k = find(a, name);

	if (!k && !a->stopping && (k = add_recorded(a, name)) && is_held_back(k))
		readiness_changed(a);
	if (!k)
		return;
	k->left = k->leaving;
	tend(k);
}

void keeper_leaves(struct agent *a, const char *name)
{
	struct keeper_one *k = find(a, name);
	bool was_held_back = k && is_held_back(k);

	if (!k)
		return;
	k->leaving = true;
	if (is_held_back(k) != was_held_back)
		readiness_changed(a);
}

static bool is_of(const struct agent *a, const struct kube_pod *pod, const struct workload *w)
{
	char own[METER_PATH_MAX], its[METER_PATH_MAX];

	return pod->cgroup[0] &&
	       path_format(its, sizeof(its), "%s%s", a->cgroup_mount, w->cgroup) == 0 &&
	       path_format(own, sizeof(own), "%s/%s", a->cfg->paths.cgroup,
			   pod->cgroup + strspn(pod->cgroup, "/")) == 0 &&
	       strcmp(own, its) == 0;
}

static int add_pods(struct agent *a, const struct kube_set *set, const struct workload *w)
{
	for (size_t i = 0; i < kube_set_len(set, KUBE_POD); i++) {
		const struct kube_pod *pod = &kube_set_at(set, KUBE_POD, i)->pod;
		struct addr *grown;

		if (!is_of(a, pod, w) || pod->n_ips == 0)
			continue;
		grown = reallocarray(a->unready, a->n_unready + pod->n_ips, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		a->unready = grown;
		memcpy(grown + a->n_unready, pod->ips, pod->n_ips * sizeof(*grown));
		a->n_unready += pod->n_ips;
	}
	return 0;
}

static int by_addr(const void *x, const void *y)
{
	return addr_cmp(x, y);
}

int keeper_unready(struct agent *a, const struct kube_set *set)
{
	const struct keeper_one *k;
	int r = 0;

	a->n_unready = 0;
	DL_FOREACH(a->kept, k) {
		if (r == 0 && !k->closed && k->seen && !is_ready(k))
			r = add_pods(a, set, k->seen);
	}
	if (a->n_unready > 1)
		qsort(a->unready, a->n_unready, sizeof(*a->unready), by_addr);
	return r;
}

/* ---- The agent's life ----------------------------------------------------------------------- */

static int begin_one(void *arg, const char *name, struct err *err)
{
	struct keeper_one *k = add_recorded(arg, name);

	if (!k)
		return err_errno(err, -ENOMEM, "workloads");
	tend(k);
	return 0;
}

int keeper_open(struct agent *a, struct err *err)
{
	int r = work_new(&a->loop, &a->keeping);

	if (r < 0)
		return err_errno(err, r, "workloads");
	a->backoff = (struct workload_backoff)WORKLOAD_BACKOFF(a->cfg->workload.backoff_ms);
	/* without one nothing runs, and no Pod is that of a workload */
	cgroup2_mount(CGROUP_MOUNTINFO, a->cgroup_mount, sizeof(a->cgroup_mount), NULL);
	return workload_each(a->cfg->paths.state, begin_one, a, err);
}

void keeper_stop(struct agent *a)
{
	struct keeper_one *k, *next;

	DL_FOREACH_SAFE(a->kept, k, next) {
		forget(k);
	}
}

void keeper_close(struct agent *a)
{
	work_free(&a->keeping);
	free(a->unready);
}
