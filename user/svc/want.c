/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/want.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "svc/front.h"
#include "svc/maglev.h"
#include "svc/svc.h"

int svc_vip_cmp(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct weir_vip)); /* padding is zero, numbers are big-endian */
}

int svc_backend_cmp(const void *a, const void *b)
{
	return memcmp(a, b, offsetof(struct weir_backend, gone));
}

int svc_dp_backend_cmp(const void *left, const void *right)
{
	const struct dp_backend *a = left, *b = right;
	int r = svc_backend_cmp(&a->be, &b->be);

	return r ? r : (a->id > b->id) - (a->id < b->id);
}

int svc_class_cmp(const void *a, const void *b)
{
	const struct dp_class *left = a, *right = b;

	return memcmp(&left->prefix, &right->prefix, sizeof(left->prefix));
}

int svc_range_cmp(const void *a, const void *b)
{
	const struct weir_range *left = a, *right = b;
	int r = (left->svc > right->svc) - (left->svc < right->svc);

	if (!r)
		r = memcmp(&left->addr, &right->addr, sizeof(left->addr));
	return r ? r : (left->bits > right->bits) - (left->bits < right->bits);
}

struct weir_addr svc_kernel_addr(const struct addr *a)
{
	struct weir_addr ret;

	memcpy(&ret, a->b, sizeof(ret));
	return ret;
}

static uint8_t proto_number(enum svc_proto p)
{
	return p == SVC_SCTP ? IPPROTO_SCTP : p == SVC_UDP ? IPPROTO_UDP : IPPROTO_TCP;
}

static bool is_wanted(enum svc_result r)
{
	return r == SVC_SERVING || r == SVC_REFUSED || r == SVC_DROPPED;
}

static struct weir_backend backend_of(const struct svc_port *p, const struct svc_endpoint *e)
{
	return (struct weir_backend){
		.addr = svc_kernel_addr(&e->addr),
		.port = htons(e->port),
		.proto = proto_number(p->proto),
	};
}

/* How much there may be; all of it is not used when sets are shared. */
static int count(struct svc_want *w, const struct svc_service *s)
{
	for (size_t k = 0; k < s->n_ports; k++) {
		const struct svc_port *p = s->ports[k];

		w->n_frontends += 2 * s->n_cluster_ips + 2 * p->n_frontends; /* guards, scopes */
		w->n_backends += p->n_endpoints * s->n_cluster_ips;
		w->n_refs += p->n_endpoints * s->n_cluster_ips * (p->n_frontends ? 3 : 1);
	}
	return w->n_refs > UINT32_MAX ? -E2BIG : 0;
}

static uint32_t flags_of(const struct svc_service *s, enum svc_result result)
{
	if (result == SVC_DROPPED)
		return WEIR_SVC_DROP;
	return result == SVC_SERVING && s->affinity ? WEIR_SVC_AFFINITY : 0;
}

static struct weir_vip vip_of(const struct addr *a, uint16_t number, enum svc_proto proto)
{
	return (struct weir_vip){
		.addr = svc_kernel_addr(a),
		.port = htons(number),
		.proto = proto_number(proto),
	};
}

/* References of one set, in the order of endpoints. */
struct set {
	uint32_t first, n;
};

/* What one port has for one family: backends from `first` on, and sets of them. */
struct family {
	const struct svc_port *port;
	bool v4;
	uint32_t first;
	struct set sets[3];
	size_t n_sets;
};

static bool serves(const struct family *f, const struct svc_endpoint *e)
{
	return addr_is_v4(&e->addr) == f->v4 && (e->ready || e->serving);
}

static struct family family_collect(struct svc_want *w, const struct svc_port *p, bool v4)
{
	struct family f = { .port = p, .v4 = v4, .first = w->n_backends };

	for (size_t i = 0; i < p->n_endpoints; i++)
		if (serves(&f, &p->endpoints[i]))
			w->backends[w->n_backends++] = backend_of(p, &p->endpoints[i]);
	return f;
}

/* Is it of the set? */
typedef bool choice_fn(const struct svc_endpoint *e);

static bool is_chosen(const struct svc_endpoint *e)
{
	return e->chosen;
}

static bool is_chosen_external(const struct svc_endpoint *e)
{
	return e->chosen_external;
}

static bool is_chosen_outside(const struct svc_endpoint *e)
{
	return e->chosen_outside;
}

/* One that is there already, if it is the same. What is chosen serves. */
static struct set set_collect(struct svc_want *w, struct family *f, choice_fn *is_in)
{
	struct set set = { .first = w->n_refs };
	uint32_t backend = f->first;

	for (size_t i = 0; i < f->port->n_endpoints; i++) {
		const struct svc_endpoint *e = &f->port->endpoints[i];

		if (!serves(f, e))
			continue;
		if (is_in(e))
			w->refs[w->n_refs++] = backend;
		backend++;
	}
	set.n = w->n_refs - set.first;
	for (size_t i = 0; i < f->n_sets; i++)
		if (f->sets[i].n == set.n &&
		    !memcmp(&w->refs[f->sets[i].first], &w->refs[set.first],
			    set.n * sizeof(*w->refs))) {
			w->n_refs = set.first;
			return f->sets[i];
		}
	return f->sets[f->n_sets++] = set;
}

/* The frontends of clients that come through the node, of which several nodes may have a part. */
#define MET_BY_PACKETS (WEIR_SVC_MASQ | WEIR_SVC_OUTSIDE | WEIR_SVC_KEEP)

static void frontend_add(struct svc_want *w, const struct svc_service *s,
			 const struct weir_vip *vip, const struct weir_vip *lead,
			 enum svc_result result, uint32_t flags, struct set set)
{
	struct svc_want_frontend *f = &w->frontends[w->n_frontends++];

	*f = (struct svc_want_frontend){
		.vip = *vip,
		.lead = *lead,
		.service = s,
		.flags = flags | flags_of(s, result),
		.first = set.first,
		.n = result == SVC_SERVING ? set.n : 0,
	};
	if (f->flags & WEIR_SVC_AFFINITY)
		f->affinity_s = s->affinity_timeout_s;
	if (w->maglev && f->flags & MET_BY_PACKETS)
		f->ring = maglev_size(f->n);
}

/* A bind to all addresses takes a node port's as well; this frontend is there to be found by it. */
static void guard_add(struct svc_want *w, const struct svc_service *s, const struct svc_port *p,
		      bool v4)
{
	static const struct addr any6, any4 = { { [10] = 0xff, [11] = 0xff } };
	struct weir_vip vip = vip_of(v4 ? &any4 : &any6, p->node_port, p->proto);

	frontend_add(w, s, &vip, &vip, SVC_REFUSED, WEIR_SVC_NODE | WEIR_SVC_GUARD, (struct set){});
}

/* As kube-proxy reads loadBalancerSourceRanges: those of the other family don't count, and without any
 * of the family, or with one that has all its addresses, everybody may come. */
static bool is_ranged(const struct svc_service *s, bool v4)
{
	bool any = false;

	for (size_t i = 0; i < s->n_source_ranges; i++) {
		const struct cidr *c = &s->source_ranges[i];

		if (addr_is_v4(&c->addr) != v4)
			continue;
		if (c->bits == (v4 ? 96 : 0))
			return false;
		any = true;
	}
	return any;
}

/* Who may come, who keeps his address when packets of his come through the node, and who uses another
 * frontend. */
static uint32_t flags_of_frontend(const struct svc_service *s, const struct svc_frontend *f)
{
	uint32_t flags = f->kind == SVC_NODE ? WEIR_SVC_NODE : 0;

	if (svc_frontend_is_host(f))
		return flags | WEIR_SVC_HOST;
	if (f->kind == SVC_INGRESS && is_ranged(s, addr_is_v4(&f->addr)))
		flags |= WEIR_SVC_RANGES;
	return flags | (s->external_local ? WEIR_SVC_OUTSIDE : WEIR_SVC_MASQ);
}

/* What a port answers with at addresses other than its cluster IP. */
struct answers {
	const struct weir_vip *lead; /* the cluster IP; NULL: another Service has it */
	struct set inside, outside;
};

static void external_add(struct svc_want *w, const struct svc_service *s, const struct svc_port *p,
			 const struct svc_frontend *f, const struct answers *a)
{
	struct weir_vip vip = vip_of(&f->addr, f->port, p->proto), outside = vip;
	const struct weir_vip *lead = a->lead ? a->lead : &vip;
	uint32_t flags = flags_of_frontend(s, f);

	frontend_add(w, s, &vip, lead, f->result, flags, a->inside);
	if (!(flags & WEIR_SVC_OUTSIDE))
		return;
	outside.scope = WEIR_SCOPE_OUTSIDE;
	frontend_add(w, s, &outside, lead, f->outside, WEIR_SVC_KEEP | (flags & WEIR_SVC_RANGES),
		     a->outside);
}

static bool answers_beside(const struct svc_port *p, size_t v)
{
	for (size_t i = 0; i < p->n_frontends; i++)
		if (p->frontends[i].vip == v && is_wanted(p->frontends[i].result))
			return true;
	return false;
}

/* A port at one cluster IP, and at the other addresses that go with it. */
static void collect(struct svc_want *w, const struct svc_service *s, const struct svc_port *p,
		    size_t v)
{
	struct weir_vip own = vip_of(&s->cluster_ips[v], p->port, p->proto);
	struct answers answers = { .lead = is_wanted(p->result[v]) ? &own : NULL };
	bool beside = answers_beside(p, v), guarded = false;
	struct family family;

	if (!answers.lead && !beside)
		return;
	family = family_collect(w, p, addr_is_v4(&s->cluster_ips[v]));
	if (answers.lead)
		frontend_add(w, s, &own, &own, p->result[v], 0, set_collect(w, &family, is_chosen));
	if (!beside)
		return;
	answers.inside = set_collect(w, &family, is_chosen_external);
	if (s->external_local)
		answers.outside = set_collect(w, &family, is_chosen_outside);
	for (size_t i = 0; i < p->n_frontends; i++) {
		const struct svc_frontend *f = &p->frontends[i];

		if (f->vip != v || !is_wanted(f->result))
			continue;
		if (f->kind == SVC_NODE && !guarded)
			guard_add(w, s, p, family.v4);
		guarded |= f->kind == SVC_NODE;
		external_add(w, s, p, f, &answers);
	}
}

/* From one backend for each port that it serves to distinct ones. */
static int backends_share(struct svc_want *w)
{
	cleanup(free_ptr) struct weir_backend *all = w->backends;
	cleanup(free_ptr) uint32_t *where = calloc(w->n_backends + 1, sizeof(*where));
	size_t n = w->n_backends, kept = 0;

	w->backends = malloc((n + 1) * sizeof(*all));
	if (!where || !w->backends)
		return -ENOMEM;
	memcpy(w->backends, all, n * sizeof(*all));
	qsort(w->backends, n, sizeof(*all), svc_backend_cmp);
	for (size_t i = 0; i < n; i++)
		if (!kept || svc_backend_cmp(&w->backends[kept - 1], &w->backends[i]))
			w->backends[kept++] = w->backends[i];
	w->n_backends = kept;
	for (size_t i = 0; i < n; i++) {
		const struct weir_backend *at =
			bsearch(&all[i], w->backends, kept, sizeof(*all), svc_backend_cmp);

		where[i] = at - w->backends;
	}
	for (size_t i = 0; i < w->n_refs; i++)
		w->refs[i] = where[w->refs[i]];
	return 0;
}

static bool is_service_addr(const struct svc_table *t, const struct addr *a)
{
	for (size_t i = 0; i < t->n_classes; i++)
		if (t->classes[i].class == WEIR_CLASS_SERVICE && cidr_has(&t->classes[i].prefix, a))
			return true;
	return false;
}

static void class_add(struct svc_want *w, const struct addr *a, uint8_t bits, uint32_t class)
{
	w->classes[w->n_classes++] = (struct dp_class){
		.prefix = { .bits = bits, .addr = svc_kernel_addr(a) },
		.class = class,
	};
}

static int classes_collect(struct svc_want *w, const struct svc_table *t)
{
	size_t kept = 0;

	w->classes =
		calloc(t->n_classes + t->n_services * SVC_MAX_CLUSTER_IPS + 1, sizeof(*w->classes));
	if (!w->classes)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_classes; i++)
		class_add(w, &t->classes[i].prefix.addr, t->classes[i].prefix.bits,
			  t->classes[i].class | (t->classes[i].pod ? WEIR_CLASS_POD : 0));
	for (size_t i = 0; i < t->n_services; i++)
		for (size_t v = 0; v < t->services[i]->n_cluster_ips; v++)
			if (!is_service_addr(t, &t->services[i]->cluster_ips[v]))
				class_add(w, &t->services[i]->cluster_ips[v], 128,
					  WEIR_CLASS_SERVICE);

	qsort(w->classes, w->n_classes, sizeof(*w->classes), svc_class_cmp);
	for (size_t i = 0; i < w->n_classes; i++) {
		struct dp_class *last = kept ? &w->classes[kept - 1] : NULL;

		if (last && !svc_class_cmp(last, &w->classes[i]))
			last->class = WEIR_CLASS_SERVICE; /* a cluster IP is one, whatever else */
		else
			w->classes[kept++] = w->classes[i];
	}
	w->n_classes = kept;
	return 0;
}

/* Into ret, unless that is NULL; returns how many. */
static size_t ranges_of(const struct svc_want_frontend *f, uint32_t id, struct weir_range *ret)
{
	const struct svc_service *s = f->service;
	size_t n = 0;
	struct addr vip;

	if (!(f->flags & WEIR_SVC_RANGES))
		return 0;
	memcpy(vip.b, &f->vip.addr, sizeof(vip.b));
	for (size_t i = 0; i < s->n_source_ranges; i++) {
		const struct cidr *c = &s->source_ranges[i];

		if (addr_is_v4(&c->addr) != addr_is_v4(&vip))
			continue;
		if (ret)
			ret[n] = (struct weir_range){ .bits = 32 + c->bits,
						      .svc = id,
						      .addr = svc_kernel_addr(&c->addr) };
		n++;
	}
	return n;
}

int svc_want_ranges(const struct svc_want *w, const uint32_t *ids, struct weir_range **ret,
		    size_t *ret_n)
{
	struct weir_range *all;
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < w->n_frontends; i++)
		n += ids[i] ? ranges_of(&w->frontends[i], ids[i], NULL) : 0;
	all = calloc(n + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < w->n_frontends; i++)
		n += ids[i] ? ranges_of(&w->frontends[i], ids[i], all + n) : 0;
	qsort(all, n, sizeof(*all), svc_range_cmp);
	for (size_t i = 0; i < n; i++)
		if (!kept || svc_range_cmp(&all[kept - 1], &all[i]))
			all[kept++] = all[i];
	*ret = all;
	*ret_n = kept;
	return 0;
}

static int want_fill(struct svc_want *w, const struct svc_table *t)
{
	int r = 0;

	for (size_t i = 0; !r && i < t->n_services; i++)
		r = count(w, t->services[i]);
	if (r)
		return r;
	w->frontends = calloc(w->n_frontends + 1, sizeof(*w->frontends));
	w->backends = calloc(w->n_backends + 1, sizeof(*w->backends));
	w->refs = calloc(w->n_refs + 1, sizeof(*w->refs));
	if (!w->frontends || !w->backends || !w->refs)
		return -ENOMEM;
	w->n_frontends = w->n_backends = w->n_refs = 0;
	for (size_t i = 0; i < t->n_services; i++)
		for (size_t k = 0; k < t->services[i]->n_ports; k++)
			for (size_t v = 0; v < t->services[i]->n_cluster_ips; v++)
				collect(w, t->services[i], t->services[i]->ports[k], v);
	qsort(w->frontends, w->n_frontends, sizeof(*w->frontends), svc_vip_cmp);
	r = backends_share(w);
	if (!r)
		r = classes_collect(w, t);
	return r ? r : svc_want_homes(w, t);
}

int svc_want_init(struct svc_want *w, const struct svc_table *t)
{
	struct svc_want filled = { .maglev = t->maglev };
	int r;

	if (!t->selected)
		return -EINVAL;
	r = want_fill(&filled, t);
	if (r)
		svc_want_fini(&filled);
	else
		*w = filled;
	return r;
}

void svc_want_fini(struct svc_want *w)
{
	free(w->frontends);
	free(w->backends);
	free(w->refs);
	free(w->classes);
	free(w->homes);
	*w = (struct svc_want){};
}
