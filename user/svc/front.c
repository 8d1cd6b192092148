/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/front.h"

#include <errno.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "svc/svc.h"

/* The place of the first cluster IP of the family; -1: the Service has none. */
static int family_of(const struct svc_service *s, const struct addr *a)
{
	for (size_t v = 0; v < s->n_cluster_ips; v++)
		if (addr_is_v4(&s->cluster_ips[v]) == addr_is_v4(a))
			return (int)v;
	return -1;
}

static bool is_any(const struct addr *a)
{
	static const struct addr any6, any4 = { { [10] = 0xff, [11] = 0xff } };

	return addr_eq(a, &any6) || addr_eq(a, &any4);
}

/* The same address twice, in one list or in two, is no conflict. */
static bool is_known(const struct svc_service *s, const struct svc_port *p, const struct addr *a,
		     uint16_t number)
{
	for (size_t v = 0; v < s->n_cluster_ips; v++)
		if (number == p->port && addr_eq(&s->cluster_ips[v], a))
			return true;
	for (size_t i = 0; i < p->n_frontends; i++)
		if (p->frontends[i].port == number && addr_eq(&p->frontends[i].addr, a))
			return true;
	return false;
}

static int add(const struct svc_service *s, struct svc_port *p, enum svc_kind kind,
	       const struct addr *addrs, size_t n, uint16_t number)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		struct svc_frontend f = { .kind = kind, .addr = addrs[i], .port = number };
		int vip = family_of(s, &addrs[i]);

		if (vip < 0 || is_any(&addrs[i]) || is_known(s, p, &addrs[i], number))
			continue;
		f.vip = (size_t)vip;
		r = svc_frontend_add(p, &f);
	}
	return r;
}

static int port_frontends(const struct svc_table *t, const struct svc_service *s,
			  struct svc_port *p)
{
	int r;

	free(p->frontends);
	p->frontends = NULL;
	p->n_frontends = 0;
	r = add(s, p, SVC_EXTERNAL_IP, s->external_ips, s->n_external_ips, p->port);
	if (!r)
		r = add(s, p, SVC_INGRESS, s->ingress_ips, s->n_ingress_ips, p->port);
	if (!r && p->node_port)
		r = add(s, p, SVC_NODE, t->node_addrs, t->n_node_addrs, p->node_port);
	return r;
}

/* One address and port of one Service. */
struct claim {
	const struct addr *addr;
	uint16_t port;
	enum svc_proto proto;
	enum svc_result *result;
	size_t order;
};

static int cmp(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int claim_same(const struct claim *a, const struct claim *b)
{
	int r = addr_cmp(a->addr, b->addr);

	if (!r)
		r = cmp(a->port, b->port);
	return r ? r : cmp(a->proto, b->proto);
}

static int claim_cmp(const void *left, const void *right)
{
	const struct claim *a = left, *b = right;
	int r = claim_same(a, b);

	return r ? r : cmp(a->order, b->order);
}

/* The cluster IPs of all Services, then all else: a cluster IP can't be taken by naming it. */
static size_t claims_collect(const struct svc_table *t, bool external, size_t n, struct claim *ret)
{
	for (size_t i = 0; i < t->n_services; i++) {
		struct svc_service *s = t->services[i];

		for (size_t k = 0; k < s->n_ports; k++) {
			struct svc_port *p = s->ports[k];

			for (size_t v = 0; !external && v < s->n_cluster_ips; v++, n++)
				if (ret)
					ret[n] = (struct claim){ &s->cluster_ips[v], p->port,
								 p->proto, &p->result[v], n };
			for (size_t f = 0; external && f < p->n_frontends; f++, n++)
				if (ret)
					ret[n] = (struct claim){ &p->frontends[f].addr,
								 p->frontends[f].port, p->proto,
								 &p->frontends[f].result, n };
		}
	}
	return n;
}

/* Marks the claims that come too late. */
static int conflicts_mark(const struct svc_table *t)
{
	size_t n = claims_collect(t, true, claims_collect(t, false, 0, NULL), NULL);
	cleanup(free_ptr) struct claim *claims = calloc(n ? n : 1, sizeof(*claims));

	if (!claims)
		return -ENOMEM;
	claims_collect(t, true, claims_collect(t, false, 0, claims), claims);
	qsort(claims, n, sizeof(*claims), claim_cmp);
	for (size_t i = 0; i < n; i++) {
		bool late = i && !claim_same(&claims[i - 1], &claims[i]);

		*claims[i].result = late ? SVC_CONFLICT : SVC_NOT_SERVED;
	}
	return 0;
}

bool svc_frontend_is_host(const struct svc_frontend *f)
{
	return f->kind == SVC_NODE && addr_is_v4(&f->addr) && f->addr.b[12] == 127;
}

int svc_frontends_make(struct svc_table *t)
{
	for (size_t i = 0; i < t->n_services; i++)
		for (size_t k = 0; k < t->services[i]->n_ports; k++)
			if (port_frontends(t, t->services[i], t->services[i]->ports[k]))
				return -ENOMEM;
	return conflicts_mark(t);
}
