/* SPDX-License-Identifier: Apache-2.0 */
/* The table of backends: which are there, under which ids, and which of them serve. */
#include <errno.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "svc/idle.h"
#include "svc/planner.h"

/* What is known of an id. */
#define USED (1 << 0) /* after the plan, a frontend leads to it */
#define SERVES (1 << 1)
#define GONE (1 << 2) /* in the kernel, marked so */

/* Ids that are kept for sets: no backend takes one only because it serves. */
#define SPARE (WEIR_MAX_BACKENDS / 8)

static bool is_id(uint32_t id)
{
	return id && id < WEIR_MAX_BACKENDS;
}

/* Every wanted backend that the kernel has keeps its id; the lowest, should there be two. */
int planner_backends_adopt(struct planner *p)
{
	cleanup(free_ptr) struct dp_backend *have =
		calloc(p->actual->n_backends + 1, sizeof(*have));
	size_t n = 0, at = 0;

	p->ids = calloc(p->want.n_backends + 1, sizeof(*p->ids));
	if (!have || !p->ids)
		return -ENOMEM;
	for (size_t i = 0; i < p->actual->n_backends; i++) {
		const struct dp_backend *b = &p->actual->backends[i];

		if (!is_id(b->id))
			continue;
		have[n++] = *b;
		p->backend[b->id] |= b->be.gone ? GONE : 0;
	}
	qsort(have, n, sizeof(*have), svc_dp_backend_cmp);

	for (size_t i = 0; i < p->want.n_backends; i++) {
		while (at < n && svc_backend_cmp(&have[at].be, &p->want.backends[i]) < 0)
			at++;
		if (at < n && !svc_backend_cmp(&have[at].be, &p->want.backends[i]))
			p->ids[i] = have[at].id;
	}
	return 0;
}

void planner_backends_use(struct planner *p, const struct svc_want_frontend *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		p->backend[p->ids[p->want.refs[f->first + i]]] |= USED;
}

void planner_backends_keep(struct planner *p, const struct weir_svc *svc)
{
	const struct weir_slot *slots = svc_slots_of(p->actual, svc);

	for (uint32_t i = 0; slots && i < svc->count; i++)
		if (slots[i].backend < WEIR_MAX_BACKENDS)
			p->backend[slots[i].backend] |= USED;
}

int planner_backend_put(struct planner *p, uint32_t at)
{
	struct svc_op op = { .kind = SVC_OP_BACKEND_PUT };

	p->ids[at] = svc_room_backend(&p->room);
	op.backend.id = p->ids[at];
	op.backend.be = p->want.backends[at];
	return planner_emit(p, &op);
}

/* All that serve, as far as there is room. When sets lack some, what only serves gives its up. */
static int serving_put(struct planner *p)
{
	for (size_t i = 0; i < p->want.n_backends; i++) {
		if (!p->ids[i] && !p->no_backend && p->room.n_backends > SPARE &&
		    planner_backend_put(p, i))
			return -ENOMEM;
		if (p->ids[i] && (!p->no_backend || p->backend[p->ids[i]] & USED))
			p->backend[p->ids[i]] |= SERVES;
	}
	return 0;
}

int planner_backends_back(struct planner *p)
{
	int r = 0;

	for (size_t i = 0; !r && i < p->want.n_backends; i++) {
		struct svc_op op = { .kind = SVC_OP_BACKEND_BACK };

		op.backend.id = p->ids[i];
		op.backend.be = p->want.backends[i];
		if (op.backend.id && (p->backend[op.backend.id] & (USED | GONE)) == (USED | GONE))
			r = planner_emit(p, &op);
	}
	return r;
}

/* What becomes of one that is in the kernel; SVC_OP_MAX_: nothing. */
static enum svc_op_kind fate(struct planner *p, uint32_t id)
{
	uint8_t is = p->backend[id];
	bool rests = svc_idle_backend_rests(p->idle, id, p->now_ms);

	if (is & SERVES)
		return is & GONE ? SVC_OP_BACKEND_BACK : SVC_OP_MAX_;
	if (!(is & USED) && (rests || !(is & GONE)))
		planner_wake(p, svc_idle_backend_due(p->idle, id, p->now_ms));
	if (!(is & GONE))
		return SVC_OP_BACKEND_GONE;
	return is & USED || rests ? SVC_OP_MAX_ : SVC_OP_BACKEND_DEL;
}

int planner_backends(struct planner *p)
{
	int r = serving_put(p);

	for (size_t i = 0; !r && i < p->actual->n_backends; i++) {
		const struct dp_backend *b = &p->actual->backends[i];
		struct svc_op op = { .kind = SVC_OP_BACKEND_DEL, .backend = *b };

		if (b->id < WEIR_MAX_BACKENDS)
			op.kind = fate(p, b->id);
		if (op.kind != SVC_OP_MAX_)
			r = planner_emit(p, &op);
	}
	return r;
}
