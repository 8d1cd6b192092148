/* SPDX-License-Identifier: Apache-2.0 */
/* What breaks a limit is left out and told, once; all else is served. */
#include "unit/agent/objects.h"

/* What was told to be left out, a line each; "n of title: first". */
static void note(void *arg, const char *title, size_t n, const struct err *first)
{
	buf_printf(arg, "%zu of %s: %s\n", n, title, first->text);
}

static struct svc_table *translate_noting(const struct kube_set *set, struct buf *notes)
{
	struct svc_table *table = NULL;
	struct err err = {};

	assert_int_equal(services_translate(set, &(struct services_node){ .name = "n" }, note,
					    notes, &table, &err),
			 0);
	assert_int_equal(buf_error(notes), 0);
	return table;
}

/* Decoders refuse such an address; the table does not rely on it. */
static void a_service_nobody_can_dial_is_left_out(void **state)
{
	cleanup(buf_fini) struct buf notes = BUF_INIT(SAMPLE_MAX);
	cleanup(kube_set_free) struct kube_set *set = NULL;
	cleanup(kube_object_free) struct kube_object *bad = sample_object(
		SERVICE("bad", "{\"clusterIP\":\"10.0.0.3\",\"ports\":[{\"port\":80}]}"));

	(void)state;
	bad->service.cluster_ips[0] = (struct addr){};
	assert_int_equal(kube_set_new(&set), 0);
	assert_int_equal(kube_set_put(set, bad), 0);
	put(set, LABELLED("bad-1", "\"kubernetes.io/service-name\":\"bad\"",
			  "\"addressType\":\"IPv4\",\"ports\":[{\"port\":1}]," EP("10.1.0.1")));
	put(set, SERVICE("web", "{\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"port\":80}]}"));
	put(set, SLICE("a", "\"ports\":[{\"port\":1}]," EP("10.1.0.2")));
	cleanup(svc_table_free) struct svc_table *t = translate_noting(set, &notes);

	assert_int_equal(t->n_services, 1);
	assert_string_equal(endpoints(find(t, "web")->ports[0]), "10.1.0.2:1*");
	assert_string_equal(notes.data, "1 of Service demo/bad: Service demo/bad: cluster IP :: is "
					"not an address to dial\n");
}

/* 66 full slices: 464 more than the 65536 endpoints that user/svc allows one port. */
static void put_too_many_endpoints(struct kube_set *set)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(SAMPLE_MAX);

	for (int i = 0; i < 66; i++) {
		buf_reset(&text);
		buf_printf(
			&text,
			"{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\","
			"\"metadata\":{\"name\":\"s%d\",\"namespace\":\"demo\",\"labels\":{" OF_WEB
			"}},\"addressType\":\"IPv4\",\"ports\":[{\"port\":1}],\"endpoints\":[",
			i);
		for (int j = 0; j < KUBE_MAX_ENDPOINTS; j++)
			buf_printf(&text, "%s{\"addresses\":[\"10.%d.%d.%d\"]}", j ? "," : "", i,
				   j / 250, j % 250 + 1);
		buf_puts(&text, "]}");
		assert_int_equal(buf_error(&text), 0);
		put(set, text.data);
	}
}

static void endpoints_past_the_limit_keep_nobody_else_from_being_served(void **state)
{
	cleanup(buf_fini) struct buf notes = BUF_INIT(SAMPLE_MAX);
	cleanup(kube_set_free) struct kube_set *set = NULL;

	(void)state;
	assert_int_equal(kube_set_new(&set), 0);
	put(set, SERVICE("web", "{\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"port\":80}]}"));
	put_too_many_endpoints(set);
	put(set, SERVICE("zoo", "{\"clusterIP\":\"10.0.0.2\",\"ports\":[{\"port\":80}]}"));
	put(set, LABELLED("z", "\"kubernetes.io/service-name\":\"zoo\"",
			  "\"addressType\":\"IPv4\",\"ports\":[{\"port\":1}]," EP("10.1.0.1")));
	cleanup(svc_table_free) struct svc_table *t = translate_noting(set, &notes);

	assert_int_equal(find(t, "web")->ports[0]->n_endpoints, SVC_MAX_ENDPOINTS);
	assert_string_equal(endpoints(find(t, "zoo")->ports[0]), "10.1.0.1:1*");
	assert_string_equal(notes.data, "464 of Service demo/web: EndpointSlice demo/s9: port 80 "
					"has more than 65536 endpoints\n");
}

/* A node's pod ranges come before its pods, so the excess costs no byte its class. */
static void ranges_past_the_limit_are_those_of_remote_pods(void **state)
{
	cleanup(buf_fini) struct buf notes = BUF_INIT(SAMPLE_MAX), text = BUF_INIT(SAMPLE_MAX);
	cleanup(kube_set_free) struct kube_set *set = NULL;

	(void)state;
	assert_int_equal(kube_set_new(&set), 0);
	for (int i = 0; i <= WEIR_MAX_CLASSES; i++) {
		buf_reset(&text);
		buf_printf(&text,
			   POD("p%d", "{\"nodeName\":\"m\"}", "{\"podIP\":\"10.244.%d.%d\"}"), i,
			   i / 250, i % 250 + 1);
		assert_int_equal(buf_error(&text), 0);
		put(set, text.data);
	}
	put(set, NODE("m", "10.250.1.12", "10.244.0.0/16"));
	put(set, POD("here", "{\"nodeName\":\"n\"}", "{\"podIP\":\"10.243.0.2\"}"));
	put(set, OBJECT("ServiceCIDR", "networking.k8s.io/v1", "kubernetes",
			"\"x\":1},\"spec\":{\"cidrs\":[\"10.96.0.0/16\"]}"));
	cleanup(svc_table_free) struct svc_table *t = translate_noting(set, &notes);

	assert_int_equal(t->n_classes, WEIR_MAX_CLASSES);
	assert_int_equal(class_of(t, "10.243.0.2"), WEIR_CLASS_LOCAL);
	assert_int_equal(class_of(t, "10.96.7.7"), WEIR_CLASS_SERVICE);
	assert_int_equal(class_of(t, "10.250.1.12"), WEIR_CLASS_CLUSTER);
	for (int i = 0; i <= WEIR_MAX_CLASSES; i += 97) {
		char ip[32];

		snprintf(ip, sizeof(ip), "10.244.%d.%d", i / 250, i % 250 + 1);
		assert_int_equal(class_of(t, ip), WEIR_CLASS_CLUSTER);
	}
	assert_string_equal(notes.data, "7 of address ranges: more than 16384 address ranges\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_nobody_can_dial_is_left_out),
		cmocka_unit_test(endpoints_past_the_limit_keep_nobody_else_from_being_served),
		cmocka_unit_test(ranges_past_the_limit_are_those_of_remote_pods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
