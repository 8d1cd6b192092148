/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/k8s/sample.h"

#define NODE(name) "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"" name "\"}}"

static struct kube_set *new_set(void)
{
	struct kube_set *set = NULL;

	assert_int_equal(kube_set_new(&set), 0);
	return set;
}

static struct kube_object *pod(const char *namespace, const char *name, const char *uid)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"%s\","
		 "\"name\":\"%s\",\"uid\":\"%s\"}}",
		 namespace, name, uid);
	return sample_object(text);
}

static void put(struct kube_set *set, const char *namespace, const char *name, const char *uid)
{
	cleanup(kube_object_free) struct kube_object *obj = pod(namespace, name, uid);

	assert_int_equal(kube_set_put(set, obj), 0);
}

static void put_adds_and_replaces(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = new_set();

	put(set, "demo", "a", "1");
	put(set, "demo", "a", "2");
	put(set, "other", "a", "3");
	assert_int_equal(kube_set_len(set, KUBE_POD), 2);
	assert_string_equal(kube_set_find(set, KUBE_POD, "demo", "a")->meta.uid, "2");
	assert_string_equal(kube_set_find(set, KUBE_POD, "other", "a")->meta.uid, "3");
	assert_null(kube_set_find(set, KUBE_POD, "demo", "b"));
	assert_null(kube_set_find(set, KUBE_SERVICE, "demo", "a"));
}

static void putting_an_object_onto_itself_keeps_it(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = new_set();
	struct kube_object *obj = pod("demo", "a", "1");

	assert_int_equal(kube_set_put(set, obj), 0);
	assert_int_equal(kube_set_put(set, obj), 0);
	kube_object_free(&obj);
	assert_string_equal(kube_set_at(set, KUBE_POD, 0)->meta.uid, "1");
}

static void del_takes_one_away(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = new_set();

	put(set, "demo", "a", "1");
	put(set, "demo", "b", "2");
	assert_int_equal(kube_set_del(set, KUBE_POD, "demo", "a"), 0);
	assert_int_equal(kube_set_del(set, KUBE_POD, "demo", "a"), -ENOENT);
	assert_int_equal(kube_set_del(set, KUBE_SERVICE, "demo", "b"), -ENOENT);
	assert_int_equal(kube_set_len(set, KUBE_POD), 1);
	assert_string_equal(kube_set_at(set, KUBE_POD, 0)->meta.name, "b");
}

static void what_is_borrowed_outlives_the_set_with_an_owner(void **state)
{
	(void)state;
	struct kube_set *set = new_set();
	cleanup(kube_object_free) struct kube_object *obj = pod("demo", "a", "1");

	assert_int_equal(kube_set_put(set, obj), 0);
	kube_set_free(&set);
	assert_null(set);
	assert_string_equal(obj->meta.name, "a"); /* ASan would tell */
}

/* The same walk after any history: checked against the order itself. */
static void the_walk_is_in_order_after_any_history(void **state)
{
	static const char *const namespaces[] = { "a", "a-b", "aa", "b" };
	cleanup(kube_set_free) struct kube_set *set = new_set();
	bool there[4][64] = {};
	uint32_t random = 1;
	char name[8];

	(void)state;
	for (int i = 0; i < 3000; i++) {
		random = random * 1664525 + 1013904223;
		unsigned int ns = random >> 16 & 3, n = random >> 18 & 63;

		snprintf(name, sizeof(name), "p%u", n);
		if (random >> 30) {
			put(set, namespaces[ns], name, name);
			there[ns][n] = true;
		} else {
			assert_int_equal(kube_set_del(set, KUBE_POD, namespaces[ns], name),
					 there[ns][n] ? 0 : -ENOENT);
			there[ns][n] = false;
		}
	}
	size_t left = 0;
	for (unsigned int ns = 0; ns < 4; ns++) {
		for (unsigned int n = 0; n < 64; n++) {
			snprintf(name, sizeof(name), "p%u", n);
			left += there[ns][n];
			assert_int_equal(kube_set_find(set, KUBE_POD, namespaces[ns], name) != NULL,
					 there[ns][n]);
		}
	}
	assert_true(left > 64);
	assert_int_equal(kube_set_len(set, KUBE_POD), left);
	for (size_t i = 1; i < left; i++) {
		const struct kube_meta *a = &kube_set_at(set, KUBE_POD, i - 1)->meta;
		const struct kube_meta *b = &kube_set_at(set, KUBE_POD, i)->meta;
		int c = strcmp(a->namespace, b->namespace);

		assert_true(c < 0 || (c == 0 && strcmp(a->name, b->name) < 0));
	}
}

static void merge_shares_all_or_nothing(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *a = new_set(), *b = new_set(), *c = new_set();
	const struct kube_object *twice = NULL;

	put(a, "demo", "x", "1");
	put(b, "demo", "y", "2");
	put(c, "demo", "w", "3");
	put(c, "demo", "x", "4");
	assert_int_equal(kube_set_merge(a, b, &twice), 0);
	assert_null(twice);
	assert_int_equal(kube_set_len(a, KUBE_POD), 2);
	assert_ptr_equal(kube_set_find(a, KUBE_POD, "demo", "y"), kube_set_at(b, KUBE_POD, 0));
	assert_int_equal(kube_set_merge(a, c, &twice), -EEXIST);
	assert_string_equal(twice->meta.uid, "4");
	assert_int_equal(kube_set_len(a, KUBE_POD), 2);
	assert_null(kube_set_find(a, KUBE_POD, "demo", "w"));
	assert_string_equal(kube_set_find(a, KUBE_POD, "demo", "x")->meta.uid, "1");
}

static int decode(struct kube_set *set, const char *text, struct err *err)
{
	cleanup(json_free) struct json *j = sample_json(text);

	return kube_set_decode(set, j, NULL, err);
}

static void a_mixed_list_is_its_items(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = new_set();
	struct err err = {};

	assert_int_equal(
		decode(set,
		       "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[" NODE(
			       "a") ","
				    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"}}]}",
		       &err),
		0);
	assert_int_equal(kube_set_len(set, KUBE_NODE), 1);
	assert_int_equal(kube_set_len(set, KUBE_POD), 1);
	assert_int_equal(decode(set, NODE("b"), &err), 0);
	assert_int_equal(kube_set_len(set, KUBE_NODE), 2);
}

static void an_empty_or_null_list_is_no_objects(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = sample_set("empty");

	assert_int_equal(
		decode(set, "{\"apiVersion\":\"v1\",\"kind\":\"PodList\",\"items\":null}", NULL),
		0);
	assert_int_equal(decode(set, "{\"apiVersion\":\"v1\",\"kind\":\"List\"}", NULL), 0);
	for (unsigned int kind = 0; kind < KUBE_KIND_MAX_; kind++)
		assert_int_equal(kube_set_len(set, (enum kube_kind)kind), 0);
}

static void a_bad_item_leaves_the_set_as_it_was(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *message;
	} cases[] = {
		{ "{\"apiVersion\":\"v1\",\"kind\":\"NodeList\",\"items\":[{\"metadata\":{\"name\":\"b\"}},{}]}",
		  -EINVAL, "Node: metadata.name: is missing; give the object a name" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[" NODE("b") "," NODE(
			  "b") "]}",
		  -EEXIST, "Node b: is there twice; remove one" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[" NODE("b") "," NODE(
			  "a") "]}",
		  -EEXIST, "Node a: is there twice; remove one" },
		{ NODE("a"), -EEXIST, "Node a: is there twice; remove one" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{}]}", -EINVAL,
		  "kind: is missing; write the object's kind" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"NodeList\",\"items\":[7]}", -EINVAL,
		  "not an object; write apiVersion, kind, metadata" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"NodeList\",\"items\":{}}", -EINVAL,
		  "items: {} is not a list; write a list" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"SecretList\",\"items\":[]}", -ENOTSUP,
		  "kind: \"SecretList\" is not read here; use Service, EndpointSlice, Node, Pod or "
		  "ServiceCIDR" },
		{ "\"text\"", -EINVAL, "not an object; write apiVersion, kind, metadata" },
	};
	cleanup(kube_set_free) struct kube_set *set = new_set();

	(void)state;
	assert_int_equal(decode(set, NODE("a"), NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {};

		assert_int_equal(decode(set, cases[i].text, &err), cases[i].code);
		assert_string_equal(err.text, cases[i].message);
		assert_int_equal(kube_set_len(set, KUBE_NODE), 1);
	}
}

static void an_error_points_into_the_document(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = new_set();
	cleanup(json_free) struct json *j = sample_json(
		"{\"apiVersion\":\"v1\",\"kind\":\"NodeList\",\"items\":[{\"metadata\":{\"name\":\"B\"}}]}");
	const struct json *at = NULL;

	assert_int_equal(kube_set_decode(set, j, &at, NULL), -EINVAL);
	assert_string_equal(json_text(at, ""), "B");
}

#define SERVICE(name)                                                                       \
	"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":\"demo\"," \
	"\"name\":\"" name "\"},\"spec\":{\"clusterIP\":\"10.96.0.1\",\"ports\":[{\"port\":80}]}}"
#define SLICE(name, service)                                                                \
	"{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\",\"metadata\":{" \
	"\"namespace\":\"demo\",\"name\":\"" name "\",\"labels\":{"                         \
	"\"kubernetes.io/service-name\":\"" service "\"}},\"addressType\":\"IPv4\"}"

/* A set that shares all objects of another. */
static struct kube_set *share(const struct kube_set *from)
{
	struct kube_set *set = new_set();
	const struct kube_object *twice = NULL;

	assert_int_equal(kube_set_merge(set, from, &twice), 0);
	return set;
}

static void put_text(struct kube_set *set, const char *text)
{
	cleanup(kube_object_free) struct kube_object *obj = sample_object(text);

	assert_int_equal(kube_set_put(set, obj), 0);
}

static void services_are_touched_by_themselves_and_by_their_slices(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *old = new_set(), *new = NULL;
	struct kube_touched t;

	put_text(old, SERVICE("a"));
	put_text(old, SERVICE("b"));
	put_text(old, SLICE("b-1", "b"));
	put_text(old, SLICE("c-1", "c"));
	new = share(old);
	kube_set_compare(old, new, &t);
	assert_true(t.n == 0 && !t.more && t.services == 0 && t.slices == 0);

	put_text(new, SLICE("b-1", "b")); /* decoded anew, and says the same */
	put_text(new, SLICE("b-2", "b"));
	put_text(new, SERVICE("d"));
	assert_int_equal(kube_set_del(new, KUBE_SERVICE, "demo", "a"), 0);
	put_text(new, SLICE("c-1", "e")); /* went over: touches both */
	kube_set_compare(old, new, &t);
	assert_false(t.more);
	assert_int_equal(t.n, 5);
	assert_int_equal(t.services, 2);
	assert_int_equal(t.slices, 2);
	assert_string_equal(t.v[0].name, "a");
	assert_string_equal(t.v[1].name, "d");
	assert_string_equal(t.v[2].name, "b");
	assert_string_equal(t.v[3].name, "c");
	assert_string_equal(t.v[4].name, "e");
	assert_string_equal(t.v[4].namespace, "demo");
}

static void slices_are_found_by_their_service(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = new_set(), *copy = NULL;
	const struct kube_object *const *slices;
	size_t n;

	put_text(set, SLICE("z", "a"));
	put_text(set, SLICE("a", "b"));
	put_text(set, SLICE("c", "a"));
	put_text(set, SLICE("d", "aa"));
	slices = kube_set_slices_of(set, "demo", "a", &n);
	assert_int_equal(n, 2);
	assert_string_equal(slices[0]->meta.name, "c");
	assert_string_equal(slices[1]->meta.name, "z");
	put_text(set, SLICE("c", "b")); /* goes over */
	assert_int_equal(kube_set_del(set, KUBE_SLICE, "demo", "d"), 0);
	copy = share(set);
	assert_non_null(kube_set_slices_of(copy, "demo", "a", &n));
	assert_int_equal(n, 1);
	assert_non_null(kube_set_slices_of(copy, "demo", "b", &n));
	assert_int_equal(n, 2);
	assert_null(kube_set_slices_of(copy, "demo", "aa", &n));
	assert_int_equal(n, 0);
	assert_null(kube_set_slices_of(copy, "other", "a", &n));
	slices = kube_set_slices(copy, &n);
	assert_int_equal(n, 3);
	assert_string_equal(slices[0]->slice.service, "a");
	assert_string_equal(slices[2]->meta.name, "c");
}

static void other_objects_and_many_services_are_more(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *old = new_set(), *new = new_set();
	struct kube_touched t;

	put_text(new, NODE("a"));
	kube_set_compare(old, new, &t);
	assert_true(t.more && !t.pods);
	assert_int_equal(kube_set_del(new, KUBE_NODE, "", "a"), 0);
	for (int i = 0; i < KUBE_TOUCHED_MAX; i++) {
		char text[512];

		snprintf(text, sizeof(text), SERVICE("s%02d"), i);
		put_text(new, text);
	}
	kube_set_compare(old, new, &t);
	assert_true(t.n == KUBE_TOUCHED_MAX && !t.more);
	put_text(new, SERVICE("z"));
	kube_set_compare(old, new, &t);
	assert_true(t.n == KUBE_TOUCHED_MAX && t.more);
	assert_int_equal(t.services, KUBE_TOUCHED_MAX + 1);
}

#define POD(phase, ip)                                                                       \
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"demo\","      \
	"\"name\":\"p\"},\"spec\":{\"nodeName\":\"n\"},\"status\":{\"phase\":\"" phase "\"," \
	"\"podIP\":\"" ip "\"}}"

static void pods_touch_addresses_only_where_they_have_some(void **state)
{
	static const struct {
		const char *was, *is;
		bool pods, addrs;
	} rows[] = {
		{ NULL, POD("Pending", ""), true, false },
		{ POD("Pending", ""), POD("Running", "10.0.0.1"), true, true },
		{ POD("Pending", "10.0.0.1"), POD("Running", "10.0.0.1"), true, false },
		{ POD("Running", "10.0.0.1"), POD("Running", "10.0.0.2"), true, true },
		{ POD("Running", "10.0.0.1"), POD("Failed", "10.0.0.1"), true, true },
		{ POD("Failed", "10.0.0.1"), NULL, true, false },
		{ POD("Running", "10.0.0.1"), NULL, true, true },
		{ POD("Running", "10.0.0.1"), POD("Running", "10.0.0.1"), false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup(kube_set_free) struct kube_set *old = new_set(), *new = new_set();
		struct kube_touched t;

		if (rows[i].was)
			put_text(old, rows[i].was);
		if (rows[i].is)
			put_text(new, rows[i].is);
		kube_set_compare(old, new, &t);
		assert_int_equal(t.pods, rows[i].pods);
		assert_int_equal(t.addrs, rows[i].addrs);
		assert_true(!t.more && t.n == 0);
		assert_int_equal(kube_touched_any(&t), rows[i].pods || rows[i].addrs);
	}
}

static void replace_and_take_hand_over_what_was_there(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *set = new_set(), *other = new_set();
	cleanup(kube_object_free) struct kube_object *a = pod("demo", "a", "1"),
						     *b = pod("demo", "a", "2"), *was = b, *taken;

	assert_int_equal(kube_set_replace(set, a, &was), 0);
	assert_null(was);
	assert_int_equal(kube_set_replace(set, b, &was), 0);
	assert_ptr_equal(was, a);
	assert_int_equal(kube_set_share(other, set, KUBE_POD, "demo", "a"), 0);
	assert_int_equal(kube_set_share(other, set, KUBE_POD, "demo", "b"), -ENOENT);
	taken = kube_set_take(set, KUBE_POD, "demo", "a");
	assert_ptr_equal(taken, b);
	assert_null(kube_set_take(set, KUBE_POD, "demo", "a"));
	assert_ptr_equal(kube_set_find(other, KUBE_POD, "demo", "a"), b);
}

static void swap_is_of_one_kind(void **state)
{
	(void)state;
	cleanup(kube_set_free) struct kube_set *a = new_set(), *b = new_set();
	size_t n;

	put_text(a, SLICE("x-1", "x"));
	put_text(a, SERVICE("x"));
	put_text(b, SLICE("y-1", "y"));
	kube_set_swap(a, b, KUBE_SLICE);
	assert_non_null(kube_set_find(a, KUBE_SLICE, "demo", "y-1"));
	assert_non_null(kube_set_find(a, KUBE_SERVICE, "demo", "x"));
	assert_null(kube_set_slices_of(a, "demo", "x", &n));
	assert_non_null(kube_set_slices_of(b, "demo", "x", &n));
	assert_int_equal(kube_set_len(b, KUBE_SERVICE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_adds_and_replaces),
		cmocka_unit_test(putting_an_object_onto_itself_keeps_it),
		cmocka_unit_test(del_takes_one_away),
		cmocka_unit_test(what_is_borrowed_outlives_the_set_with_an_owner),
		cmocka_unit_test(the_walk_is_in_order_after_any_history),
		cmocka_unit_test(merge_shares_all_or_nothing),
		cmocka_unit_test(a_mixed_list_is_its_items),
		cmocka_unit_test(an_empty_or_null_list_is_no_objects),
		cmocka_unit_test(a_bad_item_leaves_the_set_as_it_was),
		cmocka_unit_test(an_error_points_into_the_document),
		cmocka_unit_test(services_are_touched_by_themselves_and_by_their_slices),
		cmocka_unit_test(slices_are_found_by_their_service),
		cmocka_unit_test(other_objects_and_many_services_are_more),
		cmocka_unit_test(pods_touch_addresses_only_where_they_have_some),
		cmocka_unit_test(replace_and_take_hand_over_what_was_there),
		cmocka_unit_test(swap_is_of_one_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
