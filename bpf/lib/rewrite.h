/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Writing other addresses, ports and a smaller hop limit into a packet, its checksums with them,
 * whatever the state of checksum offload:
 *
 * - A checksum that is complete takes the difference of what changed, addresses (pseudo header) and
 *   ports alike. One that the device is to complete (CHECKSUM_PARTIAL) holds the pseudo header only:
 *   hence BPF_F_PSEUDO_HDR for addresses and not for ports.
 * - What a device has summed up (CHECKSUM_COMPLETE) covers the IP header too. In IPv4 its own checksum
 *   makes up for each change, and so does the transport's for ports; what has no such sum has to be
 *   stored with BPF_F_RECOMPUTE_CSUM: IPv6, and ports of UDP without a checksum, which stays so.
 * - SCTP's CRC32c covers the packet without pseudo header: lib/sctp.h.
 */
#pragma once

#include "bpf/lib/pkt.h"
#include "bpf/lib/sctp.h"

#define IP4_TTL (PKT_L3 + 8)
#define IP4_CHECK (PKT_L3 + 10)
#define IP4_SADDR (PKT_L3 + 12)
#define IP6_HOPS (PKT_L3 + 7)
#define IP6_SADDR (PKT_L3 + 8)

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* The sum of what changes when the addresses do. */
static __always_inline __u32 addrs_diff(bool v6, const struct weir_tuple *from,
					const struct weir_tuple *to)
{
	__be32 old[2] = { from->src.w[3], from->dst.w[3] }, new[2] = { to->src.w[3], to->dst.w[3] };

	/* src and dst lie side by side */
	return v6 ? bpf_csum_diff((__be32 *)&from->src, 32, (__be32 *)&to->src, 32, 0) :
		    bpf_csum_diff(old, 8, new, 8, 0);
}

static __always_inline int addrs_put4(struct __sk_buff *skb, const struct pkt *p,
				      const struct weir_tuple *to, __u32 diff, __u8 hops)
{
	__be32 addrs[2] = { to->src.w[3], to->dst.w[3] };
	__be32 old = bpf_htonl((__u32)p->hops << 24), new = bpf_htonl((__u32)hops << 24);

	diff = bpf_csum_diff(&old, 4, &new, 4, diff);
	if (bpf_l3_csum_replace(skb, IP4_CHECK, 0, diff, 0) ||
	    bpf_skb_store_bytes(skb, IP4_TTL, &hops, 1, 0))
		return -EINVAL;
	return bpf_skb_store_bytes(skb, IP4_SADDR, addrs, sizeof(addrs), 0);
}

static __always_inline int addrs_put6(struct __sk_buff *skb, const struct weir_tuple *to, __u8 hops)
{
	if (bpf_skb_store_bytes(skb, IP6_HOPS, &hops, 1, BPF_F_RECOMPUTE_CSUM))
		return -EINVAL;
	return bpf_skb_store_bytes(skb, IP6_SADDR, &to->src, 32, BPF_F_RECOMPUTE_CSUM);
}

/* The IP header; diff is addrs_diff(). */
static __always_inline int addrs_put(struct __sk_buff *skb, const struct pkt *p,
				     const struct weir_tuple *to, __u32 diff, __u8 hops)
{
	return p->v6 ? addrs_put6(skb, to, hops) : addrs_put4(skb, p, to, diff, hops);
}

static __always_inline int transport_put(struct __sk_buff *skb, const struct pkt *p,
					 const struct weir_tuple *to, __u32 diff)
{
	struct weir_ports ports = { to->sport, to->dport };
	__u64 never_zero = p->t.proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__u32 old = *(__u32 *)&p->t.sport, new = *(__u32 *)&to->sport;
	__u32 at = p->l4 + (p->t.proto == IPPROTO_UDP ? 6 : 16);

	if (p->later)
		return 0;
	if (p->t.proto == IPPROTO_SCTP)
		return sctp_put(skb, p, &ports);
	if (p->unsummed)
		return bpf_skb_store_bytes(skb, p->l4, &ports, sizeof(ports), BPF_F_RECOMPUTE_CSUM);
	if (bpf_l4_csum_replace(skb, at, 0, diff, BPF_F_PSEUDO_HDR | never_zero))
		return -EINVAL;
	if (old == new)
		return 0;
	if (bpf_l4_csum_replace(skb, at, old, new, 4 | never_zero))
		return -EINVAL;
	return bpf_skb_store_bytes(skb, p->l4, &ports, sizeof(ports), 0);
}

/* Makes the packet be `to`. On failure it is spoilt: drop it. */
static __always_inline int pkt_rewrite(struct __sk_buff *skb, const struct pkt *p,
				       const struct weir_tuple *to, __u8 hops)
{
	__u32 diff = addrs_diff(p->v6, &p->t, to);

	if (transport_put(skb, p, to, diff))
		return -EINVAL;
	return addrs_put(skb, p, to, diff, hops);
}
