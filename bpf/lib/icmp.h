/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ICMP errors about packets that were translated, in both directions. The error quotes a packet as its
 * sender saw it, and goes against that packet's direction: what would be its answer is the key of the
 * connection, and what becomes of that answer says what becomes of the error and of the quote.
 *
 * The quoted transport checksum is left: what is quoted is mostly cut, and no receiver looks at it.
 */
#pragma once

#include "bpf/lib/conn.h"
#include "bpf/lib/rewrite.h"

struct icmp_quote {
	struct weir_tuple t; /* of its answer */
	__u32 l4; /* offset of its transport header */
};

static __always_inline int quote_parse(struct __sk_buff *skb, const struct pkt *p,
				       struct icmp_quote *ret)
{
	const struct pkt_at at = { .l3 = p->l4 + sizeof(struct icmp_error),
				   .end = p->l4 + p->l4_len,
				   .quoted = true };
	struct weir_ports ports;
	struct pkt q;

	if (at.l3 > at.end || (p->v6 ? pkt_ip6(skb, &at, &q) : pkt_ip4(skb, &at, &q)) || q.later ||
	    q.l4_len < sizeof(ports) || bpf_skb_load_bytes(skb, q.l4, &ports, sizeof(ports)))
		return -EINVAL;
	q.t.sport = ports.sport;
	q.t.dport = ports.dport;
	ret->t = tuple_back(&q.t);
	ret->l4 = q.l4;
	return 0;
}

/* The quote becomes the one whose answer is `to`. Its IP checksum makes up for its addresses. */
static __always_inline int quote_put4(struct __sk_buff *skb, const struct pkt *p,
				      const struct icmp_quote *q, const struct weir_tuple *to)
{
	__u32 at = p->l4 + sizeof(struct icmp_error), old = *(__u32 *)&q->t.sport,
	      new = *(__u32 *)&to->sport;
	__be32 addrs[2] = { to->dst.w[3], to->src.w[3] };
	struct weir_ports ports = { to->dport, to->sport };
	__u32 diff = addrs_diff(false, &q->t, to);

	if (bpf_l3_csum_replace(skb, at + 10, 0, diff, 0) ||
	    bpf_l4_csum_replace(skb, p->l4 + 2, old, new, 4) ||
	    bpf_skb_store_bytes(skb, at + 12, addrs, sizeof(addrs), 0))
		return -EINVAL;
	return bpf_skb_store_bytes(skb, q->l4, &ports, sizeof(ports), 0);
}

/* The checksum covers the addresses of the quote and, by its pseudo header, those of the error. */
static __always_inline int quote_put6(struct __sk_buff *skb, const struct pkt *p,
				      const struct icmp_quote *q, const struct weir_tuple *to,
				      __u32 outer)
{
	__u32 at = p->l4 + sizeof(struct icmp_error), diff = addrs_diff(true, &q->t, to);
	__be32 old = *(__be32 *)&q->t.sport, new = *(__be32 *)&to->sport;
	struct weir_ports ports = { to->dport, to->sport };

	diff = bpf_csum_diff(&old, 4, &new, 4, diff);
	if (bpf_l4_csum_replace(skb, p->l4 + 2, 0, diff, 0) ||
	    bpf_l4_csum_replace(skb, p->l4 + 2, 0, outer, BPF_F_PSEUDO_HDR) ||
	    bpf_skb_store_bytes(skb, at + 8, &to->dst, 16, 0) ||
	    bpf_skb_store_bytes(skb, at + 24, &to->src, 16, 0))
		return -EINVAL;
	return bpf_skb_store_bytes(skb, q->l4, &ports, sizeof(ports), 0);
}

/* Translates the error, with its quote, by the connection's entry that the quote's answer would meet.
 * An error by an end of the connection is shown as by the other name of that end, one by a router on
 * the way as it is. */
static __always_inline int icmp_put(struct __sk_buff *skb, const struct pkt *p,
				    const struct icmp_quote *q, const struct weir_tuple *to,
				    __u8 hops)
{
	struct weir_tuple outer = { .src = p->t.src, .dst = to->dst };
	__u32 diff;
	int r;

	if (addr_same(&p->t.src, &q->t.src))
		outer.src = to->src;
	diff = addrs_diff(p->v6, &p->t, &outer);
	r = p->v6 ? quote_put6(skb, p, q, to, diff) : quote_put4(skb, p, q, to);
	return r ? r : addrs_put(skb, p, &outer, diff, hops);
}
