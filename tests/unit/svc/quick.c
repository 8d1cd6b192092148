/* SPDX-License-Identifier: Apache-2.0 */
/* Quick changes: what a whole round would do for one Service, and nothing else. */
#include "tests/unit/svc/bed.h"

#define N_SERVICES 6
#define N_ADDRS 8

/* Services with an external address and a node port each, of two ports; bit k of ready[i]: endpoint k. */
static struct svc_table *shops(const uint8_t ready[N_SERVICES])
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
	struct svc_table *t = table();
	char text[ADDR_TEXT_MAX];

	t->maglev = true;
	node_addr(t, "192.0.2.1");
	for (unsigned int i = 0; i < N_SERVICES; i++) {
		struct svc_service *s;

		snprintf(text, sizeof(text), "10.96.0.%u", i + 1);
		s = service(t, names[i], text);
		s->external_local = i == 1;
		s->affinity = i == 2;
		s->affinity_timeout_s = i == 2 ? 60 : 0;
		s->internal_local = i == 3;
		snprintf(text, sizeof(text), "203.0.113.%u", i + 1);
		external_ip(s, text);
		for (uint16_t number = 80; number < 82; number++) {
			struct svc_port *p = port(t, s, number, SVC_TCP);

			p->node_port = number == 80 ? (uint16_t)(30000 + i) : 0;
			for (unsigned int k = 0; k < N_ADDRS; k++) {
				snprintf(text, sizeof(text), "10.1.%u.%u", i % 3, k + 1);
				if (ready[i] >> k & 1)
					endpoint(t, p, text, 8080, k % 2 ? "rsl" : "rs");
			}
		}
	}
	assert_int_equal(svc_select(t), 0);
	return t;
}

/* The Service of a table alone. */
static struct svc_table *alone(const uint8_t ready[N_SERVICES], unsigned int which)
{
	struct svc_table *t = shops(ready);
	struct svc_service *s = t->services[which];

	t->services[which] = t->services[0];
	t->services[0] = s;
	/* the others go as they would with the table */
	while (t->n_services > 1) {
		struct svc_table rest = { .services = &t->services[--t->n_services],
					  .n_services = 1 };
		struct svc_table *gone = calloc(1, sizeof(*gone));
		struct svc_service **list = calloc(1, sizeof(struct svc_service *));

		assert_true(gone && list);
		*gone = rest;
		*list = rest.services[0];
		gone->services = list;
		svc_table_free(&gone);
	}
	return t;
}

static struct svc_quick *quick(struct bed *b)
{
	struct svc_quick *q = NULL;
	struct err err = {};

	if (svc_quick_new(b->dp, b->idle, b->now_ms, &q, &err))
		fail_msg("%s", err.text);
	return q;
}

/* Nothing is left to do but what a quick change leaves to the next whole round. */
static void only_backends_are_left(struct bed *b, const struct svc_table *t)
{
	cleanup(svc_plan_free) struct svc_plan *p = plan(b, t);

	for (size_t i = 0; i < p->n_ops; i++) {
		assert_true(p->ops[i].kind == SVC_OP_BACKEND_GONE ||
			    p->ops[i].kind == SVC_OP_BACKEND_DEL);
		apply_one(b, p, i);
	}
}

static uint32_t rnd(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33) % below;
}

static void a_chain_of_quick_changes_leads_where_a_whole_round_would(void **state)
{
	uint8_t ready[N_SERVICES] = { 1, 3, 7, 2, 0, 5 };
	cleanup(svc_table_free) struct svc_table *was = shops(ready);
	cleanup(svc_quick_free) struct svc_quick *q = NULL;
	struct bed b = bed_new();
	uint64_t chance = 7;
	struct err err = {};

	(void)state;
	settle(&b, was);
	for (int round = 0; round < 200; round++) {
		cleanup(svc_table_free) struct svc_table *one = NULL, *all = NULL;
		unsigned int which = rnd(&chance, N_SERVICES);

		if (!q)
			q = quick(&b);
		ready[which] = (uint8_t)rnd(&chance, 1U << N_ADDRS);
		one = alone(ready, which);
		if (svc_quick_change(q, was, one, &err))
			fail_msg("%s", err.text);
		b.now_ms += rnd(&chance, 400);
		if (rnd(&chance, 4))
			continue;
		all = shops(ready);
		only_backends_are_left(&b, all);
		svc_quick_free(&q);
		svc_table_free(&was);
		was = take_ptr(all);
	}
	bed_fini(&b);
}

static void a_quick_change_of_nothing_writes_nothing(void **state)
{
	const uint8_t ready[N_SERVICES] = { 1, 3, 7, 2, 0, 5 };
	cleanup(svc_table_free) struct svc_table *was = shops(ready), *one = alone(ready, 2);
	cleanup(svc_quick_free) struct svc_quick *q = NULL;
	struct bed b = bed_new();
	size_t writes;

	(void)state;
	settle(&b, was);
	q = quick(&b);
	writes = b.dp->writes;
	assert_int_equal(svc_quick_change(q, was, one, NULL), 0);
	assert_int_equal(b.dp->writes, writes);
	bed_fini(&b);
}

static void slots_that_go_out_of_use_between_whole_rounds_rest(void **state)
{
	cleanup(svc_table_free) struct svc_table *first = WEB("10.1.0.1"), *was = WEB("10.1.0.2");
	cleanup(svc_table_free) struct svc_table *two = WEB("10.1.0.3"), *three = WEB("10.1.0.4");
	cleanup(svc_quick_free) struct svc_quick *q = NULL;
	struct bed b = bed_new();
	struct weir_svc held;

	(void)state;
	settle(&b, first); /* its slot has rested long when it is taken again */
	settle(&b, was);
	settle(&b, was);
	b.now_ms += 10 * SVC_GRACE_MS;
	settle(&b, was);
	q = quick(&b);
	assert_int_equal(svc_quick_change(q, was, two, NULL), 0);
	held = value(&b, "10.96.0.1"); /* a slow reader has it */
	assert_int_equal(held.first, 0);
	assert_int_equal(svc_quick_change(q, was, three, NULL), 0);
	for (int i = 0; i < 20; i++) { /* all that could be written anew is */
		cleanup(svc_table_free) struct svc_table *next =
			i % 2 ? WEB("10.1.0.5", "10.1.0.6") : WEB("10.1.0.7");

		b.now_ms += 10;
		settle(&b, next);
		assert_int_equal(b.dp->slots[held.first].gen, held.gen);
	}
	bed_fini(&b);
}

static void assert_for_a_whole_round(struct bed *b, const struct svc_table *was,
				     struct svc_table *one)
{
	cleanup(svc_quick_free) struct svc_quick *q = quick(b);
	size_t writes = b->dp->writes;

	assert_int_equal(svc_select(one), 0);
	assert_int_equal(svc_quick_change(q, was, one, NULL), -EAGAIN);
	assert_int_equal(b->dp->writes, writes);
	svc_table_free(&one);
}

static struct svc_table *shop(struct svc_service **ret, struct svc_port **ret_port)
{
	struct svc_table *t = table();

	*ret = service(t, "web", "10.96.0.1");
	*ret_port = port(t, *ret, 80, SVC_TCP);
	endpoint(t, *ret_port, "10.1.0.1", 8080, "rs");
	return t;
}

static void what_is_more_than_endpoints_is_for_a_whole_round(void **state)
{
	cleanup(svc_table_free) struct svc_table *was = WEB("10.1.0.1");
	struct svc_table *one;
	struct bed b = bed_new();
	struct svc_service *s;
	struct svc_port *p;

	(void)state;
	settle(&b, was);
	one = table(); /* one that was not there */
	port(one, service(one, "new", "10.96.0.9"), 80, SVC_TCP);
	assert_for_a_whole_round(&b, was, one);
	one = shop(&s, &p); /* one more port */
	port(one, s, 81, SVC_TCP);
	assert_for_a_whole_round(&b, was, one);
	one = shop(&s, &p); /* one more address */
	external_ip(s, "203.0.113.1");
	assert_for_a_whole_round(&b, was, one);
	one = table(); /* another address */
	port(one, service(one, "web", "10.96.0.2"), 80, SVC_TCP);
	assert_for_a_whole_round(&b, was, one);
	one = shop(&s, &p); /* ranges */
	source_range(s, "198.51.100.0/24");
	assert_for_a_whole_round(&b, was, one);
	bed_fini(&b);
}

static void another_services_address_stays_its_own(void **state)
{
	struct svc_table *was = table(), *one = table();
	struct bed b = bed_new();
	struct svc_port *p;

	(void)state;
	endpoint(was, port(was, service(was, "a", "10.96.0.1"), 80, SVC_TCP), "10.1.0.1", 80, "rs");
	port(was, service(was, "b", "10.96.0.1"), 80, SVC_TCP);
	assert_int_equal(svc_select(was), 0);
	settle(&b, was);
	p = port(one, service(one, "b", "10.96.0.1"), 80, SVC_TCP);
	endpoint(one, p, "10.1.0.2", 80, "rs");
	assert_for_a_whole_round(&b, was, one);
	svc_table_free(&was);
	bed_fini(&b);
}

static void a_write_that_fails_is_told(void **state)
{
	cleanup(svc_table_free) struct svc_table *was = WEB("10.1.0.1"), *one = WEB("10.1.0.2");
	cleanup(svc_quick_free) struct svc_quick *q = NULL;
	struct bed b = bed_new();
	struct err err = {};

	(void)state;
	settle(&b, was);
	q = quick(&b);
	b.dp->fail_at = b.dp->writes + 1;
	assert_int_equal(svc_quick_change(q, was, one, &err), -EIO);
	assert_int_equal(err.code, -EIO);
	bed_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_of_quick_changes_leads_where_a_whole_round_would),
		cmocka_unit_test(a_quick_change_of_nothing_writes_nothing),
		cmocka_unit_test(slots_that_go_out_of_use_between_whole_rounds_rest),
		cmocka_unit_test(what_is_more_than_endpoints_is_for_a_whole_round),
		cmocka_unit_test(another_services_address_stays_its_own),
		cmocka_unit_test(a_write_that_fails_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
