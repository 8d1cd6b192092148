/* SPDX-License-Identifier: Apache-2.0 */
/* Short ways to write tables in tests. Each stops the test when it fails. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/addr.h"
#include "core/err.h"
#include "svc/svc.h"

static inline struct addr ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static inline struct svc_table *table(void)
{
	struct svc_table *t = NULL;

	assert_int_equal(svc_table_new(&t), 0);
	return t;
}

static inline struct svc_service *service(struct svc_table *t, const char *name, const char *vip)
{
	struct svc_service spec = { .ns = "default", .name = name, .n_cluster_ips = 1 };
	struct svc_service *s = NULL;
	struct err err = {};

	spec.cluster_ips[0] = ip(vip);
	if (svc_service_add(t, &spec, &s, &err))
		fail_msg("%s", err.text);
	return s;
}

/* One more address among the Service's externalIPs. */
static inline void external_ip(struct svc_service *s, const char *text)
{
	s->external_ips =
		reallocarray(s->external_ips, s->n_external_ips + 1, sizeof(*s->external_ips));
	assert_non_null(s->external_ips);
	s->external_ips[s->n_external_ips++] = ip(text);
}

/* One more load-balancer address. */
static inline void ingress_ip(struct svc_service *s, const char *text)
{
	s->ingress_ips =
		reallocarray(s->ingress_ips, s->n_ingress_ips + 1, sizeof(*s->ingress_ips));
	assert_non_null(s->ingress_ips);
	s->ingress_ips[s->n_ingress_ips++] = ip(text);
}

/* One more of loadBalancerSourceRanges. */
static inline void source_range(struct svc_service *s, const char *text)
{
	s->source_ranges =
		reallocarray(s->source_ranges, s->n_source_ranges + 1, sizeof(*s->source_ranges));
	assert_non_null(s->source_ranges);
	assert_int_equal(cidr_parse(text, &s->source_ranges[s->n_source_ranges++]), 0);
}

static inline void node_addr(struct svc_table *t, const char *text)
{
	struct addr a = ip(text);
	struct err err = {};

	if (svc_node_addr_add(t, &a, &err))
		fail_msg("%s", err.text);
}

static inline void other_node(struct svc_table *t, const char *name, const char *v4, const char *v6)
{
	struct addr a4 = v4 ? ip(v4) : (struct addr){}, a6 = v6 ? ip(v6) : (struct addr){};
	struct err err = {};

	if (svc_node_add(t, name, v4 ? &a4 : NULL, v6 ? &a6 : NULL, &err))
		fail_msg("%s", err.text);
}

static inline struct svc_port *port(struct svc_table *t, struct svc_service *s, uint16_t number,
				    enum svc_proto proto)
{
	struct svc_port spec = { .proto = proto, .port = number };
	struct svc_port *p = NULL;
	struct err err = {};

	if (svc_port_add(t, s, &spec, &p, &err))
		fail_msg("%s", err.text);
	return p;
}

/* conditions: r ready, s serving, t terminating, l local; N, n: node hint here, elsewhere; Z, z: the
 * same for the zone. */
static inline void endpoint(struct svc_table *t, struct svc_port *p, const char *addr,
			    uint16_t number, const char *conditions)
{
	struct svc_endpoint e = { .addr = ip(addr), .port = number };
	struct err err = {};

	for (; *conditions; conditions++) {
		e.ready |= *conditions == 'r';
		e.serving |= *conditions == 's';
		e.terminating |= *conditions == 't';
		e.local |= *conditions == 'l';
		if (*conditions == 'n' || *conditions == 'N')
			e.node_hint = *conditions == 'N' ? SVC_HINT_HERE : SVC_HINT_OTHER;
		if (*conditions == 'z' || *conditions == 'Z')
			e.zone_hint = *conditions == 'Z' ? SVC_HINT_HERE : SVC_HINT_OTHER;
	}
	if (svc_endpoint_add(t, p, &e, &err))
		fail_msg("%s", err.text);
}

/* A ready one on a node, at port 8080. */
static inline void endpoint_on(struct svc_table *t, struct svc_port *p, const char *addr,
			       const char *node)
{
	struct svc_endpoint e = {
		.addr = ip(addr), .port = 8080, .ready = true, .serving = true, .node = node
	};
	struct err err = {};

	if (svc_endpoint_add(t, p, &e, &err))
		fail_msg("%s", err.text);
}

static inline void prefix_add(struct svc_table *t, const char *prefix, enum weir_class class,
			      bool pod)
{
	struct err err = {};
	struct cidr c;

	assert_int_equal(cidr_parse(prefix, &c), 0);
	if (svc_class_add(t, &c, class, pod, &err))
		fail_msg("%s", err.text);
}

static inline void pods(struct svc_table *t, const char *prefix)
{
	prefix_add(t, prefix, WEIR_CLASS_CLUSTER, true);
}

static inline void class(struct svc_table *t, const char *prefix, enum weir_class class)
{
	prefix_add(t, prefix, class, false);
}
