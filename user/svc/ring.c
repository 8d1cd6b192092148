/* SPDX-License-Identifier: Apache-2.0 */
/* Maglev tables over the sets: maglev.c in terms of slots, and room for it in weir_ring. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "svc/idle.h"
#include "svc/maglev.h"
#include "svc/planner.h"

int svc_ring_fill(const struct weir_backend *names, const uint16_t *place, uint32_t n,
		  uint32_t entries, struct weir_ring *ret)
{
	cleanup(free_ptr) uint16_t *entry = calloc(entries, sizeof(*entry));
	int r = entry ? maglev_fill(names, n, entries, entry) : -ENOMEM;

	for (uint32_t i = 0; !r && i < entries; i++)
		ret[i / 4].at[i % 4] = place[entry[i]];
	return r;
}

/* The table over the set of f, in terms of its slots, which are in order of id. ret: all zero. */
static int ring_fill(struct planner *p, const struct svc_want_frontend *f, struct weir_ring *ret)
{
	cleanup(free_ptr) struct weir_backend *names = calloc(f->n, sizeof(*names));
	cleanup(free_ptr) uint16_t *place = calloc(f->n, sizeof(*place));

	if (!names || !place)
		return -ENOMEM;
	planner_run_fill(p, f);
	for (uint32_t i = 0; i < f->n; i++) {
		uint32_t ref = p->want.refs[f->first + i];

		names[i] = p->want.backends[ref];
		place[i] = planner_run_place(p, f, p->ids[ref]);
	}
	return svc_ring_fill(names, place, f->n, f->ring, ret);
}

int planner_ring_has(struct planner *p, const struct dp_frontend *have,
		     const struct svc_want_frontend *f, bool *ret)
{
	uint32_t n = svc_ring_elements(f->ring);
	cleanup(free_ptr) struct weir_ring *should = NULL;
	bool has = svc_ring_is(&have->svc, f->ring);
	int r = 0;

	if (has && f->ring && svc_idle_is_new(p->idle)) {
		should = calloc(n, sizeof(*should));
		r = should ? ring_fill(p, f, should) : -ENOMEM;
		has = !r &&
		      !memcmp(should, p->actual->ring + have->svc.ring_first, n * sizeof(*should));
	}
	if (!r)
		*ret = has;
	return r;
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
	struct svc_op op = { .kind = SVC_OP_RING_PUT };
	struct weir_ring *ring;
	int r;

	op.ring.first = first;
	op.ring.n = svc_ring_elements(f->ring);
	op.ring.from = p->plan->n_rings;
	ring = rings_add(p, op.ring.n);
	if (!ring)
		return -ENOMEM;
	r = ring_fill(p, f, ring);
	return r ? r : planner_emit(p, &op);
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
