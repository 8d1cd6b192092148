/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/plan.h"

#include <arpa/inet.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "tests/unit/svc/make.h"
#include "tests/unit/svc/model.h"

#define T0 1000000u

/* A kernel, an agent's memory of it, and a clock. */
struct bed {
	struct dp *dp;
	struct svc_idle *idle;
	uint64_t now_ms;
};

static struct bed bed_new(void)
{
	struct bed b = { .dp = calloc(1, sizeof(struct dp)), .now_ms = T0 };

	assert_non_null(b.dp);
	assert_int_equal(svc_idle_new(SVC_GRACE_MS, &b.idle), 0);
	return b;
}

static void bed_fini(struct bed *b)
{
	free(b->dp);
	svc_idle_free(&b->idle);
}

static void bed_restart(struct bed *b)
{
	svc_idle_free(&b->idle);
	assert_int_equal(svc_idle_new(SVC_GRACE_MS, &b->idle), 0);
}

static struct svc_plan *plan(struct bed *b, const struct svc_table *t)
{
	cleanup(svc_actual_fini) struct svc_actual actual = {};
	struct svc_plan *p = NULL;
	struct err err = {};

	assert_int_equal(svc_actual_read(b->dp, &actual, &err), 0);
	svc_idle_observe(b->idle, &actual, b->now_ms);
	if (svc_plan_make(t, &actual, b->idle, b->now_ms, &p, &err))
		fail_msg("%s", err.text);
	return p;
}

static void apply_one(struct bed *b, struct svc_op *op)
{
	struct svc_plan one = { .ops = op, .n_ops = 1 };
	struct err err = {};
	size_t done = 0;

	assert_int_equal(svc_apply(b->dp, &one, &done, &err), 0);
	assert_int_equal(done, 1);
}

/* Plans and applies; returns how many operations there were. */
static size_t settle(struct bed *b, const struct svc_table *t)
{
	cleanup(svc_plan_free) struct svc_plan *p = plan(b, t);

	assert_int_equal(p->full.code, 0);
	for (size_t i = 0; i < p->n_ops; i++)
		apply_one(b, &p->ops[i]);
	return p->n_ops;
}

static struct weir_vip vip_of(const struct addr *a, uint16_t number, enum svc_proto proto)
{
	struct weir_vip v = { .port = htons(number),
			      .proto = proto == SVC_UDP ? IPPROTO_UDP : IPPROTO_TCP };

	memcpy(&v.addr, a->b, sizeof(v.addr));
	return v;
}

static struct weir_vip vip(const char *text, uint16_t number)
{
	struct addr a = ip(text);

	return vip_of(&a, number, SVC_TCP);
}

static struct weir_svc value(struct bed *b, const char *text)
{
	struct weir_vip v = vip(text, 80);
	struct dp_frontend *f = model_frontend(b->dp, &v);

	assert_non_null(f);
	return f->svc;
}

static uint32_t backend_id(struct bed *b, const char *text)
{
	struct addr a = ip(text);

	for (uint32_t id = 0; id < WEIR_MAX_BACKENDS; id++)
		if (b->dp->backends[id].proto && !memcmp(&b->dp->backends[id].addr, a.b, sizeof(a)))
			return id;
	return 0;
}

/* A table of one Service with some ready endpoints. */
static struct svc_table *web(const char *const *addrs)
{
	struct svc_table *t = table();
	struct svc_port *p = port(t, service(t, "web", "10.96.0.1"), 80, SVC_TCP);

	for (; *addrs; addrs++)
		endpoint(t, p, *addrs, 8080, "rs");
	assert_int_equal(svc_select(t), 0);
	return t;
}

#define WEB(...) web((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

/* ---- The property ---------------------------------------------------------------------------- */

static uint64_t rnd_state;

static uint32_t rnd(uint32_t below)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return (rnd_state >> 16) % below;
}

#define N_SERVICES 10
#define N_VIPS 256
#define N_PAST 4096

/* A frontend's value that was replaced, which a slow reader may still hold. */
struct past {
	struct weir_svc svc;
	struct seen seen;
	uint64_t until_ms;
};

struct world {
	struct bed bed;
	uint64_t seeds[N_SERVICES];
	struct weir_vip vips[N_VIPS];
	struct seen old[N_VIPS], new[N_VIPS];
	uint32_t ids[N_VIPS]; /* in the kernel before the round; 0: not there */
	size_t n_vips;
	struct past past[N_PAST];
	size_t n_past;
	uint32_t top_gen; /* of those that had slots */
};

static void world_endpoints(struct svc_table *t, struct svc_port *p, bool v6)
{
	static const char *const conditions[] = { "rs", "rsl",	"rsl",	"st",  "stl", "t",
						  "",	"rsNZ", "rsnz", "rsZ", "rsl", "rs" };

	for (uint32_t n = rnd(7); n; n--) {
		char addr[ADDR_TEXT_MAX];

		snprintf(addr, sizeof(addr), v6 ? "fd01::%u" : "10.1.0.%u", 1 + rnd(9));
		endpoint(t, p, addr, 8080 + rnd(2), conditions[rnd(ARRAY_LEN(conditions))]);
	}
}

static void world_service(struct svc_table *t, uint32_t number)
{
	char name[16], addr[ADDR_TEXT_MAX];
	struct svc_service *s;

	if (!rnd(6))
		return; /* not there */
	snprintf(name, sizeof(name), "s%u", number);
	snprintf(addr, sizeof(addr), "10.%u.0.%u", rnd(9) ? 96 : 97, rnd(8) ? number + 1 : 1);
	s = service(t, name, addr);
	s->internal_local = !rnd(3);
	if (rnd(2)) {
		snprintf(addr, sizeof(addr), "fd00::%u", number + 1);
		s->cluster_ips[s->n_cluster_ips++] = ip(addr);
	}
	for (uint32_t n = rnd(4), i = 0; i < n; i++) {
		struct svc_port *p = port(t, s, 80 + i, i == 2 ? SVC_UDP : SVC_TCP);

		world_endpoints(t, p, false);
		world_endpoints(t, p, true);
	}
}

/* A Service is what its seed says: one that keeps its seed stays the same. */
static struct svc_table *world_table(struct world *w)
{
	struct svc_table *t = table();
	uint64_t state = rnd_state;

	for (uint32_t i = 0; i < N_SERVICES; i++) {
		rnd_state = w->seeds[i];
		world_service(t, i);
	}
	rnd_state = w->seeds[0];
	if (rnd(2))
		class(t, "10.96.0.0/16", WEIR_CLASS_SERVICE);
	class(t, rnd(2) ? "10.1.0.0/16" : "10.0.0.0/8", WEIR_CLASS_CLUSTER);
	class(t, "10.1.0.1/32", rnd(2) ? WEIR_CLASS_LOCAL : WEIR_CLASS_CLUSTER);
	rnd_state = state;
	assert_int_equal(svc_select(t), 0);
	return t;
}

static size_t world_vip(struct world *w, const struct weir_vip *v)
{
	size_t i = 0;

	while (i < w->n_vips && memcmp(&w->vips[i], v, sizeof(*v)))
		i++;
	assert_true(i < N_VIPS);
	w->vips[i] = *v;
	w->n_vips += i == w->n_vips;
	return i;
}

/* What a dial should meet, worked out from the table without the planner's help. */
static struct seen wanted(const struct svc_port *p, const struct addr *vip_addr,
			  enum svc_result result)
{
	struct seen seen = { .what = result == SVC_SERVING ? SEEN_SERVED :
				     result == SVC_DROPPED ? SEEN_DROPPED :
							     SEEN_REFUSED };

	for (size_t i = 0; result == SVC_SERVING && i < p->n_endpoints; i++) {
		struct weir_vip as_vip =
			vip_of(&p->endpoints[i].addr, p->endpoints[i].port, p->proto);

		if (!p->endpoints[i].chosen ||
		    addr_is_v4(&p->endpoints[i].addr) != addr_is_v4(vip_addr))
			continue;
		seen.backends[seen.n++] = (struct weir_backend){ .addr = as_vip.addr,
								 .port = as_vip.port,
								 .proto = as_vip.proto };
	}
	qsort(seen.backends, seen.n, sizeof(*seen.backends), model_backend_cmp);
	return seen;
}

static void world_expect(struct world *w, const struct svc_table *t)
{
	for (size_t i = 0; i < N_VIPS; i++)
		w->new[i] = (struct seen){ .what = SEEN_ABSENT };
	for (size_t i = 0; i < t->n_services; i++) {
		const struct svc_service *s = t->services[i];

		for (size_t k = 0; k < s->n_ports; k++)
			for (size_t v = 0; v < s->n_cluster_ips; v++) {
				struct weir_vip key = vip_of(&s->cluster_ips[v], s->ports[k]->port,
							     s->ports[k]->proto);

				if (s->ports[k]->result[v] != SVC_CONFLICT)
					w->new[world_vip(w, &key)] =
						wanted(s->ports[k], &s->cluster_ips[v],
						       s->ports[k]->result[v]);
			}
	}
}

static void world_remember(struct world *w)
{
	for (size_t i = 0; i < N_VIPS; i++) {
		struct dp_frontend *f =
			i < w->n_vips ? model_frontend(w->bed.dp, &w->vips[i]) : NULL;

		w->old[i] = f ? model_resolve(w->bed.dp, &f->svc) :
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
	size_t at;

	if (op->kind != SVC_OP_FRONTEND_PUT && op->kind != SVC_OP_FRONTEND_DEL)
		return;
	at = world_vip(w, &op->frontend.vip);
	assert_false(seen_same(&w->old[at], &w->new[at])); /* what stays is left alone */
	if (op->kind == SVC_OP_FRONTEND_DEL)
		return;
	/* Never 0, and higher than all that ever were in a slot. */
	assert_true(op->frontend.svc.gen > w->top_gen);
	for (size_t i = 0; i < w->bed.dp->n_frontends; i++)
		assert_int_not_equal(op->frontend.svc.gen, w->bed.dp->frontends[i].svc.gen);
	if (op->frontend.svc.count)
		w->top_gen = op->frontend.svc.gen;
	if (w->ids[at])
		assert_int_equal(op->frontend.svc.id, w->ids[at]);
	else
		assert_int_equal(op->frontend.svc.id, op->frontend.svc.gen);
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
		apply_one(&w->bed, &p->ops[i]);
		fault = readers_check(w);
		if (fault)
			fail_msg("after operation %zu of %zu: %s", i, p->n_ops, fault);
	}
}

static void world_reached(struct world *w)
{
	for (size_t i = 0; i < w->n_vips; i++) {
		struct seen now = model_dial(w->bed.dp, &w->vips[i]);

		assert_true(seen_same(&now, &w->new[i]));
	}
	for (size_t i = 0; i < w->bed.dp->n_frontends; i++)
		world_vip(w, &w->bed.dp->frontends[i].vip); /* none that was not looked at */
}

static void classes_reached(struct world *w, const struct svc_table *t)
{
	for (size_t i = 0; i < t->n_classes; i++) {
		struct weir_prefix prefix = { .bits = t->classes[i].prefix.bits };
		struct dp_class *c;

		memcpy(&prefix.addr, &t->classes[i].prefix.addr, sizeof(prefix.addr));
		c = model_class(w->bed.dp, &prefix);
		assert_non_null(c);
		assert_int_equal(c->class, t->classes[i].class);
	}
}

/* The backends that lead somewhere keep their ids; a new one never gets an id that is taken. */
static void backends_kept(const struct weir_backend *before, const struct dp *dp)
{
	for (uint32_t id = 0; id < 1024; id++)
		if (before[id].proto && dp->backends[id].proto)
			assert_memory_equal(&before[id], &dp->backends[id], sizeof(before[id]));
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
				 p->count[SVC_OP_CLASS_PUT] + p->count[SVC_OP_CLASS_DEL]);
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
	backends_kept(before, w->bed.dp);
	again = plan(&w->bed, t);
	assert_int_equal(again->n_ops, 0);
	diff_agrees(w, t, again);
}

static void world_settles(struct world *w)
{
	cleanup(svc_table_free) struct svc_table *t = world_table(w);
	cleanup(svc_plan_free) struct svc_plan *p = NULL;

	/* With nothing to do but rest, next_ms leads to an end: only used backends are left. */
	for (int rounds = 0; rounds < 8; rounds++) {
		svc_plan_free(&p);
		p = plan(&w->bed, t);
		for (size_t i = 0; i < p->n_ops; i++) {
			assert_int_equal(p->ops[i].kind, SVC_OP_BACKEND_DEL);
			apply_one(&w->bed, &p->ops[i]);
		}
		if (!p->next_ms)
			break;
		assert_true(p->next_ms > w->bed.now_ms);
		w->bed.now_ms = p->next_ms;
	}
	assert_int_equal(p->next_ms, 0);
	for (uint32_t id = 0; id < WEIR_MAX_BACKENDS; id++) {
		bool used = false;

		if (!w->bed.dp->backends[id].proto)
			continue;
		for (size_t i = 0; !used && i < w->bed.dp->n_frontends; i++) {
			const struct weir_svc *svc = &w->bed.dp->frontends[i].svc;

			for (uint32_t k = 0; k < svc->count; k++)
				used |= w->bed.dp->slots[svc->first + k].backend == id;
		}
		assert_true(used);
	}
}

static void any_change_is_atomic_still_stable_and_late(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	(void)state;
	assert_non_null(w);
	for (uint64_t seed = 1; seed <= 6; seed++) {
		*w = (struct world){ .bed = bed_new() };
		rnd_state = seed * 0x9e3779b97f4a7c15u;
		for (size_t i = 0; i < N_SERVICES; i++)
			w->seeds[i] = 1 + rnd(UINT32_MAX);
		for (int round = 0; round < 60; round++)
			world_round(w);
		world_settles(w);
		bed_fini(&w->bed);
	}
	free(w);
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
				apply_one(&w->bed, &p->ops[i]);
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

/* ---- Single facts ---------------------------------------------------------------------------- */

static void operations_come_by_kind(void **state)
{
	cleanup(svc_table_free) struct svc_table *before = WEB("10.1.0.1");
	cleanup(svc_table_free) struct svc_table *after = table();
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	struct bed b = bed_new();
	size_t total = 0;

	(void)state;
	settle(&b, before);
	class(after, "10.96.1.0/24", WEIR_CLASS_SERVICE);
	endpoint(after, port(after, service(after, "x", "10.96.1.1"), 80, SVC_TCP), "10.1.0.9", 80,
		 "rs");
	assert_int_equal(svc_select(after), 0);
	p = plan(&b, after);
	for (size_t i = 1; i < p->n_ops; i++)
		assert_true(p->ops[i - 1].kind <= p->ops[i].kind);
	for (size_t k = 0; k < SVC_OP_MAX_; k++)
		total += p->count[k];
	assert_int_equal(total, p->n_ops);
	assert_int_equal(p->count[SVC_OP_FRONTEND_DEL], 1);
	assert_int_equal(p->count[SVC_OP_CLASS_DEL], 1);
	/* a range never refuses what is about to come, nor leaks what is about to go */
	assert_true(SVC_OP_FRONTEND_PUT < SVC_OP_CLASS_PUT);
	assert_true(SVC_OP_FRONTEND_DEL < SVC_OP_CLASS_DEL);
	bed_fini(&b);
}

static void slots_and_backends_are_reused_only_after_the_grace(void **state)
{
	cleanup(svc_table_free) struct svc_table *one = WEB("10.1.0.1");
	cleanup(svc_table_free) struct svc_table *two = WEB("10.1.0.2");
	struct bed b = bed_new();
	uint32_t first, id;

	(void)state;
	settle(&b, one);
	first = value(&b, "10.96.0.1").first;
	id = backend_id(&b, "10.1.0.1");
	assert_int_not_equal(id, 0);
	settle(&b, two); /* out of use from here on, seen so at the next look */
	assert_int_not_equal(value(&b, "10.96.0.1").first, first);
	assert_int_equal(settle(&b, two), 0);
	b.now_ms += SVC_GRACE_MS - 1;
	assert_int_equal(settle(&b, two), 0);
	assert_int_equal(backend_id(&b, "10.1.0.1"), id);
	b.now_ms += 1;
	assert_int_equal(settle(&b, two), 1); /* the backend goes */
	assert_int_equal(backend_id(&b, "10.1.0.1"), 0);
	settle(&b, one); /* and slot and id are given again, the lowest first */
	assert_int_equal(value(&b, "10.96.0.1").first, first);
	assert_int_equal(backend_id(&b, "10.1.0.1"), id);
	bed_fini(&b);
}

static void a_backend_that_comes_back_keeps_its_id(void **state)
{
	cleanup(svc_table_free) struct svc_table *one = WEB("10.1.0.1");
	cleanup(svc_table_free) struct svc_table *two = WEB("10.1.0.2");
	struct bed b = bed_new();
	uint32_t id;

	(void)state;
	settle(&b, one);
	id = backend_id(&b, "10.1.0.1");
	settle(&b, two);
	b.now_ms += SVC_GRACE_MS - 1;
	settle(&b, one);
	assert_int_equal(backend_id(&b, "10.1.0.1"), id);
	b.now_ms += SVC_GRACE_MS; /* only the other one is old enough to go */
	settle(&b, one);
	b.now_ms += SVC_GRACE_MS;
	settle(&b, one);
	assert_int_equal(backend_id(&b, "10.1.0.1"), id);
	assert_int_equal(backend_id(&b, "10.1.0.2"), 0);
	bed_fini(&b);
}

static void a_restart_lets_rest_what_shows_a_trace_of_use(void **state)
{
	cleanup(svc_table_free) struct svc_table *one = WEB("10.1.0.1");
	cleanup(svc_table_free) struct svc_table *two = WEB("10.1.0.2");
	struct bed b = bed_new();
	struct weir_svc was;

	(void)state;
	settle(&b, one);
	was = value(&b, "10.96.0.1");
	settle(&b, two);
	bed_restart(&b);
	assert_int_equal(settle(&b, two), 0);
	b.now_ms += SVC_GRACE_MS - 1;
	settle(&b, one);
	assert_int_not_equal(value(&b, "10.96.0.1").first, was.first);
	assert_int_equal(value(&b, "10.96.0.1").id, was.id);
	bed_fini(&b);
}

static void a_foreign_hand_is_put_right(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1", "10.1.0.2");
	struct weir_vip v = vip("10.96.0.1", 80), foreign = vip("192.0.2.1", 1);
	struct bed b = bed_new();
	struct seen good, now;
	struct dp_frontend *f;

	(void)state;
	settle(&b, t);
	good = model_dial(b.dp, &v);
	assert_int_equal(good.n, 2);

	f = model_frontend(b.dp, &v);
	f->svc.first = UINT32_MAX - 1; /* leads out of the table */
	settle(&b, t);
	now = model_dial(b.dp, &v);
	assert_true(seen_same(&now, &good));

	b.dp->slots[model_frontend(b.dp, &v)->svc.first].backend = UINT32_MAX;
	settle(&b, t);
	now = model_dial(b.dp, &v);
	assert_true(seen_same(&now, &good));

	b.dp->slots[model_frontend(b.dp, &v)->svc.first].gen++;
	settle(&b, t);
	now = model_dial(b.dp, &v);
	assert_true(seen_same(&now, &good));

	assert_int_equal(dp_frontend_put(b.dp, &foreign, &f->svc, NULL), 0);
	b.dp->n_classes = 0;
	settle(&b, t);
	assert_null(model_frontend(b.dp, &foreign));
	assert_int_equal(b.dp->n_classes, 1);
	assert_int_equal(settle(&b, t), 0);
	bed_fini(&b);
}

static void a_cluster_ip_outside_all_ranges_is_classed_by_itself(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct bed b = bed_new();
	struct weir_prefix inside = { .bits = 128 }, outside = { .bits = 128 };
	struct addr a = ip("10.96.0.1"), c = ip("fd00::1");

	(void)state;
	memcpy(&inside.addr, a.b, sizeof(a));
	memcpy(&outside.addr, c.b, sizeof(c));
	class(t, "10.96.0.0/16", WEIR_CLASS_SERVICE);
	class(t, "fd00::1/128", WEIR_CLASS_CLUSTER);
	port(t, service(t, "a", "10.96.0.1"), 80, SVC_TCP);
	port(t, service(t, "b", "fd00::1"), 80, SVC_TCP);
	assert_int_equal(svc_select(t), 0);
	settle(&b, t);
	assert_null(model_class(b.dp, &inside));
	assert_non_null(model_class(b.dp, &outside));
	assert_int_equal(model_class(b.dp, &outside)->class, WEIR_CLASS_SERVICE);
	assert_int_equal(b.dp->n_classes, 2);
	bed_fini(&b);
}

/* One Service that takes nearly all slots, so that its change finds no room beside it. */
static struct svc_table *crowd(uint32_t n_ports, uint32_t n_each, uint16_t number)
{
	struct svc_table *t = table();
	struct svc_service *s = service(t, "crowd", "10.96.0.2");
	struct err err = {};

	for (uint32_t k = 0; k < n_ports; k++) {
		struct svc_port *p = port(t, s, 1000 + k, SVC_TCP);

		for (uint32_t i = 0; i < n_each; i++) {
			struct svc_endpoint e = { .addr = ip("10.2.0.0"),
						  .port = number,
						  .ready = true };

			e.addr.b[14] = i >> 8;
			e.addr.b[15] = i;
			assert_int_equal(svc_endpoint_add(t, p, &e, &err), 0);
		}
	}
	endpoint(t, port(t, service(t, "web", "10.96.0.1"), 80, SVC_TCP), "10.1.0.1", 8080, "rs");
	assert_int_equal(svc_select(t), 0);
	return t;
}

static void what_finds_no_room_stays_and_is_told(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = crowd(5, 50000, 80);
	cleanup(svc_table_free) struct svc_table *u = crowd(5, 50000, 81);
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	struct weir_vip big = vip("10.96.0.2", 1004), small = vip("10.96.0.1", 80);
	struct bed b = bed_new();
	struct weir_svc was;

	(void)state;
	settle(&b, t);
	was = model_frontend(b.dp, &big)->svc;
	model_frontend(b.dp, &small)->svc.count = 0; /* to be put right all the same */
	p = plan(&b, u);
	assert_int_equal(p->full.code, -ENOSPC);
	assert_non_null(strstr(p->full.text, "5 of 6 frontends"));
	assert_int_equal(p->count[SVC_OP_FRONTEND_PUT], 1);
	assert_int_equal(p->next_ms, b.now_ms + SVC_GRACE_MS);
	for (size_t i = 0; i < p->n_ops; i++)
		apply_one(&b, &p->ops[i]);
	assert_memory_equal(&model_frontend(b.dp, &big)->svc, &was, sizeof(was));
	assert_int_equal(model_dial(b.dp, &small).what, SEEN_SERVED);
	bed_fini(&b);
}

/* The kernel's tables full of what some other hand put there, and a small table that is wanted. */
static void full_tables_are_told_and_emptied_first(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1");
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	cleanup(svc_actual_fini) struct svc_actual actual = {
		.frontends = calloc(WEIR_MAX_FRONTENDS, sizeof(*actual.frontends)),
		.backends = calloc(WEIR_MAX_BACKENDS, sizeof(*actual.backends)),
		.classes = calloc(WEIR_MAX_CLASSES, sizeof(*actual.classes)),
		.n_classes = WEIR_MAX_CLASSES,
	};
	struct bed b = bed_new();
	struct err err = {};

	(void)state;
	actual.slots = b.dp->slots;
	for (uint32_t i = 0; i < WEIR_MAX_FRONTENDS; i++)
		actual.frontends[i].vip.addr.w[0] = i + 1;
	for (uint32_t i = 1; i < WEIR_MAX_BACKENDS; i++)
		actual.backends[i - 1] = (struct dp_backend){ i, { .addr.w[0] = i, .proto = 6 } };
	for (uint32_t i = 0; i < WEIR_MAX_CLASSES; i++)
		actual.classes[i].prefix = (struct weir_prefix){ 128, { .w[0] = i + 1 } };

	svc_idle_observe(b.idle, &actual, b.now_ms);
	assert_int_equal(svc_plan_make(t, &actual, b.idle, b.now_ms, &p, &err), 0);
	assert_int_equal(p->count[SVC_OP_FRONTEND_PUT], 1);
	assert_int_equal(p->count[SVC_OP_CLASS_PUT], 0);
	assert_int_equal(p->count[SVC_OP_CLASS_DEL], WEIR_MAX_CLASSES);
	assert_non_null(strstr(p->full.text, "0 of 1 frontends"));
	assert_non_null(strstr(p->full.text, "1 of 1 address ranges"));
	assert_int_equal(p->next_ms, b.now_ms); /* at once: there is room then */

	svc_plan_free(&p);
	actual.n_classes = 0;
	actual.n_frontends = WEIR_MAX_FRONTENDS;
	assert_int_equal(svc_plan_make(t, &actual, b.idle, b.now_ms, &p, &err), 0);
	assert_int_equal(p->count[SVC_OP_FRONTEND_PUT], 0);
	assert_int_equal(p->count[SVC_OP_FRONTEND_DEL], WEIR_MAX_FRONTENDS);
	assert_non_null(strstr(p->full.text, "1 for want of an entry"));
	assert_int_equal(p->next_ms, b.now_ms);

	svc_plan_free(&p);
	actual.n_frontends = 0;
	actual.n_backends = WEIR_MAX_BACKENDS - 1;
	svc_idle_observe(b.idle, &actual, b.now_ms);
	assert_int_equal(svc_plan_make(t, &actual, b.idle, b.now_ms + 1, &p, &err), 0);
	assert_int_equal(p->count[SVC_OP_FRONTEND_PUT], 0);
	assert_int_equal(p->count[SVC_OP_BACKEND_DEL], 0);
	assert_non_null(strstr(p->full.text, "1 of backends"));
	assert_int_equal(p->next_ms, b.now_ms + SVC_GRACE_MS); /* when they have rested */
	bed_fini(&b);
}

static void generations_go_round_without_meeting_themselves(void **state)
{
	cleanup(svc_table_free) struct svc_table *one = WEB("10.1.0.1");
	cleanup(svc_table_free) struct svc_table *two = WEB("10.1.0.2");
	struct bed b = bed_new();

	(void)state;
	b.dp->slots[7].gen = UINT32_MAX;
	b.dp->slots[8].gen = 1;
	b.dp->slots[9].gen = 3;
	settle(&b, one);
	assert_int_equal(value(&b, "10.96.0.1").gen, 2); /* 0, 1 and 3 are in use */
	settle(&b, two);
	assert_int_equal(value(&b, "10.96.0.1").gen, 4);
	assert_int_equal(value(&b, "10.96.0.1").id, 2);
	bed_fini(&b);
}

static void a_table_that_is_not_selected_is_refused(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_actual actual = {};
	struct svc_plan *p = NULL;
	struct bed b = bed_new();
	struct err err = {};

	(void)state;
	actual.slots = b.dp->slots;
	assert_int_equal(svc_plan_make(t, &actual, b.idle, b.now_ms, &p, &err), -EINVAL);
	assert_null(p);
	assert_int_equal(err.code, -EINVAL);
	bed_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_change_is_atomic_still_stable_and_late),
		cmocka_unit_test(another_order_of_operations_is_noticed),
		cmocka_unit_test(operations_come_by_kind),
		cmocka_unit_test(slots_and_backends_are_reused_only_after_the_grace),
		cmocka_unit_test(a_backend_that_comes_back_keeps_its_id),
		cmocka_unit_test(a_restart_lets_rest_what_shows_a_trace_of_use),
		cmocka_unit_test(a_foreign_hand_is_put_right),
		cmocka_unit_test(a_cluster_ip_outside_all_ranges_is_classed_by_itself),
		cmocka_unit_test(what_finds_no_room_stays_and_is_told),
		cmocka_unit_test(full_tables_are_told_and_emptied_first),
		cmocka_unit_test(generations_go_round_without_meeting_themselves),
		cmocka_unit_test(a_table_that_is_not_selected_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
