/* SPDX-License-Identifier: Apache-2.0 */
#include "core/buf.h"
#include "core/json.h"
#include "svc/view.h"
#include "unit/agent/objects.h"

static void fail_on_left_out(void *arg, const char *title, size_t n, const struct err *first)
{
	(void)arg;
	fail_msg("%zu of %s left out: %s", n, title, first->text);
}

static struct svc_table *translate_as(const struct kube_set *set, const struct services_node *node)
{
	struct svc_table *table = NULL;
	struct err err = {};

	if (services_translate(set, node, fail_on_left_out, NULL, &table, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(table->selected);
	return table;
}

/* The table of these objects on node-a. */
static struct svc_table *translate(const char *const *texts, size_t n)
{
	cleanup(kube_set_free) struct kube_set *set = NULL;

	assert_int_equal(kube_set_new(&set), 0);
	for (size_t i = 0; i < n; i++)
		put(set, texts[i]);
	return translate_as(set, &(struct services_node){ .name = "node-a" });
}

/* All lists of the recorded cluster in one set. */
static struct kube_set *recorded(void)
{
	static const char *const names[] = { "services", "endpointslices", "nodes", "pods",
					     "servicecidrs" };
	struct kube_set *all = NULL;
	const struct kube_object *twice = NULL;

	assert_int_equal(kube_set_new(&all), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		cleanup(kube_set_free) struct kube_set *set = sample_set(names[i]);

		assert_int_equal(kube_set_merge(all, set, &twice), 0);
	}
	return all;
}

static void the_recorded_cluster_gives_kube_proxys_services(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = recorded();
	cleanup(svc_table_free) struct svc_table *t =
		translate_as(set, &(struct services_node){ .name = "node1" });

	/* 17 less headless, external, other-proxy */
	assert_int_equal(t->n_services, 14);
	assert_null(find(t, "headless"));
	assert_null(find(t, "external"));
	assert_null(find(t, "other-proxy"));
	assert_string_equal(endpoints(find(t, "clusterip")->ports[0]),
			    "10.244.0.2:8080* 10.244.0.3:8080* 10.244.1.2:8080* 10.244.1.3:8080");
	assert_string_equal(endpoints(find(t, "clusterip")->ports[1]),
			    "10.244.0.2:9100* 10.244.0.3:9100* 10.244.1.2:9100* 10.244.1.3:9100");
	assert_string_equal(endpoints(find(t, "noendpoints")->ports[0]), "");
	assert_int_equal(find(t, "noendpoints")->ports[0]->result[0], SVC_REFUSED);
	assert_int_equal(find(t, "dual")->n_cluster_ips, 2);
	assert_int_equal(find(t, "dual")->ports[1]->proto, SVC_SCTP);
	assert_int_equal(find(t, "dual")->ports[0]->n_endpoints, 8);
	assert_true(find(t, "affinity")->affinity);
	assert_int_equal(find(t, "affinity")->affinity_timeout_s, 600);
}

static void two_slices_with_other_numbers_join_one_port(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = recorded();
	cleanup(svc_table_free) struct svc_table *t =
		translate_as(set, &(struct services_node){ .name = "node1" });
	const struct svc_service *s = find(t, "handmade");
	bool found = false;

	for (size_t i = 0; i < s->ports[0]->n_endpoints; i++) {
		const struct svc_endpoint *e = &s->ports[0]->endpoints[i];
		char addr[ADDR_TEXT_MAX];

		if (strcmp(addr_format(&e->addr, addr), "10.244.2.2") == 0) {
			assert_int_equal(e->port, 18080);
			found = true;
		}
	}
	assert_true(found);
}

static void hints_and_locality_are_this_nodes(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = recorded();
	cleanup(svc_table_free) struct svc_table *one =
		translate_as(set, &(struct services_node){ .name = "node1" });
	cleanup(svc_table_free) struct svc_table *other =
		translate_as(set, &(struct services_node){ .name = "elsewhere", .zone = "zone-b" });
	const struct svc_endpoint *e = &find(one, "prefer-node")->ports[0]->endpoints[0];

	assert_true(e->local);
	assert_int_equal(e->node_hint, SVC_HINT_HERE);
	assert_int_equal(e->zone_hint, SVC_HINT_HERE); /* zone-a, from the Node object */
	assert_string_equal(e->node, "node1");
	assert_string_equal(e->pod, "web-0");
	e = &find(other, "prefer-zone")->ports[0]->endpoints[0];
	assert_false(e->local);
	assert_int_equal(e->zone_hint, SVC_HINT_OTHER); /* the configured zone */
	assert_string_equal(endpoints(find(other, "prefer-zone")->ports[0]),
			    "10.244.0.2:8080 10.244.0.3:8080 10.244.1.2:8080* 10.244.1.3:8080");
}

/* The one that prefer-zone would choose here: then others are. */
static void a_workload_that_is_not_ready_is_not_chosen(void **state)
{
	struct addr unready[2];
	cleanup(kube_set_free) struct kube_set *set = recorded();

	(void)state;
	assert_int_equal(addr_parse("10.244.0.9", &unready[0]), 0);
	assert_int_equal(addr_parse("10.244.1.2", &unready[1]), 0);
	cleanup(svc_table_free) struct svc_table *t =
		translate_as(set, &(struct services_node){ .name = "elsewhere",
							   .zone = "zone-b",
							   .unready = unready,
							   .n_unready = 2 });

	assert_string_equal(endpoints(find(t, "prefer-zone")->ports[0]),
			    "10.244.0.2:8080* 10.244.0.3:8080* 10.244.1.2:8080 10.244.1.3:8080");
}

static void fields_of_a_service_are_carried_over(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = recorded();
	cleanup(svc_table_free) struct svc_table *t =
		translate_as(set, &(struct services_node){ .name = "node1" });
	const struct svc_service *lb = find(t, "lb"), *local = find(t, "lb-local");
	const struct svc_service *np = find(t, "nodeport"), *npl = find(t, "nodeport-local");

	assert_int_equal(lb->type, SVC_LOAD_BALANCER);
	assert_int_equal(lb->n_ingress_ips, 1);
	assert_addr(&lb->ingress_ips[0], "203.0.113.50");
	assert_addr(&lb->external_ips[0], "198.51.100.7");
	assert_cidr(&lb->source_ranges[0], "10.250.1.0/24");
	assert_false(lb->external_local);
	assert_true(local->external_local);
	assert_int_equal(local->health_check_node_port, 31770);
	assert_int_equal(np->type, SVC_NODE_PORT);
	assert_int_equal(np->ports[1]->proto, SVC_UDP);
	assert_int_equal(np->ports[1]->node_port, 30053);
	assert_true(npl->internal_local && npl->external_local);
	assert_string_equal(np->ns, "demo");
	assert_int_equal(strlen(np->uid), 36);
}

static void services_without_a_cluster_ip_are_left_out(void **state)
{
	static const char *const texts[] = {
		SERVICE("a", "{\"clusterIP\":\"None\"}"),
		SERVICE("b", "{\"clusterIP\":\"\"}"),
		SERVICE("c", "{\"type\":\"ExternalName\",\"clusterIP\":\"10.0.0.3\"}"),
		OBJECT("Service", "v1", "d",
		       "\"labels\":{\"service.kubernetes.io/service-proxy-name\":\"\"}},"
		       "\"spec\":{\"clusterIP\":\"10.0.0.4\"}"),
	};
	(void)state;
	cleanup(svc_table_free) struct svc_table *t = translate(texts, ARRAY_LEN(texts));

	assert_int_equal(t->n_services, 0);
}

static void ports_join_by_name_and_protocol(void **state)
{
	static const char *const texts[] = {
		SERVICE("web", "{\"clusterIP\":\"10.0.0.1\",\"ports\":["
			       "{\"name\":\"dns\",\"port\":53,\"protocol\":\"UDP\"},"
			       "{\"name\":\"dns\",\"port\":53},{\"name\":\"none\",\"port\":1},"
			       "{\"name\":\"nil\",\"port\":2},{\"port\":3}]}"),
		SLICE("s", "\"ports\":[{\"name\":\"dns\",\"protocol\":\"UDP\",\"port\":5353},"
			   "{\"name\":\"dns\",\"port\":5354},{\"name\":\"nil\"},{\"port\":8080},"
			   "{\"name\":\"more\",\"port\":9}]," EP("10.1.0.5")),
	};
	(void)state;
	cleanup(svc_table_free) struct svc_table *t = translate(texts, ARRAY_LEN(texts));
	const struct svc_service *s = find(t, "web");

	assert_string_equal(endpoints(s->ports[0]), "10.1.0.5:5353*");
	assert_string_equal(endpoints(s->ports[1]), "10.1.0.5:5354*");
	assert_string_equal(endpoints(s->ports[2]), "");
	assert_string_equal(endpoints(s->ports[3]), "");
	assert_string_equal(endpoints(s->ports[4]), "10.1.0.5:8080*");
}

static void slices_join_by_namespace_and_label_only(void **state)
{
	static const char *const texts[] = {
		SERVICE("web", "{\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"port\":80}]}"),
		/* named like the Service before and behind it, of others, of nobody, headless, FQDN */
		SLICE("web", "\"ports\":[{\"port\":1}]," EP("10.1.0.1")),
		SLICE("web-2", "\"ports\":[{\"port\":2}]," EP("10.1.0.2")),
		LABELLED("a", "\"kubernetes.io/service-name\":\"wea\"",
			 "\"addressType\":\"IPv4\",\"ports\":[{\"port\":3}]," EP("10.1.0.3")),
		LABELLED("b", "\"kubernetes.io/service-name\":\"web-2\"",
			 "\"addressType\":\"IPv4\",\"ports\":[{\"port\":4}]," EP("10.1.0.4")),
		LABELLED("c", "\"x\":\"y\"",
			 "\"addressType\":\"IPv4\",\"ports\":[{\"port\":5}]," EP("10.1.0.5")),
		LABELLED("d", OF_WEB ",\"service.kubernetes.io/headless\":\"\"",
			 "\"addressType\":\"IPv4\",\"ports\":[{\"port\":6}]," EP("10.1.0.6")),
		LABELLED("e", OF_WEB,
			 "\"addressType\":\"FQDN\",\"ports\":[{\"port\":7}]," EP("a.example.com")),
		OBJECT("EndpointSlice", "discovery.k8s.io/v1", "f",
		       "\"namespace\":\"other\",\"labels\":{" OF_WEB "}},\"addressType\":\"IPv4\","
		       "\"ports\":[{\"port\":8}]," EP("10.1.0.8")),
	};
	(void)state;
	cleanup(svc_table_free) struct svc_table *t = translate(texts, ARRAY_LEN(texts));

	assert_int_equal(t->n_services, 1);
	assert_string_equal(endpoints(t->services[0]->ports[0]), "10.1.0.1:1* 10.1.0.2:2*");
}

static void of_duplicates_the_running_one_wins(void **state)
{
	static const char *const texts[] = {
		SERVICE("web", "{\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"port\":80}]}"),
		SLICE("a", "\"ports\":[{\"port\":1}],\"endpoints\":[{\"addresses\":[\"10.1.0.1\"],"
			   "\"nodeName\":\"node-a\",\"conditions\":{\"ready\":true}}]"),
		SLICE("b",
		      "\"ports\":[{\"port\":1}],\"endpoints\":[{\"addresses\":[\"10.1.0.1\"],"
		      "\"nodeName\":\"node-b\",\"conditions\":{\"ready\":false,\"terminating\":true}}]"),
	};
	(void)state;
	cleanup(svc_table_free) struct svc_table *t = translate(texts, ARRAY_LEN(texts));
	const struct svc_port *p = t->services[0]->ports[0];

	assert_int_equal(p->n_endpoints, 1);
	assert_true(p->endpoints[0].local && p->endpoints[0].ready && p->endpoints[0].chosen);
}

static void an_endpoint_without_node_is_nowhere_local(void **state)
{
	static const char *const texts[] = {
		SERVICE("web", "{\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"port\":80}]}"),
		SLICE("a", "\"ports\":[{\"port\":1}]," EP("10.1.0.1")),
	};
	cleanup(kube_set_free) struct kube_set *set = NULL;

	(void)state;
	assert_int_equal(kube_set_new(&set), 0);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		put(set, texts[i]);
	cleanup(svc_table_free) struct svc_table *t =
		translate_as(set, &(struct services_node){ .name = "" });

	assert_false(t->services[0]->ports[0]->endpoints[0].local);
}

static void destinations_have_classes(void **state)
{
	static const char *const texts[] = {
		NODE("node-a", "10.250.1.11", "10.244.0.0/24"),
		NODE("node-b", "10.250.1.12", "10.244.1.0/24"),
		POD("here", "{\"nodeName\":\"node-a\"}", "{\"podIP\":\"10.244.0.2\"}"),
		POD("there", "{\"nodeName\":\"node-b\"}", "{\"podIP\":\"172.20.0.5\"}"),
		POD("gone", "{\"nodeName\":\"node-a\"}",
		    "{\"podIP\":\"10.244.1.9\",\"phase\":\"Succeeded\"}"),
		POD("nowhere", "{}", "{\"podIP\":\"172.20.0.6\"}"),
		POD("host", "{\"nodeName\":\"node-a\",\"hostNetwork\":true}",
		    "{\"podIP\":\"10.250.1.11\"}"),
		POD("host-b", "{\"nodeName\":\"node-b\",\"hostNetwork\":true}",
		    "{\"podIP\":\"10.244.1.1\"}"),
		OBJECT("Pod", "v1", "ours",
		       "\"namespace\":\"demo\",\"annotations\":{\"weir.dev/cgroup\":\"weir/ours\"}},"
		       "\"status\":{\"podIP\":\"172.20.0.7\"}"),
		OBJECT("ServiceCIDR", "networking.k8s.io/v1", "kubernetes",
		       "\"x\":1},\"spec\":{\"cidrs\":[\"10.96.0.0/16\"]}"),
	};
	static const struct {
		const char *addr;
		enum weir_class class;
		bool pod;
	} cases[] = {
		{ "10.250.1.11", WEIR_CLASS_LOCAL, false },
		{ "10.250.1.12", WEIR_CLASS_CLUSTER, false },
		{ "10.250.1.13", WEIR_CLASS_EXTERNAL, false },
		{ "10.244.0.2", WEIR_CLASS_LOCAL, true },
		{ "10.244.0.3", WEIR_CLASS_CLUSTER, true },
		{ "10.244.1.1", WEIR_CLASS_CLUSTER, false }, /* a node's, in a range of pods */
		{ "10.244.1.9", WEIR_CLASS_CLUSTER, true },
		{ "172.20.0.5", WEIR_CLASS_CLUSTER, true },
		{ "172.20.0.6", WEIR_CLASS_CLUSTER, true },
		{ "172.20.0.7", WEIR_CLASS_LOCAL, true },
		{ "172.20.0.8", WEIR_CLASS_EXTERNAL, false },
		{ "10.96.7.7", WEIR_CLASS_SERVICE, false },
		{ "127.0.0.1", WEIR_CLASS_LOCAL, false },
		{ "::1", WEIR_CLASS_LOCAL, false },
		{ "192.0.2.9", WEIR_CLASS_LOCAL, false },
		{ "100.64.3.3", WEIR_CLASS_CLUSTER, true },
		{ "8.8.8.8", WEIR_CLASS_EXTERNAL, false },
	};
	cleanup(kube_set_free) struct kube_set *set = NULL;
	struct services_node node = { .name = "node-a", .n_addresses = 1, .n_cluster_cidrs = 1 };
	struct addr own;
	struct cidr cluster;

	(void)state;
	assert_int_equal(kube_set_new(&set), 0);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		put(set, texts[i]);
	assert_int_equal(addr_parse("192.0.2.9", &own), 0);
	assert_int_equal(cidr_parse("100.64.0.0/10", &cluster), 0);
	node.addresses = &own;
	node.cluster_cidrs = &cluster;
	node.maglev = true;
	cleanup(svc_table_free) struct svc_table *t = translate_as(set, &node);

	assert_true(t->maglev);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (class_of(t, cases[i].addr) != cases[i].class)
			fail_msg("%s has class %d", cases[i].addr, (int)class_of(t, cases[i].addr));
		if (prefix_of(t, cases[i].addr).pod != cases[i].pod)
			fail_msg("%s", cases[i].addr);
	}
}

/* A Service as JSON, which has all that is known of it. */
static void as_text(const struct svc_service *s, struct buf *ret)
{
	cleanup(json_free) struct json *j = NULL;

	buf_reset(ret);
	assert_int_equal(svc_view_service(s, &j), 0);
	assert_int_equal(json_print(j, false, ret), 0);
}

static void a_service_alone_is_what_it_is_among_all(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = recorded();
	const struct services_node node = { .name = "node1" };
	cleanup(svc_table_free) struct svc_table *all = translate_as(set, &node);
	struct svc_table *none = NULL;

	for (size_t i = 0; i < all->n_services; i++) {
		const struct svc_service *s = all->services[i];
		cleanup(svc_table_free) struct svc_table *one = NULL;
		cleanup(buf_fini) struct buf alone = BUF_INIT(1 << 20), among = BUF_INIT(1 << 20);

		assert_int_equal(services_translate_one(set, &node, s->ns, s->name, &one, NULL), 0);
		assert_int_equal(one->n_services, 1);
		as_text(s, &among);
		as_text(one->services[0], &alone);
		assert_string_equal(alone.data, among.data);
	}
	assert_int_equal(services_translate_one(set, &node, "default", "headless", &none, NULL),
			 -ENOENT);
	assert_int_equal(services_translate_one(set, &node, "default", "absent", &none, NULL),
			 -ENOENT);
	assert_null(none);
}

static void a_node_that_only_measures_serves_nothing_and_keeps_the_classes(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = recorded();
	const struct services_node on = { .name = "node1" }, off = { .name = "node1", .off = true };
	cleanup(svc_table_free) struct svc_table *all = translate_as(set, &on);
	cleanup(svc_table_free) struct svc_table *none = translate_as(set, &off);
	struct svc_table *one = NULL;

	assert_int_equal(none->n_services, 0);
	assert_true(all->n_classes > 0);
	assert_int_equal(none->n_classes, all->n_classes);
	for (size_t i = 0; i < all->n_classes; i++) {
		const struct svc_class *a = &all->classes[i], *b = &none->classes[i];

		assert_memory_equal(&a->prefix, &b->prefix, sizeof(a->prefix));
		assert_int_equal(a->class, b->class);
		assert_int_equal(a->pod, b->pod);
	}
	assert_int_equal(services_translate_one(set, &off, "default", "clusterip", &one, NULL),
			 -ENOENT);
	assert_null(one);
}

static void addresses_of_node_ports_are_carried_over(void **state)
{
	cleanup(kube_set_free) struct kube_set *set = NULL;
	cleanup(svc_table_free) struct svc_table *t = NULL;
	struct addr addrs[2];
	const struct services_node node = { .name = "node-a",
					    .port_addresses = addrs,
					    .n_port_addresses = 2 };

	(void)state;
	assert_int_equal(addr_parse("192.0.2.10", &addrs[0]), 0);
	assert_int_equal(addr_parse("2001:db8::1", &addrs[1]), 0);
	assert_int_equal(kube_set_new(&set), 0);
	assert_int_equal(services_translate(set, &node, NULL, NULL, &t, NULL), 0);
	assert_int_equal(t->n_node_addrs, 2);
	assert_memory_equal(t->node_addrs, addrs, sizeof(addrs));
}

static const struct svc_node *node_named(const struct svc_table *t, const char *name)
{
	for (size_t i = 0; i < t->n_nodes; i++)
		if (!strcmp(t->nodes[i].name, name))
			return &t->nodes[i];
	return NULL;
}

static void nodes_answer_clients_outside_where_the_mode_says_so(void **state)
{
	static const char *const texts[] = {
		NODE("node-a", "10.250.1.11", "10.244.0.0/24"),
		NODE("node-b", "10.250.1.12", "10.244.1.0/24"),
	};
	cleanup(kube_set_free) struct kube_set *set = NULL;
	cleanup(svc_table_free) struct svc_table *snat = NULL, *dsr = NULL, *configured = NULL;
	struct services_node node = { .name = "node-a" };
	struct addr own, want;

	(void)state;
	assert_int_equal(kube_set_new(&set), 0);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		put(set, texts[i]);
	snat = translate_as(set, &node);
	assert_int_equal(snat->n_nodes, 0);

	node.dsr = true;
	dsr = translate_as(set, &node);
	assert_int_equal(dsr->n_nodes, 2);
	assert_int_equal(addr_parse("10.250.1.11", &want), 0);
	assert_true(addr_eq(&node_named(dsr, "node-a")->v4, &want));
	assert_int_equal(addr_parse("10.250.1.12", &want), 0);
	assert_true(addr_eq(&node_named(dsr, "node-b")->v4, &want));

	assert_int_equal(addr_parse("192.0.2.9", &own), 0);
	node.addresses = &own;
	node.n_addresses = 1;
	configured = translate_as(set, &node);
	assert_true(addr_eq(&node_named(configured, "node-a")->v4, &own));
}

/* Quick changes of one Service need only the nodes of its endpoints. */
static void a_service_alone_brings_the_nodes_of_its_endpoints(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = recorded();
	const struct services_node node = { .name = "elsewhere", .dsr = true };
	cleanup(svc_table_free) struct svc_table *one = NULL, *none = NULL;
	struct err err = {};

	assert_int_equal(services_translate_one(set, &node, "demo", "clusterip", &one, &err), 0);
	assert_int_equal(one->n_nodes, 2);
	assert_non_null(node_named(one, "node1"));
	assert_int_equal(services_translate_one(set, &node, "demo", "noendpoints", &none, &err), 0);
	assert_int_equal(none->n_nodes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_recorded_cluster_gives_kube_proxys_services),
		cmocka_unit_test(two_slices_with_other_numbers_join_one_port),
		cmocka_unit_test(hints_and_locality_are_this_nodes),
		cmocka_unit_test(a_workload_that_is_not_ready_is_not_chosen),
		cmocka_unit_test(fields_of_a_service_are_carried_over),
		cmocka_unit_test(services_without_a_cluster_ip_are_left_out),
		cmocka_unit_test(ports_join_by_name_and_protocol),
		cmocka_unit_test(slices_join_by_namespace_and_label_only),
		cmocka_unit_test(of_duplicates_the_running_one_wins),
		cmocka_unit_test(an_endpoint_without_node_is_nowhere_local),
		cmocka_unit_test(destinations_have_classes),
		cmocka_unit_test(a_service_alone_is_what_it_is_among_all),
		cmocka_unit_test(a_node_that_only_measures_serves_nothing_and_keeps_the_classes),
		cmocka_unit_test(addresses_of_node_ports_are_carried_over),
		cmocka_unit_test(nodes_answer_clients_outside_where_the_mode_says_so),
		cmocka_unit_test(a_service_alone_brings_the_nodes_of_its_endpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
