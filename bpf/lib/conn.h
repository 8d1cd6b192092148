/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connections that the node translates on their way: two entries of weir_conn each, so that a packet
 * of either direction finds what becomes of it by one look-up.
 *
 *	{client -> VIP}           to {client or node -> backend}
 *	{backend -> client/node}  to {VIP -> client}              REPLY
 *
 * By direct server return (lib/dsr.h) the first node has the first entry alone (AWAY), and the backend's
 * node has both. The first never sees an answer: there a connection counts as answered once its client
 * says more than the first packet, as ended once the client ends it, and each SYN may begin another.
 *
 * The table is an LRU: the kernel evicts what is unused longest, either entry by itself. So each second
 * a connection's packets put the other entry back, if it is missing, and keep it young. The same look
 * asks whether the backend still serves. Answered connections keep theirs, but for UDP, which has no
 * end of its own; all others choose anew.
 *
 * Nobody sweeps the table: an entry whose time is over (WEIR_CONN_STATES) is treated as absent by whoever
 * meets it.
 *
 * Values are changed in place by several CPUs. Only the next hop is more than a word: while a route
 * changes, a packet may go to the old device with the new neighbour, or the other way round.
 */
#pragma once

#include "bpf/lib/dsr.h"
#include "bpf/lib/lb.h"
#include "bpf/lib/pkt.h"
#include "bpf/lib/route.h"

#define CONN_NS_PER_S 1000000000ULL
#define CONN_CHECK_NS CONN_NS_PER_S
#define CONN_PORT_TRIES 64

/* What a program works on; one for each CPU, since it does not fit the stack. */
struct conn_work {
	struct pkt p;
	struct lb_choice choice;
	struct weir_conn there, back;
	struct weir_tuple key;
	__u32 from_node; /* another node sent it on, and made the choice */
};

struct {
	MAP(PERCPU_ARRAY, 1, 0);
	__type(key, __u32);
	__type(value, struct conn_work);
} weir_work SEC(".maps");

/* For each function that is not inlined to ask for: what it is handed is no key to Linux 6.1. */
static __always_inline struct conn_work *conn_work(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&weir_work, &zero);
}

static __always_inline __u32 conn_limit_s(const struct weir_conn *c)
{
	__u32 proto = c->to.proto, flags = c->flags;

#define X(name, of, mask, set, limit_s)                            \
	if ((!(of) || proto == (of)) && (flags & (mask)) == (set)) \
		return limit_s;
	WEIR_CONN_STATES(X)
#undef X
	return 0;
}

static __always_inline bool conn_is_over(const struct weir_conn *c, __u64 now)
{
	return (__s64)(now - c->seen) > (__s64)(conn_limit_s(c) * CONN_NS_PER_S);
}

/* All ends that are seen here have closed it, so its addresses and ports may begin another. */
static __always_inline bool conn_is_closed(const struct weir_conn *c)
{
	__u32 fins = c->flags & WEIR_CONN_AWAY ? WEIR_CONN_FIN : WEIR_CONN_FINS;

	return c->flags & WEIR_CONN_RST || (c->flags & fins) == fins;
}

static __always_inline bool tuple_same(const struct weir_tuple *a, const struct weir_tuple *b)
{
	return addr_same(&a->src, &b->src) && addr_same(&a->dst, &b->dst) && a->sport == b->sport &&
	       a->dport == b->dport && a->proto == b->proto;
}

/* The other entry of the one at t; NULL: evicted, or its key is another connection's by now. */
static __always_inline struct weir_conn *conn_other(const struct weir_tuple *t,
						    const struct weir_conn *c)
{
	struct weir_tuple key = tuple_back(&c->to), to = tuple_back(t);
	struct weir_conn *other = bpf_map_lookup_elem(&weir_conn, &key);

	return other && tuple_same(&other->to, &to) ? other : NULL;
}

static __always_inline void conn_forget(const struct weir_tuple *t, const struct weir_conn *c)
{
	struct weir_tuple key = tuple_back(&c->to);

	if (conn_other(t, c))
		bpf_map_delete_elem(&weir_conn, &key);
	bpf_map_delete_elem(&weir_conn, t);
}

static __always_inline struct weir_conn *conn_find(const struct pkt *p, __u64 now)
{
	struct weir_conn *c = bpf_map_lookup_elem(&weir_conn, &p->t);

	if (!c || (!conn_is_over(c, now) && !(tcp_opens(p) && conn_is_closed(c))))
		return c;
	conn_forget(&p->t, c);
	return NULL;
}

/* What the packet says of its connection, on both entries. What goes on after a reset was not. */
static __always_inline void conn_note(const struct pkt *p, struct weir_conn *c, __u64 now)
{
	bool reply = c->flags & WEIR_CONN_REPLY;
	__u32 add = reply ? WEIR_CONN_ANSWERED : 0, drop = 0;
	struct weir_conn *other;

	c->seen = now;
	if (c->flags & WEIR_CONN_AWAY && !tcp_opens(p))
		add |= WEIR_CONN_ANSWERED;
	if (p->tcp_flags & TCP_FIN)
		add |= reply ? WEIR_CONN_FIN_REPLY : WEIR_CONN_FIN;
	if (p->tcp_flags & TCP_RST)
		add |= WEIR_CONN_RST;
	else
		drop = WEIR_CONN_RST;
	if ((c->flags & (add | drop)) == add)
		return;
	c->flags = (c->flags | add) & ~drop;
	other = conn_other(&p->t, c);
	if (other)
		other->flags = (other->flags | add) & ~drop;
}

/* Does the connection end with its backend? */
static __always_inline bool conn_is_bound(const struct pkt *p, const struct weir_conn *c)
{
	return c->to.proto != IPPROTO_UDP && c->flags & WEIR_CONN_ANSWERED &&
	       !(c->flags & WEIR_CONN_AWAY && tcp_opens(p));
}

/* Does the backend of a client's packet still serve the Service? */
static __always_inline bool conn_serves(const struct pkt *p, const struct weir_conn *c)
{
	struct weir_vip vip = { .addr = p->t.dst, .port = p->t.dport, .proto = p->t.proto };
	__u32 id = c->backend;
	const struct weir_backend *be = bpf_map_lookup_elem(&weir_backend, &id);

	return be && be->proto && !be->gone && be->port == c->to.dport &&
	       addr_same(&be->addr, &c->to.dst) && bpf_map_lookup_elem(&weir_svc, &vip);
}

static __always_inline __u32 conn_epoch(void)
{
	__u32 zero = 0;
	const struct weir_ctl *ctl = bpf_map_lookup_elem(&weir_ctl, &zero);

	return ctl ? *(volatile __u32 *)&ctl->epoch : 0;
}

/* Is the backend the one that the node named which sent the packet on? */
static __always_inline bool conn_is_named(const struct conn_work *w, const struct weir_conn *c)
{
	return w->choice.be.port == c->to.dport && addr_same(&w->choice.be.addr, &c->to.dst);
}

/* Does the other node still have the backend, and take packets? One that nothing is known of any more goes
 * on: the mode was changed. */
static __always_inline bool conn_is_there(const struct weir_conn *c, __u64 now)
{
	struct weir_addr backend = c->to.dst, node = c->next;
	const struct weir_addr *home = bpf_map_lookup_elem(&weir_home, &backend);

	return (!home || addr_same(home, &node)) && !dsr_refuses(&node, now);
}

/* Does a client's packet go where the ones before it went? */
static __always_inline bool conn_goes_on(const struct conn_work *w, const struct weir_conn *c,
					 __u64 now)
{
	if (w->from_node)
		return conn_is_named(w, c);
	return conn_serves(&w->p, c) && (!(c->flags & WEIR_CONN_AWAY) || conn_is_there(c, now));
}

static __always_inline bool conn_is_due(const struct conn_work *w, const struct weir_conn *c,
					__u64 now)
{
	if (now - c->checked > CONN_CHECK_NS || c->epoch != conn_epoch())
		return true;
	return w->from_node ? !conn_is_named(w, c) : c->flags & WEIR_CONN_AWAY && tcp_opens(&w->p);
}

/* Keeps the other entry; -ESTALE: it is another connection's by now. */
static __always_inline int conn_keep(struct conn_work *w, struct weir_conn *c, __u64 now)
{
	struct weir_conn *other = conn_other(&w->p.t, c);
	long r;

	if (other) {
		other->seen = now;
		return 0;
	}
	w->back = (struct weir_conn){
		.to = tuple_back(&w->p.t),
		.seen = now,
		.svc = c->svc,
		.backend = c->backend,
		.flags = c->flags ^ WEIR_CONN_REPLY,
		.since_s = c->since_s,
	};
	w->key = tuple_back(&c->to);
	r = bpf_map_update_elem(&weir_conn, &w->key, &w->back, BPF_NOEXIST);
	/* there is one now: put back by another CPU, or not ours */
	return r == -EEXIST && !conn_other(&w->p.t, c) ? -ESTALE : 0;
}

/* The look of each second. 0; -ESTALE: forget it; -ENETUNREACH: there is no way to go. */
__noinline int conn_check(struct __sk_buff *skb, struct weir_conn *c, __u64 now)
{
	struct conn_work *w = conn_work();
	int r;

	if (!w || !c)
		return -ESTALE;
	if (!(c->flags & WEIR_CONN_REPLY) && !conn_is_bound(&w->p, c) && !conn_goes_on(w, c, now))
		return -ESTALE;
	if (c->flags & WEIR_CONN_AWAY) {
		c->ifindex = dsr_device(skb, w->p.v6, &c->next, &w->key);
		r = c->ifindex ? 0 : -ENETUNREACH;
	} else {
		r = conn_keep(w, c, now);
		if (!r)
			r = route_find(skb, &c->to, w->p.v6, &c->ifindex, &c->next);
	}
	if (r)
		return r;
	c->epoch = conn_epoch();
	c->checked = now;
	return 0;
}

/* ---- A new one ------------------------------------------------------------------------------- */

struct port_search {
	__u64 now;
	__u32 own; /* tried first; network order; 0: none */
	__u32 low, n; /* the range */
	int r;
};

static long port_try(__u32 i, struct port_search *s)
{
	struct conn_work *w = conn_work();
	const struct weir_conn *was;

	s->r = -EADDRNOTAVAIL;
	if (!w || !s->n)
		return 1;
	if (!i && !s->own)
		return 0;
	w->key.dport =
		i ? bpf_htons((__u16)(s->low + bpf_get_prandom_u32() % s->n)) : (__be16)s->own;
	s->r = bpf_map_update_elem(&weir_conn, &w->key, &w->back, BPF_NOEXIST);
	if (s->r == -EEXIST) {
		was = bpf_map_lookup_elem(&weir_conn, &w->key);
		if (was && !conn_is_over(was, s->now) && !tuple_same(&was->to, &w->back.to)) {
			s->r = -EADDRNOTAVAIL;
			return 0;
		}
		s->r = bpf_map_update_elem(&weir_conn, &w->key, &w->back, BPF_ANY);
	}
	return 1;
}

/* Puts the reply's entry in, under a port that no other connection of the two addresses has: the
 * client's own, if it may be, else one of the range, each try anywhere: ports in use lie in clusters.
 * -EADDRNOTAVAIL: none is free, or next to none. An entry that is there may be this connection's
 * already, when the table has evicted the other one. */
static __always_inline int conn_port(struct conn_work *w, bool masked, __u64 now)
{
	__u32 zero = 0;
	const struct weir_ctl *ctl = bpf_map_lookup_elem(&weir_ctl, &zero);
	struct port_search s = { .now = now, .own = w->p.t.sport };
	__u32 own = bpf_ntohs(w->p.t.sport);

	if (!ctl || ctl->snat_high < ctl->snat_low)
		return -EADDRNOTAVAIL;
	s.low = ctl->snat_low;
	s.n = ctl->snat_high - s.low + 1U;
	if (masked && (own < s.low || own > ctl->snat_high))
		s.own = 0;
	bpf_loop(CONN_PORT_TRIES, port_try, &s, 0);
	return s.r;
}

/* Is the client's address to be replaced? A pod that dials itself would not know the answer. Nor would a
 * client behind the device that the backend is behind as well: what is on one link answers past the node. */
static __always_inline bool conn_is_masked(const struct __sk_buff *skb, const struct conn_work *w)
{
	const struct lb_choice *choice = &w->choice;

	if (!w->there.ifindex) /* the answer leaves by this node's own stack */
		return false;
	if (choice->flags & WEIR_SVC_MASQ || w->there.ifindex == skb->ifindex ||
	    addr_same(&choice->be.addr, &w->p.t.src))
		return true;
	return !(choice->flags & WEIR_SVC_KEEP) && !(class_flags(&w->p.t.src) & WEIR_CLASS_POD);
}

/* Is the packet to go on as it is, to the node that has the backend? w->there then says where. Clients
 * outside are served so where their address would be replaced by policy, and keep it as well if this node
 * has the backend. Pods are answered by their own node. SCTP is masked: nothing but an answer says that an
 * association is up. */
static __always_inline bool conn_is_away(struct __sk_buff *skb, struct conn_work *w, __u64 now)
{
	const struct weir_addr *home;
	__u32 ifindex;

	if (!(w->choice.flags & WEIR_SVC_MASQ) || w->p.t.proto == IPPROTO_SCTP ||
	    class_flags(&w->p.t.src) & WEIR_CLASS_POD)
		return false;
	home = bpf_map_lookup_elem(&weir_home, &w->choice.be.addr);
	if (!home || dsr_refuses(home, now))
		return false;
	if (is_own(home)) {
		w->choice.flags ^= WEIR_SVC_MASQ | WEIR_SVC_KEEP;
		return false;
	}
	ifindex = dsr_device(skb, w->p.v6, home, &w->key);
	if (!ifindex || dsr_limit(skb, ifindex, home, now) < MTU_ALWAYS + dsr_room(w->p.v6))
		return false;
	w->there.next = *home;
	w->there.ifindex = ifindex;
	w->there.flags = WEIR_CONN_AWAY;
	return true;
}

/* The id of the Service's frontend here, if it has one here; else 0. */
static __always_inline __u32 conn_frontend(const struct weir_tuple *t)
{
	struct weir_vip vip = { .addr = t->dst, .port = t->dport, .proto = t->proto };
	const struct weir_svc *svc = bpf_map_lookup_elem(&weir_svc, &vip);

	return svc ? svc->id : 0;
}

/* Makes w->there and w->back of w->choice, and puts both into the table. 0, or -ENETUNREACH (no way or
 * no address to send from), -EADDRNOTAVAIL (no free port), or what the table answered. */
__noinline int conn_make(struct __sk_buff *skb, __u64 now)
{
	struct conn_work *w = conn_work();
	struct weir_tuple *to;
	bool masked;
	int r;

	if (!w)
		return -ENOMEM;
	to = &w->there.to;
	w->there = (struct weir_conn){
		.seen = now,
		.checked = now,
		.epoch = conn_epoch(),
		.svc = w->choice.svc,
		.backend = w->choice.backend,
		.flags = w->from_node ? WEIR_CONN_FROM_NODE : 0,
		.since_s = now / CONN_NS_PER_S,
	};
	*to = w->p.t;
	to->dst = w->choice.be.addr;
	to->dport = w->choice.be.port;
	if (w->from_node)
		w->there.svc = conn_frontend(&w->p.t);
	if (conn_is_away(skb, w, now))
		return bpf_map_update_elem(&weir_conn, &w->p.t, &w->there, BPF_ANY);
	r = route_find(skb, to, w->p.v6, &w->there.ifindex, &w->there.next);
	if (r)
		return r;
	masked = conn_is_masked(skb, w);
	if (masked && !dev_addr(w->there.ifindex, w->p.v6, &to->src))
		return -ENETUNREACH;
	w->back = (struct weir_conn){
		.to = tuple_back(&w->p.t),
		.seen = now,
		.svc = w->there.svc,
		.backend = w->choice.backend,
		.flags = w->there.flags | WEIR_CONN_REPLY,
		.since_s = w->there.since_s,
	};
	w->key = tuple_back(to);
	r = conn_port(w, masked, now);
	if (r)
		return r;
	to->sport = w->key.dport;
	r = bpf_map_update_elem(&weir_conn, &w->p.t, &w->there, BPF_ANY);
	if (r)
		bpf_map_delete_elem(&weir_conn, &w->key);
	return r;
}
