/* SPDX-License-Identifier: Apache-2.0 */
/* The property of a plan: any change is atomic, stable and late. Single facts: plan_facts.c. */
#include "tests/unit/svc/world.h"

static void world_remember(struct world *w)
{
	for (size_t i = 0; i < N_VIPS; i++) {
		struct dp_frontend *f =
			i < w->n_vips ? model_frontend(w->bed.dp, &w->vips[i]) : NULL;

		w->old[i] = i < w->n_vips ? model_dial(w->bed.dp, &w->vips[i]) :
					    (struct seen){ .what = SEEN_ABSENT };
		w->ids[i] = f ? f->svc.id : 0;
		assert_int_not_equal(w->old[i].what, SEEN_STALE);
	}
}

/* Every reader, quick or slow, sees the old or the new of each VIP. */
static const char *readers_check(struct world *w)
{
	for (size_t i = 0; i < w->n_vips; i++) {
		struct seen now = model_dial(w->bed.dp, &w->vips[i]);

		if (!seen_same(&now, &w->old[i]) && !seen_same(&now, &w->new[i]))
			return now.what == SEEN_STALE ? "a reader finds no stable set" :
							"a reader finds a set that never was";
		if (now.gone)
			return "a reader finds a backend that is marked as gone";
		if ((now.shut ^ w->old[i].shut) & (now.shut ^ w->new[i].shut))
			return "a client meets source ranges that never were";
	}
	for (size_t i = 0; i < w->n_past; i++) {
		struct seen now = model_resolve(w->bed.dp, &w->past[i].svc);

		if (w->bed.now_ms < w->past[i].until_ms && !seen_same(&now, &w->past[i].seen))
			return "a slow reader finds its set changed before the grace is over";
	}
	return NULL;
}

static void past_add(struct world *w, const struct weir_svc *svc)
{
	size_t at = w->n_past < N_PAST ? w->n_past++ : rnd(N_PAST);

	w->past[at] =
		(struct past){ *svc, model_resolve(w->bed.dp, svc), w->bed.now_ms + SVC_GRACE_MS };
}

static void op_check(struct world *w, const struct svc_op *op)
{
	const struct dp_frontend *f;
	size_t at;

	/* Never 0, and higher than all that ever were in a slot: what a reader of a new value meets
	 * is of that value. */
	if (op->kind == SVC_OP_SLOT_PUT)
		assert_true(op->slot.value.gen > w->top_gen);
	if (op->kind != SVC_OP_FRONTEND_PUT && op->kind != SVC_OP_FRONTEND_DEL)
		return;
	at = world_vip(w, &op->frontend.vip);
	/* What stays is left alone, unless a VIP goes to another Service with just the same set. */
	f = model_frontend(w->bed.dp, &op->frontend.vip);
	assert_true(!seen_same(&w->old[at], &w->new[at]) ||
		    (f && f->svc.affinity_id != op->frontend.svc.affinity_id));
	if (op->kind == SVC_OP_FRONTEND_DEL)
		return;
	assert_int_not_equal(op->frontend.svc.gen, 0);
	if (w->ids[at]) {
		assert_int_equal(op->frontend.svc.id, w->ids[at]);
		return;
	}
	assert_true(op->frontend.svc.id > w->top_gen);
	for (size_t i = 0; i < w->bed.dp->n_frontends; i++)
		assert_int_not_equal(op->frontend.svc.id, w->bed.dp->frontends[i].svc.id);
}

static void world_apply(struct world *w, struct svc_plan *p)
{
	for (size_t i = 0; i < p->n_ops; i++) {
		const char *fault;
		bool moves = p->ops[i].kind == SVC_OP_FRONTEND_PUT ||
			     p->ops[i].kind == SVC_OP_FRONTEND_DEL;
		struct dp_frontend *f =
			moves ? model_frontend(w->bed.dp, &p->ops[i].frontend.vip) : NULL;

		op_check(w, &p->ops[i]);
		if (f)
			past_add(w, &f->svc);
		apply_one(&w->bed, p, i);
		fault = readers_check(w);
		if (fault)
			fail_msg("after operation %zu of %zu: %s", i, p->n_ops, fault);
	}
	for (uint32_t i = 0; i < WEIR_MAX_SLOTS; i++)
		if (w->bed.dp->slots[i].gen > w->top_gen)
			w->top_gen = w->bed.dp->slots[i].gen;
}

static void world_reached(struct world *w)
{
	for (size_t i = 0; i < w->n_vips; i++) {
		struct seen now = model_dial(w->bed.dp, &w->vips[i]);

		assert_true(seen_same(&now, &w->new[i]));
		assert_int_equal(now.shut, w->new[i].shut);
	}
	for (size_t i = 0; i < w->bed.dp->n_frontends; i++)
		world_vip(w, &w->bed.dp->frontends[i].vip); /* none that was not looked at */
}

/* All of every Maglev table, not only some hashes. */
static void rings_reached(const struct dp *dp)
{
	for (size_t i = 0; i < dp->n_frontends; i++) {
		const struct weir_svc *svc = &dp->frontends[i].svc;

		for (uint32_t k = 0; k < svc->ring; k++)
			assert_true(model_ring(dp, svc, k) >= 0);
	}
}

static void classes_reached(struct world *w, const struct svc_table *t)
{
	for (size_t i = 0; i < t->n_classes; i++) {
		struct weir_prefix prefix = { .bits = t->classes[i].prefix.bits };
		struct dp_class *c;

		memcpy(&prefix.addr, &t->classes[i].prefix.addr, sizeof(prefix.addr));
		c = model_class(w->bed.dp, &prefix);
		assert_non_null(c);
		assert_int_equal(c->class,
				 t->classes[i].class | (t->classes[i].pod ? WEIR_CLASS_POD : 0));
	}
}

/* The backends that lead somewhere keep their ids; a new one never gets an id that is taken. */
static void backends_kept(const struct weir_backend *before, const struct dp *dp)
{
	for (uint32_t id = 0; id < 1024; id++)
		if (before[id].proto && dp->backends[id].proto)
			assert_memory_equal(&before[id], &dp->backends[id],
					    offsetof(struct weir_backend, gone));
}

/* What serves is in the table once and not gone, and nothing else is so. */
static void backends_told(const struct world *w)
{
	bool told[N_SERVING] = {};

	for (uint32_t id = 0; id < WEIR_MAX_BACKENDS; id++) {
		struct weir_backend be = w->bed.dp->backends[id];
		size_t at = 0;

		if (!be.proto || be.gone)
			continue;
		while (at < w->n_serving &&
		       model_backend_cmp(&w->serving[at], &w->bed.dp->backends[id]))
			at++;
		assert_true(at < w->n_serving && !told[at]);
		told[at] = true;
	}
	for (size_t i = 0; i < w->n_serving; i++)
		assert_true(told[i]);
}

/* Those that are new and only serve: svc_diff() names the others with their frontends. */
static size_t backends_alone(const struct svc_plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_ops; i++) {
		bool in_set = false;

		for (size_t k = 0; k < p->n_ops && p->ops[i].kind == SVC_OP_BACKEND_PUT; k++)
			in_set |= p->ops[k].kind == SVC_OP_SLOT_PUT &&
				  p->ops[k].slot.value.backend == p->ops[i].backend.id;
		n += p->ops[i].kind == SVC_OP_BACKEND_PUT && !in_set;
	}
	return n;
}

/* Source ranges of frontends that come or go, which svc_diff() names instead. */
static size_t ranges_along(const struct world *w, const struct svc_plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_ops; i++) {
		const struct svc_op *op = &p->ops[i];
		bool known = false, gone = false;

		if (op->kind != SVC_OP_RANGE_PUT && op->kind != SVC_OP_RANGE_DEL)
			continue;
		for (size_t k = 0; k < w->bed.dp->n_frontends; k++)
			known |= w->bed.dp->frontends[k].svc.id == op->range.svc;
		for (size_t k = 0; k < p->n_ops; k++)
			gone |= p->ops[k].kind == SVC_OP_FRONTEND_DEL &&
				p->ops[k].frontend.svc.id == op->range.svc;
		n += !known || gone;
	}
	return n;
}

/* svc_diff() finds something exactly when the planner has something to do, rest aside. */
static void diff_agrees(struct world *w, const struct svc_table *t, const struct svc_plan *p)
{
	cleanup(svc_actual_fini) struct svc_actual actual = {};
	cleanup(json_free) struct json *lines = NULL;
	struct err err = {};

	assert_int_equal(svc_actual_read(w->bed.dp, &actual, &err), 0);
	assert_int_equal(svc_diff(t, &actual, &lines, &err), 0);
	assert_int_equal(json_len(lines),
			 p->count[SVC_OP_FRONTEND_PUT] + p->count[SVC_OP_FRONTEND_DEL] +
				 p->count[SVC_OP_CLASS_PUT] + p->count[SVC_OP_CLASS_DEL] +
				 p->count[SVC_OP_RANGE_PUT] + p->count[SVC_OP_RANGE_DEL] -
				 ranges_along(w, p) + p->count[SVC_OP_BACKEND_GONE] +
				 p->count[SVC_OP_BACKEND_BACK] + backends_alone(p));
}

static void world_round(struct world *w)
{
	cleanup(svc_table_free) struct svc_table *t = NULL;
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	cleanup(svc_plan_free) struct svc_plan *again = NULL;
	struct weir_backend before[1024];

	for (uint32_t n = rnd(4); n; n--)
		w->seeds[rnd(N_SERVICES)] = 1 + rnd(UINT32_MAX);
	w->bed.now_ms += rnd(3) ? rnd(3000) : rnd(30000);
	if (!rnd(8))
		bed_restart(&w->bed);
	t = world_table(w);
	memcpy(before, w->bed.dp->backends, sizeof(before));
	world_remember(w);
	world_expect(w, t);

	p = plan(&w->bed, t);
	assert_int_equal(p->full.code, 0);
	diff_agrees(w, t, p);
	world_apply(w, p);
	world_reached(w);
	classes_reached(w, t);
	rings_reached(w->bed.dp);
	backends_kept(before, w->bed.dp);
	backends_told(w);
	again = plan(&w->bed, t);
	assert_int_equal(again->n_ops, 0);
	diff_agrees(w, t, again);
}

static void world_settles(struct world *w)
{
	cleanup(svc_table_free) struct svc_table *t = world_table(w);
	cleanup(svc_plan_free) struct svc_plan *p = NULL;

	/* With nothing to do but rest, next_ms leads to an end: only what serves is left. */
	for (int rounds = 0; rounds < 8; rounds++) {
		svc_plan_free(&p);
		p = plan(&w->bed, t);
		for (size_t i = 0; i < p->n_ops; i++) {
			assert_int_equal(p->ops[i].kind, SVC_OP_BACKEND_DEL);
			apply_one(&w->bed, p, i);
		}
		if (!p->next_ms)
			break;
		assert_true(p->next_ms > w->bed.now_ms);
		w->bed.now_ms = p->next_ms;
	}
	assert_int_equal(p->next_ms, 0);
	for (uint32_t id = 0; id < WEIR_MAX_BACKENDS; id++)
		assert_false(w->bed.dp->backends[id].gone && w->bed.dp->backends[id].proto);
}

static void any_change_is_atomic_still_stable_and_late(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		cleanup(free_ptr) struct world *w = calloc(1, sizeof(*w));

		assert_non_null(w);
		w->bed = bed_new();
		rnd_state = seed * 0x9e3779b97f4a7c15u;
		for (size_t i = 0; i < N_SERVICES; i++)
			w->seeds[i] = 1 + rnd(UINT32_MAX);
		for (int round = 0; round < 60; round++)
			world_round(w);
		world_settles(w);
		bed_fini(&w->bed);
	}
}

/* The property can fail: the operations of one plan in other orders. */
static const char *fault_in_order(const enum svc_op_kind *order, size_t n)
{
	cleanup(svc_table_free) struct svc_table *before = WEB("10.1.0.1", "10.1.0.2");
	cleanup(svc_table_free) struct svc_table *after = WEB("10.1.0.2", "10.1.0.3");
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	struct world *w = calloc(1, sizeof(*w));
	const char *fault = NULL;

	assert_non_null(w);
	w->bed = bed_new();
	world_expect(w, before);
	settle(&w->bed, before);
	world_remember(w);
	world_expect(w, after);
	p = plan(&w->bed, after);
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; !fault && i < p->n_ops; i++)
			if (p->ops[i].kind == order[k]) {
				apply_one(&w->bed, p, i);
				fault = readers_check(w);
			}
	bed_fini(&w->bed);
	free(w);
	return fault;
}

static void another_order_of_operations_is_noticed(void **state)
{
	enum svc_op_kind right[] = { SVC_OP_BACKEND_PUT, SVC_OP_SLOT_PUT, SVC_OP_FRONTEND_PUT };
	enum svc_op_kind early[] = { SVC_OP_BACKEND_PUT, SVC_OP_FRONTEND_PUT, SVC_OP_SLOT_PUT };
	enum svc_op_kind late[] = { SVC_OP_SLOT_PUT, SVC_OP_FRONTEND_PUT, SVC_OP_BACKEND_PUT };

	(void)state;
	assert_null(fault_in_order(right, 3));
	assert_non_null(fault_in_order(early, 3));
	assert_non_null(fault_in_order(late, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_change_is_atomic_still_stable_and_late),
		cmocka_unit_test(another_order_of_operations_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
