/* SPDX-License-Identifier: Apache-2.0 */
/* Which nodes clients outside are sent to (datapath.mode: dsr), in the kernel of the bed. */
#include "svc/want.h"
#include "tests/unit/svc/bed.h"

/* Two nodes, and a Service at an external address with endpoints on both, here, and nowhere known. */
static struct svc_table *shop(void)
{
	struct svc_table *t = table();
	struct svc_service *s = service(t, "shop", "10.96.0.1");
	struct svc_port *p;

	s->cluster_ips[s->n_cluster_ips++] = ip("fd00::1");
	external_ip(s, "203.0.113.1");
	p = port(t, s, 80, SVC_TCP);
	endpoint_on(t, p, "10.1.1.1", "b");
	endpoint_on(t, p, "10.1.2.1", "c");
	endpoint_on(t, p, "fd01::1", "b");
	endpoint_on(t, p, "fd02::1", "c"); /* which has no IPv6 address */
	endpoint_on(t, p, "10.1.9.1", "unknown");
	endpoint_on(t, p, "10.1.9.2", "");
	endpoint_on(t, p, "10.1.0.1", "here");
	other_node(t, "c", "192.0.2.3", NULL);
	other_node(t, "b", "192.0.2.2", "2001:db8::2");
	assert_int_equal(svc_select(t), 0);
	return t;
}

static void again(struct svc_table *t)
{
	assert_int_equal(svc_select(t), 0);
}

static void assert_home(struct bed *b, const char *backend, const char *node)
{
	struct addr key = ip(backend), want = node ? ip(node) : (struct addr){};
	struct weir_addr a = svc_kernel_addr(&key);
	const struct dp_home *home = model_home(b->dp, &a);

	assert_true(!node == !home);
	if (home)
		assert_memory_equal(&home->node, want.b, sizeof(want.b));
}

static void backends_of_other_nodes_have_a_home(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = shop();
	cleanup(bed_fini) struct bed b = bed_new();

	(void)state;
	settle(&b, t);
	assert_home(&b, "10.1.1.1", "192.0.2.2");
	assert_home(&b, "10.1.2.1", "192.0.2.3");
	assert_home(&b, "fd01::1", "2001:db8::2");
	assert_int_equal(b.dp->n_homes, 3);
	assert_int_equal(settle(&b, t), 0);
	other_node(t, "here", "192.0.2.1", NULL);
	settle(&b, t);
	assert_home(&b, "10.1.0.1", "192.0.2.1");
}

static void without_nodes_there_are_none(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = shop();
	cleanup(bed_fini) struct bed b = bed_new();
	uint32_t epoch;

	(void)state;
	settle(&b, t);
	epoch = b.dp->epoch;
	t->n_nodes = 0;
	settle(&b, t);
	assert_int_equal(b.dp->n_homes, 0);
	assert_true(b.dp->epoch > epoch); /* connections look again */
}

static void only_where_clients_outside_may_be_sent_there(void **state)
{
	cleanup(bed_fini) struct bed b = bed_new();

	(void)state;
	for (int i = 0; i < 4; i++) {
		cleanup(svc_table_free) struct svc_table *t = shop();
		struct svc_service *s = t->services[0];

		if (i == 0)
			s->external_local = true;
		else if (i == 1)
			s->n_external_ips = 0;
		else if (i == 2)
			s->ports[0]->proto = SVC_SCTP;
		else
			for (size_t k = 0; k < s->ports[0]->n_endpoints; k++)
				s->ports[0]->endpoints[k].ready =
					s->ports[0]->endpoints[k].serving = false;
		again(t);
		settle(&b, t);
		assert_int_equal(b.dp->n_homes, 0);
	}
}

static void a_pod_that_moves_gets_its_new_home(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = shop();
	cleanup(bed_fini) struct bed b = bed_new();
	struct svc_port *p = t->services[0]->ports[0];

	(void)state;
	settle(&b, t);
	for (size_t i = 0; i < p->n_endpoints; i++)
		if (!strcmp(p->endpoints[i].node, "b"))
			p->endpoints[i].node = "c";
	again(t);
	settle(&b, t);
	assert_home(&b, "10.1.1.1", "192.0.2.3");
	assert_home(&b, "fd01::1", NULL);
}

/* Of two nodes that claim one address, always the same has it. */
static void one_address_has_one_home(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = shop();
	cleanup(bed_fini) struct bed b = bed_new();
	struct svc_service *s = service(t, "twin", "10.96.0.2");
	struct svc_port *p;

	(void)state;
	external_ip(s, "203.0.113.2");
	p = port(t, s, 80, SVC_TCP);
	endpoint_on(t, p, "10.1.1.1", "c");
	endpoint_on(t, p, "10.1.2.1", "b");
	again(t);
	settle(&b, t);
	assert_home(&b, "10.1.1.1", "192.0.2.2");
	assert_home(&b, "10.1.2.1", "192.0.2.2");
}

static void homes_come_before_who_is_sent_there(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = shop();
	cleanup(bed_fini) struct bed b = bed_new();
	cleanup(svc_plan_free) struct svc_plan *p = plan(&b, t);
	bool sent = false;

	(void)state;
	assert_int_equal(p->count[SVC_OP_HOME_PUT], 3);
	for (size_t i = 0; i < p->n_ops; i++) {
		sent |= p->ops[i].kind == SVC_OP_FRONTEND_PUT;
		assert_false(sent && p->ops[i].kind == SVC_OP_HOME_PUT);
	}
}

/* The kernel's table is full of other backends: all is served, and it is told. */
static void without_room_clients_are_masked(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = shop();
	cleanup(bed_fini) struct bed b = bed_new();
	cleanup(svc_actual_fini) struct svc_actual actual = {};
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	struct err err = {};

	(void)state;
	assert_int_equal(svc_actual_read(b.dp, &actual, &err), 0);
	free(actual.homes);
	actual.homes = calloc(WEIR_MAX_HOMES, sizeof(*actual.homes));
	assert_non_null(actual.homes);
	for (uint32_t i = 0; i < WEIR_MAX_HOMES; i++)
		actual.homes[i].backend.w[3] = htonl(i + 1);
	actual.n_homes = WEIR_MAX_HOMES;
	svc_idle_observe(b.idle, &actual, b.now_ms);
	assert_int_equal(svc_plan_make(t, &actual, b.idle, b.now_ms, &p, &err), 0);
	assert_int_equal(p->count[SVC_OP_HOME_PUT], 0);
	assert_int_equal(p->count[SVC_OP_HOME_DEL], WEIR_MAX_HOMES);
	assert_int_equal(p->count[SVC_OP_FRONTEND_PUT], 3);
	assert_int_equal(p->full.code, -ENOSPC);
	assert_non_null(strstr(p->full.text, "3 backends are sent masked clients"));
	assert_int_equal(p->next_ms, b.now_ms);
}

static void a_quick_change_brings_homes_too(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = shop(), *more = shop();
	cleanup(bed_fini) struct bed b = bed_new();
	cleanup(svc_quick_free) struct svc_quick *q = NULL;
	struct err err = {};

	(void)state;
	settle(&b, t);
	assert_int_equal(svc_quick_new(b.dp, b.idle, b.now_ms, &q, &err), 0);
	endpoint_on(more, more->services[0]->ports[0], "10.1.1.2", "b");
	again(more);
	assert_int_equal(svc_quick_change(q, t, more, &err), 0);
	assert_home(&b, "10.1.1.2", "192.0.2.2");
	assert_int_equal(b.dp->n_homes, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backends_of_other_nodes_have_a_home),
		cmocka_unit_test(without_nodes_there_are_none),
		cmocka_unit_test(only_where_clients_outside_may_be_sent_there),
		cmocka_unit_test(a_pod_that_moves_gets_its_new_home),
		cmocka_unit_test(one_address_has_one_home),
		cmocka_unit_test(homes_come_before_who_is_sent_there),
		cmocka_unit_test(without_room_clients_are_masked),
		cmocka_unit_test(a_quick_change_brings_homes_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
