/* SPDX-License-Identifier: Apache-2.0 */
/* Maglev tables in the kernel: who has one, where, and that nodes agree. */
#include "tests/unit/svc/bed.h"

/* A Service with an externalIP, whose table is Maglev's. */
static struct svc_table *hashed(const char *const *addrs)
{
	struct svc_table *t = web(addrs);

	external_ip(t->services[0], "203.0.113.7");
	t->maglev = true;
	assert_int_equal(svc_select(t), 0);
	return t;
}

#define HASHED(...) hashed((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static void only_what_packets_meet_has_a_table(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = HASHED("10.1.0.1", "10.1.0.2", "10.1.0.3");
	struct weir_vip in = vip("127.0.0.1", 30080), out = vip("192.0.2.1", 30080);
	struct weir_vip any = vip("0.0.0.0", 30080), outside = vip("203.0.113.7", 80);
	struct svc_service *s = t->services[0];
	struct bed b = bed_new();
	struct weir_svc value_out;

	(void)state;
	outside.scope = WEIR_SCOPE_OUTSIDE;
	s->ports[0]->node_port = 30080;
	node_addr(t, "127.0.0.1");
	node_addr(t, "192.0.2.1");
	s->external_local = true;
	for (size_t i = 0; i < 2; i++)
		s->ports[0]->endpoints[i].local = true;
	assert_int_equal(svc_select(t), 0);
	settle(&b, t);
	assert_int_equal(value(&b, "10.96.0.1").ring, 0);
	assert_int_equal(model_frontend(b.dp, &in)->svc.ring, 0);
	assert_int_equal(model_frontend(b.dp, &any)->svc.ring, 0);
	assert_int_equal(value(&b, "203.0.113.7").ring, 509);
	value_out = model_frontend(b.dp, &out)->svc;
	assert_int_equal(value_out.ring, 509); /* the same set: the same table */
	assert_int_equal(value_out.ring_first, value(&b, "203.0.113.7").ring_first);
	assert_int_equal(model_frontend(b.dp, &outside)->svc.ring, 251);
	assert_int_not_equal(model_frontend(b.dp, &outside)->svc.ring_first, value_out.ring_first);
	bed_fini(&b);
}

static void a_single_backend_needs_no_table(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = HASHED("10.1.0.1");
	struct bed b = bed_new();

	(void)state;
	settle(&b, t);
	assert_int_equal(value(&b, "203.0.113.7").count, 1);
	assert_int_equal(value(&b, "203.0.113.7").ring, 0);
	bed_fini(&b);
}

static void tables_come_and_go_with_the_algorithm_and_leave_the_slots(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = HASHED("10.1.0.1", "10.1.0.2");
	struct bed b = bed_new();
	struct weir_svc was, is;

	(void)state;
	t->maglev = false;
	settle(&b, t);
	was = value(&b, "203.0.113.7");
	assert_int_equal(was.ring | was.ring_first, 0);
	t->maglev = true;
	assert_int_equal(settle(&b, t), 2); /* the table, the value */
	is = value(&b, "203.0.113.7");
	assert_int_equal(is.ring, 251);
	assert_int_equal(is.gen, was.gen);
	assert_int_equal(is.first, was.first);
	assert_int_equal(settle(&b, t), 0);
	external_ip(t->services[0], "203.0.113.8");
	assert_int_equal(svc_select(t), 0);
	assert_int_equal(settle(&b, t), 1); /* uses the table that is there */
	assert_int_equal(value(&b, "203.0.113.8").ring_first, is.ring_first);
	t->maglev = false;
	assert_int_equal(settle(&b, t), 2);
	is = value(&b, "203.0.113.7");
	assert_memory_equal(&is, &was, sizeof(is));
	bed_fini(&b);
}

/* The address that a packet of this hash goes to. */
static uint32_t goes_to(struct bed *b, uint32_t number)
{
	struct weir_svc svc = value(b, "203.0.113.7");
	long at = model_ring(b->dp, &svc, number);

	assert_true(at >= 0);
	return b->dp->backends[b->dp->slots[svc.first + at].backend].addr.w[3];
}

/* Nodes number their backends as they met them. */
static void nodes_with_other_histories_agree(void **state)
{
	cleanup(svc_table_free) struct svc_table *before = HASHED("10.1.0.3", "10.1.0.4");
	cleanup(svc_table_free) struct svc_table *t = HASHED("10.1.0.1", "10.1.0.2", "10.1.0.3");
	struct bed old = bed_new(), new = bed_new();

	(void)state;
	settle(&old, before);
	settle(&old, t);
	settle(&new, t);
	assert_int_not_equal(backend_id(&old, "10.1.0.3"), backend_id(&new, "10.1.0.3"));
	for (uint32_t i = 0; i < 509; i++)
		assert_int_equal(goes_to(&old, i), goes_to(&new, i));
	bed_fini(&old);
	bed_fini(&new);
}

static void tables_rest_also_over_a_restart(void **state)
{
	cleanup(svc_table_free) struct svc_table *one = HASHED("10.1.0.1", "10.1.0.2");
	cleanup(svc_table_free) struct svc_table *two = HASHED("10.1.0.2", "10.1.0.3");
	struct bed b = bed_new();
	uint32_t first;

	(void)state;
	settle(&b, one);
	first = value(&b, "203.0.113.7").ring_first;
	settle(&b, two);
	assert_int_not_equal(value(&b, "203.0.113.7").ring_first, first);
	bed_restart(&b);
	settle(&b, one);
	assert_int_not_equal(value(&b, "203.0.113.7").ring_first, first);
	b.now_ms += SVC_GRACE_MS;
	settle(&b, two);
	assert_int_equal(value(&b, "203.0.113.7").ring_first,
			 first); /* the lowest that has rested */
	bed_fini(&b);
}

/* All of the ring is written, by an earlier process as it seems. */
static void without_room_the_choice_is_random_and_that_is_told(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = HASHED("10.1.0.1", "10.1.0.2");
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	struct bed b = bed_new();

	(void)state;
	for (uint32_t i = 0; i < WEIR_MAX_RING; i++)
		b.dp->ring[i].at[i % 4] = 1;
	p = plan(&b, t);
	assert_int_equal(p->full.code, -ENOSPC);
	assert_non_null(strstr(p->full.text, "0 of 2 frontends"));
	assert_non_null(strstr(p->full.text, "for want of room, 1 frontends have no Maglev table"));
	assert_int_equal(p->next_ms, b.now_ms + SVC_GRACE_MS);
	for (size_t i = 0; i < p->n_ops; i++)
		apply_one(&b, p, i);
	assert_int_equal(value(&b, "203.0.113.7").count, 2);
	assert_int_equal(value(&b, "203.0.113.7").ring, 0);
	svc_plan_free(&p);
	p = plan(&b, t);
	assert_int_equal(p->n_ops, 0);
	b.now_ms += SVC_GRACE_MS;
	settle(&b, t);
	assert_int_equal(value(&b, "203.0.113.7").ring, 251);
	bed_fini(&b);
}

static void a_table_that_leads_out_of_the_ring_is_put_right(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = HASHED("10.1.0.1", "10.1.0.2");
	struct weir_vip v = vip("203.0.113.7", 80);
	struct bed b = bed_new();
	static const uint32_t firsts[] = { UINT32_MAX, WEIR_MAX_RING, WEIR_MAX_RING - 1, 1 };

	(void)state;
	settle(&b, t);
	for (size_t i = 0; i < ARRAY_LEN(firsts); i++) {
		model_frontend(b.dp, &v)->svc.ring_first = firsts[i];
		settle(&b, t);
		assert_true(value(&b, "203.0.113.7").ring_first < WEIR_MAX_RING - 63);
		assert_int_equal(settle(&b, t), 0);
	}
	bed_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_packets_meet_has_a_table),
		cmocka_unit_test(a_single_backend_needs_no_table),
		cmocka_unit_test(tables_come_and_go_with_the_algorithm_and_leave_the_slots),
		cmocka_unit_test(nodes_with_other_histories_agree),
		cmocka_unit_test(tables_rest_also_over_a_restart),
		cmocka_unit_test(without_room_the_choice_is_random_and_that_is_told),
		cmocka_unit_test(a_table_that_leads_out_of_the_ring_is_put_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
