/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two decoded objects say the same. Most updates of a live cluster change what nobody here
 * reads: heartbeats of Nodes, conditions of Pods, annotations. */
#include <string.h>

#include "k8s/object.h"

static bool same_text(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool same_list(const void *a, size_t n_a, const void *b, size_t n_b, size_t size)
{
	return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * size) == 0);
}

static bool same_addrs(const struct addr *a, size_t n_a, const struct addr *b, size_t n_b)
{
	return same_list(a, n_a, b, n_b, sizeof(*a));
}

static bool same_cidrs(const struct cidr *a, size_t n_a, const struct cidr *b, size_t n_b)
{
	_Static_assert(sizeof(struct cidr) == 17, "no holes to compare");
	return same_list(a, n_a, b, n_b, sizeof(*a));
}

static bool same_names(const char *const *a, size_t n_a, const char *const *b, size_t n_b)
{
	bool same = n_a == n_b;

	for (size_t i = 0; same && i < n_a; i++)
		same = same_text(a[i], b[i]);
	return same;
}

static bool same_service_ports(const struct kube_service *a, const struct kube_service *b)
{
	bool same = a->n_ports == b->n_ports;

	for (size_t i = 0; same && i < a->n_ports; i++) {
		const struct kube_service_port *p = &a->ports[i], *q = &b->ports[i];

		same = same_text(p->name, q->name) && p->proto == q->proto && p->port == q->port &&
		       p->node_port == q->node_port;
	}
	return same;
}

static bool same_service(const struct kube_service *a, const struct kube_service *b)
{
	return a->type == b->type && a->headless == b->headless &&
	       a->other_proxy == b->other_proxy && a->publish_not_ready == b->publish_not_ready &&
	       a->internal_local == b->internal_local && a->external_local == b->external_local &&
	       a->affinity_s == b->affinity_s &&
	       a->health_check_node_port == b->health_check_node_port &&
	       same_addrs(a->cluster_ips, a->n_cluster_ips, b->cluster_ips, b->n_cluster_ips) &&
	       same_addrs(a->external_ips, a->n_external_ips, b->external_ips, b->n_external_ips) &&
	       same_addrs(a->ingress_ips, a->n_ingress_ips, b->ingress_ips, b->n_ingress_ips) &&
	       same_cidrs(a->source_ranges, a->n_source_ranges, b->source_ranges,
			  b->n_source_ranges) &&
	       same_service_ports(a, b);
}

static bool same_endpoint(const struct kube_endpoint *a, const struct kube_endpoint *b)
{
	return addr_eq(&a->addr, &b->addr) && a->ready == b->ready && a->serving == b->serving &&
	       a->terminating == b->terminating && same_text(a->node_name, b->node_name) &&
	       same_text(a->pod, b->pod) &&
	       same_names(a->zone_hints, a->n_zone_hints, b->zone_hints, b->n_zone_hints) &&
	       same_names(a->node_hints, a->n_node_hints, b->node_hints, b->n_node_hints);
}

static bool same_slice(const struct kube_slice *a, const struct kube_slice *b)
{
	bool same = same_text(a->service, b->service) && a->headless == b->headless &&
		    a->type == b->type && a->trigger_ms == b->trigger_ms &&
		    a->n_ports == b->n_ports && a->n_endpoints == b->n_endpoints;

	for (size_t i = 0; same && i < a->n_ports; i++)
		same = same_text(a->ports[i].name, b->ports[i].name) &&
		       a->ports[i].proto == b->ports[i].proto &&
		       a->ports[i].port == b->ports[i].port;
	for (size_t i = 0; same && i < a->n_endpoints; i++)
		same = same_endpoint(&a->endpoints[i], &b->endpoints[i]);
	return same;
}

static bool same_node(const struct kube_node *a, const struct kube_node *b)
{
	return same_addrs(a->internal_ips, a->n_internal_ips, b->internal_ips, b->n_internal_ips) &&
	       same_addrs(a->external_ips, a->n_external_ips, b->external_ips, b->n_external_ips) &&
	       same_cidrs(a->pod_cidrs, a->n_pod_cidrs, b->pod_cidrs, b->n_pod_cidrs) &&
	       same_text(a->zone, b->zone) && a->eligible == b->eligible;
}

static bool same_labels(const struct kube_pod *a, const struct kube_pod *b)
{
	bool same = a->n_labels == b->n_labels;

	for (size_t i = 0; same && i < a->n_labels; i++)
		same = same_text(a->labels[i].key, b->labels[i].key) &&
		       same_text(a->labels[i].value, b->labels[i].value);
	return same;
}

static bool same_pod(const struct kube_pod *a, const struct kube_pod *b)
{
	return same_addrs(a->ips, a->n_ips, b->ips, b->n_ips) &&
	       a->host_network == b->host_network && a->phase == b->phase &&
	       same_text(a->node_name, b->node_name) && same_text(a->lease, b->lease) &&
	       same_text(a->mirror_of, b->mirror_of) && same_text(a->cgroup, b->cgroup) &&
	       same_labels(a, b);
}

bool kube_object_same(const struct kube_object *a, const struct kube_object *b)
{
	if (a->kind != b->kind || a->meta.deleting != b->meta.deleting ||
	    !same_text(a->meta.uid, b->meta.uid))
		return false;
	switch (a->kind) {
	case KUBE_SERVICE:
		return same_service(&a->service, &b->service);
	case KUBE_SLICE:
		return same_slice(&a->slice, &b->slice);
	case KUBE_NODE:
		return same_node(&a->node, &b->node);
	case KUBE_POD:
		return same_pod(&a->pod, &b->pod);
	case KUBE_CIDR:
		return same_cidrs(a->cidr.cidrs, a->cidr.n_cidrs, b->cidr.cidrs, b->cidr.n_cidrs);
	case KUBE_KIND_MAX_:
		break;
	}
	return false;
}

/* A Pod that has ended no longer owns its addresses. */
static bool has_place(const struct kube_object *obj)
{
	return obj && obj->pod.n_ips && obj->pod.phase != KUBE_POD_SUCCEEDED &&
	       obj->pod.phase != KUBE_POD_FAILED;
}

bool kube_pod_same_place(const struct kube_object *a, const struct kube_object *b)
{
	if (!has_place(a) || !has_place(b))
		return !has_place(a) && !has_place(b);
	return same_addrs(a->pod.ips, a->pod.n_ips, b->pod.ips, b->pod.n_ips) &&
	       a->pod.host_network == b->pod.host_network &&
	       same_text(a->pod.node_name, b->pod.node_name) && !*a->pod.cgroup == !*b->pod.cgroup;
}
