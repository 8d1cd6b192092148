/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/k8s/sample.h"

#define META \
	"\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\",\"namespace\":\"demo\"}"
#define SERVICE(spec) "{" META ",\"spec\":" spec "}"
#define INGRESS(list) "{" META ",\"status\":{\"loadBalancer\":{\"ingress\":" list "}}}"

static const struct kube_service *find(const struct kube_set *set, const char *name)
{
	const struct kube_object *obj = kube_set_find(set, KUBE_SERVICE, "demo", name);

	assert_non_null(obj);
	return &obj->service;
}

static void the_recorded_list_is_read_whole(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = sample_set("services");

	assert_int_equal(kube_set_len(set, KUBE_SERVICE), 17);
	assert_true(find(set, "headless")->headless);
	assert_true(find(set, "headless")->publish_not_ready);
	assert_int_equal(find(set, "headless")->n_cluster_ips, 0);
	assert_int_equal(find(set, "external")->type, KUBE_SERVICE_EXTERNAL_NAME);
	assert_int_equal(find(set, "external")->n_cluster_ips, 0);
	assert_false(find(set, "external")->headless);
	assert_true(find(set, "other-proxy")->other_proxy);
	assert_int_equal(find(set, "affinity")->affinity_s, 600);
	assert_string_equal(find(set, "affinity")->ports[0].name, "");
}

static void a_recorded_cluster_ip_service_has_its_ports(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = sample_set("services");
	const struct kube_service *s = find(set, "clusterip");

	assert_int_equal(s->type, KUBE_SERVICE_CLUSTER_IP);
	assert_int_equal(s->n_cluster_ips, 1);
	assert_addr(&s->cluster_ips[0], "10.96.186.153");
	assert_int_equal(s->n_ports, 2);
	assert_string_equal(s->ports[1].name, "metrics");
	assert_int_equal(s->ports[1].port, 9090);
	assert_int_equal(s->ports[1].node_port, 0);
	assert_int_equal(s->ports[1].proto, IPPROTO_TCP);
	assert_int_equal(s->affinity_s, 0);
	assert_false(s->internal_local || s->external_local || s->other_proxy || s->headless);
}

static void a_recorded_dual_stack_service_has_both_addresses(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = sample_set("services");
	const struct kube_service *s = find(set, "dual");

	assert_int_equal(s->n_cluster_ips, 2);
	assert_addr(&s->cluster_ips[0], "10.96.26.126");
	assert_addr(&s->cluster_ips[1], "fd00:10:96::7:cd77");
	assert_int_equal(s->ports[1].proto, IPPROTO_SCTP);
}

static void a_recorded_load_balancer_has_its_vips_only(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = sample_set("services");
	const struct kube_service *s = find(set, "lb"), *local = find(set, "lb-local");

	assert_int_equal(s->type, KUBE_SERVICE_LOAD_BALANCER);
	assert_int_equal(s->n_ingress_ips, 1); /* the other one is of ipMode Proxy */
	assert_addr(&s->ingress_ips[0], "203.0.113.50");
	assert_int_equal(s->n_external_ips, 1);
	assert_addr(&s->external_ips[0], "198.51.100.7");
	assert_int_equal(s->n_source_ranges, 2);
	assert_cidr(&s->source_ranges[1], "192.0.2.0/24");
	assert_int_equal(s->ports[0].node_port, 30989);
	assert_true(local->external_local);
	assert_int_equal(local->health_check_node_port, 31770);
	assert_int_equal(local->n_ingress_ips, 1); /* the other one has only a hostname */
}

static void defaults_are_those_of_the_api_server(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *obj =
		sample_object(SERVICE("{\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"port\":80}],"
				      "\"sessionAffinity\":\"ClientIP\",\"type\":\"\"}"));
	const struct kube_service *s = &obj->service;

	assert_int_equal(s->type, KUBE_SERVICE_CLUSTER_IP);
	assert_int_equal(s->n_cluster_ips, 1);
	assert_addr(&s->cluster_ips[0], "10.0.0.1");
	assert_string_equal(s->ports[0].name, "");
	assert_int_equal(s->ports[0].proto, IPPROTO_TCP);
	assert_int_equal(s->affinity_s, 10800);
}

static void null_and_empty_lists_are_empty(void **state)
{
	static const char *const specs[] = {
		"{" META "}",
		SERVICE("null"),
		SERVICE("{\"ports\":null,\"clusterIPs\":null,\"externalIPs\":null,"
			"\"loadBalancerSourceRanges\":null,\"clusterIP\":null}"),
		SERVICE("{\"ports\":[],\"clusterIPs\":[],\"externalIPs\":[],"
			"\"loadBalancerSourceRanges\":[],\"clusterIP\":\"\"}"),
		INGRESS("null"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
		cleanup(kube_object_free) struct kube_object *obj = sample_object(specs[i]);
		const struct kube_service *s = &obj->service;

		assert_int_equal(s->n_ports + s->n_cluster_ips + s->n_external_ips +
					 s->n_source_ranges + s->n_ingress_ips,
				 0);
		assert_false(s->headless);
	}
}

static void headless_is_told_by_either_field(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *one =
		sample_object(SERVICE("{\"clusterIP\":\"None\"}"));
	cleanup(kube_object_free) struct kube_object *list =
		sample_object(SERVICE("{\"clusterIPs\":[\"None\"]}"));

	assert_true(one->service.headless);
	assert_true(list->service.headless);
	assert_int_equal(one->service.n_cluster_ips + list->service.n_cluster_ips, 0);
}

static void addresses_are_read_as_sloppily_as_kubernetes_does(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *obj = sample_object(SERVICE(
		"{\"clusterIP\":\"010.096.000.010\",\"clusterIPs\":[\"10.96.0.10\"],"
		"\"externalIPs\":[\"192.000.002.001\"],"
		"\"loadBalancerSourceRanges\":[\" 010.1.2.3/08 \",\"2001:db8::1/32\",\"0.0.0.0/0\"]}"));
	const struct kube_service *s = &obj->service;

	assert_addr(&s->cluster_ips[0], "10.96.0.10"); /* not octal */
	assert_addr(&s->external_ips[0], "192.0.2.1");
	assert_cidr(&s->source_ranges[0], "10.0.0.0/8");
	assert_cidr(&s->source_ranges[1], "2001:db8::/32");
	assert_cidr(&s->source_ranges[2], "0.0.0.0/0");
}

static void the_label_counts_with_any_value(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *obj = sample_object(
		"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\",\"labels\":"
		"{\"service.kubernetes.io/service-proxy-name\":\"\"}}}");

	assert_true(obj->service.other_proxy);
}

static void bad_fields_are_named(void **state)
{
	static const struct {
		const char *spec, *message;
	} cases[] = {
		{ SERVICE("{\"ports\":[{\"port\":80},{\"port\":99999}]}"),
		  "spec.ports[1].port: 99999 is out of range; use 1 to 65535" },
		{ SERVICE("{\"ports\":[{\"port\":0}]}"),
		  "spec.ports[0].port: 0 is out of range; use 1 to 65535" },
		{ SERVICE("{\"ports\":[{\"port\":-1}]}"),
		  "spec.ports[0].port: -1 is out of range; use 1 to 65535" },
		{ SERVICE("{\"ports\":[{\"port\":\"80\"}]}"),
		  "spec.ports[0].port: \"80\" is not a number; use 1 to 65535" },
		{ SERVICE("{\"ports\":[{}]}"), "spec.ports[0].port: is missing; use 1 to 65535" },
		{ SERVICE("{\"ports\":[null]}"), "spec.ports[0]: is empty; remove the element" },
		{ SERVICE("{\"ports\":[{\"port\":80,\"nodePort\":70000}]}"),
		  "spec.ports[0].nodePort: 70000 is out of range; use 0 to 65535" },
		{ SERVICE("{\"ports\":[{\"port\":80,\"protocol\":\"tcp\"}]}"),
		  "spec.ports[0].protocol: \"tcp\" is not known; use TCP, UDP or SCTP" },
		{ SERVICE("{\"ports\":{}}"), "spec.ports: {} is not a list; write a list" },
		{ SERVICE("[]"), "spec: [] is not an object; write fields below it" },
		{ SERVICE("{\"type\":\"Cluster\"}"),
		  "spec.type: \"Cluster\" is not known; use ClusterIP, NodePort, LoadBalancer or "
		  "ExternalName" },
		{ SERVICE("{\"clusterIP\":\"10.0.0\"}"),
		  "spec.clusterIP: \"10.0.0\" is not an IP address; use the form 192.0.2.1 or 2001:db8::1" },
		{ SERVICE("{\"clusterIP\":\"0.0.0.0\"}"),
		  "spec.clusterIP: \"0.0.0.0\" is the unspecified address; use one that can be dialled" },
		{ SERVICE("{\"clusterIPs\":[\"10.0.0.1\",null]}"),
		  "spec.clusterIPs[1]: is empty; remove the element" },
		{ SERVICE("{\"clusterIP\":\"10.0.0.1\",\"clusterIPs\":[\"10.0.0.2\"]}"),
		  "spec.clusterIPs[0]: \"10.0.0.2\" is not spec.clusterIP; make them equal" },
		{ SERVICE("{\"clusterIPs\":[\"10.0.0.1\",\"10.0.0.2\"]}"),
		  "spec.clusterIPs[1]: \"10.0.0.2\" is of the family of the first; use one IPv4 and one "
		  "IPv6 address" },
		{ SERVICE("{\"externalIPs\":[\"192.0.2.1\",true]}"),
		  "spec.externalIPs[1]: true is not an IP address; use the form 192.0.2.1 or 2001:db8::1" },
		{ SERVICE("{\"externalIPs\":[null]}"),
		  "spec.externalIPs[0]: is empty; remove the element" },
		{ SERVICE("{\"loadBalancerSourceRanges\":[\"10.0.0.0/33\"]}"),
		  "spec.loadBalancerSourceRanges[0]: \"10.0.0.0/33\" is not a prefix; use the form "
		  "10.0.0.0/8 or 2001:db8::/32" },
		{ SERVICE("{\"sessionAffinity\":\"Cookie\"}"),
		  "spec.sessionAffinity: \"Cookie\" is not known; use None or ClientIP" },
		{ SERVICE("{\"sessionAffinityConfig\":{\"clientIP\":{\"timeoutSeconds\":0}}}"),
		  "spec.sessionAffinityConfig.clientIP.timeoutSeconds: 0 is out of range; use 1 to 86400" },
		{ SERVICE("{\"internalTrafficPolicy\":\"local\"}"),
		  "spec.internalTrafficPolicy: \"local\" is not known; use Cluster or Local" },
		{ SERVICE("{\"publishNotReadyAddresses\":\"yes\"}"),
		  "spec.publishNotReadyAddresses: \"yes\" is not a boolean; use true or false" },
		{ INGRESS("[{\"ip\":\"x\"}]"),
		  "status.loadBalancer.ingress[0].ip: \"x\" is not an IP address; use the form 192.0.2.1 "
		  "or 2001:db8::1" },
		{ INGRESS("[{\"ip\":\"192.0.2.1\",\"ipMode\":\"vip\"}]"),
		  "status.loadBalancer.ingress[0].ipMode: \"vip\" is not known; use VIP or Proxy" },
	};
	char message[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(message, sizeof(message), "Service demo/web: %s", cases[i].message);
		assert_refused(cases[i].spec, -EINVAL, message);
	}
}

static void lists_have_limits(void **state)
{
	(void)state;
	cleanup(buf_fini) struct buf text = BUF_INIT(SAMPLE_MAX);

	buf_puts(&text, "{" META ",\"spec\":{\"ports\":[{\"port\":1}");
	for (int i = 0; i < KUBE_MAX_PORTS; i++)
		buf_puts(&text, ",{\"port\":1}");
	buf_puts(&text, "]}}");
	assert_int_equal(buf_error(&text), 0);
	assert_refused(text.data, -E2BIG,
		       "Service demo/web: spec.ports: has 1025 elements; use at most 1024");
	assert_refused(SERVICE("{\"clusterIPs\":[\"1.1.1.1\",\"::1\",\"::2\"]}"), -E2BIG,
		       "Service demo/web: spec.clusterIPs: has 3 elements; use at most 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_recorded_list_is_read_whole),
		cmocka_unit_test(a_recorded_cluster_ip_service_has_its_ports),
		cmocka_unit_test(a_recorded_dual_stack_service_has_both_addresses),
		cmocka_unit_test(a_recorded_load_balancer_has_its_vips_only),
		cmocka_unit_test(defaults_are_those_of_the_api_server),
		cmocka_unit_test(null_and_empty_lists_are_empty),
		cmocka_unit_test(headless_is_told_by_either_field),
		cmocka_unit_test(addresses_are_read_as_sloppily_as_kubernetes_does),
		cmocka_unit_test(the_label_counts_with_any_value),
		cmocka_unit_test(bad_fields_are_named),
		cmocka_unit_test(lists_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
