/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "svc/idle.h"
#include "svc/planner.h"

void planner_free(struct planner **planner)
{
	struct planner *p = *planner;

	if (!p)
		return;
	svc_plan_free(&p->plan);
	svc_want_fini(&p->want);
	svc_room_fini(&p->room);
	free(p->frontends);
	free(p->classes);
	free(p->ranges);
	free(p->want_ranges);
	free(p->homes);
	free(p->ids);
	free(p->frontend_ids);
	free(p->run);
	free(p->runs);
	free(p);
	*planner = NULL;
}

int planner_emit(struct planner *p, const struct svc_op *op)
{
	struct svc_plan *plan = p->plan;

	if (plan->n_ops == p->cap_ops) {
		size_t cap = p->cap_ops ? 2 * p->cap_ops : 64;
		struct svc_op *wider = reallocarray(plan->ops, cap, sizeof(*wider));

		if (!wider)
			return -ENOMEM;
		plan->ops = wider;
		p->cap_ops = cap;
	}
	plan->ops[plan->n_ops++] = *op;
	plan->count[op->kind]++;
	return 0;
}

void planner_wake(struct planner *p, uint64_t at_ms)
{
	if (!p->plan->next_ms || at_ms < p->plan->next_ms)
		p->plan->next_ms = at_ms;
}

/* ---- Frontends ------------------------------------------------------------------------------- */

/* What clients of f are remembered under: the id of its lead, so that all addresses of a Service port
 * lead them to the same backend. */
static uint32_t affinity_id(const struct planner *p, const struct svc_want_frontend *f)
{
	const struct svc_want_frontend *lead =
		f->flags & WEIR_SVC_AFFINITY ?
			bsearch(&f->lead, p->want.frontends, p->want.n_frontends, sizeof(*f),
				svc_vip_cmp) :
			NULL;

	return lead ? p->frontend_ids[lead - p->want.frontends] : 0;
}

static struct weir_svc value_of(const struct planner *p, const struct svc_want_frontend *f,
				const struct run *run)
{
	return (struct weir_svc){
		.id = p->frontend_ids[f - p->want.frontends],
		.gen = run->gen,
		.first = run->first,
		.count = f->n,
		.flags = f->flags,
		.affinity_s = f->affinity_s,
		.affinity_id = affinity_id(p, f),
		.ring = run->ring,
		.ring_first = run->ring_first,
	};
}

/* Finds no room. A new one then has no id. */
static void frontend_leave(struct planner *p, const struct dp_frontend *have,
			   const struct svc_want_frontend *f)
{
	if (have)
		planner_backends_keep(p, &have->svc);
	else
		p->frontend_ids[f - p->want.frontends] = 0;
}

/* have is NULL for a new frontend. What is as it should be stays. */
static int frontend_plan(struct planner *p, const struct dp_frontend *have,
			 const struct svc_want_frontend *f)
{
	struct svc_op op = { .kind = SVC_OP_FRONTEND_PUT };
	struct run run;
	int r = 0;

	if (!have && p->n_frontends >= WEIR_MAX_FRONTENDS) {
		p->no_entry++;
		r = -ENOSPC;
	}
	if (!r)
		r = planner_run(p, have, f, &run);
	if (r == -ENOSPC) {
		frontend_leave(p, have, f);
		return 0;
	}
	if (r)
		return r;
	planner_backends_use(p, f);
	op.frontend.vip = f->vip;
	op.frontend.svc = value_of(p, f, &run);
	if (have && !memcmp(&op.frontend.svc, &have->svc, sizeof(have->svc)))
		return 0;
	p->n_frontends += !have;
	return planner_emit(p, &op);
}

/* Before anything is planned: the ids of all frontends, and the sets that are there already. */
static int frontends_adopt(struct planner *p)
{
	const struct dp_frontend *have = p->frontends, *have_end = have + p->actual->n_frontends;

	p->frontend_ids = calloc(p->want.n_frontends + 1, sizeof(*p->frontend_ids));
	p->run = calloc(p->want.n_refs + 1, sizeof(*p->run));
	p->runs = calloc(p->want.n_refs + 1, sizeof(*p->runs));
	if (!p->frontend_ids || !p->run || !p->runs)
		return -ENOMEM;
	for (size_t i = 0; i < p->want.n_frontends; i++) {
		const struct svc_want_frontend *f = &p->want.frontends[i];

		while (have < have_end && svc_vip_cmp(&have->vip, &f->vip) < 0)
			have++;
		if (have < have_end && !svc_vip_cmp(&have->vip, &f->vip)) {
			p->frontend_ids[i] = have->svc.id;
			if (planner_run_adopt(p, have, f))
				return -ENOMEM;
		}
		if (!p->frontend_ids[i] && svc_room_gen(&p->room, p->actual, &p->frontend_ids[i]))
			return -ENOMEM;
	}
	return 0;
}

static int frontend_del(struct planner *p, const struct dp_frontend *have)
{
	struct svc_op op = { .kind = SVC_OP_FRONTEND_DEL, .frontend = *have };

	return planner_emit(p, &op);
}

static int frontends_plan(struct planner *p)
{
	const struct svc_want_frontend *f = p->want.frontends, *f_end = f + p->want.n_frontends;
	const struct dp_frontend *have = p->frontends, *have_end = have + p->actual->n_frontends;
	int r = 0;

	while (!r && (f < f_end || have < have_end)) {
		int side = f == f_end	    ? 1 :
			   have == have_end ? -1 :
					      svc_vip_cmp(&f->vip, &have->vip);

		if (side > 0) {
			r = frontend_del(p, have++);
		} else if (side < 0) {
			r = frontend_plan(p, NULL, f++);
		} else {
			r = frontend_plan(p, have++, f++);
		}
	}
	return r;
}

int planner_frontends(struct planner *p)
{
	int r = planner_backends_adopt(p);

	if (!r)
		r = frontends_adopt(p);
	return r ? r : frontends_plan(p);
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* By kind: the order of enum svc_op_kind is the order of execution. Of one kind as planned, but frontends
 * are put from the last to the first and deleted from the first to the last, so that the one that sends
 * clients from outside to scope OUTSIDE, which is next to it, is never there without that. */
int planner_order(struct svc_plan *plan)
{
	size_t at[SVC_OP_MAX_] = {}, *to = calloc(plan->n_ops + 1, sizeof(*to));

	if (!to)
		return -ENOMEM;
	for (size_t k = 1; k < SVC_OP_MAX_; k++)
		at[k] = at[k - 1] + plan->count[k - 1];
	at[SVC_OP_FRONTEND_PUT] += plan->count[SVC_OP_FRONTEND_PUT];
	for (size_t i = 0; i < plan->n_ops; i++) {
		enum svc_op_kind kind = plan->ops[i].kind;

		to[i] = kind == SVC_OP_FRONTEND_PUT ? --at[kind] : at[kind]++;
	}
	/* each exchange brings one to its place for good: no second copy of them all */
	for (size_t i = 0; i < plan->n_ops; i++) {
		while (to[i] != i) {
			size_t there = to[i], its = to[there];
			struct svc_op op = plan->ops[there];

			plan->ops[there] = plan->ops[i];
			plan->ops[i] = op;
			to[there] = there;
			to[i] = its;
		}
	}
	free(to);
	return 0;
}

static void room_report(struct planner *p)
{
	size_t n = p->no_entry + p->no_backend + p->no_slot;
	struct svc_plan *plan = p->plan;

	if (!n && !p->no_class && !p->no_range && !p->no_ring && !p->no_home)
		return;
	err_set(&plan->full, -ENOSPC,
		"no room in the kernel's tables for %zu of %zu frontends (%zu for want of an entry, "
		"%zu of backends, %zu of slots), %zu of %zu address ranges and %zu of %zu source "
		"ranges, which stay as they were; for want of room, %zu frontends have no Maglev table "
		"and %zu backends are sent masked clients",
		n, p->want.n_frontends, p->no_entry, p->no_backend, p->no_slot, p->no_class,
		p->want.n_classes, p->no_range, p->n_want_ranges, p->no_ring, p->no_home);
	/* Deletions make room at once, rest makes room after the grace. */
	if (plan->count[SVC_OP_FRONTEND_DEL] + plan->count[SVC_OP_CLASS_DEL] +
	    plan->count[SVC_OP_RANGE_DEL] + plan->count[SVC_OP_HOME_DEL] +
	    plan->count[SVC_OP_BACKEND_DEL])
		planner_wake(p, p->now_ms);
	else
		planner_wake(p, p->now_ms + svc_idle_grace_ms(p->idle));
}

static int plan_fill(struct planner *p)
{
	int r = planner_frontends(p);

	if (!r)
		r = planner_classes(p);
	if (!r)
		r = planner_ranges(p);
	if (!r)
		r = planner_homes(p, p->homes, p->actual->n_homes, true);
	if (!r)
		r = planner_backends(p);
	if (!r)
		r = planner_order(p->plan);
	if (!r)
		room_report(p);
	return r;
}

static int copy_sorted(void *ret, const void *from, size_t n, size_t size,
		       int (*order)(const void *, const void *))
{
	void **at = ret;

	*at = calloc(n + 1, size);
	if (!*at)
		return -ENOMEM;
	if (n) {
		memcpy(*at, from, n * size);
		qsort(*at, n, size, order);
	}
	return 0;
}

static int planner_init(struct planner *p, const struct svc_table *desired,
			const struct svc_actual *actual, const struct svc_idle *idle)
{
	int r = svc_want_init(&p->want, desired);

	if (!r)
		r = svc_room_init(&p->room, actual, idle, p->now_ms);
	if (!r)
		r = copy_sorted(&p->frontends, actual->frontends, actual->n_frontends,
				sizeof(*p->frontends), svc_vip_cmp);
	if (!r)
		r = copy_sorted(&p->classes, actual->classes, actual->n_classes,
				sizeof(*p->classes), svc_class_cmp);
	if (!r)
		r = copy_sorted(&p->ranges, actual->ranges, actual->n_ranges, sizeof(*p->ranges),
				svc_range_cmp);
	if (!r)
		r = copy_sorted(&p->homes, actual->homes, actual->n_homes, sizeof(*p->homes),
				svc_home_cmp);
	p->plan = calloc(1, sizeof(*p->plan));
	p->actual = actual;
	p->idle = idle;
	p->n_frontends = actual->n_frontends;
	p->n_classes = actual->n_classes;
	p->n_ranges = actual->n_ranges;
	return r || p->plan ? r : -ENOMEM;
}

int svc_plan_make(const struct svc_table *desired, const struct svc_actual *actual,
		  const struct svc_idle *idle, uint64_t now_ms, struct svc_plan **ret,
		  struct err *err)
{
	cleanup(planner_free) struct planner *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_errno(err, -ENOMEM, "planning Services");
	p->now_ms = now_ms;
	r = planner_init(p, desired, actual, idle);
	if (!r)
		r = plan_fill(p);
	if (r)
		return err_errno(err, r, "planning Services");
	*ret = take_ptr(p->plan);
	return 0;
}

void svc_plan_free(struct svc_plan **plan)
{
	if (*plan) {
		free((*plan)->ops);
		free((*plan)->rings);
	}
	free(*plan);
	*plan = NULL;
}
