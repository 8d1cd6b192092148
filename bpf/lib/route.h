/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which way a packet goes, and sending it there past the stack: the node's own routing table is asked
 * once a second for each connection, the neighbour table for each packet. Past the stack, because a
 * packet that comes with one of the node's own addresses as its source is a martian there.
 */
#pragma once

#include "bpf/lib/pkt.h"

#define AF_INET 2
#define AF_INET6 10

#define MTU_ALWAYS 1280 /* what fits each link that IPv6 may be on */

/* Where `to` leads: a device and the next hop; *ret_ifindex 0: to this node itself. -ENETUNREACH:
 * nowhere. What the kernel would not forward is left to its stack, as if for this node. */
static __always_inline int route_find(struct __sk_buff *skb, const struct weir_tuple *to, bool v6,
				      __u32 *ret_ifindex, struct weir_addr *ret_next)
{
	struct bpf_fib_lookup fib = {
		.family = v6 ? AF_INET6 : AF_INET,
		.l4_protocol = to->proto,
		.ifindex = skb->ifindex,
	};
	long r;

	if (v6) {
		__builtin_memcpy(fib.ipv6_src, &to->src, sizeof(fib.ipv6_src));
		__builtin_memcpy(fib.ipv6_dst, &to->dst, sizeof(fib.ipv6_dst));
	} else {
		fib.ipv4_src = to->src.w[3];
		fib.ipv4_dst = to->dst.w[3];
	}
	r = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
	if (r == BPF_FIB_LKUP_RET_NOT_FWDED || r == BPF_FIB_LKUP_RET_FWD_DISABLED) {
		*ret_ifindex = 0;
		return 0;
	}
	/* where to, they all say; whether the packet fits is route_mtu()'s question */
	if (r != BPF_FIB_LKUP_RET_SUCCESS && r != BPF_FIB_LKUP_RET_NO_NEIGH &&
	    r != BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return -ENETUNREACH;
	*ret_ifindex = fib.ifindex;
	/* an IPv4 route may lead by an IPv6 neighbour */
	if (fib.family == AF_INET6)
		__builtin_memcpy(ret_next, fib.ipv6_dst, sizeof(*ret_next));
	else
		*ret_next = (struct weir_addr){ { 0, 0, bpf_htonl(0xffff), fib.ipv4_dst } };
	return 0;
}

/* 0: the packet fits, or each of the segments that it will be cut into again; else how large one may be
 * at most. */
static __always_inline __u32 route_mtu(struct __sk_buff *skb, __u32 ifindex)
{
	bool merged = skb->gso_size;
	__u32 mtu = merged ? 0 : skb->len - PKT_L3; /* the length in, the device's MTU out */

	if (skb->len <= PKT_L3 + MTU_ALWAYS ||
	    bpf_check_mtu(skb, ifindex, &mtu, 0, merged ? BPF_MTU_CHK_SEGS : 0) <= 0)
		return 0;
	return mtu;
}

static __always_inline long route_send(__u32 ifindex, const struct weir_addr *next)
{
	struct bpf_redir_neigh hop = {};

	if (is_v4(next)) {
		hop.nh_family = AF_INET;
		hop.ipv4_nh = next->w[3];
	} else {
		hop.nh_family = AF_INET6;
		__builtin_memcpy(hop.ipv6_nh, next, sizeof(hop.ipv6_nh));
	}
	return bpf_redirect_neigh(ifindex, &hop, sizeof(hop), 0);
}

/* The node's address towards a device; false: it has none of that family. */
static __always_inline bool dev_addr(__u32 ifindex, bool v6, struct weir_addr *ret)
{
	const struct weir_dev *dev = bpf_map_lookup_elem(&weir_dev, &ifindex);

	if (!dev)
		return false;
	*ret = v6 ? dev->addr6 : dev->addr4;
	return ret->w[3] || ret->w[2] || ret->w[1] || ret->w[0];
}
