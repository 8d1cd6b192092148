/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any JSON text into the decoders of Kubernetes objects. What is accepted must keep the contract of
 * k8s/object.h: found again under its own name, every text terminated within its limit, no
 * half-filled list.
 */
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/json.h"
#include "k8s/set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                           \
	do {                              \
		if (!(x))                 \
			__builtin_trap(); \
	} while (0)

static void check_text(const char *text, size_t max)
{
	MUST(text && strnlen(text, max + 1) <= max);
}

static void check_service(const struct kube_service *s)
{
	MUST(s->n_cluster_ips <= 2 && (s->n_cluster_ips == 0 || !s->headless));
	MUST(s->affinity_s <= 86400);
	for (size_t i = 0; i < s->n_ports; i++) {
		check_text(s->ports[i].name, KUBE_MAX_LABEL);
		MUST(s->ports[i].port > 0 && s->ports[i].proto > 0);
	}
	for (size_t i = 0; i < s->n_source_ranges; i++)
		MUST(s->source_ranges[i].bits <= 128 &&
		     cidr_has(&s->source_ranges[i], &s->source_ranges[i].addr));
}

static void check_slice(const struct kube_slice *s)
{
	check_text(s->service, KUBE_MAX_NAME);
	for (size_t i = 0; i < s->n_ports; i++)
		check_text(s->ports[i].name, KUBE_MAX_LABEL);
	for (size_t i = 0; i < s->n_endpoints; i++) {
		const struct kube_endpoint *e = &s->endpoints[i];

		check_text(e->node_name, KUBE_MAX_NAME);
		check_text(e->pod, KUBE_MAX_NAME);
		MUST(addr_is_v4(&e->addr) == (s->type == KUBE_ADDRESS_IPV4));
		for (size_t j = 0; j < e->n_zone_hints; j++)
			check_text(e->zone_hints[j], KUBE_MAX_NAME);
		for (size_t j = 0; j < e->n_node_hints; j++)
			check_text(e->node_hints[j], KUBE_MAX_NAME);
	}
}

static void check(const struct kube_set *set, const struct kube_object *obj)
{
	char title[KUBE_TITLE_MAX];

	MUST(*obj->meta.name);
	check_text(kube_object_title(obj, title), KUBE_TITLE_MAX - 1);
	MUST(kube_set_find(set, obj->kind, obj->meta.namespace, obj->meta.name) == obj);
	if (obj->kind == KUBE_SERVICE)
		check_service(&obj->service);
	if (obj->kind == KUBE_SLICE)
		check_slice(&obj->slice);
	if (obj->kind == KUBE_NODE)
		check_text(obj->node.zone, KUBE_MAX_LABEL);
	if (obj->kind == KUBE_POD) {
		check_text(obj->pod.node_name, KUBE_MAX_NAME);
		check_text(obj->pod.lease, KUBE_MAX_LEASE);
		check_text(obj->pod.cgroup, KUBE_MAX_PATH);
		MUST(obj->pod.cgroup[0] != '/' && !strstr(obj->pod.cgroup, "/../"));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kube_set *set = NULL;
	struct json *j = NULL;
	const struct json *at = NULL;
	struct err err = {};

	if (json_parse((const char *)data, size, 1u << 20, "fuzz", &j, NULL) < 0)
		return 0;
	MUST(kube_set_new(&set) == 0);
	int r = kube_set_decode(set, j, &at, &err);
	MUST(r == 0 || (err.code == r && err.text[0] && at));
	for (unsigned int kind = 0; kind < KUBE_KIND_MAX_; kind++) {
		MUST(r == 0 || kube_set_len(set, (enum kube_kind)kind) == 0);
		for (size_t i = 0; i < kube_set_len(set, (enum kube_kind)kind); i++)
			check(set, kube_set_at(set, (enum kube_kind)kind, i));
	}
	kube_set_free(&set);
	json_free(&j);
	return 0;
}
