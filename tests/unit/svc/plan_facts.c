/* SPDX-License-Identifier: Apache-2.0 */
/* Single facts of the plan. Its property for any change: plan.c; values of frontends: plan_frontends.c;
 * full tables: plan_room.c. */
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
	b.now_ms += SVC_GRACE_MS - 50; /* the tick of idle.c */
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

static void a_table_that_is_not_selected_is_refused(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_actual actual = {};
	struct svc_plan *p = NULL;
	struct bed b = bed_new();
	struct err err = {};

	(void)state;
	actual.slots = b.dp->slots;
	actual.ring = b.dp->ring;
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
		cmocka_unit_test(generations_go_round_without_meeting_themselves),
		cmocka_unit_test(a_table_that_is_not_selected_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
