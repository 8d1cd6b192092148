/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods.h"

#include "unit/k8s/sample.h"

#define UID "11111111-2222-3333-4444-555555555555"
#define POD(name, meta, spec)                                                                    \
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"" name "\"," meta "}," \
	"\"spec\":{" spec "}}"
#define LEASE(text) "\"labels\":{\"weir.dev/lease\":\"" text "\"}"
#define MIRROR(hash) \
	"\"uid\":\"" UID "\",\"annotations\":{\"kubernetes.io/config.mirror\":\"" hash "\"}"
#define CGROUP(text) "\"annotations\":{\"weir.dev/cgroup\":\"" text "\"}"
#define HERE "\"nodeName\":\"node-a\""

struct told {
	char pod[KUBE_TITLE_MAX], why[128];
	int n;
};

static void skipped(void *arg, const struct kube_object *obj, const char *why)
{
	char pod[KUBE_TITLE_MAX];

	struct told *t = arg;

	snprintf(t->pod, sizeof(t->pod), "%s", kube_object_title(obj, pod));
	snprintf(t->why, sizeof(t->why), "%s", why);
	t->n++;
}

/* What becomes of these Pods on node-a. */
static size_t translate(const char *const *texts, size_t n, struct meter_pod **ret,
			struct told *ret_told)
{
	static const char *const labels[] = { "team", "app" };
	const struct pods_node node = {
		.name = "node-a",
		.labels = labels,
		.n_labels = ARRAY_LEN(labels),
		.cgroup = "/sys/fs/cgroup/weir",
		.meter_cgroup = "/sys/fs/cgroup/weir/kubepods",
		.skipped = skipped,
		.arg = ret_told,
	};
	cleanup(kube_set_free) struct kube_set *set = NULL;
	size_t got = 99;

	assert_int_equal(kube_set_new(&set), 0);
	for (size_t i = 0; i < n; i++) {
		cleanup(kube_object_free) struct kube_object *obj = sample_object(texts[i]);

		assert_int_equal(kube_set_put(set, obj), 0);
	}
	*ret_told = (struct told){};
	assert_int_equal(pods_translate(set, &node, ret, &got), 0);
	return got;
}

static void a_pod_keeps_name_uid_lease_and_place(void **state)
{
	const char *text = POD("web-0",
			       "\"namespace\":\"shop\",\"uid\":\"" UID
			       "\"," LEASE("L.1") "," CGROUP("kubepods/web-0"),
			       HERE);
	cleanup(free_ptr) struct meter_pod *pods = NULL;
	struct told told;

	(void)state;
	assert_int_equal(translate(&text, 1, &pods, &told), 1);
	assert_int_equal(told.n, 0);
	assert_string_equal(pods[0].ns, "shop");
	assert_string_equal(pods[0].name, "web-0");
	assert_string_equal(pods[0].uid, UID);
	assert_string_equal(pods[0].lease, "L.1");
	assert_string_equal(pods[0].cgroup, "/sys/fs/cgroup/weir/kubepods/web-0");
}

static void without_an_annotation_the_place_is_a_kubelets(void **state)
{
	const char *text = POD("web-0", "\"uid\":\"" UID "\"", HERE);
	cleanup(free_ptr) struct meter_pod *pods = NULL;
	struct told told;

	(void)state;
	assert_int_equal(translate(&text, 1, &pods, &told), 1);
	assert_string_equal(pods[0].ns, "default");
	assert_string_equal(pods[0].cgroup, "");
	assert_string_equal(pods[0].lease, "");
}

static void a_pod_of_another_node_is_left_out_in_silence(void **state)
{
	const char *const texts[] = {
		POD("there", CGROUP("kubepods/there"), "\"nodeName\":\"node-b\""),
		POD("here", CGROUP("kubepods/here"), HERE),
		POD("nowhere", CGROUP("kubepods/nowhere"), ""),
	};
	cleanup(free_ptr) struct meter_pod *pods = NULL;
	struct told told;

	(void)state;
	assert_int_equal(translate(texts, ARRAY_LEN(texts), &pods, &told), 2);
	assert_int_equal(told.n, 0);
	assert_string_equal(pods[0].name, "here");
	assert_string_equal(pods[1].name, "nowhere");
}

/* The decoder refuses these too; this is the second wall. */
static void a_path_with_dots_is_refused(void **state)
{
	static const char *const bad[] = { "..", "../x", "kubepods/../../etc", "kubepods/x/.." };
	static const char *const good[] = { "kubepods/a..b", "kubepods/..a", "kubepods/..." };
	struct kube_object *obj = sample_object(POD("web-0", CGROUP("kubepods/web-0"), HERE));
	cleanup(kube_set_free) struct kube_set *set = NULL;
	struct told told = {};
	const struct pods_node node = { .name = "node-a",
					.cgroup = "/cg",
					.meter_cgroup = "/cg/kubepods",
					.skipped = skipped,
					.arg = &told };

	(void)state;
	assert_int_equal(kube_set_new(&set), 0);
	assert_int_equal(kube_set_put(set, obj), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad) + ARRAY_LEN(good); i++) {
		bool ok = i >= ARRAY_LEN(bad);
		cleanup(free_ptr) struct meter_pod *pods = NULL;
		size_t n = 99;

		obj->pod.cgroup = ok ? good[i - ARRAY_LEN(bad)] : bad[i];
		told.n = 0;
		assert_int_equal(pods_translate(set, &node, &pods, &n), 0);
		assert_int_equal(n, ok);
		assert_int_equal(told.n, !ok);
	}
	kube_object_free(&obj);
}

static void a_cgroup_outside_of_the_meters_is_told(void **state)
{
	static const char *const bad[] = {
		POD("web-0", CGROUP("other/web-0"), HERE),
		POD("web-0", CGROUP("kubepods"), HERE),
		POD("web-0", CGROUP("kubepods-2/web-0"), HERE),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		cleanup(free_ptr) struct meter_pod *pods = NULL;
		struct told told;

		assert_int_equal(translate(&bad[i], 1, &pods, &told), 0);
		assert_int_equal(told.n, 1);
		assert_string_equal(told.pod, "Pod default/web-0");
		assert_non_null(strstr(told.why, "meter.podCgroup"));
	}
}

/* A lease that the ledger refuses would keep every window of the node from closing. */
static void a_lease_that_is_no_label_is_told_and_the_others_go_on(void **state)
{
#define TEN "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN
	const char *const texts[] = {
		POD("a-long", LEASE(SIXTY "0123"), HERE), POD("b-fits", LEASE(SIXTY "012"), HERE),
		POD("c-dash", LEASE("-shop"), HERE),	  POD("d-dot", LEASE("shop."), HERE),
		POD("e-inner", LEASE("a._-b"), HERE),	  POD("f-line", LEASE("_"), HERE),
	};
	cleanup(free_ptr) struct meter_pod *pods = NULL;
	struct told told;

	(void)state;
	assert_int_equal(translate(texts, ARRAY_LEN(texts), &pods, &told), 2);
	assert_int_equal(told.n, 4);
	assert_string_equal(told.pod, "Pod default/f-line");
	assert_string_equal(pods[0].name, "b-fits");
	assert_int_equal(strlen(pods[0].lease), 63);
	assert_string_equal(pods[1].lease, "a._-b");
}

/* So would a uid that no record can hold. */
static void a_uid_of_other_signs_is_told(void **state)
{
	static const char *const bad[] = {
		POD("web-0", "\"uid\":\"a\\\"b\"", HERE),
		POD("web-0", "\"uid\":\"n\xc3\xb6\"", HERE),
		POD("web-0", "\"uid\":\"a/../b\"", HERE),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		cleanup(free_ptr) struct meter_pod *pods = NULL;
		struct told told;

		assert_int_equal(translate(&bad[i], 1, &pods, &told), 0);
		assert_int_equal(told.n, 1);
	}
}

static void what_a_refused_pod_left_is_not_the_next_ones(void **state)
{
	const char *const texts[] = {
		POD("a", "\"uid\":\"u\"," LEASE("-x") "," CGROUP("kubepods/a"), HERE),
		POD("b", "\"uid\":\"\"", HERE),
	};
	cleanup(free_ptr) struct meter_pod *pods = NULL;
	struct told told;

	(void)state;
	assert_int_equal(translate(texts, ARRAY_LEN(texts), &pods, &told), 1);
	assert_string_equal(pods[0].name, "b");
	assert_string_equal(pods[0].uid, "");
	assert_string_equal(pods[0].lease, "");
	assert_string_equal(pods[0].cgroup, "");
}

static void of_no_pods_there_is_an_empty_array(void **state)
{
	cleanup(free_ptr) struct meter_pod *pods = NULL;
	struct told told;

	(void)state;
	assert_int_equal(translate(NULL, 0, &pods, &told), 0);
	assert_non_null(pods);
}

static void a_static_pod_keeps_both_uids(void **state)
{
	const char *texts[] = {
		POD("etcd", MIRROR("0a1b"), HERE),
		POD("bad", MIRROR("../x"), HERE),
	};
	cleanup(free_ptr) struct meter_pod *pods = NULL;
	struct told told;

	(void)state;
	assert_int_equal(translate(texts, ARRAY_LEN(texts), &pods, &told), 1);
	assert_string_equal(pods[0].uid, UID);
	assert_string_equal(pods[0].kubelet_uid, "0a1b");
	assert_int_equal(told.n, 1);
	assert_non_null(strstr(told.why, "config.mirror"));
}

static void usage_carries_the_labels_that_are_asked_for(void **state)
{
	const char *texts[] = {
		POD("a", "\"labels\":{\"app\":\"web\",\"other\":\"x\",\"team\":\"t\"}", HERE),
		POD("b", "\"labels\":{\"app\":\"\"}", HERE),
		POD("c", "\"labels\":{\"other\":\"x\"}", HERE),
	};
	cleanup(free_ptr) struct meter_pod *pods = NULL;
	struct told told;

	(void)state;
	assert_int_equal(translate(texts, ARRAY_LEN(texts), &pods, &told), 3);
	assert_string_equal(pods[0].labels, "{\"team\":\"t\",\"app\":\"web\"}");
	assert_string_equal(pods[1].labels, "{\"app\":\"\"}");
	assert_string_equal(pods[2].labels, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_static_pod_keeps_both_uids),
		cmocka_unit_test(usage_carries_the_labels_that_are_asked_for),
		cmocka_unit_test(a_pod_keeps_name_uid_lease_and_place),
		cmocka_unit_test(without_an_annotation_the_place_is_a_kubelets),
		cmocka_unit_test(a_pod_of_another_node_is_left_out_in_silence),
		cmocka_unit_test(a_path_with_dots_is_refused),
		cmocka_unit_test(a_cgroup_outside_of_the_meters_is_told),
		cmocka_unit_test(a_lease_that_is_no_label_is_told_and_the_others_go_on),
		cmocka_unit_test(a_uid_of_other_signs_is_told),
		cmocka_unit_test(what_a_refused_pod_left_is_not_the_next_ones),
		cmocka_unit_test(of_no_pods_there_is_an_empty_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
