/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A packet on its way through the node: what it says of itself, as far as directing needs it. Offsets
 * are from the Ethernet header, which all devices have that the programs are attached to.
 *
 * Fragments: only the first has ports. They are kept in weir_frag for those behind it; one that
 * overtakes the first is left to the stack, as if no Service had its address.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"
#include "bpf/maps.h"

/* <linux/icmp.h> needs a C library. RFC 792. */
#define ICMP_DEST_UNREACH 3
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMP_PORT_UNREACH 3
#define ICMP_FRAG_NEEDED 4

struct icmp_error { /* of both families */
	__u8 type, code;
	__u16 checksum;
	__be32 rest; /* the MTU, in IPv4 the lower 16 bits; the quote follows */
};

#define PKT_L3 ETH_HLEN
#define PKT_EXTENSIONS 6 /* IPv6 extension headers that are looked past */

#define IP_MF bpf_htons(0x2000)
#define IP_OFFSET bpf_htons(0x1fff)
#define IP6_MF bpf_htons(0x0001)
#define IP6_OFFSET bpf_htons(0xfff8)

#define TCP_FIN (1U << 0)
#define TCP_SYN (1U << 1)
#define TCP_RST (1U << 2)
#define TCP_ACK (1U << 4)

struct pkt {
	struct weir_tuple t; /* ports 0: none, or not known */
	__u32 frag_id; /* as it is in the packet */
	__u16 l4; /* offset of the transport header */
	__u16 l4_len; /* by the IP header's word */
	__u8 v6;
	__u8 hops; /* TTL or hop limit */
	__u8 tcp_flags;
	__u8 first, later; /* a fragment: the first of several, another */
	__u8 icmp_error;
	__u8 unsummed; /* UDP without a checksum */
};

static __always_inline bool tcp_opens(const struct pkt *p)
{
	return (p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

struct ip6_ext {
	__u8 next, len; /* in units of 8 behind the first; AH: of 4 behind the second */
	__be16 offset; /* of a fragment header, as is id */
	__be32 id;
};

static __always_inline bool is_v4(const struct weir_addr *a)
{
	return !a->w[0] && !a->w[1] && a->w[2] == bpf_htonl(0xffff);
}

/* Where an IP header is, and what it is the header of. */
struct pkt_at {
	__u32 l3, end;
	bool quoted; /* by an ICMP error: cut anywhere, and lengths not what they were */
};

/* Both leave *p undefined when they fail. */
static __always_inline int pkt_ip4(struct __sk_buff *skb, const struct pkt_at *at, struct pkt *p)
{
	struct iphdr ip;
	__u32 head, len;

	if (bpf_skb_load_bytes(skb, at->l3, &ip, sizeof(ip)))
		return -EINVAL;
	head = ip.ihl * 4;
	len = at->quoted ? at->end - at->l3 : bpf_ntohs(ip.tot_len);
	if (ip.version != 4 || head < sizeof(ip) || len < head || at->l3 + len > at->end)
		return -EINVAL;
	*p = (struct pkt){
		.t = { .src.w = { 0, 0, bpf_htonl(0xffff), ip.saddr },
		       .dst.w = { 0, 0, bpf_htonl(0xffff), ip.daddr },
		       .proto = ip.protocol },
		.frag_id = ip.id,
		.l4 = at->l3 + head,
		.l4_len = len - head,
		.hops = ip.ttl,
		.first = !(ip.frag_off & IP_OFFSET) && ip.frag_off & IP_MF,
		.later = !!(ip.frag_off & IP_OFFSET),
	};
	return 0;
}

/* One extension header. 1: none, this is the transport's; 0: go on; or -EINVAL. */
static __always_inline int pkt_ip6_ext(struct __sk_buff *skb, struct pkt *p)
{
	struct ip6_ext ext;
	__u32 len;

	switch (p->t.proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
		break;
	default:
		return 1;
	}
	if (bpf_skb_load_bytes(skb, p->l4, &ext, sizeof(ext)))
		return -EINVAL;
	len = p->t.proto == IPPROTO_FRAGMENT ? 8 :
	      p->t.proto == IPPROTO_AH	     ? (ext.len + 2) * 4 :
					       (ext.len + 1) * 8;
	if (len > p->l4_len)
		return -EINVAL;
	if (p->t.proto == IPPROTO_FRAGMENT) {
		p->frag_id = ext.id;
		p->first = !(ext.offset & IP6_OFFSET) && ext.offset & IP6_MF;
		p->later = !!(ext.offset & IP6_OFFSET);
	}
	p->t.proto = ext.next;
	p->l4 += len;
	p->l4_len -= len;
	return p->later;
}

static __always_inline int pkt_ip6(struct __sk_buff *skb, const struct pkt_at *at, struct pkt *p)
{
	__u32 l4 = at->l3 + sizeof(struct ipv6hdr), len;
	struct ipv6hdr ip;
	int r = 0;

	if (l4 > at->end || bpf_skb_load_bytes(skb, at->l3, &ip, sizeof(ip)))
		return -EINVAL;
	len = at->quoted ? at->end - l4 : bpf_ntohs(ip.payload_len);
	if (ip.version != 6 || l4 + len > at->end)
		return -EINVAL;
	*p = (struct pkt){
		.t.proto = ip.nexthdr,
		.l4 = l4,
		.l4_len = len,
		.v6 = 1,
		.hops = ip.hop_limit,
	};
	__builtin_memcpy(&p->t.src, &ip.saddr, sizeof(p->t.src));
	__builtin_memcpy(&p->t.dst, &ip.daddr, sizeof(p->t.dst));
	if (is_v4(&p->t.src) ||
	    is_v4(&p->t.dst)) /* no host's on the wire, but IPv4's in our tables */
		return -EINVAL;
	for (int i = 0; !r && i <= PKT_EXTENSIONS; i++)
		r = pkt_ip6_ext(skb, p);
	return r > 0 ? 0 : -EINVAL;
}

static __always_inline bool is_icmp_error(bool v6, __u8 type)
{
	if (v6)
		return type < ICMPV6_EXT_ECHO_REQUEST && type >= ICMPV6_DEST_UNREACH &&
		       type <= ICMPV6_PARAMPROB;
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETERPROB;
}

static __always_inline struct weir_frag frag_key(const struct pkt *p)
{
	return (struct weir_frag){
		.src = p->t.src, .dst = p->t.dst, .id = p->frag_id, .proto = p->t.proto
	};
}

/* The ports of a fragment behind the first. False: not known. */
static __always_inline bool frag_recall(struct pkt *p)
{
	struct weir_frag key = frag_key(p);
	const struct weir_ports *ports = bpf_map_lookup_elem(&weir_frag, &key);

	if (!ports)
		return false;
	p->t.sport = ports->sport;
	p->t.dport = ports->dport;
	return true;
}

/* For those behind it; to be called of a first fragment that is translated. */
static __always_inline void frag_note(const struct pkt *p)
{
	struct weir_ports ports = { p->t.sport, p->t.dport };
	struct weir_frag key = frag_key(p);

	bpf_map_update_elem(&weir_frag, &key, &ports, BPF_ANY);
}

static __always_inline int pkt_transport(struct __sk_buff *skb, struct pkt *p)
{
	struct {
		struct weir_ports ports;
		__u16 len, check; /* UDP's */
	} head;
	__u8 type;

	switch (p->t.proto) {
	case IPPROTO_TCP:
		if (!p->later &&
		    (p->l4_len < 20 || bpf_skb_load_bytes(skb, p->l4 + 13, &p->tcp_flags, 1)))
			return -EINVAL;
		break;
	case IPPROTO_UDP:
		if (!p->later && p->l4_len < 8)
			return -EINVAL;
		break;
	case IPPROTO_SCTP:
		if (p->l4_len < 12 || p->first || p->later)
			return -EINVAL;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if ((p->t.proto == IPPROTO_ICMPV6) != p->v6 || p->first || p->later ||
		    bpf_skb_load_bytes(skb, p->l4, &type, 1) || !is_icmp_error(p->v6, type))
			return -EINVAL;
		p->icmp_error = 1;
		return 0;
	default:
		return -EINVAL;
	}
	if (p->later)
		return frag_recall(p) ? 0 : -EINVAL;
	if (bpf_skb_load_bytes(skb, p->l4, &head, sizeof(head)))
		return -EINVAL;
	p->t.sport = head.ports.sport;
	p->t.dport = head.ports.dport;
	p->unsummed = p->t.proto == IPPROTO_UDP && !head.check;
	return 0;
}

/* 0; or -EINVAL: nothing to direct (another protocol, an unknown or broken header), *p undefined. */
__noinline int pkt_parse(struct __sk_buff *skb, struct pkt *p)
{
	const struct pkt_at at = { .l3 = PKT_L3, .end = skb->len };
	int r = -EINVAL;

	if (!p)
		return -EINVAL;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		r = pkt_ip4(skb, &at, p);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		r = pkt_ip6(skb, &at, p);
	return r ? r : pkt_transport(skb, p);
}

/* Of two packets that are each other's answer, the key of the one by the other's. */
static __always_inline struct weir_tuple tuple_back(const struct weir_tuple *t)
{
	return (struct weir_tuple){
		.src = t->dst,
		.dst = t->src,
		.sport = t->dport,
		.dport = t->sport,
		.proto = t->proto,
	};
}

/* The same number for the same connection on each node of a cluster. */
static __always_inline __u32 tuple_hash(const struct weir_tuple *t)
{
	const __u32 *word = (const __u32 *)t;
	__u32 h = 0;

	for (int i = 0; i < (int)(sizeof(*t) / sizeof(*word)); i++) {
		h = (h ^ word[i]) * 0x9e3779b1; /* Knuth's multiplicative hash, word by word */
		h ^= h >> 15;
	}
	return h;
}
