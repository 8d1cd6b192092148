/* SPDX-License-Identifier: Apache-2.0 */
/* Single facts of the plan; its property for any change is in plan.c. */
#include "tests/unit/svc/bed.h"

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
	assert_int_equal(value(&b, "10.96.0.1").gen, 4); /* 0, 1 and 3 are in use, 2 is the id */
	settle(&b, two);
	assert_int_equal(value(&b, "10.96.0.1").gen, 5);
	assert_int_equal(value(&b, "10.96.0.1").id, 2);
	bed_fini(&b);
}

/* Session affinity is in the value alone: slots and generation stay, so clients stay remembered. */
static void affinity_comes_and_goes_without_touching_the_slots(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1", "10.1.0.2");
	struct bed b = bed_new();
	struct weir_svc was, is;

	(void)state;
	settle(&b, t);
	was = value(&b, "10.96.0.1");
	assert_int_equal(was.flags | was.affinity_s | was.affinity_id, 0);
	t->services[0]->affinity = true;
	t->services[0]->affinity_timeout_s = 10800;
	assert_int_equal(settle(&b, t), 1);
	is = value(&b, "10.96.0.1");
	assert_int_equal(is.flags, WEIR_SVC_AFFINITY);
	assert_int_equal(is.affinity_s, 10800);
	assert_int_equal(is.affinity_id, was.id);
	assert_int_equal(is.first, was.first);
	assert_int_equal(is.gen, was.gen);
	assert_int_equal(settle(&b, t), 0);
	t->services[0]->affinity = false;
	t->services[0]->affinity_timeout_s = 0;
	assert_int_equal(settle(&b, t), 1);
	is = value(&b, "10.96.0.1");
	assert_memory_equal(&is, &was, sizeof(is));
	bed_fini(&b);
}

/* All addresses of a Service port: one set of slots, one memory of clients. */
static void addresses_of_one_port_share_slots_and_clients(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1", "10.1.0.2");
	struct bed b = bed_new();
	struct weir_svc lead, other;

	(void)state;
	settle(&b, t);
	external_ip(t->services[0], "203.0.113.7");
	external_ip(t->services[0], "2001:db8::7"); /* no cluster IP of this family */
	t->services[0]->affinity = true;
	t->services[0]->affinity_timeout_s = 60;
	assert_int_equal(svc_select(t), 0);
	assert_int_equal(settle(&b, t), 2); /* two values, no slot */
	assert_int_equal(b.dp->n_frontends, 2);
	lead = value(&b, "10.96.0.1");
	other = value(&b, "203.0.113.7");
	assert_int_not_equal(other.id, lead.id);
	assert_int_equal(other.affinity_id, lead.id);
	assert_int_equal(lead.affinity_id, lead.id);
	assert_int_equal(other.first, lead.first);
	assert_int_equal(other.gen, lead.gen);

	/* internalTrafficPolicy is of the cluster IP alone: two sets from here on */
	t->services[0]->internal_local = true;
	assert_int_equal(svc_select(t), 0);
	settle(&b, t);
	assert_int_equal(value(&b, "10.96.0.1").count, 0);
	assert_int_equal(value(&b, "10.96.0.1").flags, WEIR_SVC_DROP);
	assert_int_equal(value(&b, "203.0.113.7").count, 2);
	assert_int_equal(value(&b, "203.0.113.7").first, other.first);
	bed_fini(&b);
}

static void a_node_port_is_served_at_each_node_address_of_its_family(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1");
	struct weir_vip out = vip("192.0.2.1", 30080), in = vip("127.0.0.1", 30080);
	struct weir_vip any = vip("0.0.0.0", 30080);
	struct bed b = bed_new();

	(void)state;
	t->services[0]->ports[0]->node_port = 30080;
	node_addr(t, "192.0.2.1");
	node_addr(t, "192.0.2.1");
	node_addr(t, "127.0.0.1");
	node_addr(t, "2001:db8::1"); /* the Service is of IPv4 only */
	assert_int_equal(svc_select(t), 0);
	settle(&b, t);
	assert_int_equal(b.dp->n_frontends, 4);
	assert_int_equal(model_frontend(b.dp, &out)->svc.flags, WEIR_SVC_NODE | WEIR_SVC_MASQ);
	/* each pod has a 127.0.0.1 of its own */
	assert_int_equal(model_frontend(b.dp, &in)->svc.flags, WEIR_SVC_NODE | WEIR_SVC_HOST);
	assert_int_equal(model_frontend(b.dp, &in)->svc.count, 1);
	assert_int_equal(model_frontend(b.dp, &any)->svc.flags, WEIR_SVC_NODE | WEIR_SVC_GUARD);
	bed_fini(&b);
}

/* externalTrafficPolicy Local: clients outside the cluster have a frontend of their own. */
static void outside_clients_get_local_backends_and_keep_their_address(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1", "10.1.0.2");
	struct weir_vip all = vip("203.0.113.7", 80), outside = all, in = vip("127.0.0.1", 30080);
	struct svc_service *s = t->services[0];
	struct bed b = bed_new();
	uint32_t id;

	(void)state;
	outside.scope = WEIR_SCOPE_OUTSIDE;
	external_ip(s, "203.0.113.7");
	s->ports[0]->node_port = 30080;
	node_addr(t, "127.0.0.1");
	assert_int_equal(svc_select(t), 0);
	settle(&b, t);
	assert_int_equal(value(&b, "10.96.0.1").flags, 0);
	assert_int_equal(value(&b, "203.0.113.7").flags, WEIR_SVC_MASQ);
	assert_null(model_frontend(b.dp, &outside));
	id = value(&b, "203.0.113.7").id;

	s->external_local = true;
	s->affinity = true;
	s->affinity_timeout_s = 60;
	s->ports[0]->endpoints[1].local = true;
	assert_int_equal(svc_select(t), 0);
	settle(&b, t);
	assert_int_equal(value(&b, "10.96.0.1").flags, WEIR_SVC_AFFINITY);
	assert_int_equal(value(&b, "203.0.113.7").flags, WEIR_SVC_OUTSIDE | WEIR_SVC_AFFINITY);
	assert_int_equal(value(&b, "203.0.113.7").id, id);
	assert_int_equal(value(&b, "203.0.113.7").count, 2);
	assert_int_equal(model_frontend(b.dp, &outside)->svc.flags,
			 WEIR_SVC_KEEP | WEIR_SVC_AFFINITY);
	assert_int_equal(model_frontend(b.dp, &outside)->svc.count, 1);
	assert_int_equal(model_frontend(b.dp, &outside)->svc.affinity_id,
			 value(&b, "10.96.0.1").id);
	/* nobody outside reaches this one */
	assert_int_equal(model_frontend(b.dp, &in)->svc.flags,
			 WEIR_SVC_NODE | WEIR_SVC_HOST | WEIR_SVC_AFFINITY);
	in.scope = WEIR_SCOPE_OUTSIDE;
	assert_null(model_frontend(b.dp, &in));

	s->ports[0]->endpoints[1].local = false;
	assert_int_equal(svc_select(t), 0);
	settle(&b, t);
	assert_int_equal(model_frontend(b.dp, &outside)->svc.flags, WEIR_SVC_KEEP | WEIR_SVC_DROP);
	s->ports[0]->endpoints[0].ready = s->ports[0]->endpoints[1].ready = false;
	assert_int_equal(svc_select(t), 0);
	settle(&b, t);
	assert_int_equal(model_frontend(b.dp, &outside)->svc.flags, WEIR_SVC_KEEP);
	assert_int_equal(model_frontend(b.dp, &outside)->svc.count, 0);
	bed_fini(&b);
}

/* One set of slots for the same backends, whichever choice led to them. */
static void sets_that_are_the_same_are_shared_whoever_asks(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1", "10.1.0.2");
	struct weir_vip outside = vip("203.0.113.7", 80);
	struct svc_service *s = t->services[0];
	struct bed b = bed_new();
	struct weir_svc lead;

	(void)state;
	outside.scope = WEIR_SCOPE_OUTSIDE;
	external_ip(s, "203.0.113.7");
	s->internal_local = s->external_local = true;
	s->ports[0]->endpoints[0].local = true;
	assert_int_equal(svc_select(t), 0);
	settle(&b, t);
	lead = value(&b, "10.96.0.1");
	assert_int_equal(lead.count, 1);
	assert_int_equal(value(&b, "203.0.113.7").count, 2);
	assert_int_equal(model_frontend(b.dp, &outside)->svc.first, lead.first);
	assert_int_equal(model_frontend(b.dp, &outside)->svc.gen, lead.gen);
	s->ports[0]->endpoints[1].local = true;
	assert_int_equal(svc_select(t), 0);
	settle(&b, t);
	assert_int_equal(value(&b, "10.96.0.1").gen, value(&b, "203.0.113.7").gen);
	assert_int_equal(model_frontend(b.dp, &outside)->svc.gen, value(&b, "203.0.113.7").gen);
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
		cmocka_unit_test(operations_come_by_kind),
		cmocka_unit_test(slots_and_backends_are_reused_only_after_the_grace),
		cmocka_unit_test(a_backend_that_comes_back_keeps_its_id),
		cmocka_unit_test(a_restart_lets_rest_what_shows_a_trace_of_use),
		cmocka_unit_test(a_foreign_hand_is_put_right),
		cmocka_unit_test(a_cluster_ip_outside_all_ranges_is_classed_by_itself),
		cmocka_unit_test(what_finds_no_room_stays_and_is_told),
		cmocka_unit_test(full_tables_are_told_and_emptied_first),
		cmocka_unit_test(generations_go_round_without_meeting_themselves),
		cmocka_unit_test(affinity_comes_and_goes_without_touching_the_slots),
		cmocka_unit_test(addresses_of_one_port_share_slots_and_clients),
		cmocka_unit_test(a_node_port_is_served_at_each_node_address_of_its_family),
		cmocka_unit_test(outside_clients_get_local_backends_and_keep_their_address),
		cmocka_unit_test(sets_that_are_the_same_are_shared_whoever_asks),
		cmocka_unit_test(a_table_that_is_not_selected_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
