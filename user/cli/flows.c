/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/flows.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "dp/dp.h"

#define NS_PER_S 1000000000ULL

/* The kernel stamps while it is read: what is later than now is now. */
static uint64_t since(uint64_t then, uint64_t now)
{
	return then < now ? now - then : 0;
}

/* ---- Connections ----------------------------------------------------------------------------- */

struct conn_state {
	const char *name;
	uint32_t proto, mask, set, limit_s;
};

static const struct conn_state conn_states[] = {
#define X(name, proto, mask, set, limit_s) { name, proto, mask, set, limit_s },
	WEIR_CONN_STATES(X)
#undef X
};

static const struct conn_state *conn_state(const struct weir_conn *c)
{
	const struct conn_state *s = conn_states;

	while ((s->proto && s->proto != c->to.proto) || (c->flags & s->mask) != s->set)
		s++; /* the last one fits all */
	return s;
}

bool flow_of_conn(const struct dp_conn *c, uint64_t now, struct flow *ret)
{
	const struct conn_state *state = conn_state(&c->conn);
	uint64_t idle = since(c->conn.seen, now);

	if (c->conn.flags & WEIR_CONN_REPLY || idle > state->limit_s * NS_PER_S)
		return false;
	*ret = (struct flow){
		.from = c->from,
		.to = c->conn.to,
		.state = state->name,
		.svc = c->conn.svc,
		.backend = c->conn.backend,
		.age_s = since(c->conn.since_s, now / NS_PER_S),
		.idle_s = idle / NS_PER_S,
		.away = c->conn.flags & WEIR_CONN_AWAY,
		.node = c->conn.next,
		.from_node = c->conn.flags & WEIR_CONN_FROM_NODE,
	};
	return true;
}

/* ---- Sockets --------------------------------------------------------------------------------- */

static const char *sock_state(uint8_t state)
{
	switch (state) {
	case TCP_SYN_SENT:
	case TCP_SYN_RECV:
		return "syn";
	case TCP_ESTABLISHED:
		return "established";
	case TCP_CLOSE:
		return "closed";
	default:
		return "closing";
	}
}

void flow_of_sock(const struct weir_sock *s, uint64_t now, struct flow *ret)
{
	const struct weir_vip *vip = &s->flow.vip;
	const struct weir_backend *be = &s->flow.backend;

	*ret = (struct flow){
		.from = { s->addr, vip->addr, s->port, vip->port, vip->proto, {} },
		.to = { s->addr, be->addr, s->port, be->port, vip->proto, {} },
		.state = sock_state(s->state),
		.svc = s->flow.svc,
		.backend = s->flow.backend_id,
		.age_s = since(s->flow.since, now) / NS_PER_S,
		.cookie = s->cookie,
		.cgroup = s->cgroup,
	};
}

/* ---- Both ------------------------------------------------------------------------------------ */

bool flow_is_masked(const struct flow *f)
{
	return f->from.sport != f->to.sport ||
	       memcmp(&f->from.src, &f->to.src, sizeof(f->to.src)) != 0;
}

static int by_id(const void *key, const void *element)
{
	uint32_t id = *(const uint32_t *)key, other = ((const struct dp_backend *)element)->id;

	return (id > other) - (id < other);
}

bool flow_is_draining(const struct flow *f, const struct dp_backend *backends, size_t n)
{
	const struct dp_backend *b = NULL;

	if (n > 0) /* of none there need be no array */
		b = bsearch(&f->backend, backends, n, sizeof(*b), by_id);
	if (f->from_node)
		return false;
	/* an id may be given to another backend */
	return !b || b->be.gone || b->be.proto != f->to.proto || b->be.port != f->to.dport ||
	       memcmp(&b->be.addr, &f->to.dst, sizeof(f->to.dst)) != 0;
}

/* Each is made of bytes in network order, so that memcmp() is an order of numbers. */
static int tuple_cmp(const struct weir_tuple *a, const struct weir_tuple *b)
{
	int r = memcmp(&a->dst, &b->dst, sizeof(a->dst));

	if (!r)
		r = memcmp(&a->dport, &b->dport, sizeof(a->dport));
	if (!r)
		r = a->proto - b->proto;
	if (!r)
		r = memcmp(&a->src, &b->src, sizeof(a->src));
	return r ? r : memcmp(&a->sport, &b->sport, sizeof(a->sport));
}

int flow_cmp(const void *left, const void *right)
{
	const struct flow *a = left, *b = right;
	int r = tuple_cmp(&a->from, &b->from);

	return r ? r : (a->cookie > b->cookie) - (a->cookie < b->cookie);
}

size_t flows_sort(struct flow *flows, size_t n)
{
	size_t kept = 0;

	qsort(flows, n, sizeof(*flows), flow_cmp);
	for (size_t i = 0; i < n; i++)
		if (!kept || !flows[i].cookie || flows[i].cookie != flows[kept - 1].cookie)
			flows[kept++] = flows[i];
	return kept;
}

int flows_read(struct dp *dp, uint64_t now, struct flow **ret, size_t *ret_n, struct err *err)
{
	cleanup(free_ptr) struct weir_sock *socks = NULL;
	cleanup(free_ptr) struct dp_conn *conns = NULL;
	cleanup(free_ptr) struct flow *flows = NULL;
	size_t n_conns = 0, n_socks = 0, n = 0;
	int rc = dp_conns(dp, &conns, &n_conns, err);

	if (rc == 0)
		rc = dp_socks(dp, &socks, &n_socks, err);
	if (rc < 0)
		return rc;
	flows = calloc(n_conns + n_socks + 1, sizeof(*flows));
	if (!flows)
		return err_errno(err, -ENOMEM, "reading flows");
	for (size_t i = 0; i < n_conns; i++)
		n += flow_of_conn(&conns[i], now, &flows[n]);
	for (size_t i = 0; i < n_socks; i++)
		flow_of_sock(&socks[i], now, &flows[n++]);
	*ret_n = flows_sort(flows, n);
	*ret = take_ptr(flows);
	return 0;
}
