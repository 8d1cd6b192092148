/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/k8s/sample.h"

#define NODE(meta) "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":" meta "}"
#define POD(meta) "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":" meta "}"
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16

static void metadata_is_decoded(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *obj = sample_object(POD(
		"{\"name\":\"web-0\",\"namespace\":\"demo\",\"uid\":\"a-b\","
		"\"resourceVersion\":\"22463\",\"deletionTimestamp\":\"2026-11-20T19:23:53Z\"}"));
	char title[KUBE_TITLE_MAX];

	assert_int_equal(obj->kind, KUBE_POD);
	assert_string_equal(obj->meta.namespace, "demo");
	assert_string_equal(obj->meta.name, "web-0");
	assert_string_equal(obj->meta.uid, "a-b");
	assert_string_equal(obj->meta.resource_version, "22463");
	assert_true(obj->meta.deleting);
	assert_string_equal(kube_object_title(obj, title), "Pod demo/web-0");
}

static void a_namespace_is_default_where_there_are_some_and_empty_elsewhere(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *pod = sample_object(POD("{\"name\":\"p\"}"));
	cleanup(kube_object_free) struct kube_object *node =
		sample_object(NODE("{\"name\":\"n.example.com\",\"namespace\":\"ignored\"}"));
	char title[KUBE_TITLE_MAX];

	assert_string_equal(pod->meta.namespace, "default");
	assert_false(pod->meta.deleting);
	assert_string_equal(pod->meta.uid, "");
	assert_string_equal(node->meta.namespace, "");
	assert_string_equal(kube_object_title(node, title), "Node n.example.com");
}

static void a_null_field_is_a_missing_one(void **state)
{
	(void)state;
	cleanup(kube_object_free) struct kube_object *pod = sample_object(
		"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":null,\"status\":null,\"metadata\":"
		"{\"name\":\"p\",\"namespace\":null,\"uid\":null,\"deletionTimestamp\":null}}");

	assert_string_equal(pod->meta.namespace, "default");
	assert_false(pod->meta.deleting);
}

static void bad_metadata_is_refused_by_name(void **state)
{
	(void)state;
	assert_refused(POD("{}"), -EINVAL,
		       "Pod: metadata.name: is missing; give the object a name");
	assert_refused("{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}", -EINVAL,
		       "Pod: metadata.name: is missing; give the object a name");
	assert_refused(POD("7"), -EINVAL,
		       "Pod: metadata: 7 is not an object; write fields below it");
	assert_refused(POD("{\"name\":\"a/b\"}"), -EINVAL,
		       "Pod: metadata.name: \"a/b\" is not a name; use a-z, 0-9 and '-'");
	assert_refused(POD("{\"name\":\"a\\u001b[2J\"}"), -EINVAL,
		       "Pod: metadata.name: \"a\\u001b[2J\" is not a name; use a-z, 0-9 and '-'");
	assert_refused(POD("{\"name\":5}"), -EINVAL,
		       "Pod: metadata.name: 5 is not a text; write it in quotes");
	assert_refused(POD("{\"name\":\"p\",\"namespace\":\"a.b\"}"), -EINVAL,
		       "Pod: metadata.namespace: \"a.b\" is not a name; use a-z, 0-9 and '-'");
	assert_refused(POD("{\"name\":\"p\",\"uid\":\"" X64 "\"}"), -E2BIG,
		       "Pod default/p: metadata.uid: has 64 characters; use at most 63");
	assert_refused(POD("{\"name\":\"" X64 X64 X64 X64 "\"}"), -E2BIG,
		       "Pod: metadata.name: has 256 characters; use at most 253");
}

static void a_long_bad_value_is_cut_in_the_message(void **state)
{
	(void)state;
	assert_refused(POD("{\"name\":\"UP" X64 "\"}"), -EINVAL,
		       "Pod: metadata.name: \"UP" X16 X16 X16
		       "xxxxxxxxxxxxx... is not a name; use a-z, 0-9 and '-'");
}

static void other_kinds_are_said_to_be_other_kinds(void **state)
{
	static const char use[] = "is not read here; use Service, EndpointSlice, Node, Pod or "
				  "ServiceCIDR";
	char message[256];

	(void)state;
	snprintf(message, sizeof(message), "kind: \"Deployment\" %s", use);
	assert_refused("{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\"}", -ENOTSUP, message);
	snprintf(message, sizeof(message), "kind: \"Serv\" %s", use);
	assert_refused("{\"apiVersion\":\"v1\",\"kind\":\"Serv\"}", -ENOTSUP, message);
	assert_refused("{\"apiVersion\":\"serving.knative.dev/v1\",\"kind\":\"Service\"}", -ENOTSUP,
		       "apiVersion: another Service than that of v1 is not read here; remove it");
	assert_refused("{\"kind\":\"Service\"}", -EINVAL, "apiVersion: is missing; write v1");
	assert_refused("{\"apiVersion\":\"v1\"}", -EINVAL,
		       "kind: is missing; write the object's kind");
	assert_refused("[]", -EINVAL, "not an object; write apiVersion, kind, metadata");
	assert_refused("{\"apiVersion\":\"v1\",\"kind\":\"PodList\"}", -EINVAL,
		       "kind: \"PodList\" is a list; give one object");
}

static void an_item_without_kind_is_what_its_list_says(void **state)
{
	(void)state;
	cleanup(json_free) struct json *item = sample_json("{\"metadata\":{\"name\":\"n\"}}");
	cleanup(json_free) struct json *pod = sample_json("{\"kind\":\"Pod\"}");
	cleanup(kube_object_free) struct kube_object *obj = NULL;
	struct kube_object *none = NULL;
	struct err err = {};

	assert_int_equal(kube_object_decode(item, KUBE_NODE, &obj, NULL, NULL), 0);
	assert_int_equal(obj->kind, KUBE_NODE);
	assert_int_equal(kube_object_decode(pod, KUBE_NODE, &none, NULL, &err), -EINVAL);
	assert_string_equal(err.text,
			    "kind: \"Pod\" is another kind than its list; correct one of them");
	assert_null(none);
}

static void an_error_points_to_the_nearest_node(void **state)
{
	(void)state;
	cleanup(json_free) struct json *j = sample_json(
		"{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\"},"
		"\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"10.0.0.1\"},"
		"{\"type\":\"InternalIP\"}]}}");
	struct kube_object *none = NULL;
	const struct json *at = NULL;
	struct err err = {};

	assert_int_equal(kube_object_decode(j, KUBE_KIND_MAX_, &none, &at, &err), -EINVAL);
	assert_string_equal(err.text, "Node n: status.addresses[1].address: is missing; give an IP "
				      "address");
	assert_ptr_equal(at, json_at(json_path(j, "status.addresses"), 1));
}

static void the_last_owner_frees(void **state)
{
	(void)state;
	struct kube_object *a = sample_object(NODE("{\"name\":\"n\"}"));
	struct kube_object *b = kube_object_ref(a);

	assert_ptr_equal(a, b);
	kube_object_free(&a);
	assert_null(a);
	assert_string_equal(b->meta.name, "n"); /* ASan would tell */
	kube_object_free(&b);
	kube_object_free(&b);
	assert_null(b);
}

static void every_kind_has_a_name(void **state)
{
	static const char *const names[] = { "Service", "EndpointSlice", "Node",
					     "Pod",	"ServiceCIDR",	 "unknown" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_string_equal(kube_kind_name((enum kube_kind)i), names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata_is_decoded),
		cmocka_unit_test(a_namespace_is_default_where_there_are_some_and_empty_elsewhere),
		cmocka_unit_test(a_null_field_is_a_missing_one),
		cmocka_unit_test(bad_metadata_is_refused_by_name),
		cmocka_unit_test(a_long_bad_value_is_cut_in_the_message),
		cmocka_unit_test(other_kinds_are_said_to_be_other_kinds),
		cmocka_unit_test(an_item_without_kind_is_what_its_list_says),
		cmocka_unit_test(an_error_points_to_the_nearest_node),
		cmocka_unit_test(the_last_owner_frees),
		cmocka_unit_test(every_kind_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
