// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Packets on their way through the node: what no socket hook sees, because it comes from outside or
 * from a pod with a kernel of its own. weir_tc_in stands where packets enter, on every device that has
 * addresses; weir_tc_out where they leave to the outside, for answers of this node's own sockets.
 * Entry points only: a packet in, lib/, a verdict out.
 *
 * Fail open or closed: what is no Service's, or not understood, goes on as if we were not there, for
 * the next program as well. What is a Service's is translated, answered or dropped, never passed on
 * untranslated. Each packet that enters is counted by one pkt_* reason.
 */
#include <linux/bpf.h>
#include <linux/icmpv6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/conn.h"
#include "bpf/lib/dsr.h"
#include "bpf/lib/icmp.h"
#include "bpf/lib/reject.h"
#include "bpf/lib/rewrite.h"

#define LEFT_ALONE TC_ACT_UNSPEC

#define PACKET_HOST 0 /* skb->pkt_type: to this node's own link address */

/* ---- Who asks -------------------------------------------------------------------------------- */

static __always_inline bool tc_is_host(void *ctx)
{
	return false; /* the node's own sockets are not behind a device */
}

static __always_inline bool tc_is_outside(void *ctx)
{
	const struct pkt *p = ctx;

	return !(class_flags(&p->t.src) & WEIR_CLASS_POD);
}

static __always_inline bool tc_is_in_range(void *ctx, __u32 svc)
{
	const struct pkt *p = ctx;

	return range_has(svc, &p->t.src);
}

static __always_inline struct weir_client tc_who(void *ctx)
{
	const struct pkt *p = ctx;

	return (struct weir_client){ .addr = p->t.src, .kind = WEIR_CLIENT_ADDRESS };
}

/* lb_pick() for a packet, into w->choice. */
__noinline int tc_pick(void)
{
	struct conn_work *w = conn_work();
	const struct lb_asker asker = {
		.is_host = tc_is_host,
		.is_outside = tc_is_outside,
		.is_in_range = tc_is_in_range,
		.who = tc_who,
		.by_hash = true,
	};
	struct weir_vip vip = {};

	if (!w)
		return -EAGAIN;
	vip.addr = w->p.t.dst;
	vip.port = w->p.t.dport;
	vip.proto = w->p.t.proto;
	return lb_pick(&w->p, &asker, &vip, tuple_hash(&w->p.t), &w->choice);
}

/* ---- Verdicts -------------------------------------------------------------------------------- */

static __always_inline int left_alone(void)
{
	reason_count(WEIR_REASON_PKT_PASS);
	return LEFT_ALONE;
}

static __always_inline int dropped(enum weir_reason why)
{
	reason_count(why);
	return TC_ACT_SHOT;
}

/* Back where the packet came from; of one that another node sent on, to the client. */
__noinline int tc_return(struct __sk_buff *skb)
{
	struct conn_work *w = conn_work();
	struct weir_addr next;
	__u32 ifindex = 0;

	if (!w || !w->from_node)
		return (int)bpf_redirect(skb->ifindex, 0);
	w->key = tuple_back(&w->p.t);
	if (route_find(skb, &w->key, w->p.v6, &ifindex, &next) || !ifindex)
		return TC_ACT_SHOT;
	return (int)route_send(ifindex, &next);
}

static __always_inline int answered(struct __sk_buff *skb, const struct pkt *p,
				    const struct icmp_says *says, enum weir_reason why)
{
	if (reject_make(skb, p, says, bpf_ktime_get_boot_ns()))
		return dropped(WEIR_REASON_PKT_SILENT);
	reason_count(why);
	return tc_return(skb);
}

static __always_inline int refused(struct __sk_buff *skb, const struct pkt *p, enum weir_reason why)
{
	const struct icmp_says unreachable = {
		.type4 = ICMP_DEST_UNREACH,
		.code4 = ICMP_PORT_UNREACH,
		.type6 = ICMPV6_DEST_UNREACH,
		.code6 = ICMPV6_PORT_UNREACH,
		.reset = true,
	};

	if (p->tcp_flags & TCP_RST)
		return dropped(WEIR_REASON_PKT_SILENT);
	return answered(skb, p, &unreachable, why);
}

static __always_inline int hops_used_up(struct __sk_buff *skb, const struct pkt *p)
{
	const struct icmp_says exceeded = {
		.type4 = ICMP_TIME_EXCEEDED,
		.type6 = ICMPV6_TIME_EXCEED,
		.code6 = ICMPV6_EXC_HOPLIMIT,
	};

	return answered(skb, p, &exceeded, WEIR_REASON_PKT_HOPS);
}

static __always_inline int too_big(struct __sk_buff *skb, const struct pkt *p, __u32 mtu)
{
	const struct icmp_says big = {
		.type4 = ICMP_DEST_UNREACH,
		.code4 = ICMP_FRAG_NEEDED,
		.type6 = ICMPV6_PKT_TOOBIG,
		.mtu = mtu,
	};

	return answered(skb, p, &big, WEIR_REASON_PKT_TOO_BIG);
}

/* An answer to a client whose packets come by another node. */
static __always_inline bool is_far_answer(const struct weir_conn *c)
{
	return c->flags & WEIR_CONN_REPLY && c->flags & WEIR_CONN_FROM_NODE;
}

static __always_inline bool tc_opens(const struct pkt *p)
{
	return p->t.proto != IPPROTO_TCP || tcp_opens(p);
}

/* ---- Packets --------------------------------------------------------------------------------- */

/* Why there is no connection for this packet: what tc_pick() or conn_make() said. */
static __always_inline int no_connection(struct __sk_buff *skb, const struct pkt *p, int r)
{
	switch (r) {
	case -ENOENT:
		/* what goes on was let through when it began */
		if (!tc_opens(p) || class_of(&p->t.dst) != WEIR_CLASS_SERVICE)
			return left_alone();
		return refused(skb, p, WEIR_REASON_PKT_NO_SERVICE);
	case -ECONNREFUSED:
		return refused(skb, p, WEIR_REASON_PKT_NO_ENDPOINT);
	case -ENOTCONN:
		return refused(skb, p, WEIR_REASON_PKT_NO_CONN);
	case -EHOSTUNREACH:
		return dropped(WEIR_REASON_PKT_POLICY);
	case -EACCES:
		return dropped(WEIR_REASON_PKT_RANGE);
	case -EADDRNOTAVAIL:
		return dropped(WEIR_REASON_PKT_PORTS);
	case -ENETUNREACH:
		return dropped(WEIR_REASON_PKT_NO_ROUTE);
	case -EAGAIN:
		return dropped(WEIR_REASON_PKT_LOST);
	default:
		return dropped(WEIR_REASON_PKT_CONN_FULL);
	}
}

/* A connection begins with SYN; by a Maglev table one may go on that another node began. What another
 * node sent on it has looked at. */
static __always_inline int tc_begin(struct __sk_buff *skb, struct conn_work *w, __u64 now)
{
	int r = w->from_node ? 0 : tc_pick();

	if (r)
		return r;
	if ((!tc_opens(&w->p) && !w->choice.ring && !w->from_node) || w->p.later)
		return -ENOTCONN;
	return conn_make(skb, now);
}

/* To the node that has the backend, by whatever way the kernel knows for the outer headers. */
static __noinline int sent_away(struct __sk_buff *skb, struct conn_work *w,
				const struct weir_conn *c)
{
	__u32 ifindex;

	if (!w || !c)
		return TC_ACT_SHOT;
	ifindex = c->ifindex;
	w->key.dst = c->next;
	if (!dev_addr(ifindex, w->p.v6, &w->key.src))
		return dropped(WEIR_REASON_PKT_NO_ROUTE);
	if (w->p.first)
		frag_note(&w->p);
	if (addrs_put(skb, &w->p, &w->p.t, 0, w->p.hops - 1) ||
	    dsr_put(skb, &w->p, &c->to, &w->key))
		return dropped(WEIR_REASON_PKT_SILENT);
	reason_count(WEIR_REASON_PKT_AWAY);
	return (int)bpf_redirect_neigh(ifindex, NULL, 0, 0);
}

/* As route_mtu(). */
static __noinline __u32 away_mtu(struct __sk_buff *skb, struct conn_work *w,
				 const struct weir_conn *c)
{
	if (!w || !c)
		return 0;
	w->key.dst = c->next;
	return dsr_mtu(skb, &w->p, c->ifindex, &w->key.dst, bpf_ktime_get_boot_ns());
}

static __always_inline __u32 sent_mtu(struct __sk_buff *skb, struct conn_work *w,
				      const struct weir_conn *c)
{
	if (c->flags & WEIR_CONN_AWAY)
		return away_mtu(skb, w, c);
	return c->ifindex ? route_mtu(skb, c->ifindex) : 0;
}

static __always_inline int sent(struct __sk_buff *skb, struct conn_work *w,
				const struct weir_conn *c)
{
	__u32 ifindex = c->ifindex, mtu = sent_mtu(skb, w, c);
	struct weir_addr next = c->next;

	if (ifindex && w->p.hops <= 1)
		return hops_used_up(skb, &w->p);
	if (mtu)
		return too_big(skb, &w->p, mtu);
	if (c->flags & WEIR_CONN_AWAY)
		return sent_away(skb, w, c);
	if (w->p.first)
		frag_note(&w->p);
	if ((is_far_answer(c) && dsr_segments(skb, &w->p)) ||
	    pkt_rewrite(skb, &w->p, &c->to, w->p.hops - !!ifindex))
		return dropped(WEIR_REASON_PKT_SILENT);
	if (!ifindex) {
		reason_count(WEIR_REASON_PKT_HOST);
		return TC_ACT_OK;
	}
	reason_count(WEIR_REASON_PKT_SENT);
	return (int)route_send(ifindex, &next);
}

static __noinline int packet_in(struct __sk_buff *skb, struct conn_work *w)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct weir_conn *c;
	int r = 0;

	if (!w)
		return LEFT_ALONE;
	c = conn_find(&w->p, now);
	if (c && conn_is_due(w, c, now))
		r = conn_check(skb, c, now);
	if (r == -ENETUNREACH)
		return dropped(WEIR_REASON_PKT_NO_ROUTE);
	if (r) {
		conn_forget(&w->p.t, c);
		c = NULL;
	}
	if (!c) {
		r = tc_begin(skb, w, now);
		if (r)
			return no_connection(skb, &w->p, r);
		return sent(skb, w, &w->there);
	}
	conn_note(&w->p, c, now);
	return sent(skb, w, c);
}

/* An ICMP error about a packet that was translated. */
static __noinline int error_in(struct __sk_buff *skb, struct conn_work *w)
{
	struct icmp_quote q = {};
	struct weir_conn *c;
	struct weir_addr next;
	__u32 ifindex;

	if (!w || quote_parse(skb, &w->p, &q))
		return left_alone();
	c = bpf_map_lookup_elem(&weir_conn, &q.t);
	if (!c) {
		dsr_learn(skb, &w->p, &q.t, bpf_ktime_get_boot_ns());
		return left_alone();
	}
	if (c->flags & WEIR_CONN_AWAY && w->p.hops > 1)
		return sent_away(skb, w, c);
	if (route_find(skb, &c->to, w->p.v6, &ifindex, &next))
		return dropped(WEIR_REASON_PKT_NO_ROUTE);
	if ((ifindex && w->p.hops <= 1) || icmp_put(skb, &w->p, &q, &c->to, w->p.hops - !!ifindex))
		return dropped(WEIR_REASON_PKT_SILENT);
	reason_count(WEIR_REASON_PKT_ICMP);
	return ifindex ? (int)route_send(ifindex, &next) : TC_ACT_OK;
}

/* Does a packet by a node's address come from where that node is? A pod of ours does not. */
static __always_inline bool tc_is_by_node(struct __sk_buff *skb, struct conn_work *w)
{
	return dsr_device(skb, w->p.v6, &w->p.t.src, &w->key) == skb->ifindex;
}

/* Makes a packet that another node sent on what its client sent, and w->choice what that node chose.
 * -ENOENT: it is none; -EACCES: not by a node of the cluster to this one; -EINVAL: drop it. */
__noinline int tc_take(struct __sk_buff *skb)
{
	struct conn_work *w = conn_work();
	struct dsr_head head;

	if (!w)
		return -EINVAL;
	if (!dsr_read(skb, &w->p, &head))
		return -ENOENT;
	if (!is_own(&w->p.t.dst))
		return is_node(&w->p.t.src) && !tc_is_by_node(skb, w) ? -EINVAL : -EACCES;
	if (!is_peer(&w->p.t.src))
		return -EACCES;
	if (is_v4(&head.addr) == w->p.v6 || dsr_strip(skb, &w->p) || pkt_parse(skb, &w->p))
		return -EINVAL;
	w->choice = (struct lb_choice){
		.be = { .addr = head.addr, .port = head.port, .proto = w->p.t.proto },
		.flags = WEIR_SVC_KEEP,
	};
	w->from_node = true;
	return 0;
}

SEC("tc")
int weir_tc_in(struct __sk_buff *skb)
{
	struct conn_work *w = conn_work();
	int r;

	/* a tagged frame comes again, by the VLAN's own device */
	if (!w || skb->pkt_type != PACKET_HOST || skb->vlan_present || pkt_parse(skb, &w->p))
		return left_alone();
	w->from_node = false;
	r = dsr_is_for(&w->p) ? tc_take(skb) : -ENOENT;
	if (r == -EACCES) {
		reason_count(WEIR_REASON_PKT_STRANGER);
		return LEFT_ALONE;
	}
	if (r == -EINVAL)
		return dropped(WEIR_REASON_PKT_SILENT);
	return w->p.icmp_error ? error_in(skb, w) : packet_in(skb, w);
}

/* ---- This node's own answers ----------------------------------------------------------------- */

/* An entry of answers that the stack sends itself: its destination stays what it is, so does its way. */
static __always_inline bool is_host_reply(const struct weir_conn *c, const struct weir_tuple *key)
{
	return c->flags & WEIR_CONN_REPLY && addr_same(&c->to.dst, &key->dst);
}

static __noinline int packet_out(struct __sk_buff *skb, struct conn_work *w)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct weir_conn *c;

	if (!w)
		return LEFT_ALONE;
	c = conn_find(&w->p, now);
	if (!c || !is_host_reply(c, &w->p.t))
		return LEFT_ALONE;
	if (now - c->checked > CONN_CHECK_NS) {
		if (conn_keep(w, c, now)) {
			conn_forget(&w->p.t, c);
			return LEFT_ALONE;
		}
		c->checked = now;
	}
	conn_note(&w->p, c, now);
	if (w->p.first)
		frag_note(&w->p);
	if ((is_far_answer(c) && dsr_segments(skb, &w->p)) ||
	    pkt_rewrite(skb, &w->p, &c->to, w->p.hops))
		return TC_ACT_SHOT;
	reason_count(WEIR_REASON_HOST_REPLY);
	return LEFT_ALONE;
}

static __noinline int error_out(struct __sk_buff *skb, struct conn_work *w)
{
	struct icmp_quote q = {};
	struct weir_conn *c;

	if (!w || quote_parse(skb, &w->p, &q))
		return LEFT_ALONE;
	c = bpf_map_lookup_elem(&weir_conn, &q.t);
	if (!c || !is_host_reply(c, &q.t))
		return LEFT_ALONE;
	if (icmp_put(skb, &w->p, &q, &c->to, w->p.hops))
		return TC_ACT_SHOT;
	reason_count(WEIR_REASON_HOST_REPLY);
	return LEFT_ALONE;
}

SEC("tc")
int weir_tc_out(struct __sk_buff *skb)
{
	struct conn_work *w = conn_work();

	/* what is only on its way through came by a device; not all that the stack says has a socket */
	if (skb->ingress_ifindex || !w || pkt_parse(skb, &w->p))
		return LEFT_ALONE;
	return w->p.icmp_error ? error_out(skb, w) : packet_out(skb, w);
}
