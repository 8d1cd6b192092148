/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>

#include "core/cleanup.h"
#include "svc/plan.h"
#include "tests/unit/svc/make.h"
#include "tests/unit/svc/model.h"

static struct svc_table *two_services(const char *backend)
{
	struct svc_table *t = table();
	struct svc_port *p = port(t, service(t, "a", "10.96.0.1"), 80, SVC_TCP);

	endpoint(t, p, "10.1.0.1", 8080, "rs");
	endpoint(t, p, backend, 8080, "rs");
	endpoint(t, port(t, service(t, "b", "10.96.0.2"), 53, SVC_UDP), backend, 53, "rs");
	ingress_ip(t->services[0], "203.0.113.8");
	source_range(t->services[0], strcmp(backend, "10.1.0.2") ? "192.0.2.0/24" : "10.0.0.0/8");
	class(t, "10.96.0.0/16", WEIR_CLASS_SERVICE);
	assert_int_equal(svc_select(t), 0);
	return t;
}

static struct seen dial(struct dp *dp, const char *vip, uint16_t number, uint8_t proto)
{
	struct weir_vip v = { .port = htons(number), .proto = proto };
	struct addr a = ip(vip);

	memcpy(&v.addr, a.b, sizeof(a));
	return model_dial(dp, &v);
}

static void a_round_makes_the_kernel_as_wanted(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = two_services("10.1.0.2");
	cleanup(svc_idle_free) struct svc_idle *idle = NULL;
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	cleanup(free_ptr) struct dp *dp = calloc(1, sizeof(*dp));
	struct err err = {};

	(void)state;
	assert_int_equal(svc_idle_new(SVC_GRACE_MS, &idle), 0);
	assert_int_equal(svc_sync(dp, t, idle, 1, &p, &err), 0);
	assert_int_equal(p->n_ops,
			 3 + 3 + 3 + 1 + 1); /* backends, slots, frontends, class, range */
	assert_int_equal(dial(dp, "10.96.0.1", 80, IPPROTO_TCP).n, 2);
	assert_int_equal(dial(dp, "10.96.0.2", 53, IPPROTO_UDP).n, 1);
	assert_int_equal(dial(dp, "10.96.0.2", 53, IPPROTO_TCP).what, SEEN_ABSENT);
	svc_plan_free(&p);
	assert_int_equal(svc_sync(dp, t, idle, 2, &p, &err), 0);
	assert_int_equal(p->n_ops, 0);
	assert_int_equal(p->next_ms, 0);
}

/* Whatever write fails, each Service is whole, and the next round gets there. */
static void the_round_after_a_failure_goes_on(void **state)
{
	cleanup(svc_table_free) struct svc_table *before = two_services("10.1.0.2");
	cleanup(svc_table_free) struct svc_table *after = two_services("10.1.0.3");
	size_t failures = 0;

	(void)state;
	for (size_t fail_at = 1;; fail_at++) {
		cleanup(svc_idle_free) struct svc_idle *idle = NULL;
		cleanup(svc_plan_free) struct svc_plan *p = NULL;
		cleanup(free_ptr) struct dp *dp = calloc(1, sizeof(*dp));
		struct seen old, new, now;
		struct err err = {};
		int r;

		assert_int_equal(svc_idle_new(SVC_GRACE_MS, &idle), 0);
		assert_int_equal(svc_sync(dp, before, idle, 1, &p, &err), 0);
		svc_plan_free(&p);
		old = dial(dp, "10.96.0.1", 80, IPPROTO_TCP);
		dp->writes = 0;
		dp->fail_at = fail_at;
		r = svc_sync(dp, after, idle, 2, &p, &err);
		now = dial(dp, "10.96.0.1", 80, IPPROTO_TCP);
		if (r) {
			failures++;
			assert_int_equal(r, -EIO);
			assert_null(p);
			assert_non_null(strstr(err.text, "changes made"));
		}
		dp->fail_at = 0;
		svc_plan_free(&p);
		assert_int_equal(svc_sync(dp, after, idle, 3, &p, &err), 0);
		assert_int_equal(!p->n_ops, !r);
		new = dial(dp, "10.96.0.1", 80, IPPROTO_TCP);
		assert_int_equal(new.n, 2);
		assert_false(seen_same(&old, &new));
		assert_true(seen_same(&now, &old) || seen_same(&now, &new));
		svc_plan_free(&p);
		assert_int_equal(svc_sync(dp, after, idle, 4, &p, &err), 0);
		assert_int_equal(p->n_ops, 0);
		if (!r)
			break;
	}
	/* backends that come and go, frontends, ranges; slots can't fail */
	assert_int_equal(failures, 2 + 2 + 3 + 2);
}

static void the_count_of_what_was_done_is_given_on_failure(void **state)
{
	cleanup(free_ptr) struct dp *dp = calloc(1, sizeof(*dp));
	struct svc_op ops[3] = {
		{ .kind = SVC_OP_BACKEND_PUT, .backend = { .id = 1, .be = { .proto = 6 } } },
		{ .kind = SVC_OP_BACKEND_PUT, .backend = { .id = 2, .be = { .proto = 6 } } },
		{ .kind = SVC_OP_BACKEND_PUT, .backend = { .id = 3, .be = { .proto = 6 } } },
	};
	struct svc_plan p = { .ops = ops, .n_ops = 3 };
	struct err err = {};
	size_t done = 9;

	(void)state;
	dp->fail_at = 2;
	assert_int_equal(svc_apply(dp, &p, &done, &err), -EIO);
	assert_int_equal(done, 1);
	assert_int_equal(dp->backends[1].proto, 6);
	assert_int_equal(dp->backends[3].proto, 0);
	assert_int_equal(svc_apply(dp, &p, NULL, &err), 0);
	ops[0].kind = SVC_OP_MAX_;
	assert_int_equal(svc_apply(dp, &p, &done, &err), -EINVAL);
	assert_int_equal(done, 0);
}

static void connections_look_again_when_frontends_or_backends_changed(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = two_services("10.1.0.2");
	cleanup(svc_idle_free) struct svc_idle *idle = NULL;
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	cleanup(free_ptr) struct dp *dp = calloc(1, sizeof(*dp));
	struct svc_op ops[2] = {
		{ .kind = SVC_OP_BACKEND_GONE, .backend = { .id = 1 } },
		{ .kind = SVC_OP_BACKEND_DEL, .backend = { .id = 1 } },
	};
	struct svc_plan two = { .ops = ops, .n_ops = 2 };
	struct err err = {};

	(void)state;
	assert_int_equal(svc_idle_new(SVC_GRACE_MS, &idle), 0);
	assert_int_equal(svc_sync(dp, t, idle, 1, &p, &err), 0);
	assert_int_equal(dp->epoch, 1);
	class(t, "10.2.0.0/16", WEIR_CLASS_CLUSTER);
	source_range(t->services[0], "10.5.0.0/16");
	svc_plan_free(&p);
	assert_int_equal(svc_sync(dp, t, idle, 2, &p, &err), 0);
	assert_int_equal(p->n_ops, 2);
	assert_int_equal(dp->epoch, 1);
	dp->writes = 0;
	dp->fail_at = 2; /* half of a plan, too */
	assert_int_equal(svc_apply(dp, &two, NULL, &err), -EIO);
	assert_int_equal(dp->epoch, 2);
	dp->writes = 0;
	dp->fail_at = 1;
	assert_int_equal(svc_apply(dp, &two, NULL, &err), -EIO);
	assert_int_equal(dp->epoch, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_round_makes_the_kernel_as_wanted),
		cmocka_unit_test(the_round_after_a_failure_goes_on),
		cmocka_unit_test(the_count_of_what_was_done_is_given_on_failure),
		cmocka_unit_test(connections_look_again_when_frontends_or_backends_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
