/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ledger/fixture.h"

static uint64_t put(struct fixture *f, const struct ledger_pod *pod)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	uint64_t id = 0;

	must(ledger_begin(f->l, &tx, &why));
	must(ledger_pod_put(&tx, pod, &id, &why));
	must(ledger_commit(&tx, &why));
	return id;
}

static int put_error(struct fixture *f, const struct ledger_pod *pod)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	uint64_t id = 4711;
	int r;

	must(ledger_begin(f->l, &tx, &why));
	r = ledger_pod_put(&tx, pod, &id, NULL);
	assert_int_equal(id, 4711);
	return r;
}

static void a_pod_comes_back_as_it_was_put(void **state)
{
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(UINT64_MAX - 1, "shop", "web-0", "gold"), got;
	struct usage nothing = {};
	uint64_t id;

	pod.last = reading(9); /* not read */
	id = put(f, &pod);
	fixture_reopen(f);
	must(ledger_pod_find(f->l, BOOT, UINT64_MAX - 1, &got, &why));
	assert_int_equal(got.id, id);
	assert_string_equal(got.boot, BOOT);
	assert_true(got.cgroup_id == UINT64_MAX - 1);
	assert_string_equal(got.namespace, "shop");
	assert_string_equal(got.name, "web-0");
	assert_string_equal(got.uid, "uid-web-0");
	assert_string_equal(got.lease, "gold");
	assert_int_equal(got.first_seen_ms, 77);
	assert_false(got.closed);
	assert_usage(&got.last, &nothing);
}

static void one_cgroup_of_one_boot_is_one_row(void **state)
{
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(5, "", "", ""), got;
	uint64_t id = put(f, &pod), other;

	pod = pod_make(5, "shop", "web", "gold"); /* its name became known */
	pod.first_seen_ms = 99;
	assert_int_equal(put(f, &pod), id);
	must(ledger_pod_find(f->l, BOOT, 5, &got, &why));
	assert_string_equal(got.name, "web");
	assert_string_equal(got.lease, "gold");
	assert_int_equal(got.first_seen_ms, 77);
	snprintf(pod.boot, sizeof(pod.boot), "next-boot");
	other = put(f, &pod);
	assert_int_not_equal(other, id);
	must(ledger_pod_find(f->l, "next-boot", 5, &got, &why));
	assert_int_equal(got.id, other);
}

static void a_closed_pod_does_not_change(void **state)
{
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(5, "shop", "web", ""), got;
	uint64_t id;

	pod.closed = true;
	id = put(f, &pod);
	assert_int_equal(put(f, &pod), id); /* identical */
	pod.closed = false;
	assert_int_equal(put_error(f, &pod), -EPERM);
	pod = pod_make(5, "shop", "other", "");
	pod.closed = true;
	assert_int_equal(put_error(f, &pod), -EPERM);
	must(ledger_pod_find(f->l, BOOT, 5, &got, &why));
	assert_true(got.closed);
	assert_string_equal(got.name, "web");
}

static void what_is_not_there_is_not_found(void **state)
{
	struct fixture *f = *state;
	struct ledger_pod got = { .id = 4711 };
	struct err err = {};

	assert_int_equal(ledger_pod_find(f->l, BOOT, 5, &got, &err), -ENOENT);
	assert_int_equal(got.id, 4711);
	assert_non_null(strstr(err.text, "5"));
}

static void bad_pods_are_refused(void **state)
{
	static const char *const labels[] = { "-a", "a-", "a b", "a/b", "\xc3\xa4", ".", "_x" };
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(5, "shop", "web", "");

	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		snprintf(pod.lease, sizeof(pod.lease), "%s", labels[i]);
		assert_int_equal(put_error(f, &pod), -EINVAL);
	}
	pod = pod_make(5, "shop", "web", "");
	pod.boot[0] = '\0';
	assert_int_equal(put_error(f, &pod), -EINVAL);
	pod = pod_make(5, "shop", "web", "");
	pod.first_seen_ms = (uint64_t)INT64_MAX + 1;
	assert_int_equal(put_error(f, &pod), -EOVERFLOW);
	assert_int_equal(raw_number(f, "SELECT count(*) FROM pods"), 0);
}

struct ids {
	uint64_t id[8];
	size_t n;
};

static int collect(const struct ledger_pod *pod, void *arg)
{
	struct ids *ids = arg;

	assert_true(ids->n < ARRAY_LEN(ids->id));
	ids->id[ids->n++] = pod->id;
	return 0;
}

static int stop_at_second(const struct ledger_pod *pod, void *arg)
{
	collect(pod, arg);
	return ((struct ids *)arg)->n == 2 ? 42 : 0;
}

static void a_list_is_in_order_and_filtered(void **state)
{
	struct fixture *f = *state;
	struct ids all = {}, open = {}, boot = {}, two = {};
	uint64_t id[3];

	for (size_t i = 0; i < 3; i++) {
		struct ledger_pod pod = pod_make(100 - i, "ns", "p", "");

		pod.closed = i == 1;
		if (i == 2)
			snprintf(pod.boot, sizeof(pod.boot), "next-boot");
		id[i] = put(f, &pod);
	}
	must(ledger_pod_list(f->l, NULL, 0, collect, &all, &why));
	assert_int_equal(all.n, 3);
	assert_memory_equal(all.id, id, sizeof(id));
	must(ledger_pod_list(f->l, NULL, LEDGER_PODS_OPEN, collect, &open, &why));
	assert_int_equal(open.n, 2);
	assert_int_equal(open.id[0], id[0]);
	assert_int_equal(open.id[1], id[2]);
	must(ledger_pod_list(f->l, BOOT, 0, collect, &boot, &why));
	assert_int_equal(boot.n, 2);
	assert_int_equal(boot.id[1], id[1]);
	assert_int_equal(ledger_pod_list(f->l, NULL, 0, stop_at_second, &two, NULL), 42);
	assert_int_equal(two.n, 2);
}

struct nested {
	struct ledger *l;
	struct ids inner;
	size_t outer;
};

static int list_again(const struct ledger_pod *pod, void *arg)
{
	struct nested *n = arg;

	(void)pod;
	n->outer++;
	return ledger_pod_list(n->l, NULL, 0, collect, &n->inner, NULL);
}

static void a_list_may_be_asked_inside_itself(void **state)
{
	struct fixture *f = *state;
	struct nested n = { .l = f->l };

	for (uint64_t i = 0; i < 2; i++) {
		struct ledger_pod pod = pod_make(i, "ns", "p", "");

		put(f, &pod);
	}
	must(ledger_pod_list(f->l, NULL, 0, list_again, &n, &why));
	assert_int_equal(n.outer, 2);
	assert_int_equal(n.inner.n, 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_LEDGER(a_pod_comes_back_as_it_was_put),
		ON_LEDGER(one_cgroup_of_one_boot_is_one_row),
		ON_LEDGER(a_closed_pod_does_not_change),
		ON_LEDGER(what_is_not_there_is_not_found),
		ON_LEDGER(bad_pods_are_refused),
		ON_LEDGER(a_list_is_in_order_and_filtered),
		ON_LEDGER(a_list_may_be_asked_inside_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
