/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services.h"

#include <errno.h>
#include <netinet/in.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "k8s/set.h"
#include "svc/svc.h"

struct translation {
	const struct kube_set *set;
	const struct services_node *node;
	const char *zone;
	struct svc_table *table;
	services_left_out *left_out;
	void *arg;
	struct err last, first; /* of what was added last; of what was left out first */
	size_t n_left_out; /* of the Service at hand, or of the address ranges */
};

/* What breaks a limit stays out, so that all else is served; 0. Without memory nothing goes on. */
static int leave_out(struct translation *tr, int r)
{
	if (r == -ENOMEM)
		return r;
	if (r < 0 && !tr->n_left_out++)
		tr->first = tr->last;
	return 0;
}

static void tell(struct translation *tr, const char *title)
{
	if (tr->n_left_out)
		tr->left_out(tr->arg, title, tr->n_left_out, &tr->first);
	tr->n_left_out = 0;
}

static enum svc_proto proto_of(uint8_t ipproto)
{
	return ipproto == IPPROTO_SCTP ? SVC_SCTP : ipproto == IPPROTO_UDP ? SVC_UDP : SVC_TCP;
}

static bool is_proxied(const struct kube_service *s)
{
	return s->n_cluster_ips > 0 && !s->other_proxy;
}

static enum svc_type type_of(const struct kube_service *s)
{
	switch (s->type) {
	case KUBE_SERVICE_NODE_PORT:
		return SVC_NODE_PORT;
	case KUBE_SERVICE_LOAD_BALANCER:
		return SVC_LOAD_BALANCER;
	case KUBE_SERVICE_CLUSTER_IP:
	case KUBE_SERVICE_EXTERNAL_NAME:
	case KUBE_SERVICE_TYPE_MAX_:
		break;
	}
	return SVC_CLUSTER_IP;
}

static int add_ports(struct translation *tr, const struct kube_service *s, struct svc_service *to)
{
	struct svc_port *port;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_ports; i++) {
		const struct kube_service_port *p = &s->ports[i];

		r = svc_port_add(tr->table, to,
				 &(struct svc_port){ .name = p->name,
						     .proto = proto_of(p->proto),
						     .port = p->port,
						     .node_port = p->node_port },
				 &port, &tr->last);
		r = leave_out(tr, r);
	}
	return r;
}

/* *ret stays NULL when the Service had to be left out. */
static int add_service(struct translation *tr, const struct kube_object *obj,
		       struct svc_service **ret)
{
	const struct kube_service *s = &obj->service;
	struct svc_service spec = {
		.ns = obj->meta.namespace,
		.name = obj->meta.name,
		.uid = obj->meta.uid,
		.type = type_of(s),
		.n_cluster_ips = s->n_cluster_ips,
		.internal_local = s->internal_local,
		.external_local = s->external_local,
		.affinity = s->affinity_s > 0,
		.affinity_timeout_s = s->affinity_s,
		.health_check_node_port = s->health_check_node_port,
		.external_ips = s->external_ips,
		.n_external_ips = s->n_external_ips,
		.ingress_ips = s->ingress_ips,
		.n_ingress_ips = s->n_ingress_ips,
		.source_ranges = s->source_ranges,
		.n_source_ranges = s->n_source_ranges,
	};

	memcpy(spec.cluster_ips, s->cluster_ips, sizeof(spec.cluster_ips));
	int r = svc_service_add(tr->table, &spec, ret, &tr->last);
	return r < 0 ? leave_out(tr, r) : add_ports(tr, s, *ret);
}

static int by_addr(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

static bool is_unready(const struct translation *tr, const struct addr *addr)
{
	const struct services_node *own = tr->node;

	return own->n_unready &&
	       bsearch(addr, own->unready, own->n_unready, sizeof(*addr), by_addr);
}

static int add_endpoints(struct translation *tr, const struct kube_object *obj, uint16_t number,
			 struct svc_port *port)
{
	const struct kube_slice *slice = &obj->slice;
	char title[KUBE_TITLE_MAX];

	for (size_t i = 0; i < slice->n_endpoints; i++) {
		const struct kube_endpoint *e = &slice->endpoints[i];
		bool unready = is_unready(tr, &e->addr);
		struct svc_endpoint spec = {
			.addr = e->addr,
			.port = number,
			.ready = e->ready && !unready,
			.serving = e->serving && !unready,
			.terminating = e->terminating,
			.local = *e->node_name && strcmp(e->node_name, tr->node->name) == 0,
			.node_hint = svc_hint(e->node_hints, e->n_node_hints, tr->node->name),
			.zone_hint = svc_hint(e->zone_hints, e->n_zone_hints, tr->zone),
			.node = e->node_name,
			.pod = e->pod,
		};
		int r = svc_endpoint_add(tr->table, port, &spec, &tr->last);

		if (r < 0)
			err_wrap(&tr->last, "%s", kube_object_title(obj, title));
		if ((r = leave_out(tr, r)) < 0)
			return r;
	}
	return 0;
}

static int add_slice(struct translation *tr, const struct kube_object *obj, struct svc_service *s)
{
	for (size_t i = 0; i < obj->slice.n_ports; i++) {
		const struct kube_slice_port *p = &obj->slice.ports[i];

		if (p->port == 0)
			continue;
		for (size_t j = 0; j < s->n_ports; j++) {
			struct svc_port *port = s->ports[j];

			if (port->proto != proto_of(p->proto) || strcmp(port->name, p->name) != 0)
				continue;
			int r = add_endpoints(tr, obj, p->port, port);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static bool is_joined(const struct kube_slice *slice)
{
	return *slice->service && !slice->headless && slice->type != KUBE_ADDRESS_FQDN;
}

static int cmp_service(const char *ns_a, const char *name_a, const char *ns_b, const char *name_b)
{
	int c = strcmp(ns_a, ns_b);

	return c ? c : strcmp(name_a, name_b);
}

/* Both lists are in order of namespace and Service: one walk joins them. */
static int add_services(struct translation *tr)
{
	size_t n_slices, at = 0;
	const struct kube_object *const *slices = kube_set_slices(tr->set, &n_slices);
	char title[KUBE_TITLE_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < kube_set_len(tr->set, KUBE_SERVICE); i++) {
		const struct kube_object *obj = kube_set_at(tr->set, KUBE_SERVICE, i);
		const struct kube_meta *m = &obj->meta;
		struct svc_service *s = NULL;

		if (!is_proxied(&obj->service))
			continue;
		r = add_service(tr, obj, &s);
		for (; r == 0 && at < n_slices; at++) {
			const struct kube_object *slice = slices[at];
			int c = cmp_service(slice->meta.namespace, slice->slice.service,
					    m->namespace, m->name);

			if (c > 0)
				break;
			if (c == 0 && s && is_joined(&slice->slice))
				r = add_slice(tr, slice, s);
		}
		tell(tr, kube_object_title(obj, title));
	}
	return r;
}

static int class_cidrs(struct translation *tr, const struct cidr *cidrs, size_t n,
		       enum weir_class class, bool pod)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = leave_out(tr, svc_class_add(tr->table, &cidrs[i], class, pod, &tr->last));
	return r;
}

static int class_addrs(struct translation *tr, const struct addr *addrs, size_t n,
		       enum weir_class class, bool pod)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = class_cidrs(tr, &(struct cidr){ addrs[i], 128 }, 1, class, pod);
	return r;
}

static int class_node(struct translation *tr, const struct kube_node *node, enum weir_class class)
{
	int r = class_addrs(tr, node->internal_ips, node->n_internal_ips, class, false);

	return r ? r : class_addrs(tr, node->external_ips, node->n_external_ips, class, false);
}

/* A pod that has ended no longer owns its addresses. */
static bool has_addresses(const struct kube_pod *pod)
{
	return pod->phase != KUBE_POD_SUCCEEDED && pod->phase != KUBE_POD_FAILED;
}

/* Without a scheduler nobody fills in nodeName, but a cgroup of this node says the same. */
static bool is_here(const struct translation *tr, const struct kube_pod *pod)
{
	return *pod->node_name ? strcmp(pod->node_name, tr->node->name) == 0 : *pod->cgroup != 0;
}

static int class_pods(struct translation *tr, bool here)
{
	for (size_t i = 0; i < kube_set_len(tr->set, KUBE_POD); i++) {
		const struct kube_pod *pod = &kube_set_at(tr->set, KUBE_POD, i)->pod;

		if (!has_addresses(pod) || is_here(tr, pod) != here)
			continue;
		int r = class_addrs(tr, pod->ips, pod->n_ips,
				    here ? WEIR_CLASS_LOCAL : WEIR_CLASS_CLUSTER,
				    !pod->host_network);
		if (r < 0)
			return r;
	}
	return 0;
}

static int class_cluster(struct translation *tr)
{
	const struct services_node *own = tr->node;
	int r = class_cidrs(tr, own->cluster_cidrs, own->n_cluster_cidrs, WEIR_CLASS_CLUSTER, true);

	for (size_t i = 0; r == 0 && i < kube_set_len(tr->set, KUBE_NODE); i++) {
		const struct kube_node *node = &kube_set_at(tr->set, KUBE_NODE, i)->node;

		r = class_cidrs(tr, node->pod_cidrs, node->n_pod_cidrs, WEIR_CLASS_CLUSTER, true);
		if (r == 0)
			r = class_node(tr, node, WEIR_CLASS_CLUSTER);
	}
	return r ? r : class_pods(tr, false);
}

static int class_services(struct translation *tr)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < kube_set_len(tr->set, KUBE_CIDR); i++) {
		const struct kube_cidr *c = &kube_set_at(tr->set, KUBE_CIDR, i)->cidr;

		r = class_cidrs(tr, c->cidrs, c->n_cidrs, WEIR_CLASS_SERVICE, false);
	}
	return r;
}

static int class_local(struct translation *tr, const struct kube_object *self)
{
	/* what a pod says to itself is not billed as external */
	static const struct cidr loopback[] = {
		{ { { [10] = 0xff, [11] = 0xff, [12] = 127 } }, 104 },
		{ { { [15] = 1 } }, 128 },
	};
	int r = class_cidrs(tr, loopback, ARRAY_LEN(loopback), WEIR_CLASS_LOCAL, false);

	if (r == 0)
		r = class_addrs(tr, tr->node->addresses, tr->node->n_addresses, WEIR_CLASS_LOCAL,
				false);
	if (r == 0 && self)
		r = class_node(tr, &self->node, WEIR_CLASS_LOCAL);
	return r ? r : class_pods(tr, true);
}

/* A prefix keeps the class it has: what is nearer comes first. And what there is most of, the pods
 * of other nodes, comes last: if the table is full, it is they that their nodes' ranges stand for. */
static int add_classes(struct translation *tr, const struct kube_object *self)
{
	int r = class_local(tr, self);

	if (r == 0)
		r = class_services(tr);
	if (r == 0)
		r = class_cluster(tr);
	tell(tr, "address ranges");
	return r;
}

static const struct addr *first_of_family(const struct addr *addrs, size_t n, bool v4)
{
	for (size_t i = 0; i < n; i++)
		if (addr_is_v4(&addrs[i]) == v4)
			return &addrs[i];
	return NULL;
}

static int add_node(struct translation *tr, const struct kube_object *obj)
{
	const struct kube_node *node = &obj->node;
	int r = svc_node_add(tr->table, obj->meta.name,
			     first_of_family(node->internal_ips, node->n_internal_ips, true),
			     first_of_family(node->internal_ips, node->n_internal_ips, false),
			     &tr->last);

	return leave_out(tr, r);
}

/* Added first, so the addresses that are configured count. */
static int add_own_node(struct translation *tr)
{
	const struct services_node *own = tr->node;
	int r = own->dsr && own->n_addresses ?
			svc_node_add(tr->table, own->name,
				     first_of_family(own->addresses, own->n_addresses, true),
				     first_of_family(own->addresses, own->n_addresses, false),
				     &tr->last) :
			0;

	return leave_out(tr, r);
}

static int add_nodes(struct translation *tr)
{
	int r = add_own_node(tr);

	for (size_t i = 0; tr->node->dsr && r == 0 && i < kube_set_len(tr->set, KUBE_NODE); i++)
		r = add_node(tr, kube_set_at(tr->set, KUBE_NODE, i));
	tell(tr, "nodes");
	return r;
}

/* Those of a slice's endpoints. */
static int add_nodes_of(struct translation *tr, const struct kube_slice *slice)
{
	int r = add_own_node(tr);

	for (size_t i = 0; tr->node->dsr && r == 0 && i < slice->n_endpoints; i++) {
		const struct kube_object *obj =
			kube_set_find(tr->set, KUBE_NODE, "", slice->endpoints[i].node_name);

		if (obj)
			r = add_node(tr, obj);
	}
	return r;
}

static int add_node_addrs(const struct translation *tr)
{
	const struct services_node *node = tr->node;
	struct err first = {};
	size_t lost = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < node->n_port_addresses; i++) {
		r = svc_node_addr_add(tr->table, &node->port_addresses[i], lost ? NULL : &first);
		lost += r == -E2BIG;
		r = r == -E2BIG ? 0 : r;
	}
	if (lost && tr->left_out)
		tr->left_out(tr->arg, "node port addresses", lost, &first);
	return r;
}

static const char *zone_of(const struct services_node *node, const struct kube_object *self)
{
	if ((!node->zone || !*node->zone) && self)
		return self->node.zone;
	return node->zone;
}

static int add_one(struct translation *tr, const struct kube_object *obj)
{
	struct svc_service *s = NULL;
	size_t n;
	const struct kube_object *const *slices =
		kube_set_slices_of(tr->set, obj->meta.namespace, obj->meta.name, &n);
	int r = add_service(tr, obj, &s);

	for (size_t i = 0; r == 0 && s && i < n; i++) {
		if (!is_joined(&slices[i]->slice))
			continue;
		r = add_slice(tr, slices[i], s);
		if (r == 0)
			r = add_nodes_of(tr, &slices[i]->slice);
	}
	return r;
}

int services_translate_one(const struct kube_set *set, const struct services_node *node,
			   const char *ns, const char *name, struct svc_table **ret,
			   struct err *err)
{
	cleanup(svc_table_free) struct svc_table *table = NULL;
	const struct kube_object *obj = kube_set_find(set, KUBE_SERVICE, ns, name);
	struct translation tr = {
		.set = set,
		.node = node,
		.zone = zone_of(node, kube_set_find(set, KUBE_NODE, "", node->name)),
	};
	int r = obj && !node->off && is_proxied(&obj->service) ? svc_table_new(&table) : -ENOENT;

	tr.table = table;
	if (r == 0) {
		table->maglev = node->maglev;
		r = add_one(&tr, obj);
	}
	if (r == 0)
		r = add_node_addrs(&tr);
	if (r == 0 && tr.n_left_out)
		r = -E2BIG;
	if (r == 0)
		r = svc_select(table);
	if (r < 0)
		return err_errno(err, r, "translating Service %s/%s", ns, name);
	*ret = take_ptr(table);
	return 0;
}

int services_translate(const struct kube_set *set, const struct services_node *node,
		       services_left_out *left_out, void *arg, struct svc_table **ret,
		       struct err *err)
{
	cleanup(svc_table_free) struct svc_table *table = NULL;
	const struct kube_object *self = kube_set_find(set, KUBE_NODE, "", node->name);
	struct translation tr = {
		.set = set,
		.node = node,
		.zone = zone_of(node, self),
		.left_out = left_out,
		.arg = arg,
	};
	int r = svc_table_new(&table);

	tr.table = table;
	if (r == 0) {
		table->maglev = node->maglev;
		r = node->off ? 0 : add_services(&tr);
	}
	if (r == 0)
		r = add_nodes(&tr);
	if (r == 0)
		r = add_classes(&tr, self);
	if (r == 0)
		r = add_node_addrs(&tr);
	if (r == 0)
		r = svc_select(table);
	if (r < 0)
		return err_errno(err, r, "translating Services");
	*ret = take_ptr(table);
	return 0;
}
