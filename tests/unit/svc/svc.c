/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/svc.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "tests/unit/svc/make.h"

static void what_is_lent_is_copied(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct addr external[] = { ip("192.0.2.1"), ip("192.0.2.2") }, second = external[1];
	struct cidr range;
	char ns[] = "default", name[] = "web", pod[] = "web-1";
	struct svc_service spec = { .ns = ns,
				    .name = name,
				    .cluster_ips = { ip("10.96.0.1") },
				    .n_cluster_ips = 1,
				    .external_ips = external,
				    .n_external_ips = 2,
				    .source_ranges = &range,
				    .n_source_ranges = 1 };
	struct svc_endpoint e = { .addr = ip("10.1.0.1"), .port = 80, .pod = pod };
	struct svc_service *s = NULL;
	struct svc_port *p;
	struct err err = {};

	(void)state;
	assert_int_equal(cidr_parse("198.51.100.0/24", &range), 0);
	assert_int_equal(svc_service_add(t, &spec, &s, &err), 0);
	p = port(t, s, 80, SVC_TCP);
	assert_int_equal(svc_endpoint_add(t, p, &e, &err), 0);
	memset(ns, 'x', sizeof(ns) - 1);
	memset(name, 'x', sizeof(name) - 1);
	memset(pod, 'x', sizeof(pod) - 1);
	memset(external, 0, sizeof(external));
	memset(&range, 0, sizeof(range));

	assert_string_equal(s->ns, "default");
	assert_string_equal(s->name, "web");
	assert_string_equal(s->uid, "");
	assert_int_equal(s->n_external_ips, 2);
	assert_true(addr_eq(&s->external_ips[1], &second));
	assert_int_equal(s->source_ranges[0].bits, 120);
	assert_null(s->ingress_ips);
	assert_string_equal(p->endpoints[0].pod, "web-1");
	assert_string_equal(p->endpoints[0].node, "");
	assert_ptr_equal(t->services[0], s);
}

static void pointers_stay_while_the_table_grows(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_service *first = service(t, "first", "10.96.0.1");
	struct svc_port *p = port(t, first, 80, SVC_TCP);

	(void)state;
	for (int i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "s%d", i);
		service(t, name, "10.96.0.2");
		port(t, first, 100 + i, SVC_TCP);
		endpoint(t, p, "10.1.0.1", 1000 + i, "rs");
	}
	assert_ptr_equal(t->services[0], first);
	assert_ptr_equal(first->ports[0], p);
	assert_int_equal(p->n_endpoints, 100);
	assert_int_equal(p->endpoints[99].port, 1099);
	assert_int_equal(first->n_ports, 101);
	assert_int_equal(t->n_services, 101);
}

static void a_service_twice_is_refused_and_nothing_changes(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_service spec = { .ns = "default",
				    .name = "web",
				    .cluster_ips = { ip("10.96.0.9") },
				    .n_cluster_ips = 1 };
	struct svc_service *s = NULL;
	struct err err = {};

	(void)state;
	service(t, "web", "10.96.0.1");
	assert_int_equal(svc_service_add(t, &spec, &s, &err), -EEXIST);
	assert_string_equal(err.text, "Service default/web is defined twice");
	assert_null(s);
	assert_int_equal(t->n_services, 1);
	spec.ns = "other";
	assert_int_equal(svc_service_add(t, &spec, &s, &err), 0);
}

static int service_try(struct svc_table *t, const struct svc_service *spec, const char *says)
{
	struct svc_service *s = NULL;
	struct err err = {};
	int r = svc_service_add(t, spec, &s, &err);

	assert_null(s);
	assert_int_equal(err.code, r);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" is not in \"%s\"", says, err.text);
	return r;
}

static void bad_services_are_refused_by_name(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_service spec = { .ns = "default", .name = "web" };
	struct addr list[SVC_MAX_LIST + 1] = {};
	char text[SVC_MAX_TEXT + 2];

	(void)state;
	assert_int_equal(service_try(t, &spec, "default/web: 0 cluster IPs"), -EINVAL);
	spec.n_cluster_ips = 1;
	assert_int_equal(service_try(t, &spec, "default/web: cluster IP ::"), -EINVAL);
	spec.cluster_ips[0] = ip("0.0.0.0");
	assert_int_equal(service_try(t, &spec, "0.0.0.0"), -EINVAL);
	spec.cluster_ips[0] = ip("10.96.0.1");
	spec.n_cluster_ips = 3;
	assert_int_equal(service_try(t, &spec, "3 cluster IPs"), -EINVAL);
	spec.n_cluster_ips = 1;
	spec.ingress_ips = list;
	spec.n_ingress_ips = SVC_MAX_LIST + 1;
	assert_int_equal(service_try(t, &spec, "ingress"), -E2BIG);
	spec.n_ingress_ips = 0;
	spec.name = "";
	assert_int_equal(service_try(t, &spec, "without"), -EINVAL);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	spec.name = text;
	assert_int_equal(service_try(t, &spec, "longer than 253"), -E2BIG);
	assert_int_equal(t->n_services, 0);
}

static void bad_ports_and_endpoints_are_refused(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_service *s = service(t, "web", "10.96.0.1");
	struct svc_port *p = port(t, s, 80, SVC_TCP), *none = NULL;
	struct svc_endpoint e = { .addr = ip("10.1.0.1") };
	struct err err = {};

	(void)state;
	assert_int_equal(svc_port_add(t, s, &(struct svc_port){}, &none, &err), -EINVAL);
	assert_non_null(strstr(err.text, "default/web"));
	assert_null(none);
	assert_int_equal(svc_endpoint_add(t, p, &e, &err), -EINVAL);
	assert_non_null(strstr(err.text, "10.1.0.1"));
	e.port = 80;
	e.addr = ip("::");
	assert_int_equal(svc_endpoint_add(t, p, &e, &err), -EINVAL);
	assert_int_equal(s->n_ports, 1);
	assert_int_equal(p->n_endpoints, 0);
}

static void limits_hold(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_service *s = service(t, "web", "10.96.0.1");
	struct svc_port *p = port(t, s, 1, SVC_TCP), *none = NULL;
	struct svc_endpoint e = { .addr = ip("10.1.0.1"), .port = 80 };
	struct err err = {};

	(void)state;
	for (int i = 1; i < SVC_MAX_PORTS; i++)
		port(t, s, 1 + i, SVC_TCP);
	assert_int_equal(svc_port_add(t, s, &(struct svc_port){ .port = 1 }, &none, &err), -E2BIG);
	for (int i = 0; i < SVC_MAX_ENDPOINTS; i++)
		assert_int_equal(svc_endpoint_add(t, p, &e, &err), 0);
	assert_int_equal(svc_endpoint_add(t, p, &e, &err), -E2BIG);
	assert_int_equal(p->n_endpoints, SVC_MAX_ENDPOINTS);
}

static void classes_are_in_order_and_the_first_stays(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct cidr bad = { .bits = 129 };
	struct err err = {};

	(void)state;
	class(t, "10.2.0.0/16", WEIR_CLASS_CLUSTER);
	class(t, "10.0.0.0/16", WEIR_CLASS_LOCAL);
	class(t, "10.0.0.0/8", WEIR_CLASS_CLUSTER);
	class(t, "fd00::/8", WEIR_CLASS_CLUSTER);
	pods(t, "10.0.0.0/16");
	assert_int_equal(t->n_classes, 4);
	assert_false(t->classes[1].pod);
	assert_int_equal(t->classes[0].prefix.bits, 96 + 8);
	assert_int_equal(t->classes[1].prefix.bits, 96 + 16);
	assert_int_equal(t->classes[1].class, WEIR_CLASS_LOCAL);
	assert_int_equal(t->classes[3].prefix.bits, 8);
	assert_int_equal(svc_class_add(t, &bad, WEIR_CLASS_LOCAL, false, &err), -EINVAL);
	assert_int_equal(t->n_classes, 4);
}

static void what_is_not_applied_is_named(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct addr external = ip("192.0.2.1");
	struct cidr range = {};
	struct svc_service spec = { .ns = "default",
				    .name = "web",
				    .type = SVC_LOAD_BALANCER,
				    .cluster_ips = { ip("10.96.0.1") },
				    .n_cluster_ips = 1,
				    .external_local = true,
				    .affinity = true,
				    .health_check_node_port = 32000,
				    .external_ips = &external,
				    .n_external_ips = 1,
				    .ingress_ips = &external,
				    .n_ingress_ips = 1,
				    .source_ranges = &range,
				    .n_source_ranges = 1 };
	const char *names[SVC_PENDING_MAX];
	struct svc_service *s;
	struct err err = {};

	(void)state;
	assert_int_equal(svc_service_add(t, &spec, &s, &err), 0);
	port(t, s, 80, SVC_TCP)->node_port = 30080;
	port(t, service(t, "zweb", "10.96.0.1"), 80, SVC_TCP);
	assert_int_equal(svc_select(t), 0);
	assert_int_equal(svc_pending(s, names), 0);
	assert_int_equal(svc_pending(t->services[1], names), 1);
	assert_string_equal(names[0], "conflict");
}

static void states_have_names(void **state)
{
	static const struct {
		struct svc_endpoint e;
		const char *name;
	} rows[] = {
		{ { .ready = true, .serving = true }, "ready" },
		{ { .ready = true, .serving = true, .terminating = true }, "ready" },
		{ { .serving = true, .terminating = true }, "serving-terminating" },
		{ { .terminating = true }, "terminating" },
		{ { .serving = true }, "not-ready" },
		{ {}, "not-ready" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(svc_endpoint_state(&rows[i].e), rows[i].name);
	assert_string_equal(svc_type_name(SVC_LOAD_BALANCER), "LoadBalancer");
	assert_string_equal(svc_proto_name(SVC_UDP), "UDP");
	assert_string_equal(svc_result_name(SVC_DROPPED), "dropped");
	assert_string_equal(svc_hint_name(SVC_HINT_HERE), "here");
	assert_string_equal(svc_result_name(SVC_RESULT_MAX_), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_lent_is_copied),
		cmocka_unit_test(pointers_stay_while_the_table_grows),
		cmocka_unit_test(a_service_twice_is_refused_and_nothing_changes),
		cmocka_unit_test(bad_services_are_refused_by_name),
		cmocka_unit_test(bad_ports_and_endpoints_are_refused),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(classes_are_in_order_and_the_first_stays),
		cmocka_unit_test(what_is_not_applied_is_named),
		cmocka_unit_test(states_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
