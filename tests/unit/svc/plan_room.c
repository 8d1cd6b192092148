/* SPDX-License-Identifier: Apache-2.0 */
/* What the plan does when a table of the kernel is full. */
#include "tests/unit/svc/bed.h"

/* One Service that takes nearly all slots, so that its change finds no room beside it. */
static struct svc_table *crowd(uint32_t n_ports, uint32_t n_each, uint16_t number)
{
	struct svc_table *t = table();
	struct svc_service *s = service(t, "crowd", "10.96.0.2");
	struct err err = {};

	for (uint32_t k = 0; k < n_ports; k++) {
		struct svc_port *p = port(t, s, 1000 + k, SVC_TCP);

		for (uint32_t i = 0; i < n_each; i++) {
			struct svc_endpoint e = { .addr = ip("10.2.0.0"),
						  .port = number,
						  .ready = true };

			e.addr.b[14] = i >> 8;
			e.addr.b[15] = i;
			assert_int_equal(svc_endpoint_add(t, p, &e, &err), 0);
		}
	}
	endpoint(t, port(t, service(t, "web", "10.96.0.1"), 80, SVC_TCP), "10.1.0.1", 8080, "rs");
	assert_int_equal(svc_select(t), 0);
	return t;
}

static void what_finds_no_room_stays_and_is_told(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = crowd(5, 50000, 80);
	cleanup(svc_table_free) struct svc_table *u = crowd(5, 50000, 81);
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	struct weir_vip big = vip("10.96.0.2", 1004), small = vip("10.96.0.1", 80);
	struct bed b = bed_new();
	struct weir_svc was;

	(void)state;
	settle(&b, t);
	was = model_frontend(b.dp, &big)->svc;
	model_frontend(b.dp, &small)->svc.count = 0; /* to be put right all the same */
	p = plan(&b, u);
	assert_int_equal(p->full.code, -ENOSPC);
	assert_non_null(strstr(p->full.text, "5 of 6 frontends"));
	assert_int_equal(p->count[SVC_OP_FRONTEND_PUT], 1);
	assert_int_equal(p->next_ms, b.now_ms + SVC_GRACE_MS);
	for (size_t i = 0; i < p->n_ops; i++)
		apply_one(&b, p, i);
	assert_memory_equal(&model_frontend(b.dp, &big)->svc, &was, sizeof(was));
	assert_int_equal(model_dial(b.dp, &small).what, SEEN_SERVED);
	bed_fini(&b);
}

/* The kernel's tables full of what some other hand put there, and a small table that is wanted. */
static void full_tables_are_told_and_emptied_first(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1");
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	cleanup(svc_actual_fini) struct svc_actual actual = {
		.frontends = calloc(WEIR_MAX_FRONTENDS, sizeof(*actual.frontends)),
		.backends = calloc(WEIR_MAX_BACKENDS, sizeof(*actual.backends)),
		.classes = calloc(WEIR_MAX_CLASSES, sizeof(*actual.classes)),
		.n_classes = WEIR_MAX_CLASSES,
	};
	struct bed b = bed_new();
	struct err err = {};

	(void)state;
	ingress_ip(t->services[0], "203.0.113.8");
	source_range(t->services[0], "198.51.100.0/24");
	assert_int_equal(svc_select(t), 0);
	actual.slots = b.dp->slots;
	actual.ring = b.dp->ring;
	for (uint32_t i = 0; i < WEIR_MAX_FRONTENDS; i++)
		actual.frontends[i].vip.addr.w[0] = i + 1;
	for (uint32_t i = 1; i < WEIR_MAX_BACKENDS; i++)
		actual.backends[i - 1] =
			(struct dp_backend){ i, { .addr.w[0] = i, .proto = 6, .gone = 1 } };
	for (uint32_t i = 0; i < WEIR_MAX_CLASSES; i++)
		actual.classes[i].prefix = (struct weir_prefix){ 128, { .w[0] = i + 1 } };

	svc_idle_observe(b.idle, &actual, b.now_ms);
	assert_int_equal(svc_plan_make(t, &actual, b.idle, b.now_ms, &p, &err), 0);
	assert_int_equal(p->count[SVC_OP_FRONTEND_PUT], 2);
	assert_int_equal(p->count[SVC_OP_CLASS_PUT], 0);
	assert_int_equal(p->count[SVC_OP_CLASS_DEL], WEIR_MAX_CLASSES);
	assert_non_null(strstr(p->full.text, "0 of 2 frontends"));
	assert_non_null(strstr(p->full.text, "1 of 1 address ranges"));
	assert_int_equal(p->next_ms, b.now_ms); /* at once: there is room then */

	svc_plan_free(&p);
	actual.n_classes = 0;
	actual.n_frontends = WEIR_MAX_FRONTENDS;
	assert_int_equal(svc_plan_make(t, &actual, b.idle, b.now_ms, &p, &err), 0);
	assert_int_equal(p->count[SVC_OP_FRONTEND_PUT], 0);
	assert_int_equal(p->count[SVC_OP_FRONTEND_DEL], WEIR_MAX_FRONTENDS);
	assert_int_equal(p->count[SVC_OP_RANGE_PUT], 0); /* nor what it would need */
	assert_non_null(strstr(p->full.text, "2 for want of an entry"));
	assert_int_equal(p->next_ms, b.now_ms);

	svc_plan_free(&p);
	actual.n_frontends = 0;
	actual.n_backends = WEIR_MAX_BACKENDS - 1;
	svc_idle_observe(b.idle, &actual, b.now_ms);
	assert_int_equal(svc_plan_make(t, &actual, b.idle, b.now_ms + 1, &p, &err), 0);
	assert_int_equal(p->count[SVC_OP_FRONTEND_PUT], 0);
	assert_int_equal(p->count[SVC_OP_BACKEND_DEL], 0);
	assert_non_null(strstr(p->full.text, "2 of backends"));
	assert_int_equal(p->next_ms, b.now_ms + SVC_GRACE_MS); /* when they have rested */
	bed_fini(&b);
}

/* The table full of what some other hand put there, but for one entry. */
static void a_source_range_without_room_is_closed_and_told(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = WEB("10.1.0.1");
	cleanup(svc_plan_free) struct svc_plan *p = NULL;
	struct bed b = bed_new();
	struct svc_actual actual = { .slots = b.dp->slots,
				     .ring = b.dp->ring,
				     .n_ranges = WEIR_MAX_RANGES - 1 };
	struct err err = {};

	(void)state;
	ingress_ip(t->services[0], "203.0.113.8");
	source_range(t->services[0], "198.51.100.0/24");
	source_range(t->services[0], "192.0.2.9/32");
	assert_int_equal(svc_select(t), 0);
	actual.ranges = calloc(WEIR_MAX_RANGES, sizeof(*actual.ranges));
	assert_non_null(actual.ranges);
	for (uint32_t i = 0; i < WEIR_MAX_RANGES - 1; i++)
		actual.ranges[i] = (struct weir_range){ .bits = 160, .svc = i + 1 };
	svc_idle_observe(b.idle, &actual, b.now_ms);
	assert_int_equal(svc_plan_make(t, &actual, b.idle, b.now_ms, &p, &err), 0);
	assert_int_equal(p->count[SVC_OP_RANGE_PUT], 1);
	assert_int_equal(p->count[SVC_OP_RANGE_DEL], WEIR_MAX_RANGES - 1);
	assert_int_equal(p->count[SVC_OP_FRONTEND_PUT], 2);
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].kind == SVC_OP_FRONTEND_PUT &&
		    p->ops[i].frontend.vip.addr.w[3] == vip("203.0.113.8", 80).addr.w[3])
			assert_true(p->ops[i].frontend.svc.flags & WEIR_SVC_RANGES);
	assert_int_equal(p->full.code, -ENOSPC);
	assert_non_null(strstr(p->full.text, "1 of 2 source ranges"));
	assert_int_equal(p->next_ms, b.now_ms);
	svc_actual_fini(&actual);
	bed_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_finds_no_room_stays_and_is_told),
		cmocka_unit_test(full_tables_are_told_and_emptied_first),
		cmocka_unit_test(a_source_range_without_room_is_closed_and_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
