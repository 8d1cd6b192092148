/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "svc/idle.h"
#include "svc/planner.h"

static size_t backends_missing(const struct planner *p, const struct svc_want_frontend *f)
{
	size_t n = 0;

	for (uint32_t i = 0; i < f->n; i++)
		n += !p->ids[p->want.refs[f->first + i]];
	return n;
}

static int backends_put(struct planner *p, const struct svc_want_frontend *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		uint32_t ref = p->want.refs[f->first + i];

		if (!p->ids[ref] && planner_backend_put(p, ref))
			return -ENOMEM;
	}
	return 0;
}

static int u32_cmp(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* The set of f into p->run, as its slots should be. False when a backend has no id yet. */
static bool run_fill(struct planner *p, const struct svc_want_frontend *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		p->run[i] = p->ids[p->want.refs[f->first + i]];
		if (!p->run[i])
			return false;
	}
	if (f->n)
		qsort(p->run, f->n, sizeof(*p->run), u32_cmp);
	return true;
}

bool planner_has_set(struct planner *p, const struct dp_frontend *have,
		     const struct svc_want_frontend *f)
{
	const struct weir_slot *slots = svc_slots_of(p->actual, &have->svc);

	if (!slots || !have->svc.gen || have->svc.count != f->n || !run_fill(p, f))
		return false;
	for (uint32_t i = 0; i < f->n; i++)
		if (slots[i].backend != p->run[i] || slots[i].gen != have->svc.gen)
			return false;
	return true;
}

static int slots_put(struct planner *p, const struct svc_want_frontend *f, const struct run *run)
{
	run_fill(p, f);
	for (uint32_t i = 0; i < f->n; i++) {
		struct svc_op op = { .kind = SVC_OP_SLOT_PUT };

		op.slot.index = run->first + i;
		op.slot.value.backend = p->run[i];
		op.slot.value.gen = run->gen;
		if (planner_emit(p, &op))
			return -ENOMEM;
	}
	return 0;
}

/* Finds slots for the set of f, or counts what is wanting: -ENOSPC. */
static int run_place(struct planner *p, const struct svc_want_frontend *f, struct run *ret)
{
	struct run run = {};
	int r;

	if (backends_missing(p, f) > p->room.n_backends) {
		p->no_backend++;
		return -ENOSPC;
	}
	if (f->n && !svc_room_slots(&p->room, f->n, &run.first)) {
		p->no_slot++;
		return -ENOSPC;
	}
	r = svc_room_gen(&p->room, p->actual, &run.gen);
	if (!r)
		r = backends_put(p, f);
	if (!r)
		r = slots_put(p, f, &run);
	if (!r)
		*ret = run;
	return r;
}

int planner_run(struct planner *p, const struct dp_frontend *have,
		const struct svc_want_frontend *f, struct run *ret)
{
	struct run *shared = f->n ? &p->runs[f->first] : NULL;
	int r = 0;

	if (have && planner_has_set(p, have, f)) {
		*ret = (struct run){ have->svc.gen, have->svc.first };
		return 0;
	}
	if (!shared)
		return run_place(p, f, ret);
	if (!shared->gen)
		r = run_place(p, f, shared);
	if (!r)
		*ret = *shared;
	return r;
}
