/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "svc/idle.h"
#include "svc/planner.h"
#include "svc/svc.h"

struct svc_quick {
	struct dp *dp;
	struct svc_idle *idle;
	struct svc_actual actual; /* frontends in order of vip, backends by svc_dp_backend_cmp() */
	struct svc_room room;
};

void svc_quick_free(struct svc_quick **quick)
{
	if (*quick) {
		svc_actual_fini(&(*quick)->actual);
		svc_room_fini(&(*quick)->room);
	}
	free(*quick);
	*quick = NULL;
}

int svc_quick_new(struct dp *dp, struct svc_idle *idle, uint64_t now_ms, struct svc_quick **ret,
		  struct err *err)
{
	cleanup(svc_quick_free) struct svc_quick *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return err_errno(err, -ENOMEM, "preparing quick changes");
	q->dp = dp;
	q->idle = idle;
	r = svc_actual_read(dp, &q->actual, err);
	if (r)
		return r;
	r = svc_room_init(&q->room, &q->actual, idle, now_ms);
	if (r)
		return err_errno(err, r, "preparing quick changes");
	if (q->actual.n_frontends)
		qsort(q->actual.frontends, q->actual.n_frontends, sizeof(*q->actual.frontends),
		      svc_vip_cmp);
	if (q->actual.n_backends)
		qsort(q->actual.backends, q->actual.n_backends, sizeof(*q->actual.backends),
		      svc_dp_backend_cmp);
	if (q->actual.n_homes)
		qsort(q->actual.homes, q->actual.n_homes, sizeof(*q->actual.homes), svc_home_cmp);
	*ret = take_ptr(q);
	return 0;
}

/* ---- May it be quick? ------------------------------------------------------------------------ */

static struct svc_service *service_find(const struct svc_table *t, const struct svc_service *s)
{
	size_t low = 0, high = t->n_services;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		struct svc_service *at = t->services[mid];
		int r = strcmp(at->ns, s->ns);

		r = r ? r : strcmp(at->name, s->name);
		if (!r)
			return at;
		if (r < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* Generations that were there before are given again only by who sees all that are carried. */
static bool is_used_up(const struct svc_room *room)
{
	return room->gens || room->gen > UINT32_MAX - WEIR_MAX_FRONTENDS;
}

static bool ranges_same(const struct svc_service *a, const struct svc_service *b)
{
	return a->n_source_ranges == b->n_source_ranges &&
	       (!a->n_source_ranges || !memcmp(a->source_ranges, b->source_ranges,
					       a->n_source_ranges * sizeof(*a->source_ranges)));
}

/* The same addresses with the same rights: an address that another Service had before is not among them. */
static bool frontends_same(const struct svc_want *a, const struct svc_want *b)
{
	const uint32_t by_endpoints = WEIR_SVC_DROP | WEIR_SVC_AFFINITY;

	if (a->n_frontends != b->n_frontends)
		return false;
	for (size_t i = 0; i < a->n_frontends; i++)
		if (svc_vip_cmp(&a->frontends[i].vip, &b->frontends[i].vip) ||
		    (a->frontends[i].flags ^ b->frontends[i].flags) & ~by_endpoints)
			return false;
	return true;
}

static int is_quick(const struct svc_table *was, const struct svc_table *one,
		    const struct svc_want *want)
{
	struct svc_service *before = service_find(was, one->services[0]);
	struct svc_table alone = { .services = &before, .n_services = 1, .selected = true };
	cleanup(svc_want_fini) struct svc_want old = {};
	int r;

	if (!before || !ranges_same(before, one->services[0]))
		return -EAGAIN;
	r = svc_want_init(&old, &alone);
	if (r)
		return r;
	return frontends_same(&old, want) ? 0 : -EAGAIN;
}

/* ---- The change ------------------------------------------------------------------------------ */

/* Of what the kernel has, only what the Service needs. */
static int part_of(const struct svc_quick *q, const struct svc_want *w, struct svc_actual *ret)
{
	ret->frontends = calloc(w->n_frontends + 1, sizeof(*ret->frontends));
	ret->backends = calloc(w->n_backends + 1, sizeof(*ret->backends));
	if (!ret->frontends || !ret->backends)
		return -ENOMEM;
	ret->slots = q->actual.slots;
	ret->ring = q->actual.ring;
	for (size_t i = 0; i < w->n_frontends; i++) {
		const struct dp_frontend *at =
			bsearch(&w->frontends[i].vip, q->actual.frontends, q->actual.n_frontends,
				sizeof(*at), svc_vip_cmp);

		if (!at)
			return -EAGAIN; /* it found no room */
		ret->frontends[ret->n_frontends++] = *at;
	}
	for (size_t i = 0; i < w->n_backends; i++) {
		size_t low = 0, high = q->actual.n_backends;

		while (low < high) {
			size_t mid = low + (high - low) / 2;

			if (svc_backend_cmp(&q->actual.backends[mid].be, &w->backends[i]) < 0)
				low = mid + 1;
			else
				high = mid;
		}
		if (low < q->actual.n_backends &&
		    !svc_backend_cmp(&q->actual.backends[low].be, &w->backends[i]))
			ret->backends[ret->n_backends++] = q->actual.backends[low];
	}
	return 0;
}

static int backend_note(struct svc_quick *q, const struct dp_backend *b)
{
	struct svc_actual *a = &q->actual;
	size_t at = 0, low = 0, high = a->n_backends;
	struct dp_backend *wider;

	while (low < high) {
		at = low + (high - low) / 2;
		if (svc_dp_backend_cmp(&a->backends[at], b) < 0)
			low = at + 1;
		else
			high = at;
	}
	if (low < a->n_backends && !svc_dp_backend_cmp(&a->backends[low], b)) {
		a->backends[low].be.gone = 0;
		return 0;
	}
	wider = reallocarray(a->backends, a->n_backends + 1, sizeof(*wider));
	if (!wider)
		return -ENOMEM;
	memmove(wider + low + 1, wider + low, (a->n_backends - low) * sizeof(*wider));
	wider[low] = *b;
	a->backends = wider;
	a->n_backends++;
	return 0;
}

/* What was done, for the next change to build on. */
static int note(struct svc_quick *q, const struct svc_plan *plan)
{
	int r = 0;

	for (size_t i = 0; !r && i < plan->n_ops; i++) {
		const struct svc_op *op = &plan->ops[i];

		svc_idle_use(q->idle, op);
		if (op->kind == SVC_OP_FRONTEND_PUT) {
			struct dp_frontend *at =
				bsearch(&op->frontend.vip, q->actual.frontends,
					q->actual.n_frontends, sizeof(*at), svc_vip_cmp);

			if (at)
				at->svc = op->frontend.svc;
		} else if (op->kind == SVC_OP_BACKEND_PUT || op->kind == SVC_OP_BACKEND_BACK) {
			r = backend_note(q, &op->backend);
		}
	}
	return r;
}

static int change_plan(struct svc_quick *q, struct planner *p)
{
	int r;

	p->idle = q->idle;
	p->n_frontends = q->actual.n_frontends;
	p->plan = calloc(1, sizeof(*p->plan));
	if (!p->plan)
		return -ENOMEM;
	p->room = q->room; /* lent: what is given away stays given */
	r = planner_frontends(p);
	q->room = p->room;
	p->room = (struct svc_room){};
	if (!r && (p->no_entry || p->no_backend || p->no_slot || p->no_ring))
		r = -EAGAIN;
	if (!r)
		r = planner_backends_back(p);
	if (!r)
		r = planner_homes(p, q->actual.homes, q->actual.n_homes, false);
	return r ? r : planner_order(p->plan);
}

int svc_quick_change(struct svc_quick *q, const struct svc_table *was, const struct svc_table *one,
		     struct err *err)
{
	cleanup(planner_free) struct planner *p = calloc(1, sizeof(*p));
	cleanup(svc_actual_fini) struct svc_actual part = {};
	int r = p ? svc_want_init(&p->want, one) : -ENOMEM;

	if (!r && is_used_up(&q->room))
		r = -EAGAIN;
	if (!r)
		r = is_quick(was, one, &p->want);
	if (!r)
		r = part_of(q, &p->want, &part);
	if (r == -EAGAIN)
		return err_set(err, r, "this change is for a whole round");
	if (r)
		return err_errno(err, r, "a quick change");
	p->actual = &part;
	p->frontends = take_ptr(part.frontends); /* in order */
	r = change_plan(q, p);
	if (!r)
		r = svc_apply(q->dp, p->plan, NULL, err);
	if (!r)
		r = note(q, p->plan);
	return r == -ENOMEM ? err_errno(err, r, "a quick change") : r;
}
