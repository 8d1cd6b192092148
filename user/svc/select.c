/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoints an address uses on this node. After kube-proxy 1.36, pkg/proxy/topology.go. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "svc/front.h"
#include "svc/svc.h"

enum svc_hint svc_hint(const char *const *names, size_t n, const char *own)
{
	if (!n)
		return SVC_HINT_NONE;
	for (size_t i = 0; own && *own && i < n; i++)
		if (!strcmp(names[i], own))
			return SVC_HINT_HERE;
	return SVC_HINT_OTHER;
}

static int cmp(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int endpoint_where(const struct svc_endpoint *a, const struct svc_endpoint *b)
{
	int r = addr_cmp(&a->addr, &b->addr);

	return r ? r : cmp(a->port, b->port);
}

/* Of two with the same address and port the one to keep comes first: a running pod that was given
 * the address of a dying one must win. Beyond that any fixed order will do. */
static int endpoint_cmp(const void *left, const void *right)
{
	const struct svc_endpoint *a = left, *b = right;
	int r = endpoint_where(a, b);

	if (!r)
		r = cmp(a->terminating, b->terminating);
	if (!r)
		r = cmp(b->ready, a->ready);
	if (!r)
		r = cmp(b->serving, a->serving);
	if (!r)
		r = cmp(b->local, a->local);
	if (!r)
		r = strcmp(a->node, b->node);
	if (!r)
		r = strcmp(a->pod, b->pod);
	if (!r)
		r = cmp(a->node_hint, b->node_hint);
	return r ? r : cmp(a->zone_hint, b->zone_hint);
}

static void endpoints_merge(struct svc_port *p)
{
	size_t kept = 0;

	if (p->n_endpoints)
		qsort(p->endpoints, p->n_endpoints, sizeof(*p->endpoints), endpoint_cmp);
	for (size_t i = 0; i < p->n_endpoints; i++) {
		struct svc_endpoint *e = &p->endpoints[i];

		if (kept && !endpoint_where(&p->endpoints[kept - 1], e))
			continue;
		p->endpoints[kept] = *e;
		e = &p->endpoints[kept++];
		e->chosen = e->chosen_external = e->chosen_outside = false;
	}
	p->n_endpoints = kept;
}

/* What is known of the endpoints of one family before one is chosen. */
struct survey {
	bool ready, dying; /* some are ready; some serve while terminating */
	bool local_ready;
	bool node_missing, node_here; /* a ready one lacks node hints; one names this node */
	bool zone_missing, zone_here;
};

static bool is_dying(const struct svc_endpoint *e)
{
	return e->serving && e->terminating;
}

static struct survey survey(const struct svc_port *p, bool v4)
{
	struct survey s = {};

	for (size_t i = 0; i < p->n_endpoints; i++) {
		const struct svc_endpoint *e = &p->endpoints[i];

		if (addr_is_v4(&e->addr) != v4)
			continue;
		s.dying |= is_dying(e);
		if (!e->ready)
			continue;
		s.ready = true;
		s.local_ready |= e->local;
		s.node_missing |= e->node_hint == SVC_HINT_NONE;
		s.node_here |= e->node_hint == SVC_HINT_HERE;
		s.zone_missing |= e->zone_hint == SVC_HINT_NONE;
		s.zone_here |= e->zone_hint == SVC_HINT_HERE;
	}
	return s;
}

static bool is_usable(const struct svc_endpoint *e, const struct survey *s, bool local)
{
	if (local)
		return e->local && (s->local_ready ? e->ready : is_dying(e));
	if (!s->ready)
		return is_dying(e);
	if (!e->ready)
		return false;
	if (!s->node_missing && s->node_here)
		return e->node_hint == SVC_HINT_HERE;
	if (!s->zone_missing && s->zone_here)
		return e->zone_hint == SVC_HINT_HERE;
	return true;
}

/* Which of its marks an endpoint gets when it is chosen. */
typedef bool *mark_fn(struct svc_endpoint *e);

static bool *at_cluster_ip(struct svc_endpoint *e)
{
	return &e->chosen;
}

static bool *at_other_address(struct svc_endpoint *e)
{
	return &e->chosen_external;
}

static bool *from_outside(struct svc_endpoint *e)
{
	return &e->chosen_outside;
}

static enum svc_result choose(struct svc_port *p, bool v4, bool local, mark_fn *mark)
{
	struct survey s = survey(p, v4);
	bool any = false;

	for (size_t i = 0; i < p->n_endpoints; i++) {
		struct svc_endpoint *e = &p->endpoints[i];

		if (addr_is_v4(&e->addr) != v4 || !is_usable(e, &s, local))
			continue;
		*mark(e) = true;
		any = true;
	}
	if (any)
		return SVC_SERVING;
	return s.ready || s.dying ? SVC_DROPPED : SVC_REFUSED;
}

static int service_cmp(const void *left, const void *right)
{
	const struct svc_service *const *a = left, *const *b = right;
	int r = strcmp((*a)->ns, (*b)->ns);

	return r ? r : strcmp((*a)->name, (*b)->name);
}

static void port_select(struct svc_service *s, struct svc_port *p)
{
	enum svc_result inside[SVC_MAX_CLUSTER_IPS] = {}, outside[SVC_MAX_CLUSTER_IPS] = {};

	endpoints_merge(p);
	for (size_t v = 0; v < s->n_cluster_ips; v++) {
		bool v4 = addr_is_v4(&s->cluster_ips[v]);

		if (p->result[v] != SVC_CONFLICT)
			p->result[v] = choose(p, v4, s->internal_local, at_cluster_ip);
		if (!p->n_frontends)
			continue;
		inside[v] = choose(p, v4, false, at_other_address);
		outside[v] = choose(p, v4, s->external_local, from_outside);
	}
	for (size_t i = 0; i < p->n_frontends; i++) {
		struct svc_frontend *f = &p->frontends[i];

		if (f->result != SVC_CONFLICT) {
			f->result = inside[f->vip];
			f->outside = svc_frontend_is_host(f) ? SVC_NOT_SERVED : outside[f->vip];
		}
	}
}

int svc_select(struct svc_table *t)
{
	int r;

	if (t->n_services)
		qsort(t->services, t->n_services, sizeof(struct svc_service *), service_cmp);
	r = svc_frontends_make(t);
	if (r)
		return r;
	for (size_t i = 0; i < t->n_services; i++)
		for (size_t k = 0; k < t->services[i]->n_ports; k++)
			port_select(t->services[i], t->services[i]->ports[k]);
	t->selected = true;
	return 0;
}
