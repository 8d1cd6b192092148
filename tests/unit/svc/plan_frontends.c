/* SPDX-License-Identifier: Apache-2.0 */
/* What values the frontends of a Service get. */
#include "tests/unit/svc/bed.h"

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
static void sctp_has_frontends_and_backends_of_its_own(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1");
	struct addr own = ip("10.96.0.1");
	struct weir_vip sctp = vip_of(&own, 80, SVC_SCTP);
	struct bed b = bed_new();
	struct seen seen;

	(void)state;
	endpoint(t, port(t, t->services[0], 80, SVC_SCTP), "10.1.0.1", 8080, "rs");
	assert_int_equal(svc_select(t), 0);
	settle(&b, t);
	seen = model_dial(b.dp, &sctp);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.backends[0].proto, IPPROTO_SCTP);
	assert_int_equal(value(&b, "10.96.0.1").count, 1);
	bed_fini(&b);
}

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

static struct weir_range range_of(uint32_t svc, const char *text)
{
	struct weir_range range = { .svc = svc };
	struct cidr c;

	assert_int_equal(cidr_parse(text, &c), 0);
	range.bits = 32 + c.bits;
	memcpy(&range.addr, c.addr.b, sizeof(range.addr));
	return range;
}

static bool has_range(struct bed *b, uint32_t svc, const char *text)
{
	struct weir_range range = range_of(svc, text);

	return model_range(b->dp, &range) != NULL;
}

static void source_ranges_are_of_load_balancer_addresses_alone(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1");
	struct weir_vip outside = vip("203.0.113.8", 80);
	struct svc_service *s = t->services[0];
	struct bed b = bed_new();
	uint32_t id;

	(void)state;
	outside.scope = WEIR_SCOPE_OUTSIDE;
	s->cluster_ips[s->n_cluster_ips++] = ip("fd00::1");
	s->external_local = true;
	external_ip(s, "203.0.113.7");
	ingress_ip(s, "203.0.113.8");
	ingress_ip(s, "2001:db8::8");
	source_range(s, "198.51.100.0/24");
	source_range(s, "198.51.100.0/24");
	source_range(s, "192.0.2.9/32");
	assert_int_equal(svc_select(t), 0);
	settle(&b, t);
	assert_false(value(&b, "10.96.0.1").flags & WEIR_SVC_RANGES);
	assert_false(value(&b, "203.0.113.7").flags & WEIR_SVC_RANGES);
	assert_false(value(&b, "2001:db8::8").flags & WEIR_SVC_RANGES); /* none of its family */
	assert_true(value(&b, "203.0.113.8").flags & WEIR_SVC_RANGES);
	assert_true(model_frontend(b.dp, &outside)->svc.flags & WEIR_SVC_RANGES);
	assert_int_equal(b.dp->n_ranges, 4);
	id = value(&b, "203.0.113.8").id;
	assert_true(has_range(&b, id, "198.51.100.0/24") && has_range(&b, id, "192.0.2.9/32"));
	id = model_frontend(b.dp, &outside)->svc.id;
	assert_true(has_range(&b, id, "198.51.100.0/24") && has_range(&b, id, "192.0.2.9/32"));

	source_range(s, "0.0.0.0/0");
	source_range(s, "2001:db8:9::/48");
	settle(&b, t);
	assert_false(value(&b, "203.0.113.8").flags & WEIR_SVC_RANGES);
	assert_true(value(&b, "2001:db8::8").flags & WEIR_SVC_RANGES);
	assert_int_equal(b.dp->n_ranges, 2);
	bed_fini(&b);
}

static void a_frontend_never_appears_before_its_ranges_and_they_leave_after_it(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1");
	cleanup(svc_table_free) struct svc_table *none = table();
	struct bed b = bed_new();
	uint32_t id;

	(void)state;
	assert_true(SVC_OP_RANGE_PUT < SVC_OP_FRONTEND_PUT);
	assert_true(SVC_OP_FRONTEND_DEL < SVC_OP_RANGE_DEL);
	ingress_ip(t->services[0], "203.0.113.8");
	source_range(t->services[0], "198.51.100.0/24");
	assert_int_equal(svc_select(t), 0);
	assert_int_equal(svc_select(none), 0);
	settle(&b, t);
	id = value(&b, "203.0.113.8").id;

	/* an agent that died in between: what it left lets nobody into what comes next */
	b.dp->n_frontends = 0;
	b.dp->ranges[0].svc = 1000;
	settle(&b, t);
	assert_int_equal(value(&b, "203.0.113.8").id > 1000, true);
	assert_int_equal(b.dp->n_ranges, 1);
	assert_int_not_equal(value(&b, "203.0.113.8").id, id);
	settle(&b, none);
	assert_int_equal(b.dp->n_ranges, 0);
	bed_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(affinity_comes_and_goes_without_touching_the_slots),
		cmocka_unit_test(addresses_of_one_port_share_slots_and_clients),
		cmocka_unit_test(a_node_port_is_served_at_each_node_address_of_its_family),
		cmocka_unit_test(sctp_has_frontends_and_backends_of_its_own),
		cmocka_unit_test(outside_clients_get_local_backends_and_keep_their_address),
		cmocka_unit_test(sets_that_are_the_same_are_shared_whoever_asks),
		cmocka_unit_test(source_ranges_are_of_load_balancer_addresses_alone),
		cmocka_unit_test(
			a_frontend_never_appears_before_its_ranges_and_they_leave_after_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
