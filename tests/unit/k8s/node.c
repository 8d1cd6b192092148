/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/k8s/sample.h"

#define META(more) "\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\"" more "}"
#define NODE(rest) "{" META("") "," rest "}"
#define CIDR(spec)                                                           \
	"{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"ServiceCIDR\"," \
	"\"metadata\":{\"name\":\"kubernetes\"},\"spec\":" spec "}"

static void the_recorded_list_is_read_whole(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = sample_set("nodes");
	const struct kube_object *obj = kube_set_find(set, KUBE_NODE, "", "node1");
	const struct kube_node *n = &obj->node;

	assert_int_equal(kube_set_len(set, KUBE_NODE), 3);
	assert_int_equal(n->n_internal_ips, 2);
	assert_addr(&n->internal_ips[0], "10.250.1.11");
	assert_addr(&n->internal_ips[1], "fd00:250:1::11");
	assert_int_equal(n->n_external_ips, 1);
	assert_addr(&n->external_ips[0], "203.0.113.11");
	assert_string_equal(n->zone, "zone-a");
	assert_int_equal(n->n_pod_cidrs, 2);
	assert_cidr(&n->pod_cidrs[0], "10.244.0.0/24");
	assert_cidr(&n->pod_cidrs[1], "fd00:10:244::/64");
	assert_true(n->eligible); /* a not-ready taint says nothing of going away */
}

static void the_node_of_a_real_kubelet_is_read(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = sample_set("kubelet-node");
	const struct kube_node *n = &kube_set_find(set, KUBE_NODE, "", "vmnode")->node;

	assert_int_equal(n->n_internal_ips, 1);
	assert_addr(&n->internal_ips[0], "192.0.2.2");
	assert_int_equal(n->n_external_ips + n->n_pod_cidrs, 0);
	assert_string_equal(n->zone, "");
}

static void the_recorded_service_cidrs_are_read(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = sample_set("servicecidrs");
	const struct kube_object *obj = kube_set_find(set, KUBE_CIDR, "", "kubernetes");

	assert_int_equal(obj->cidr.n_cidrs, 2);
	assert_cidr(&obj->cidr.cidrs[0], "10.96.0.0/16");
	assert_cidr(&obj->cidr.cidrs[1], "fd00:10:96::/108");
}

static void a_node_that_goes_is_not_eligible(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *deleted =
		sample_object("{" META(",\"deletionTimestamp\":\"2026-11-20T00:00:00Z\"") "}");
	cleanup(kube_object_free) struct kube_object *tainted = sample_object(NODE(
		"\"spec\":{\"taints\":[{\"key\":\"x\"},{\"key\":\"ToBeDeletedByClusterAutoscaler\"}]}"));
	cleanup(kube_object_free) struct kube_object *plain = sample_object("{" META("") "}");

	assert_false(deleted->node.eligible);
	assert_false(tainted->node.eligible);
	assert_true(plain->node.eligible);
}

static void the_single_pod_range_of_a_manifest_counts(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *one =
		sample_object(NODE("\"spec\":{\"podCIDR\":\"10.244.0.0/24\",\"podCIDRs\":null}"));
	cleanup(kube_object_free) struct kube_object *none =
		sample_object(NODE("\"spec\":{\"podCIDR\":\"\"},\"status\":{\"addresses\":null}"));

	assert_int_equal(one->node.n_pod_cidrs, 1);
	assert_cidr(&one->node.pod_cidrs[0], "10.244.0.0/24");
	assert_int_equal(none->node.n_pod_cidrs + none->node.n_internal_ips, 0);
}

static void bad_fields_are_named(void **state)
{
	(void)state;
	assert_refused(
		NODE("\"status\":{\"addresses\":[{\"type\":\"Hostname\",\"address\":\"n\"},"
		     "{\"type\":\"InternalIP\",\"address\":\"n\"}]}"),
		-EINVAL,
		"Node n: status.addresses[1].address: \"n\" is not an IP address; use the form "
		"192.0.2.1 or 2001:db8::1");
	assert_refused(
		NODE("\"spec\":{\"podCIDRs\":[\"10.244.0.0\"]}"), -EINVAL,
		"Node n: spec.podCIDRs[0]: \"10.244.0.0\" is not a prefix; use the form 10.0.0.0/8 "
		"or 2001:db8::/32");
	assert_refused(NODE("\"spec\":{\"taints\":7}"), -EINVAL,
		       "Node n: spec.taints: 7 is not a list; write a list");
	assert_refused(
		"{" META(",\"labels\":{\"topology.kubernetes.io/zone\":[]}") "}", -EINVAL,
		"Node n: metadata.labels[topology.kubernetes.io/zone]: [] is not a text; write it "
		"in quotes");
	assert_refused(
		CIDR("{\"cidrs\":[\"10.96.0.0/x\"]}"), -EINVAL,
		"ServiceCIDR kubernetes: spec.cidrs[0]: \"10.96.0.0/x\" is not a prefix; use the "
		"form 10.0.0.0/8 or 2001:db8::/32");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_recorded_list_is_read_whole),
		cmocka_unit_test(the_node_of_a_real_kubelet_is_read),
		cmocka_unit_test(the_recorded_service_cidrs_are_read),
		cmocka_unit_test(a_node_that_goes_is_not_eligible),
		cmocka_unit_test(the_single_pod_range_of_a_manifest_counts),
		cmocka_unit_test(bad_fields_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
