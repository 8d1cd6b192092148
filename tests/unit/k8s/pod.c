/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/k8s/sample.h"

#define POD(meta, rest) \
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"" meta "}" rest "}"
#define CGROUP(path) POD(",\"annotations\":{\"weir.dev/cgroup\":\"" path "\"}", "")
#define LEASE(id) POD(",\"labels\":{\"weir.dev/lease\":\"" id "\"}", "")

static void the_recorded_list_is_read_whole(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = sample_set("pods");
	const struct kube_object *web = kube_set_find(set, KUBE_POD, "demo", "web-0");
	const struct kube_object *host = kube_set_find(set, KUBE_POD, "demo", "hostnet");

	assert_int_equal(kube_set_len(set, KUBE_POD), 5);
	assert_string_equal(web->meta.uid, "1332ad1f-2ea7-4da4-b427-6c385cf9fdb7");
	assert_int_equal(web->pod.n_ips, 2);
	assert_addr(&web->pod.ips[0], "10.244.0.2");
	assert_addr(&web->pod.ips[1], "fd00:10:244::2");
	assert_string_equal(web->pod.node_name, "node1");
	assert_int_equal(web->pod.phase, KUBE_POD_RUNNING);
	assert_false(web->pod.host_network);
	assert_true(host->pod.host_network);
}

static void the_pod_of_a_real_kubelet_is_read(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = sample_set("kubelet-pod");
	const struct kube_object *obj = kube_set_find(set, KUBE_POD, "demo", "real");

	assert_int_equal(obj->pod.n_ips, 1);
	assert_addr(&obj->pod.ips[0], "10.244.77.65");
	assert_string_equal(obj->pod.node_name, "vmnode");
	assert_string_equal(obj->pod.lease, "");
	assert_string_equal(obj->pod.cgroup, "");
	assert_string_equal(obj->pod.mirror_of, "");
}

static void lease_and_cgroup_are_read(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *obj =
		sample_object(POD(",\"labels\":{\"weir.dev/lease\":\"lease-1\"},"
				  "\"annotations\":{\"weir.dev/cgroup\":\"weir/web-0\"}",
				  ",\"status\":{\"podIP\":\"10.1.0.5\",\"phase\":\"Succeeded\"}"));

	assert_string_equal(obj->pod.lease, "lease-1");
	assert_string_equal(obj->pod.cgroup, "weir/web-0");
	assert_int_equal(obj->pod.n_ips, 1);
	assert_addr(&obj->pod.ips[0], "10.1.0.5");
	assert_int_equal(obj->pod.phase, KUBE_POD_SUCCEEDED);
}

static void a_mirror_names_the_static_pod_it_shows(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *obj =
		sample_object(POD(",\"annotations\":{\"kubernetes.io/config.mirror\":\"0123abcd\","
				  "\"kubernetes.io/config.hash\":\"0123abcd\"}",
				  ""));

	assert_string_equal(obj->pod.mirror_of, "0123abcd");
}

static void labels_are_kept_and_what_is_none_is_left_out(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *obj = sample_object(
		POD(",\"labels\":{\"app\":\"web\",\"empty\":\"\",\"number\":7,\"null\":null,"
		    "\"long\":\"0123456789012345678901234567890123456789012345678901234567890123\","
		    "\"example.com/team\":\"a\"}",
		    ""));

	assert_int_equal(obj->pod.n_labels, 3);
	assert_string_equal(obj->pod.labels[0].key, "app");
	assert_string_equal(obj->pod.labels[0].value, "web");
	assert_string_equal(obj->pod.labels[1].value, "");
	assert_string_equal(obj->pod.labels[2].key, "example.com/team");
}

static void a_pod_whose_labels_differ_is_another(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object
		*a = sample_object(POD(",\"labels\":{\"app\":\"web\"}", "")),
		*same = sample_object(POD(",\"labels\":{\"app\":\"web\"}", "")),
		*value = sample_object(POD(",\"labels\":{\"app\":\"db\"}", "")),
		*none = sample_object(POD("", "")),
		*mirror = sample_object(POD(",\"labels\":{\"app\":\"web\"},\"annotations\":{"
					    "\"kubernetes.io/config.mirror\":\"0a\"}",
					    ""));

	assert_true(kube_object_same(a, same));
	assert_false(kube_object_same(a, value));
	assert_false(kube_object_same(a, none));
	assert_false(kube_object_same(a, mirror));
}

static void a_bare_manifest_is_pending_and_nowhere(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *obj = sample_object(POD("", ""));

	assert_int_equal(obj->pod.phase, KUBE_POD_PENDING);
	assert_int_equal(obj->pod.n_ips, 0);
	assert_string_equal(obj->pod.node_name, "");
}

static void a_cgroup_stays_below_the_mount(void **state)
{
	static const char *const good[] = { CGROUP("a"), CGROUP("a/b.c/d"), CGROUP("..a/b.."),
					    CGROUP(".../a"), CGROUP("") };
	static const struct {
		const char *text, *path;
	} bad[] = {
		{ CGROUP("/a"), "/a" },		{ CGROUP(".."), ".." },
		{ CGROUP("../a"), "../a" },	{ CGROUP("a/.."), "a/.." },
		{ CGROUP("a/../b"), "a/../b" }, { CGROUP("a//b"), "a//b" },
		{ CGROUP("a/"), "a/" },		{ CGROUP("."), "." },
		{ CGROUP("a/./b"), "a/./b" },	{ CGROUP("/"), "/" },
	};
	char message[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct kube_object *obj = sample_object(good[i]);

		kube_object_free(&obj);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(
			message, sizeof(message),
			"Pod default/p: metadata.annotations[weir.dev/cgroup]: \"%s\" is not below the "
			"cgroup mount; use a path like weir/web-0",
			bad[i].path);
		assert_refused(bad[i].text, -EINVAL, message);
	}
	assert_refused(
		CGROUP("a\\nb"), -EINVAL,
		"Pod default/p: metadata.annotations[weir.dev/cgroup]: \"a\\nb\" has control "
		"characters; use a path");
}

static void bad_fields_are_named(void **state)
{
	(void)state;
	assert_refused(
		LEASE("a b"), -EINVAL,
		"Pod default/p: metadata.labels[weir.dev/lease]: \"a b\" is not a lease; use "
		"letters, digits, '.', '_' and '-'");
	assert_refused(
		POD("", ",\"status\":{\"phase\":\"running\"}"), -EINVAL,
		"Pod default/p: status.phase: \"running\" is not known; use Pending, Running, "
		"Succeeded, Failed or Unknown");
	assert_refused(POD("", ",\"status\":{\"podIPs\":[{\"ip\":\"10.1.0.5\"},{}]}"), -EINVAL,
		       "Pod default/p: status.podIPs[1].ip: is missing; give an IP address");
	assert_refused(
		POD("", ",\"status\":{\"podIP\":\"x\"}"), -EINVAL,
		"Pod default/p: status.podIP: \"x\" is not an IP address; use the form 192.0.2.1 or "
		"2001:db8::1");
	assert_refused(POD("", ",\"spec\":{\"hostNetwork\":1}"), -EINVAL,
		       "Pod default/p: spec.hostNetwork: 1 is not a boolean; use true or false");
	assert_refused(POD("", ",\"spec\":{\"nodeName\":{}}"), -EINVAL,
		       "Pod default/p: spec.nodeName: {} is not a text; write it in quotes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_recorded_list_is_read_whole),
		cmocka_unit_test(the_pod_of_a_real_kubelet_is_read),
		cmocka_unit_test(a_mirror_names_the_static_pod_it_shows),
		cmocka_unit_test(labels_are_kept_and_what_is_none_is_left_out),
		cmocka_unit_test(a_pod_whose_labels_differ_is_another),
		cmocka_unit_test(lease_and_cgroup_are_read),
		cmocka_unit_test(a_bare_manifest_is_pending_and_nowhere),
		cmocka_unit_test(a_cgroup_stays_below_the_mount),
		cmocka_unit_test(bad_fields_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
