/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoints a cluster IP uses on this node. After kube-proxy 1.36, pkg/proxy/topology.go. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
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
		p->endpoints[kept++].chosen = false;
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

static enum svc_result choose(struct svc_port *p, bool v4, bool local)
{
	struct survey s = survey(p, v4);
	bool any = false;

	for (size_t i = 0; i < p->n_endpoints; i++) {
		struct svc_endpoint *e = &p->endpoints[i];

		if (addr_is_v4(&e->addr) != v4 || !is_usable(e, &s, local))
			continue;
		e->chosen = true;
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

/* One cluster IP and port of one Service. */
struct claim {
	const struct addr *addr;
	struct svc_port *port;
	size_t vip, order;
};

static int claim_same(const struct claim *a, const struct claim *b)
{
	int r = addr_cmp(a->addr, b->addr);

	if (!r)
		r = cmp(a->port->port, b->port->port);
	return r ? r : cmp(a->port->proto, b->port->proto);
}

static int claim_cmp(const void *left, const void *right)
{
	const struct claim *a = left, *b = right;
	int r = claim_same(a, b);

	return r ? r : (a->order > b->order) - (a->order < b->order);
}

static size_t claims_collect(const struct svc_table *t, struct claim *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_services; i++) {
		struct svc_service *s = t->services[i];

		for (size_t k = 0; k < s->n_ports; k++)
			for (size_t v = 0; v < s->n_cluster_ips; v++, n++)
				if (ret)
					ret[n] = (struct claim){ &s->cluster_ips[v], s->ports[k], v,
								 n };
	}
	return n;
}

/* Marks the claims that come too late; all others are for choose(). */
static int conflicts_mark(const struct svc_table *t)
{
	cleanup(free_ptr) struct claim *claims = NULL;
	size_t n = claims_collect(t, NULL);

	claims = calloc(n ? n : 1, sizeof(*claims));
	if (!claims)
		return -ENOMEM;
	claims_collect(t, claims);
	qsort(claims, n, sizeof(*claims), claim_cmp);
	for (size_t i = 0; i < n; i++) {
		bool late = i && !claim_same(&claims[i - 1], &claims[i]);

		claims[i].port->result[claims[i].vip] = late ? SVC_CONFLICT : SVC_NOT_SERVED;
	}
	return 0;
}

static void service_select(struct svc_service *s)
{
	for (size_t i = 0; i < s->n_ports; i++) {
		struct svc_port *p = s->ports[i];

		endpoints_merge(p);
		for (size_t v = 0; v < s->n_cluster_ips; v++) {
			if (p->proto == SVC_SCTP || p->result[v] == SVC_CONFLICT)
				continue;
			p->result[v] = choose(p, addr_is_v4(&s->cluster_ips[v]), s->internal_local);
		}
	}
}

int svc_select(struct svc_table *t)
{
	int r;

	if (t->n_services)
		qsort(t->services, t->n_services, sizeof(struct svc_service *), service_cmp);
	r = conflicts_mark(t);
	if (r)
		return r;
	for (size_t i = 0; i < t->n_services; i++)
		service_select(t->services[i]);
	t->selected = true;
	return 0;
}
