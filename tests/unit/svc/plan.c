/* SPDX-License-Identifier: Apache-2.0 */
/* The property of a plan: any change is atomic, stable and late. Single facts: plan_facts.c. */
#include "tests/unit/svc/bed.h"

static uint64_t rnd_state;

static uint32_t rnd(uint32_t below)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return (rnd_state >> 16) % below;
}

#define N_SERVICES 10
#define N_VIPS 512
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

/* Addresses of its own, one that Services fight over, one without a cluster IP of its family. */
static void world_external(struct svc_service *s, uint32_t number)
{
	char text[ADDR_TEXT_MAX];

	for (uint32_t n = rnd(3); n; n--) {
		snprintf(text, sizeof(text), rnd(4) ? "203.0.113.%u" : "2001:db8::%u",
			 rnd(5) ? 10 * number + n : 1);
		external_ip(s, text);
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
	s->external_local = !rnd(3);
	s->affinity = !rnd(3);
	s->affinity_timeout_s = s->affinity ? 1 + rnd(2) : 0;
	if (rnd(2)) {
		snprintf(addr, sizeof(addr), "fd00::%u", number + 1);
		s->cluster_ips[s->n_cluster_ips++] = ip(addr);
	}
	world_external(s, number);
	for (uint32_t n = rnd(4), i = 0; i < n; i++) {
		struct svc_port *p = port(t, s, 80 + i, i == 2 ? SVC_UDP : SVC_TCP);

		p->node_port = rnd(2) ? 30000 + rnd(N_SERVICES) : 0;
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
	node_addr(t, "127.0.0.1");
	node_addr(t, rnd(2) ? "192.0.2.1" : "2001:db8:1::1");
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

enum who { AT_CLUSTER_IP, AT_OTHERS, FROM_OUTSIDE };

static bool is_chosen(const struct svc_endpoint *e, enum who who)
{
	return who == AT_CLUSTER_IP ? e->chosen :
	       who == AT_OTHERS	    ? e->chosen_external :
				      e->chosen_outside;
}

/* What a dial should meet, worked out from the table without the planner's help. */
static struct seen wanted(const struct svc_service *s, const struct svc_port *p,
			  const struct addr *vip_addr, enum svc_result result, enum who who)
{
	struct seen seen = { .what = result == SVC_SERVING ? SEEN_SERVED :
				     result == SVC_DROPPED ? SEEN_DROPPED :
							     SEEN_REFUSED };

	if (result == SVC_SERVING)
		seen.affinity_s = s->affinity_timeout_s;
	for (size_t i = 0; result == SVC_SERVING && i < p->n_endpoints; i++) {
		struct weir_vip as_vip =
			vip_of(&p->endpoints[i].addr, p->endpoints[i].port, p->proto);

		if (!is_chosen(&p->endpoints[i], who) ||
		    addr_is_v4(&p->endpoints[i].addr) != addr_is_v4(vip_addr))
			continue;
		seen.backends[seen.n++] = (struct weir_backend){ .addr = as_vip.addr,
								 .port = as_vip.port,
								 .proto = as_vip.proto };
	}
	qsort(seen.backends, seen.n, sizeof(*seen.backends), model_backend_cmp);
	return seen;
}

static void expect(struct world *w, struct weir_vip key, const struct seen *inside,
		   const struct seen *outside)
{
	w->new[world_vip(w, &key)] = *inside;
	key.scope = WEIR_SCOPE_OUTSIDE;
	w->new[world_vip(w, &key)] = *outside;
}

static void frontend_expect(struct world *w, const struct svc_service *s, const struct svc_port *p,
			    const struct svc_frontend *f)
{
	struct seen inside = wanted(s, p, &f->addr, f->result, AT_OTHERS), outside = inside;
	struct addr any = ip(addr_is_v4(&f->addr) ? "0.0.0.0" : "::");
	bool host = f->kind == SVC_NODE && f->addr.b[12] == 127;

	if (f->kind == SVC_NODE)
		inside.flags |= WEIR_SVC_NODE;
	if (host)
		inside.flags |= WEIR_SVC_HOST;
	else if (!s->external_local)
		inside.flags |= WEIR_SVC_MASQ;
	if (host || !s->external_local) {
		outside = inside;
	} else {
		outside = wanted(s, p, &f->addr, f->outside, FROM_OUTSIDE);
		outside.flags |= WEIR_SVC_KEEP;
	}
	expect(w, vip_of(&f->addr, f->port, p->proto), &inside, &outside);
	if (f->kind != SVC_NODE)
		return;
	inside = (struct seen){ .what = SEEN_REFUSED, .flags = WEIR_SVC_NODE | WEIR_SVC_GUARD };
	expect(w, vip_of(&any, f->port, p->proto), &inside, &inside);
}

static void port_expect(struct world *w, const struct svc_service *s, const struct svc_port *p)
{
	for (size_t v = 0; v < s->n_cluster_ips; v++) {
		const struct addr *a = &s->cluster_ips[v];
		struct seen seen = wanted(s, p, a, p->result[v], AT_CLUSTER_IP);

		if (p->result[v] != SVC_CONFLICT)
			expect(w, vip_of(a, p->port, p->proto), &seen, &seen);
	}
	for (size_t i = 0; i < p->n_frontends; i++)
		if (p->frontends[i].result != SVC_CONFLICT)
			frontend_expect(w, s, p, &p->frontends[i]);
}

static void world_expect(struct world *w, const struct svc_table *t)
{
	for (size_t i = 0; i < N_VIPS; i++)
		w->new[i] = (struct seen){ .what = SEEN_ABSENT };
	for (size_t i = 0; i < t->n_services; i++) {
		const struct svc_service *s = t->services[i];

		for (size_t k = 0; k < s->n_ports; k++)
			port_expect(w, s, s->ports[k]);
	}
}

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
		apply_one(&w->bed, &p->ops[i]);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_change_is_atomic_still_stable_and_late),
		cmocka_unit_test(another_order_of_operations_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
