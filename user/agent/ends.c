/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending UDP sockets whose backend is gone: sweeps through all network namespaces, off the loop, one at
 * a time. A change that takes something from UDP clients asks for one at once, though no sooner than
 * REST_MS behind the last. Without such a change one is made each EVERY_MS, for dials that were under way
 * while the last one looked.
 */
#include <errno.h>
#include <netinet/in.h>

#include "agent/agent_int.h"
#include "agent/work.h"
#include "core/cleanup.h"
#include "core/log.h"
#include "svc/plan.h"

#define REST_MS 100
#define EVERY_MS 30000

struct ends {
	struct agent *agent;
	struct work *queue;
	struct work_job job;
	uv_timer_t timer;
	bool asked, running, again; /* ever; now; asked meanwhile */
	uint64_t rested_ms; /* loop time at which the next may begin */
	int told; /* code of the last failure, so that it is told once */
	bool told_hidden;
	/* the job's while it runs */
	struct dp_ended ended;
	struct err err;
};

static void sweep_run(struct work_job *job)
{
	struct ends *e = container_of(job, struct ends, job);

	e->ended = (struct dp_ended){};
	e->err = (struct err){};
	dp_ends(e->agent->dp, &e->ended, &e->err);
}

static void tell(struct ends *e)
{
	if (e->ended.sockets)
		log_info("ends", "ended UDP sockets whose backend is gone",
			 "sockets=%" PRIu64 " namespaces=%u", e->ended.sockets,
			 e->ended.namespaces);
	if (e->err.code && e->err.code != e->told)
		log_error("ends", "UDP sockets may be left whose backend is gone", "error=%s",
			  log_quote(e->err.text));
	e->told = e->err.code;
	if (e->ended.hidden && !e->told_hidden) {
		log_warn("ends", "network namespaces of some processes can't be seen",
			 "processes=%u needs=CAP_SYS_PTRACE", e->ended.hidden);
		e->told_hidden = true;
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct ends *e = timer->data;

	e->running = true;
	e->again = false;
	work_add(e->queue, &e->job);
}

static void ask(struct ends *e)
{
	uint64_t now = uv_now(&e->agent->loop);

	e->asked = true;
	if (e->running)
		e->again = true;
	else
		uv_timer_start(&e->timer, on_timer, e->rested_ms > now ? e->rested_ms - now : 0, 0);
}

/* While the agent stops, the timer is closed and starts no more. */
static void sweep_done(struct work_job *job)
{
	struct ends *e = container_of(job, struct ends, job);

	e->running = false;
	e->rested_ms = uv_now(&e->agent->loop) + REST_MS;
	tell(e);
	if (e->again)
		ask(e);
	else
		uv_timer_start(&e->timer, on_timer, EVERY_MS, 0);
}

static bool takes_from_udp(const struct svc_op *op)
{
	if (op->kind == SVC_OP_FRONTEND_DEL)
		return op->frontend.vip.proto == IPPROTO_UDP;
	return (op->kind == SVC_OP_BACKEND_GONE || op->kind == SVC_OP_BACKEND_DEL) &&
	       op->backend.be.proto == IPPROTO_UDP;
}

void ends_after(struct agent *a, const struct svc_plan *plan)
{
	/* what went while no agent was there, or in a round that failed half-way, is in no plan */
	bool due = !a->ends->asked || a->rounds.failed_ms;

	if (a->cfg->datapath.mode == CONFIG_MODE_OFF)
		return;
	for (size_t i = 0; !due && i < plan->n_ops; i++)
		due = takes_from_udp(&plan->ops[i]);
	if (due)
		ask(a->ends);
}

int ends_open(struct agent *a, struct err *err)
{
	struct ends *e = calloc(1, sizeof(*e));
	int r = e ? work_new(&a->loop, &e->queue) : -ENOMEM;

	if (r < 0) {
		free(e);
		return err_errno(err, r, "starting to end sockets");
	}
	e->agent = a;
	e->job = (struct work_job){ .run = sweep_run, .done = sweep_done };
	uv_timer_init(&a->loop, &e->timer);
	e->timer.data = e;
	a->ends = e;
	return 0;
}

void ends_close(struct agent *a)
{
	if (!a->ends)
		return;
	work_free(&a->ends->queue);
	free(take_ptr(a->ends));
}
