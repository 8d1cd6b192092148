/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world for the property of plans: random tables, what clients should meet in them, worked out without
 * the planner's help, and what they met before. VIPs of scope OUTSIDE stand for clients from outside.
 */
#pragma once

#include "svc/maglev.h"
#include "tests/unit/svc/bed.h"

static uint64_t rnd_state;

static inline uint32_t rnd(uint32_t below)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return (rnd_state >> 16) % below;
}

#define N_SERVICES 10
#define N_VIPS 512
#define N_PAST 4096
#define N_SERVING 1024

/* A frontend's value that was replaced, which a slow reader may still hold. */
struct past {
	struct weir_svc svc;
	struct seen seen;
	uint64_t until_ms;
};

struct world {
	struct bed bed;
	uint64_t seeds[N_SERVICES];
	struct weir_vip vips[N_VIPS];
	struct seen old[N_VIPS], new[N_VIPS];
	uint32_t ids[N_VIPS]; /* in the kernel before the round; 0: not there */
	size_t n_vips;
	struct past past[N_PAST];
	size_t n_past;
	struct weir_backend serving[N_SERVING]; /* that the table has, at ports that are served */
	size_t n_serving;
	uint32_t top_gen; /* of those that had slots */
};

static inline void world_endpoints(struct svc_table *t, struct svc_port *p, bool v6)
{
	static const char *const conditions[] = { "rs", "rsl",	"rsl",	"st",  "stl", "t",
						  "",	"rsNZ", "rsnz", "rsZ", "s",   "rs" };

	for (uint32_t n = rnd(7); n; n--) {
		char addr[ADDR_TEXT_MAX];

		snprintf(addr, sizeof(addr), v6 ? "fd01::%u" : "10.1.0.%u", 1 + rnd(9));
		endpoint(t, p, addr, 8080 + rnd(2), conditions[rnd(ARRAY_LEN(conditions))]);
	}
}

/* Addresses of its own, one that Services fight over, one without a cluster IP of its family. */
static inline void world_external(struct svc_service *s, uint32_t number)
{
	char text[ADDR_TEXT_MAX];

	for (uint32_t n = rnd(3); n; n--) {
		snprintf(text, sizeof(text), rnd(4) ? "203.0.113.%u" : "2001:db8::%u",
			 rnd(5) ? 10 * number + n : 1);
		if (rnd(2))
			external_ip(s, text);
		else
			ingress_ip(s, text);
	}
}

static inline void world_ranges(struct svc_service *s)
{
	static const char *const ranges[] = { "198.51.100.0/24", "198.51.100.128/25",
					      "198.51.100.1/32", "10.0.0.0/8",
					      "0.0.0.0/0",	 "2001:db8:9::/48",
					      "2001:db8:8::/47", "::/0" };

	for (uint32_t n = rnd(4); n; n--)
		source_range(s, ranges[rnd(ARRAY_LEN(ranges))]);
}

static inline void world_service(struct svc_table *t, uint32_t number)
{
	char name[16], addr[ADDR_TEXT_MAX];
	struct svc_service *s;

	if (!rnd(6))
		return; /* not there */
	snprintf(name, sizeof(name), "s%u", number);
	snprintf(addr, sizeof(addr), "10.%u.0.%u", rnd(9) ? 96 : 97, rnd(8) ? number + 1 : 1);
	s = service(t, name, addr);
	s->internal_local = !rnd(3);
	s->external_local = !rnd(3);
	s->affinity = !rnd(3);
	s->affinity_timeout_s = s->affinity ? 1 + rnd(2) : 0;
	if (rnd(2)) {
		snprintf(addr, sizeof(addr), "fd00::%u", number + 1);
		s->cluster_ips[s->n_cluster_ips++] = ip(addr);
	}
	world_external(s, number);
	world_ranges(s);
	for (uint32_t n = rnd(4), i = 0; i < n; i++) {
		struct svc_port *p = port(t, s, 80 + i, (enum svc_proto)(i % SVC_PROTO_MAX_));

		p->node_port = rnd(2) ? 30000 + rnd(N_SERVICES) : 0;
		world_endpoints(t, p, false);
		world_endpoints(t, p, true);
	}
}

/* A Service is what its seed says: one that keeps its seed stays the same. */
static inline struct svc_table *world_table(struct world *w)
{
	struct svc_table *t = table();
	uint64_t state = rnd_state;

	for (uint32_t i = 0; i < N_SERVICES; i++) {
		rnd_state = w->seeds[i];
		world_service(t, i);
	}
	rnd_state = w->seeds[0];
	if (rnd(2))
		class(t, "10.96.0.0/16", WEIR_CLASS_SERVICE);
	if (rnd(2))
		pods(t, rnd(2) ? "10.1.0.0/16" : "10.0.0.0/8");
	else
		class(t, "10.1.0.0/16", WEIR_CLASS_CLUSTER);
	t->maglev = rnd(2);
	node_addr(t, "127.0.0.1");
	node_addr(t, rnd(2) ? "192.0.2.1" : "2001:db8:1::1");
	class(t, "10.1.0.1/32", rnd(2) ? WEIR_CLASS_LOCAL : WEIR_CLASS_CLUSTER);
	rnd_state = state;
	assert_int_equal(svc_select(t), 0);
	return t;
}

static inline size_t world_vip(struct world *w, const struct weir_vip *v)
{
	size_t i = 0;

	while (i < w->n_vips && memcmp(&w->vips[i], v, sizeof(*v)))
		i++;
	assert_true(i < N_VIPS);
	w->vips[i] = *v;
	w->n_vips += i == w->n_vips;
	return i;
}

enum who { AT_CLUSTER_IP, AT_OTHERS, FROM_OUTSIDE };

static inline bool is_chosen(const struct svc_endpoint *e, enum who who)
{
	return who == AT_CLUSTER_IP ? e->chosen :
	       who == AT_OTHERS	    ? e->chosen_external :
				      e->chosen_outside;
}

/* What a dial should meet, worked out from the table without the planner's help. */
static inline struct seen wanted(const struct svc_service *s, const struct svc_port *p,
				 const struct addr *vip_addr, enum svc_result result, enum who who)
{
	struct seen seen = { .what = result == SVC_SERVING ? SEEN_SERVED :
				     result == SVC_DROPPED ? SEEN_DROPPED :
							     SEEN_REFUSED };

	if (result == SVC_SERVING)
		seen.affinity_s = s->affinity_timeout_s;
	for (size_t i = 0; result == SVC_SERVING && i < p->n_endpoints; i++) {
		struct weir_vip as_vip =
			vip_of(&p->endpoints[i].addr, p->endpoints[i].port, p->proto);

		if (!is_chosen(&p->endpoints[i], who) ||
		    addr_is_v4(&p->endpoints[i].addr) != addr_is_v4(vip_addr))
			continue;
		seen.backends[seen.n++] = (struct weir_backend){ .addr = as_vip.addr,
								 .port = as_vip.port,
								 .proto = as_vip.proto };
	}
	qsort(seen.backends, seen.n, sizeof(*seen.backends), model_backend_cmp);
	return seen;
}

static inline void expect(struct world *w, struct weir_vip key, const struct seen *inside,
			  const struct seen *outside)
{
	w->new[world_vip(w, &key)] = *inside;
	key.scope = WEIR_SCOPE_OUTSIDE;
	w->new[world_vip(w, &key)] = *outside;
}

/* Who may not come, as kube-proxy has it. */
static inline uint32_t shut(const struct svc_service *s, const struct svc_frontend *f)
{
	bool v4 = addr_is_v4(&f->addr);
	uint32_t all = 0, in = 0;
	size_t n = 0;

	for (size_t c = 0; c < MODEL_CLIENTS; c++) {
		struct addr client = ip(model_clients[c]);

		all |= addr_is_v4(&client) == v4 ? 1U << c : 0;
		for (size_t i = 0; i < s->n_source_ranges; i++)
			in |= cidr_has(&s->source_ranges[i], &client) ? 1U << c : 0;
	}
	for (size_t i = 0; i < s->n_source_ranges; i++)
		n += addr_is_v4(&s->source_ranges[i].addr) == v4;
	return f->kind == SVC_INGRESS && n ? all & ~in : 0;
}

static inline bool is_ranged(const struct svc_service *s, const struct svc_frontend *f)
{
	bool any = false;

	for (size_t i = 0; i < s->n_source_ranges; i++) {
		char text[CIDR_TEXT_MAX];

		cidr_format(&s->source_ranges[i], text);
		if (!strcmp(text, addr_is_v4(&f->addr) ? "0.0.0.0/0" : "::/0"))
			return false;
		any |= addr_is_v4(&s->source_ranges[i].addr) == addr_is_v4(&f->addr);
	}
	return f->kind == SVC_INGRESS && any;
}

/* With Maglev's table, where packets go; sockets go anywhere in the set. */
static inline void expect_ring(struct seen *seen)
{
	uint32_t size = maglev_size(seen->n);
	uint16_t entry[MAGLEV_MAX];

	if (!size || seen->what != SEEN_SERVED)
		return;
	seen->ring = size;
	assert_int_equal(maglev_fill(seen->backends, seen->n, size, entry), 0);
	for (uint32_t i = 0; i < MODEL_HASHES; i++)
		seen->hashed[i] = entry[model_hash(i) % size];
}

static inline void frontend_expect(struct world *w, const struct svc_service *s,
				   const struct svc_port *p, const struct svc_frontend *f,
				   bool maglev)
{
	struct seen inside = wanted(s, p, &f->addr, f->result, AT_OTHERS), outside = inside;
	struct addr any = ip(addr_is_v4(&f->addr) ? "0.0.0.0" : "::");
	bool host = f->kind == SVC_NODE && f->addr.b[12] == 127;

	if (f->kind == SVC_NODE)
		inside.flags |= WEIR_SVC_NODE;
	if (host)
		inside.flags |= WEIR_SVC_HOST;
	else if (!s->external_local)
		inside.flags |= WEIR_SVC_MASQ;
	if (maglev && !host)
		expect_ring(&inside);
	if (host || !s->external_local) {
		outside = inside;
	} else {
		outside = wanted(s, p, &f->addr, f->outside, FROM_OUTSIDE);
		outside.flags |= WEIR_SVC_KEEP;
		if (maglev)
			expect_ring(&outside);
	}
	inside.flags |= is_ranged(s, f) ? WEIR_SVC_RANGES : 0;
	outside.flags |= is_ranged(s, f) ? WEIR_SVC_RANGES : 0;
	inside.shut = outside.shut = shut(s, f);
	expect(w, vip_of(&f->addr, f->port, p->proto), &inside, &outside);
	if (f->kind != SVC_NODE)
		return;
	inside = (struct seen){ .what = SEEN_REFUSED, .flags = WEIR_SVC_NODE | WEIR_SVC_GUARD };
	expect(w, vip_of(&any, f->port, p->proto), &inside, &inside);
}

static inline void port_expect(struct world *w, const struct svc_service *s,
			       const struct svc_port *p, bool maglev)
{
	for (size_t v = 0; v < s->n_cluster_ips; v++) {
		const struct addr *a = &s->cluster_ips[v];
		struct seen seen = wanted(s, p, a, p->result[v], AT_CLUSTER_IP);

		if (p->result[v] != SVC_CONFLICT)
			expect(w, vip_of(a, p->port, p->proto), &seen, &seen);
	}
	for (size_t i = 0; i < p->n_frontends; i++)
		if (p->frontends[i].result != SVC_CONFLICT)
			frontend_expect(w, s, p, &p->frontends[i], maglev);
}

static inline void serving_add(struct world *w, const struct weir_backend *be)
{
	size_t i = 0;

	while (i < w->n_serving && model_backend_cmp(&w->serving[i], be))
		i++;
	assert_true(i < N_SERVING);
	w->serving[i] = *be;
	w->n_serving += i == w->n_serving;
}

static inline void serving_expect(struct world *w, const struct svc_service *s,
				  const struct svc_port *p)
{
	bool v4 = false, v6 = false;

	for (size_t v = 0; v < s->n_cluster_ips; v++)
		if (p->result[v] != SVC_CONFLICT)
			*(addr_is_v4(&s->cluster_ips[v]) ? &v4 : &v6) = true;
	for (size_t i = 0; i < p->n_frontends; i++)
		if (p->frontends[i].result != SVC_CONFLICT)
			*(addr_is_v4(&p->frontends[i].addr) ? &v4 : &v6) = true;
	for (size_t i = 0; i < p->n_endpoints; i++) {
		const struct svc_endpoint *e = &p->endpoints[i];
		struct weir_vip as_vip = vip_of(&e->addr, e->port, p->proto);

		if ((addr_is_v4(&e->addr) ? v4 : v6) && (e->ready || e->serving))
			serving_add(w, &(struct weir_backend){ .addr = as_vip.addr,
							       .port = as_vip.port,
							       .proto = as_vip.proto });
	}
}

static inline void world_expect(struct world *w, const struct svc_table *t)
{
	for (size_t i = 0; i < N_VIPS; i++)
		w->new[i] = (struct seen){ .what = SEEN_ABSENT };
	w->n_serving = 0;
	for (size_t i = 0; i < t->n_services; i++) {
		const struct svc_service *s = t->services[i];

		for (size_t k = 0; k < s->n_ports; k++) {
			port_expect(w, s, s->ports[k], t->maglev);
			serving_expect(w, s, s->ports[k]);
		}
	}
}
