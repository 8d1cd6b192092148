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
	__u32 at = p->l4 + sizeof(struct icmp_error);
	struct weir_ports ports;
	struct ipv6hdr ip6;
	struct iphdr ip;

	if (p->v6) {
		if (bpf_skb_load_bytes(skb, at, &ip6, sizeof(ip6)) || ip6.version != 6)
			return -EINVAL;
		ret->t = (struct weir_tuple){ .proto = ip6.nexthdr };
		__builtin_memcpy(&ret->t.dst, &ip6.saddr, sizeof(ret->t.dst));
		__builtin_memcpy(&ret->t.src, &ip6.daddr, sizeof(ret->t.src));
		ret->l4 = at + sizeof(ip6);
	} else {
		if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5 ||
		    ip.frag_off & IP_OFFSET)
			return -EINVAL;
		ret->t = (struct weir_tuple){
			.src.w = { 0, 0, bpf_htonl(0xffff), ip.daddr },
			.dst.w = { 0, 0, bpf_htonl(0xffff), ip.saddr },
			.proto = ip.protocol,
		};
		ret->l4 = at + ip.ihl * 4;
	}
	if (bpf_skb_load_bytes(skb, ret->l4, &ports, sizeof(ports)))
		return -EINVAL;
	ret->t.sport = ports.dport;
	ret->t.dport = ports.sport;
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
