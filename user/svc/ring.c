/* SPDX-License-Identifier: Apache-2.0 */
/* Maglev tables over the sets: maglev.c in terms of slots, and room for it in weir_ring. */
#include <errno.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "svc/maglev.h"
#include "svc/planner.h"

/* Entries as places in the set as svc_want has it, in order of name. */
static int entries_by_name(const struct planner *p, const struct svc_want_frontend *f,
			   uint16_t *ret)
{
	cleanup(free_ptr) struct weir_backend *names = calloc(f->n, sizeof(*names));

	if (!names)
		return -ENOMEM;
	for (uint32_t i = 0; i < f->n; i++)
		names[i] = p->want.backends[p->want.refs[f->first + i]];
	return maglev_fill(names, f->n, f->ring, ret);
}

/* Where each of them is among the slots, which are in order of id. */
static int places(struct planner *p, const struct svc_want_frontend *f, uint16_t **ret)
{
	uint16_t *place = calloc(f->n, sizeof(*place));

	if (!place)
		return -ENOMEM;
	planner_run_fill(p, f);
	for (uint32_t i = 0; i < f->n; i++)
		place[i] = planner_run_place(p, f, p->ids[p->want.refs[f->first + i]]);
	*ret = place;
	return 0;
}

/* n more elements of the plan's rings; they are zero. */
static struct weir_ring *rings_add(struct planner *p, uint32_t n)
{
	struct svc_plan *plan = p->plan;
	struct weir_ring *added;

	if (plan->n_rings + n > p->cap_rings) {
		size_t cap = 2 * p->cap_rings + n;
		struct weir_ring *wider = reallocarray(plan->rings, cap, sizeof(*wider));

		if (!wider)
			return NULL;
		plan->rings = wider;
		p->cap_rings = cap;
	}
	added = plan->rings + plan->n_rings;
	for (uint32_t i = 0; i < n; i++)
		added[i] = (struct weir_ring){};
	plan->n_rings += n;
	return added;
}

static int ring_put(struct planner *p, const struct svc_want_frontend *f, uint32_t first)
{
	cleanup(free_ptr) uint16_t *entry = calloc(f->ring, sizeof(*entry)), *place = NULL;
	struct svc_op op = { .kind = SVC_OP_RING_PUT };
	struct weir_ring *ring;
	int r = entry ? entries_by_name(p, f, entry) : -ENOMEM;

	if (!r)
		r = places(p, f, &place);
	if (r)
		return r;
	op.ring.first = first;
	op.ring.n = svc_ring_elements(f->ring);
	op.ring.from = p->plan->n_rings;
	ring = rings_add(p, op.ring.n);
	if (!ring)
		return -ENOMEM;
	for (uint32_t i = 0; i < f->ring; i++)
		ring[i / 4].at[i % 4] = place[entry[i]];
	return planner_emit(p, &op);
}

int planner_ring_make(struct planner *p, const struct svc_want_frontend *f, struct run *run)
{
	uint32_t first;
	int r;

	if (!svc_room_ring(&p->room, f->ring, &first)) {
		p->no_ring++;
		return 0;
	}
	r = ring_put(p, f, first);
	if (!r) {
		run->ring = f->ring;
		run->ring_first = first;
	}
	return r;
}
