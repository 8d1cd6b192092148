/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the plan stand on: a kernel made of memory, and tables to plan for. */
#pragma once

#include "svc/plan.h"

#include <arpa/inet.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "tests/unit/svc/make.h"
#include "tests/unit/svc/model.h"

#define T0 1000000u

/* A kernel, an agent's memory of it, and a clock. */
struct bed {
	struct dp *dp;
	struct svc_idle *idle;
	uint64_t now_ms;
};

static inline struct bed bed_new(void)
{
	struct bed b = { .dp = calloc(1, sizeof(struct dp)), .now_ms = T0 };

	assert_non_null(b.dp);
	assert_int_equal(svc_idle_new(SVC_GRACE_MS, &b.idle), 0);
	return b;
}

static inline void bed_fini(struct bed *b)
{
	free(b->dp);
	svc_idle_free(&b->idle);
}

static inline void bed_restart(struct bed *b)
{
	svc_idle_free(&b->idle);
	assert_int_equal(svc_idle_new(SVC_GRACE_MS, &b->idle), 0);
}

static inline struct svc_plan *plan(struct bed *b, const struct svc_table *t)
{
	cleanup(svc_actual_fini) struct svc_actual actual = {};
	struct svc_plan *p = NULL;
	struct err err = {};

	assert_int_equal(svc_actual_read(b->dp, &actual, &err), 0);
	svc_idle_observe(b->idle, &actual, b->now_ms);
	if (svc_plan_make(t, &actual, b->idle, b->now_ms, &p, &err))
		fail_msg("%s", err.text);
	return p;
}

/* One operation of a plan. */
static inline void apply_one(struct bed *b, const struct svc_plan *p, size_t i)
{
	struct svc_plan one = { .ops = &p->ops[i], .n_ops = 1, .rings = p->rings };
	struct err err = {};
	size_t done = 0;

	assert_int_equal(svc_apply(b->dp, &one, &done, &err), 0);
	assert_int_equal(done, 1);
}

/* Plans and applies; returns how many operations there were. */
static inline size_t settle(struct bed *b, const struct svc_table *t)
{
	cleanup(svc_plan_free) struct svc_plan *p = plan(b, t);

	assert_int_equal(p->full.code, 0);
	for (size_t i = 0; i < p->n_ops; i++)
		apply_one(b, p, i);
	return p->n_ops;
}

static inline struct weir_vip vip_of(const struct addr *a, uint16_t number, enum svc_proto proto)
{
	struct weir_vip v = { .port = htons(number),
			      .proto = proto == SVC_SCTP ? IPPROTO_SCTP :
				       proto == SVC_UDP	 ? IPPROTO_UDP :
							   IPPROTO_TCP };

	memcpy(&v.addr, a->b, sizeof(v.addr));
	return v;
}

static inline struct weir_vip vip(const char *text, uint16_t number)
{
	struct addr a = ip(text);

	return vip_of(&a, number, SVC_TCP);
}

static inline struct weir_svc value(struct bed *b, const char *text)
{
	struct weir_vip v = vip(text, 80);
	struct dp_frontend *f = model_frontend(b->dp, &v);

	assert_non_null(f);
	return f->svc;
}

static inline uint32_t backend_id(struct bed *b, const char *text)
{
	struct addr a = ip(text);

	for (uint32_t id = 0; id < WEIR_MAX_BACKENDS; id++)
		if (b->dp->backends[id].proto && !memcmp(&b->dp->backends[id].addr, a.b, sizeof(a)))
			return id;
	return 0;
}

/* A table of one Service with some ready endpoints. */
static inline struct svc_table *web(const char *const *addrs)
{
	struct svc_table *t = table();
	struct svc_port *p = port(t, service(t, "web", "10.96.0.1"), 80, SVC_TCP);

	for (; *addrs; addrs++)
		endpoint(t, p, *addrs, 8080, "rs");
	assert_int_equal(svc_select(t), 0);
	return t;
}

#define WEB(...) web((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })
