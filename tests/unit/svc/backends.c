/* SPDX-License-Identifier: Apache-2.0 */
/* Which backends are in the kernel's table, and which of them are marked gone. */
#include "tests/unit/svc/bed.h"

/* A table of one Service with an endpoint of each kind; the addresses say which. */
static struct svc_table *all_kinds(void)
{
	struct svc_table *t = table();
	struct svc_port *p = port(t, service(t, "web", "10.96.0.1"), 80, SVC_TCP);

	endpoint(t, p, "10.1.0.1", 8080, "rs");
	endpoint(t, p, "10.1.0.2", 8080, "st");
	endpoint(t, p, "10.1.0.3", 8080, "s");
	endpoint(t, p, "10.1.0.4", 8080, "t");
	endpoint(t, p, "10.1.0.5", 8080, "");
	endpoint(t, p, "fd01::1", 8080, "rs"); /* no cluster IP of this family */
	assert_int_equal(svc_select(t), 0);
	return t;
}

static bool serves(struct bed *b, const char *text)
{
	uint32_t id = backend_id(b, text);

	return id && !b->dp->backends[id].gone;
}

static void what_serves_is_in_the_table_chosen_or_not(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = all_kinds();
	struct bed b = bed_new();

	(void)state;
	settle(&b, t);
	assert_int_equal(value(&b, "10.96.0.1").count, 1);
	assert_true(serves(&b, "10.1.0.1") && serves(&b, "10.1.0.2") && serves(&b, "10.1.0.3"));
	assert_int_equal(backend_id(&b, "10.1.0.4"), 0);
	assert_int_equal(backend_id(&b, "10.1.0.5"), 0);
	assert_int_equal(backend_id(&b, "fd01::1"), 0);
	b.now_ms += 3 * SVC_GRACE_MS; /* and no slot keeps it there */
	assert_int_equal(settle(&b, t), 0);
	bed_fini(&b);
}

static void endpoints_of_a_port_that_is_not_served_are_not_in_the_table(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_port *p;
	struct bed b = bed_new();

	(void)state;
	endpoint(t, port(t, service(t, "a", "10.96.0.1"), 80, SVC_TCP), "10.1.0.1", 80, "rs");
	p = port(t, service(t, "b", "10.96.0.1"), 80, SVC_TCP);
	endpoint(t, p, "10.1.0.2", 80, "rs");
	assert_int_equal(svc_select(t), 0);
	settle(&b, t);
	assert_true(serves(&b, "10.1.0.1"));
	assert_int_equal(backend_id(&b, "10.1.0.2"), 0);
	bed_fini(&b);
}

static void what_serves_no_more_is_marked_at_once_and_goes_when_it_has_rested(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = all_kinds();
	cleanup(svc_table_free) struct svc_table *less = WEB("10.1.0.1");
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	struct bed b = bed_new();

	(void)state;
	settle(&b, t);
	p = plan(&b, less);
	assert_int_equal(p->n_ops, 2);
	assert_int_equal(p->count[SVC_OP_BACKEND_GONE], 2);
	assert_int_equal(p->next_ms, b.now_ms + SVC_GRACE_MS);
	settle(&b, less);
	assert_true(backend_id(&b, "10.1.0.2") && !serves(&b, "10.1.0.2"));
	assert_int_equal(settle(&b, less), 0);
	b.now_ms += SVC_GRACE_MS;
	assert_int_equal(settle(&b, less), 2);
	assert_int_equal(backend_id(&b, "10.1.0.2"), 0);
	assert_int_equal(backend_id(&b, "10.1.0.3"), 0);
	assert_true(SVC_OP_FRONTEND_PUT < SVC_OP_BACKEND_GONE);
	assert_true(SVC_OP_FRONTEND_DEL < SVC_OP_BACKEND_GONE);
	assert_true(SVC_OP_BACKEND_GONE < SVC_OP_BACKEND_DEL);
	bed_fini(&b);
}

static void what_serves_again_keeps_its_id(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1", "10.1.0.2");
	cleanup(svc_table_free) struct svc_table *less = WEB("10.1.0.1");
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	struct bed b = bed_new();
	uint32_t id;

	(void)state;
	settle(&b, t);
	id = backend_id(&b, "10.1.0.2");
	settle(&b, less);
	assert_false(serves(&b, "10.1.0.2"));
	p = plan(&b, t);
	assert_int_equal(p->count[SVC_OP_BACKEND_PUT], 0);
	assert_int_equal(p->count[SVC_OP_BACKEND_BACK], 1);
	assert_true(SVC_OP_BACKEND_BACK < SVC_OP_SLOT_PUT);
	settle(&b, t);
	assert_true(serves(&b, "10.1.0.2"));
	assert_int_equal(backend_id(&b, "10.1.0.2"), id);
	b.now_ms += 3 * SVC_GRACE_MS;
	assert_int_equal(settle(&b, t), 0);
	bed_fini(&b);
}

/* What another hand put there, as long as the agent finds it so. */
static void fill(struct bed *b, uint32_t from, uint32_t end)
{
	for (uint32_t id = from; id < end; id++)
		b->dp->backends[id] =
			(struct weir_backend){ .addr.w[0] = id, .proto = IPPROTO_TCP, .gone = 1 };
}

static void backends_that_only_serve_leave_room_to_sets(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = all_kinds();
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	struct bed b = bed_new();

	(void)state;
	/* an eighth and one more are left: to the set and to one that serves */
	fill(&b, 1, WEIR_MAX_BACKENDS - WEIR_MAX_BACKENDS / 8 - 2);
	settle(&b, t);
	assert_true(serves(&b, "10.1.0.1") && serves(&b, "10.1.0.2"));
	assert_int_equal(backend_id(&b, "10.1.0.3"), 0);
	p = plan(&b, t);
	assert_int_equal(p->n_ops, 0);
	assert_int_equal(p->full.code, 0); /* no fault */
	bed_fini(&b);
}

static void backends_that_only_serve_give_way_when_sets_lack_some(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = all_kinds();
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	struct bed b = bed_new();

	(void)state;
	settle(&b, t);
	fill(&b, 4, WEIR_MAX_BACKENDS);
	endpoint(t, t->services[0]->ports[0], "10.1.0.9", 8080, "rs");
	assert_int_equal(svc_select(t), 0);
	p = plan(&b, t);
	assert_int_equal(p->full.code, -ENOSPC);
	assert_int_equal(p->count[SVC_OP_BACKEND_GONE], 2);
	assert_int_equal(p->count[SVC_OP_FRONTEND_PUT], 0);
	for (size_t i = 0; i < p->n_ops; i++)
		apply_one(&b, p, i);
	assert_true(serves(&b, "10.1.0.1"));
	svc_plan_free(&p);
	p = plan(&b, t);
	assert_int_equal(p->n_ops, 0);
	svc_plan_free(&p);
	b.now_ms += SVC_GRACE_MS;
	p = plan(&b, t); /* all that was full has rested, so there is room */
	for (size_t i = 0; i < p->n_ops; i++)
		apply_one(&b, p, i);
	settle(&b, t);
	assert_int_equal(value(&b, "10.96.0.1").count, 2);
	assert_true(serves(&b, "10.1.0.3"));
	bed_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_serves_is_in_the_table_chosen_or_not),
		cmocka_unit_test(endpoints_of_a_port_that_is_not_served_are_not_in_the_table),
		cmocka_unit_test(what_serves_no_more_is_marked_at_once_and_goes_when_it_has_rested),
		cmocka_unit_test(what_serves_again_keeps_its_id),
		cmocka_unit_test(backends_that_only_serve_leave_room_to_sets),
		cmocka_unit_test(backends_that_only_serve_give_way_when_sets_lack_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
