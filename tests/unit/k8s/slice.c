/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/k8s/sample.h"

#define META                                                                 \
	"\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\"," \
	"\"metadata\":{\"name\":\"web-1\",\"namespace\":\"demo\","           \
	"\"labels\":{\"kubernetes.io/service-name\":\"web\"}}"
#define SLICE(rest) "{" META ",\"addressType\":\"IPv4\"," rest "}"
#define ENDPOINT(rest) SLICE("\"endpoints\":[{\"addresses\":[\"10.1.0.5\"]" rest "}]")

static const struct kube_slice *find(const struct kube_set *set, const char *name)
{
	const struct kube_object *obj = kube_set_find(set, KUBE_SLICE, "demo", name);

	assert_non_null(obj);
	return &obj->slice;
}

static void the_recorded_list_is_read_whole(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = sample_set("endpointslices");
	size_t n = 0;

	for (size_t i = 0; i < kube_set_len(set, KUBE_SLICE); i++)
		n += kube_set_at(set, KUBE_SLICE, i)->slice.n_endpoints;
	assert_int_equal(kube_set_len(set, KUBE_SLICE), 20);
	assert_int_equal(n, 61);
	assert_true(find(set, "headless-7bqhs")->headless);
	assert_string_equal(find(set, "orphan")->service, "");
	assert_int_equal(find(set, "fqdn-1")->type, KUBE_ADDRESS_FQDN);
	assert_int_equal(find(set, "fqdn-1")->n_endpoints, 0); /* names are not read */
	assert_int_equal(find(set, "dual-sxq8v")->type, KUBE_ADDRESS_IPV6);
	assert_int_equal(find(set, "noendpoints-kfh5n")->n_endpoints, 0); /* null */
	assert_int_equal(find(set, "noendpoints-kfh5n")->n_ports, 0);
}

static void a_recorded_slice_has_its_endpoints(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = sample_set("endpointslices");
	const struct kube_slice *s = find(set, "prefer-node-s9l88");
	const struct kube_endpoint *first = &s->endpoints[0], *third = &s->endpoints[2];

	assert_string_equal(s->service, "prefer-node");
	assert_false(s->headless);
	assert_int_equal(s->n_ports, 1);
	assert_int_equal(s->ports[0].port, 8080);
	assert_int_equal(s->ports[0].proto, IPPROTO_TCP);
	assert_int_equal(s->n_endpoints, 4);
	assert_addr(&first->addr, "10.244.0.2");
	assert_true(first->ready && first->serving && !first->terminating);
	assert_string_equal(first->node_name, "node1");
	assert_string_equal(first->pod, "web-0");
	assert_int_equal(first->n_zone_hints, 1);
	assert_string_equal(first->zone_hints[0], "zone-a");
	assert_int_equal(first->n_node_hints, 1);
	assert_string_equal(first->node_hints[0], "node1");
	assert_false(third->ready);
}

static void missing_conditions_are_what_kube_proxy_takes_them_for(void **state)
{
	static const struct {
		const char *text;
		bool ready, serving, terminating;
	} cases[] = {
		{ ENDPOINT(""), true, true, false },
		{ ENDPOINT(",\"conditions\":null"), true, true, false },
		{ ENDPOINT(",\"conditions\":{}"), true, true, false },
		{ ENDPOINT(
			  ",\"conditions\":{\"ready\":null,\"serving\":null,\"terminating\":null}"),
		  true, true, false },
		{ ENDPOINT(",\"conditions\":{\"ready\":false}"), false, true, false },
		{ ENDPOINT(",\"conditions\":{\"serving\":false}"), true, false, false },
		{ ENDPOINT(",\"conditions\":{\"terminating\":true}"), true, true, true },
		{ ENDPOINT(
			  ",\"conditions\":{\"ready\":false,\"serving\":true,\"terminating\":true}"),
		  false, true, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(kube_object_free) struct kube_object *obj = sample_object(cases[i].text);
		const struct kube_endpoint *e = &obj->slice.endpoints[0];

		assert_int_equal(e->ready, cases[i].ready);
		assert_int_equal(e->serving, cases[i].serving);
		assert_int_equal(e->terminating, cases[i].terminating);
		assert_string_equal(e->node_name, "");
		assert_string_equal(e->pod, "");
		assert_int_equal(e->n_zone_hints + e->n_node_hints, 0);
	}
}

static void ports_get_the_api_servers_defaults(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *obj = sample_object(SLICE(
		"\"ports\":[{\"port\":8080},{\"name\":\"dns\",\"protocol\":\"UDP\",\"port\":null},"
		"{\"name\":\"\",\"port\":0}]"));
	const struct kube_slice *s = &obj->slice;

	assert_int_equal(s->n_ports, 3);
	assert_string_equal(s->ports[0].name, "");
	assert_int_equal(s->ports[0].proto, IPPROTO_TCP);
	assert_int_equal(s->ports[0].port, 8080);
	assert_string_equal(s->ports[1].name, "dns");
	assert_int_equal(s->ports[1].proto, IPPROTO_UDP);
	assert_int_equal(s->ports[1].port, 0);
	assert_int_equal(s->ports[2].port, 0);
}

static void only_the_first_address_counts(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *obj = sample_object(
		SLICE("\"endpoints\":[{\"addresses\":[\"010.001.000.005\",\"not an address\"]}]"));

	assert_int_equal(obj->slice.n_endpoints, 1);
	assert_addr(&obj->slice.endpoints[0].addr, "10.1.0.5");
}

static void a_target_that_is_no_pod_is_no_pod(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *obj =
		sample_object(ENDPOINT(",\"targetRef\":{\"kind\":\"Node\",\"name\":\"n\"}"));

	assert_string_equal(obj->slice.endpoints[0].pod, "");
}

static void the_headless_label_counts_with_any_value(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *obj = sample_object(
		"{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\",\"addressType\":\"IPv6\","
		"\"metadata\":{\"name\":\"x\",\"labels\":{\"service.kubernetes.io/headless\":\"\"}}}");

	assert_true(obj->slice.headless);
	assert_string_equal(obj->slice.service, "");
}

static void bad_fields_are_named(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "{" META "}", "addressType: is missing; use IPv4 or IPv6" },
		{ "{" META ",\"addressType\":\"ipv4\"}",
		  "addressType: \"ipv4\" is not known; use IPv4, IPv6 or FQDN" },
		{ SLICE("\"ports\":[{\"port\":65536}]"),
		  "ports[0].port: 65536 is out of range; use 0 to 65535" },
		{ SLICE("\"ports\":[{\"name\":7}]"),
		  "ports[0].name: 7 is not a text; write it in quotes" },
		{ SLICE("\"ports\":[null]"), "ports[0]: is empty; remove the element" },
		{ SLICE("\"endpoints\":[null]"), "endpoints[0]: is empty; remove the element" },
		{ SLICE("\"endpoints\":[{}]"),
		  "endpoints[0].addresses: is empty; give one address" },
		{ SLICE("\"endpoints\":[{\"addresses\":[]}]"),
		  "endpoints[0].addresses: is empty; give one address" },
		{ SLICE("\"endpoints\":[{\"addresses\":[null]}]"),
		  "endpoints[0].addresses: is empty; give one address" },
		{ SLICE("\"endpoints\":[{\"addresses\":[\"10.1.0.256\"]}]"),
		  "endpoints[0].addresses[0]: \"10.1.0.256\" is not an IP address; use the form 192.0.2.1 or "
		  "2001:db8::1" },
		{ SLICE("\"endpoints\":[{\"addresses\":[\"2001:db8::5\"]}]"),
		  "endpoints[0].addresses[0]: \"2001:db8::5\" is not of the slice's addressType; correct one "
		  "of them" },
		{ ENDPOINT(",\"conditions\":{\"ready\":\"true\"}"),
		  "endpoints[0].conditions.ready: \"true\" is not a boolean; use true or false" },
		{ ENDPOINT(",\"conditions\":[]"),
		  "endpoints[0].conditions: [] is not an object; write fields below it" },
		{ ENDPOINT(",\"hints\":{\"forZones\":[{\"name\":\"a\"},{}]}"),
		  "endpoints[0].hints.forZones[1].name: is missing; give a name" },
		{ ENDPOINT(",\"hints\":{\"forNodes\":\"a\"}"),
		  "endpoints[0].hints.forNodes: \"a\" is not a list; write a list" },
	};
	char message[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(message, sizeof(message), "EndpointSlice demo/web-1: %s",
			 cases[i].message);
		assert_refused(cases[i].text, -EINVAL, message);
	}
}

static void endpoints_have_a_limit(void **state)
{
	(void)state;
	cleanup(buf_fini) struct buf text = BUF_INIT(SAMPLE_MAX);

	buf_puts(&text, "{" META ",\"addressType\":\"IPv4\",\"endpoints\":[{}");
	for (int i = 0; i < KUBE_MAX_ENDPOINTS; i++)
		buf_puts(&text, ",{}");
	buf_puts(&text, "]}");
	assert_refused(text.data, -E2BIG,
		       "EndpointSlice demo/web-1: endpoints: has 1001 elements; use at most 1000");
}

static void the_time_of_the_last_change_is_read_or_none(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} times[] = {
		{ "\"2026-11-20T18:50:56.123456789Z\"", 1795200656123 },
		{ "\"2026-11-20T18:50:56Z\"", 1795200656000 },
		{ "\"yesterday\"", 0 },
		{ "\"\"", 0 },
		{ "7", 0 },
		{ "null", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		cleanup(kube_object_free) struct kube_object *obj = NULL;
		char text[512];

		snprintf(text, sizeof(text),
			 "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\","
			 "\"metadata\":{\"name\":\"a\",\"namespace\":\"demo\",\"annotations\":{"
			 "\"endpoints.kubernetes.io/last-change-trigger-time\":%s}},"
			 "\"addressType\":\"IPv4\"}",
			 times[i].text);
		obj = sample_object(text);
		assert_int_equal(obj->slice.trigger_ms, times[i].ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_time_of_the_last_change_is_read_or_none),
		cmocka_unit_test(the_recorded_list_is_read_whole),
		cmocka_unit_test(a_recorded_slice_has_its_endpoints),
		cmocka_unit_test(missing_conditions_are_what_kube_proxy_takes_them_for),
		cmocka_unit_test(ports_get_the_api_servers_defaults),
		cmocka_unit_test(only_the_first_address_counts),
		cmocka_unit_test(a_target_that_is_no_pod_is_no_pod),
		cmocka_unit_test(the_headless_label_counts_with_any_value),
		cmocka_unit_test(bad_fields_are_named),
		cmocka_unit_test(endpoints_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
