/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of services.c share: objects in short, and what the table makes of them. */
#pragma once

#include "agent/services.h"
#include "svc/svc.h"
#include "unit/k8s/sample.h"

#define OBJECT(kind, version, name, rest)                                                      \
	"{\"apiVersion\":\"" version "\",\"kind\":\"" kind "\",\"metadata\":{\"name\":\"" name \
	"\"," rest "}"
#define SERVICE(name, spec) OBJECT("Service", "v1", name, "\"namespace\":\"demo\"},\"spec\":" spec)
#define LABELLED(name, labels, rest)                         \
	OBJECT("EndpointSlice", "discovery.k8s.io/v1", name, \
	       "\"namespace\":\"demo\",\"labels\":{" labels "}}," rest)
#define OF_WEB "\"kubernetes.io/service-name\":\"web\""
#define SLICE(name, rest) LABELLED(name, OF_WEB, "\"addressType\":\"IPv4\"," rest)
#define EP(ip) "\"endpoints\":[{\"addresses\":[\"" ip "\"]}]"
#define POD(name, spec, status) \
	OBJECT("Pod", "v1", name, "\"namespace\":\"demo\"},\"spec\":" spec ",\"status\":" status)
#define NODE(name, addr, cidr)                                         \
	OBJECT("Node", "v1", name,                                     \
	       "\"labels\":{\"topology.kubernetes.io/zone\":\"z-" name \
	       "\"}},\"spec\":{\"podCIDRs\":[\"" cidr "\"]},"          \
	       "\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"" addr "\"}]}")

static inline void put(struct kube_set *set, const char *text)
{
	cleanup(kube_object_free) struct kube_object *obj = sample_object(text);

	assert_int_equal(kube_set_put(set, obj), 0);
}

static inline const struct svc_service *find(const struct svc_table *t, const char *name)
{
	for (size_t i = 0; i < t->n_services; i++) {
		if (strcmp(t->services[i]->name, name) == 0)
			return t->services[i];
	}
	return NULL;
}

/* "10.1.0.5:8080 ..." of a port, chosen ones with '*'. */
static inline const char *endpoints(const struct svc_port *p)
{
	static char text[1024];
	char addr[ADDR_TEXT_MAX];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < p->n_endpoints; i++) {
		const struct svc_endpoint *e = &p->endpoints[i];

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s:%u%s",
					 i ? " " : "", addr_format(&e->addr, addr), e->port,
					 e->chosen ? "*" : "");
	}
	return text;
}

/* What the longest prefix over the address says; EXTERNAL: none. */
static inline struct svc_class prefix_of(const struct svc_table *t, const char *text)
{
	struct svc_class found = { .class = WEIR_CLASS_EXTERNAL };
	struct addr a;
	int bits = -1;

	assert_int_equal(addr_parse(text, &a), 0);
	for (size_t i = 0; i < t->n_classes; i++) {
		if (cidr_has(&t->classes[i].prefix, &a) && t->classes[i].prefix.bits > bits) {
			bits = t->classes[i].prefix.bits;
			found = t->classes[i];
		}
	}
	return found;
}

static inline enum weir_class class_of(const struct svc_table *t, const char *text)
{
	return prefix_of(t, text).class;
}
