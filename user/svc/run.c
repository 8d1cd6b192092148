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

bool planner_run_fill(struct planner *p, const struct svc_want_frontend *f)
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

uint32_t planner_run_place(const struct planner *p, const struct svc_want_frontend *f, uint32_t id)
{
	const uint32_t *at = bsearch(&id, p->run, f->n, sizeof(*p->run), u32_cmp);

	return at - p->run;
}

/* Do the slots that the frontend has hold the set of f? */
static bool has_set(struct planner *p, const struct dp_frontend *have,
		    const struct svc_want_frontend *f)
{
	const struct weir_slot *slots = svc_slots_of(p->actual, &have->svc);

	if (!slots || !have->svc.gen || have->svc.count != f->n || !planner_run_fill(p, f))
		return false;
	for (uint32_t i = 0; i < f->n; i++)
		if (slots[i].backend != p->run[i] || slots[i].gen != have->svc.gen)
			return false;
	return true;
}

int planner_run_adopt(struct planner *p, const struct dp_frontend *have,
		      const struct svc_want_frontend *f)
{
	struct run *run = &p->runs[f->first];
	bool has_ring = false;
	int r = 0;

	if (!f->n || (run->gen && (run->ring || !f->ring)) || !has_set(p, have, f))
		return 0;
	if (!run->gen) {
		run->gen = have->svc.gen;
		run->first = have->svc.first;
	}
	if (!run->ring)
		r = planner_ring_has(p, have, f, &has_ring);
	if (has_ring) {
		run->ring = have->svc.ring;
		run->ring_first = have->svc.ring_first;
	}
	return r;
}

static int slots_put(struct planner *p, const struct svc_want_frontend *f, const struct run *run)
{
	planner_run_fill(p, f);
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
	if (r)
		return r;
	ret->gen = run.gen;
	ret->first = run.first;
	return 0;
}

int planner_run(struct planner *p, const struct dp_frontend *have,
		const struct svc_want_frontend *f, struct run *ret)
{
	struct run none = {}, *shared = f->n ? &p->runs[f->first] : &none;
	bool has = have && has_set(p, have, f), has_ring = false;
	int r = has ? planner_ring_has(p, have, f, &has_ring) : 0;

	if (!r && !has && !shared->gen)
		r = run_place(p, f, shared);
	if (!r && f->ring && !shared->ring)
		r = planner_ring_make(p, f, shared);
	if (r)
		return r;
	*ret = (struct run){ .gen = shared->gen, .first = shared->first };
	if (has) {
		ret->gen = have->svc.gen;
		ret->first = have->svc.first;
	}
	if (has_ring) {
		ret->ring = have->svc.ring;
		ret->ring_first = have->svc.ring_first;
	} else if (f->ring) {
		ret->ring = shared->ring;
		ret->ring_first = shared->ring_first;
	}
	return 0;
}
