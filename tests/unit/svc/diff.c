/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "svc/plan.h"
#include "tests/unit/svc/make.h"
#include "tests/unit/svc/model.h"

static struct svc_table *web(const char *const *addrs)
{
	struct svc_table *t = table();
	struct svc_port *p = port(t, service(t, "web", "10.96.0.1"), 80, SVC_TCP);

	for (; *addrs; addrs++)
		endpoint(t, p, *addrs, 8080, "rs");
	class(t, "10.96.0.0/16", WEIR_CLASS_SERVICE);
	assert_int_equal(svc_select(t), 0);
	return t;
}

#define WEB(...) web((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static struct dp *kernel(const struct svc_table *t)
{
	cleanup(svc_idle_free) struct svc_idle *idle = NULL;
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	struct dp *dp = calloc(1, sizeof(*dp));
	struct err err = {};

	assert_int_equal(svc_idle_new(SVC_GRACE_MS, &idle), 0);
	assert_int_equal(svc_sync(dp, t, idle, 1, &p, &err), 0);
	return dp;
}

static struct json *diff(struct dp *dp, const struct svc_table *t)
{
	cleanup(svc_actual_fini) struct svc_actual actual = {};
	struct json *lines = NULL;
	struct err err = {};

	assert_int_equal(svc_actual_read(dp, &actual, &err), 0);
	if (svc_diff(t, &actual, &lines, &err))
		fail_msg("%s", err.text);
	return lines;
}

/* Of some lines, this is the first. */
static void expect_first(struct dp *dp, const struct svc_table *t, const char *line)
{
	cleanup(json_free) struct json *lines = diff(dp, t);

	assert_true(json_len(lines) > 1);
	assert_string_equal(json_text(json_at(lines, 0), ""), line);
}

static void expect(struct dp *dp, const struct svc_table *t, const char *line)
{
	cleanup(json_free) struct json *lines = diff(dp, t);

	if (json_len(lines) != 1)
		fail_msg("%zu lines", json_len(lines));
	assert_string_equal(json_text(json_at(lines, 0), ""), line);
}

static void none(struct dp *dp, const struct svc_table *t)
{
	cleanup(json_free) struct json *lines = diff(dp, t);

	assert_int_equal(json_type(lines), JSON_ARRAY);
	assert_int_equal(json_len(lines), 0);
}

static void nothing_differs_after_a_round(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1", "10.1.0.2");
	cleanup(free_ptr) struct dp *dp = kernel(t);

	(void)state;
	/* a backend that rests is no difference */
	dp->backends[100] =
		(struct weir_backend){ .port = htons(1), .proto = IPPROTO_TCP, .gone = 1 };
	none(dp, t);
}

static void frontends_missing_and_left_over_are_named(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1");
	cleanup(free_ptr) struct dp *dp = kernel(t);
	struct dp_frontend f = dp->frontends[0];
	struct addr v6 = ip("fd00::1");

	(void)state;
	dp->n_frontends = 0;
	expect(dp, t, "10.96.0.1:80/TCP (default/web): is not in the kernel");
	dp->frontends[dp->n_frontends++] = f;
	memcpy(&f.vip.addr, v6.b, sizeof(v6));
	f.vip.proto = IPPROTO_UDP;
	dp->frontends[dp->n_frontends++] = f;
	expect(dp, t, "[fd00::1]:80/UDP: is in the kernel, but no Service has it");
	dp->frontends[1].vip.proto = IPPROTO_SCTP;
	expect(dp, t, "[fd00::1]:80/SCTP: is in the kernel, but no Service has it");
}

static void wrong_backends_are_named(void **state)
{
	cleanup(svc_table_free) struct svc_table *is = WEB("10.1.0.1", "10.1.0.2");
	cleanup(svc_table_free) struct svc_table *should = WEB("10.1.0.2", "10.1.0.3");
	cleanup(svc_table_free) struct svc_table *empty = WEB();
	cleanup(svc_table_free) struct svc_table *many =
		WEB("10.1.0.1", "10.1.0.2", "10.1.1.1", "10.1.1.2", "10.1.1.3", "10.1.1.4",
		    "10.1.1.5", "10.1.1.6");
	cleanup(free_ptr) struct dp *dp = kernel(is);

	(void)state;
	expect_first(dp, should,
		     "10.96.0.1:80/TCP (default/web): lacks 10.1.0.3:8080; should not have "
		     "10.1.0.1:8080");
	expect_first(dp, empty, "10.96.0.1:80/TCP (default/web): is served, should be refused");
	expect(dp, many,
	       "10.96.0.1:80/TCP (default/web): lacks 10.1.1.1:8080, 10.1.1.2:8080, "
	       "10.1.1.3:8080, 10.1.1.4:8080 and 2 more");
}

static void refused_and_dropped_are_told_apart(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB();
	cleanup(free_ptr) struct dp *dp = kernel(t);

	(void)state;
	dp->frontends[0].svc.flags = WEIR_SVC_DROP;
	expect(dp, t, "10.96.0.1:80/TCP (default/web): is dropped, should be refused");
	dp->frontends[0].svc.flags = 1U << 31;
	expect(dp, t, "10.96.0.1:80/TCP (default/web): has flags 0x80000000, should have 0x0");
}

static void values_that_lead_nowhere_are_found(void **state)
{
	static const char says[] = "10.96.0.1:80/TCP (default/web): its value leads to slots or "
				   "backends that are not its own";
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1");
	cleanup(free_ptr) struct dp *dp = kernel(t);
	struct dp_frontend good = dp->frontends[0];
	struct weir_slot slot = dp->slots[good.svc.first];

	(void)state;
	dp->frontends[0].svc.first = UINT32_MAX;
	expect(dp, t, says);
	dp->frontends[0] = good;
	dp->slots[good.svc.first].gen++;
	expect(dp, t, says);
	dp->slots[good.svc.first] = slot;
	dp->slots[good.svc.first].backend = UINT32_MAX;
	expect(dp, t, says);
	dp->slots[good.svc.first] = slot;
	dp->backends[slot.backend].proto = 0;
	expect(dp, t, says);
}

static void another_order_is_a_difference_as_it_is_for_the_planner(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1", "10.1.0.2");
	cleanup(free_ptr) struct dp *dp = kernel(t);
	uint32_t first = dp->frontends[0].svc.first;
	struct weir_slot slot = dp->slots[first];

	(void)state;
	dp->slots[first] = dp->slots[first + 1];
	dp->slots[first + 1] = slot;
	expect(dp, t, "10.96.0.1:80/TCP (default/web): has its backends in another order or twice");
}

static void classes_that_differ_are_named(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1");
	cleanup(free_ptr) struct dp *dp = kernel(t);

	(void)state;
	assert_int_equal(dp->n_classes, 1);
	dp->classes[0].class = WEIR_CLASS_LOCAL;
	expect(dp, t, "10.96.0.0/16: is of class local, should be service");
	dp->n_classes = 0;
	expect(dp, t, "10.96.0.0/16: has no class, should be service");
	dp->classes[0].class = WEIR_CLASS_SERVICE;
	dp->classes[1] = dp->classes[0];
	dp->classes[1].prefix.bits++;
	dp->n_classes = 2;
	expect(dp, t, "10.96.0.0/17: is of class service, should have none");
	dp->n_classes = 1;
	dp->classes[0].class |= WEIR_CLASS_POD;
	expect(dp, t, "10.96.0.0/16: is of class service (pods), should be service");
}

static void source_ranges_that_differ_are_named(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1");
	cleanup(free_ptr) struct dp *dp = NULL;
	struct weir_range range;

	(void)state;
	ingress_ip(t->services[0], "203.0.113.8");
	source_range(t->services[0], "198.51.100.0/24");
	assert_int_equal(svc_select(t), 0);
	dp = kernel(t);
	assert_int_equal(dp->n_ranges, 1);
	range = dp->ranges[0];
	dp->n_ranges = 0;
	expect(dp, t, "203.0.113.8:80/TCP (default/web): lacks source range 198.51.100.0/24");
	dp->ranges[dp->n_ranges++] = range;
	range.bits++;
	dp->ranges[dp->n_ranges++] = range;
	expect(dp, t,
	       "203.0.113.8:80/TCP (default/web): should not have source range 198.51.100.0/25");
	dp->ranges[1].svc = UINT32_MAX;
	expect(dp, t, "no frontend has source range 198.51.100.0/25");
	dp->ranges[1].bits = 0; /* and what no agent wrote */
	expect(dp, t, "no frontend has source range 198.51.100.0/0");
}

static void backends_whose_mark_is_wrong_are_named(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1");
	cleanup(free_ptr) struct dp *dp = NULL;
	uint32_t id = 2;

	(void)state;
	endpoint(t, t->services[0]->ports[0], "10.1.0.2", 8080, "st");
	assert_int_equal(svc_select(t), 0);
	dp = kernel(t);
	assert_int_equal(dp->backends[id].proto, IPPROTO_TCP);
	dp->backends[id].gone = 1;
	expect(dp, t, "10.1.0.2:8080/TCP: serves, but is marked as gone");
	dp->backends[id].proto = 0;
	expect(dp, t, "10.1.0.2:8080/TCP: serves, but is not in the kernel");
	dp->backends[id] = dp->backends[1];
	dp->backends[id].port = htons(2);
	expect_first(dp, t, "10.1.0.1:2/TCP: serves no more, but is not marked as gone");
}

/* Nobody outside reaches the only node port, so the set for them is not in the kernel. */
static void a_backend_that_only_clients_outside_would_use_is_named(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_service *s = service(t, "web", "10.96.0.1");
	struct svc_port *p = port(t, s, 80, SVC_TCP);
	cleanup(free_ptr) struct dp *dp = NULL;

	(void)state;
	s->external_local = true;
	p->node_port = 30080;
	node_addr(t, "127.0.0.1");
	endpoint(t, p, "10.1.0.1", 8080, "rsN");
	endpoint(t, p, "10.1.0.2", 8080, "rsln");
	assert_int_equal(svc_select(t), 0);
	dp = kernel(t);
	none(dp, t);
	dp->backends[2].proto = 0;
	expect(dp, t, "10.1.0.2:8080/TCP: serves, but is not in the kernel");
}

static void what_is_for_clients_outside_is_said(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1");
	cleanup(free_ptr) struct dp *dp = NULL;
	struct dp_frontend *f;

	(void)state;
	external_ip(t->services[0], "203.0.113.7");
	t->services[0]->external_local = true;
	assert_int_equal(svc_select(t), 0);
	dp = kernel(t);
	f = dp->frontends;
	while (!f->vip.scope)
		f++;
	f->svc.flags &= ~WEIR_SVC_DROP;
	expect(dp, t,
	       "203.0.113.7:80/TCP from outside (default/web): is refused, should be dropped");
}

static void a_wrong_maglev_table_is_named(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1", "10.1.0.2");
	cleanup(free_ptr) struct dp *dp = NULL;

	(void)state;
	external_ip(t->services[0], "203.0.113.7");
	t->maglev = true;
	assert_int_equal(svc_select(t), 0);
	dp = kernel(t);
	none(dp, t);
	t->maglev = false;
	expect(dp, t,
	       "203.0.113.7:80/TCP (default/web): has a Maglev table of 251 entries at 0, should "
	       "have none");
	t->maglev = true;
	for (size_t i = 0; i < dp->n_frontends; i++)
		dp->frontends[i].svc.ring = dp->frontends[i].svc.ring_first = 0;
	expect(dp, t,
	       "203.0.113.7:80/TCP (default/web): has no Maglev table, should have one of 251");
}

static void what_a_maglev_table_holds_is_compared(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1", "10.1.0.2", "10.1.0.3");
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	cleanup(svc_idle_free) struct svc_idle *idle = NULL;
	cleanup(free_ptr) struct dp *dp = NULL;
	struct err err = {};

	(void)state;
	external_ip(t->services[0], "203.0.113.7");
	external_ip(t->services[0], "203.0.113.8"); /* shares the table, and is named once */
	t->maglev = true;
	assert_int_equal(svc_select(t), 0);
	dp = kernel(t);
	none(dp, t);
	dp->ring[0].at[2] ^= 1;
	dp->ring[127].at[0] = 9; /* entry 508, the last of 509 */
	dp->ring[127].at[1] = 9; /* none */
	expect(dp, t,
	       "203.0.113.7:80/TCP (default/web): 2 of 509 entries of its Maglev table lead elsewhere; "
	       "a start of the agent mends it");

	assert_int_equal(svc_idle_new(SVC_GRACE_MS, &idle), 0);
	assert_int_equal(svc_sync(dp, t, idle, 1, &p, &err), 0);
	assert_int_equal(p->count[SVC_OP_RING_PUT], 1);
	assert_int_equal(p->count[SVC_OP_SLOT_PUT], 0);
	assert_int_equal(p->count[SVC_OP_FRONTEND_PUT], 2);
	none(dp, t);
}

static void wrong_homes_are_named(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB();
	cleanup(free_ptr) struct dp *dp = NULL;
	struct svc_port *p = t->services[0]->ports[0];
	struct dp_home home;

	(void)state;
	external_ip(t->services[0], "203.0.113.1");
	other_node(t, "b", "192.0.2.2", NULL);
	endpoint_on(t, p, "10.1.1.1", "b");
	assert_int_equal(svc_select(t), 0);
	dp = kernel(t);
	none(dp, t);
	home = dp->homes[0];
	dp->n_homes = 0;
	expect(dp, t, "10.1.1.1: clients outside reach it masked, should by node 192.0.2.2");
	dp->homes[dp->n_homes++] = home;
	dp->homes[0].node.w[3] = htonl(0xc0000203);
	expect(dp, t,
	       "10.1.1.1: clients outside reach it by node 192.0.2.3, should by node 192.0.2.2");
	t->n_nodes = 0;
	expect(dp, t, "10.1.1.1: clients outside reach it by node 192.0.2.3, should masked");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_maglev_table_holds_is_compared),
		cmocka_unit_test(wrong_homes_are_named),
		cmocka_unit_test(nothing_differs_after_a_round),
		cmocka_unit_test(frontends_missing_and_left_over_are_named),
		cmocka_unit_test(wrong_backends_are_named),
		cmocka_unit_test(refused_and_dropped_are_told_apart),
		cmocka_unit_test(values_that_lead_nowhere_are_found),
		cmocka_unit_test(another_order_is_a_difference_as_it_is_for_the_planner),
		cmocka_unit_test(classes_that_differ_are_named),
		cmocka_unit_test(source_ranges_that_differ_are_named),
		cmocka_unit_test(backends_whose_mark_is_wrong_are_named),
		cmocka_unit_test(a_backend_that_only_clients_outside_would_use_is_named),
		cmocka_unit_test(what_is_for_clients_outside_is_said),
		cmocka_unit_test(a_wrong_maglev_table_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
