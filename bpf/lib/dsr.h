/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Direct server return: the packet that a client sent goes on, as it came, to the node that has the
 * backend, and that node answers the client itself. Between the two it travels in UDP, as Geneve has it
 * (RFC 8926), from node to node, so no network on the way has to know pods, Services or clients:
 *
 *	| IP, node to node | UDP 6081 | Geneve | option: the backend | IP, client -> VIP | ...
 *
 * The option names the backend that the first node chose, so the other needs to know nothing of the
 * Service: it takes the outer headers off and translates the packet as one that came from the client
 * directly, but to this backend. Each packet carries all; nothing depends on an earlier one.
 *
 * Who may send such packets: nodes of the cluster (class CLUSTER, and no pod's) alone. What others send is
 * left alone, so their stack's or a firewall's to refuse. Whoever can send by a node's address is believed.
 *
 * Only what the programs make themselves is taken off: one option, of a class that is for private use. It
 * is critical, so nobody else makes a packet without a backend of it.
 *
 * What ICMP says of packets on this way is kept (weir_peer): a smaller path MTU, and that the node takes
 * none, because no Weir runs there or a firewall stands before it.
 */
#pragma once

#include <linux/tcp.h>
#include <linux/udp.h>

#include "bpf/lib/lb.h"
#include "bpf/lib/pkt.h"
#include "bpf/lib/rewrite.h"
#include "bpf/lib/route.h"

#define DSR_PORT bpf_htons(6081)
#define DSR_CRITICAL 0x40
#define DSR_CLASS bpf_htons(0xff57)
#define DSR_TYPE 0x81 /* critical, as all from 0x80 on */
#define DSR_OPTION_WORDS 5 /* of 4 bytes, without its head */

#define DSR_SMALL_NS (600 * LB_NS_PER_S) /* how long Linux keeps a path MTU */
#define DSR_REFUSED_NS (60 * LB_NS_PER_S)
#define DSR_MTU_LEAST 576 /* RFC 791; less is no news, but noise */
#define DSR_SEGMENT_LEAST 536 /* TCP's, RFC 9293 */

struct dsr_head {
	__u8 words; /* version 0; of options */
	__u8 flags;
	__be16 proto; /* EtherType of what is inside */
	__be32 vni;
	__be16 class;
	__u8 type, option_words;
	__be16 port, zero; /* of the backend */
	struct weir_addr addr;
};

struct dsr_outer4 {
	struct iphdr ip;
	struct udphdr udp;
	struct dsr_head head;
};
struct dsr_outer6 {
	struct ipv6hdr ip;
	struct udphdr udp;
	struct dsr_head head;
};

static __always_inline __u32 dsr_room(bool v6)
{
	return v6 ? sizeof(struct dsr_outer6) : sizeof(struct dsr_outer4);
}

static __always_inline bool is_peer(const struct weir_addr *a)
{
	return class_flags(a) == WEIR_CLASS_CLUSTER;
}

static __always_inline bool is_own(const struct weir_addr *a)
{
	return class_flags(a) == WEIR_CLASS_LOCAL;
}

/* This one or another. */
static __always_inline bool is_node(const struct weir_addr *a)
{
	__u32 flags = class_flags(a);

	return flags == WEIR_CLASS_CLUSTER || flags == WEIR_CLASS_LOCAL;
}

/* ---- What is known of the way there ---------------------------------------------------------- */

static __always_inline bool dsr_refuses(const struct weir_addr *node, __u64 now)
{
	const struct weir_peer *peer = bpf_map_lookup_elem(&weir_peer, node);

	return peer && peer->refused_at && now - peer->refused_at < DSR_REFUSED_NS;
}

/* How large a packet may be, the outer headers in it. */
static __always_inline __u32 dsr_limit(struct __sk_buff *skb, __u32 ifindex,
				       const struct weir_addr *node, __u64 now)
{
	const struct weir_peer *peer = bpf_map_lookup_elem(&weir_peer, node);
	__u32 mtu = 0;

	if (bpf_check_mtu(skb, ifindex, &mtu, 0, 0) < 0)
		return 0;
	if (peer && peer->small_at && now - peer->small_at < DSR_SMALL_NS && peer->mtu < mtu)
		mtu = peer->mtu;
	return mtu;
}

/* A packet, or each of those that it will be cut into again. */
static __always_inline __u32 dsr_packet_len(struct __sk_buff *skb, const struct pkt *p)
{
	__u8 words = 0;

	if (!skb->gso_size)
		return skb->len - PKT_L3;
	if (p->t.proto == IPPROTO_TCP)
		bpf_skb_load_bytes(skb, p->l4 + 12, &words, 1);
	return p->l4 - PKT_L3 + (words ? (words >> 4) * 4 : sizeof(struct udphdr)) + skb->gso_size;
}

/* 0: it fits; else how large a packet may be at most, as the client sees it. */
static __always_inline __u32 dsr_mtu(struct __sk_buff *skb, const struct pkt *p, __u32 ifindex,
				     const struct weir_addr *node, __u64 now)
{
	__u32 len = dsr_packet_len(skb, p), room = dsr_room(p->v6), limit;

	if (len + room <= MTU_ALWAYS)
		return 0;
	limit = dsr_limit(skb, ifindex, node, now);
	if (len + room <= limit)
		return 0;
	return limit > room ? limit - room : MTU_ALWAYS;
}

/* The device towards a node; 0: there is no way. key is for the work. */
static __always_inline __u32 dsr_device(struct __sk_buff *skb, bool v6,
					const struct weir_addr *node, struct weir_tuple *key)
{
	struct weir_addr hop;
	__u32 ifindex = 0;

	*key = (struct weir_tuple){ .dst = *node, .proto = IPPROTO_UDP };
	return route_find(skb, key, v6, &ifindex, &hop) ? 0 : ifindex;
}

/* An ICMP error about a packet whose answer would be t: is it one that was sent on, and what is said of
 * the way? */
static __always_inline void dsr_learn(struct __sk_buff *skb, const struct pkt *p,
				      const struct weir_tuple *t, __u64 now)
{
	const struct weir_peer *was;
	struct weir_peer peer = {};
	struct icmp_error icmp;
	bool big, refused;

	if (t->proto != IPPROTO_UDP || t->sport != DSR_PORT || !is_peer(&t->src) ||
	    bpf_skb_load_bytes(skb, p->l4, &icmp, sizeof(icmp)))
		return;
	big = p->v6 ? icmp.type == ICMPV6_PKT_TOOBIG :
		      icmp.type == ICMP_DEST_UNREACH && icmp.code == ICMP_FRAG_NEEDED;
	refused = !big && addr_same(&p->t.src, &t->src) &&
		  icmp.type == (p->v6 ? ICMPV6_DEST_UNREACH : ICMP_DEST_UNREACH);
	was = bpf_map_lookup_elem(&weir_peer, &t->src);
	if (was)
		peer = *was;
	if (refused) {
		peer.refused_at = now;
		reason_count(WEIR_REASON_PEER_REFUSED);
	} else if (big && bpf_ntohl(icmp.rest) >= DSR_MTU_LEAST) {
		peer.mtu = bpf_ntohl(icmp.rest);
		peer.small_at = now;
	} else {
		return;
	}
	bpf_map_update_elem(&weir_peer, &t->src, &peer, BPF_ANY);
}

/* ---- Sending on ------------------------------------------------------------------------------ */

static __always_inline struct dsr_head dsr_head_of(const struct __sk_buff *skb,
						   const struct weir_tuple *to)
{
	return (struct dsr_head){
		.words = 1 + DSR_OPTION_WORDS,
		.flags = DSR_CRITICAL,
		.proto = skb->protocol,
		.class = DSR_CLASS,
		.type = DSR_TYPE,
		.option_words = DSR_OPTION_WORDS,
		.port = to->dport,
		.addr = to->dst,
	};
}

/* One port for one connection, so that the network keeps its packets in order. A packet that is cut into
 * segments gets its lengths then. */
static __always_inline struct udphdr dsr_udp_of(const struct pkt *p, __u32 len)
{
	return (struct udphdr){
		.source = bpf_htons(0xc000 | (tuple_hash(&p->t) >> 18)),
		.dest = DSR_PORT,
		.len = bpf_htons(len),
	};
}

/* Of the traffic class the outer header bears the priority, but never the promise to react to congestion
 * marks: they would be lost with it (RFC 6040, compatibility mode). */
static __always_inline int dsr_put4(struct __sk_buff *skb, const struct pkt *p, __u32 inner,
				    const struct weir_tuple *to, const struct weir_tuple *outer)
{
	struct dsr_outer4 o = {
		.ip = { .version = 4,
			.ihl = 5,
			.tot_len = bpf_htons(inner + sizeof(o)),
			.frag_off = bpf_htons(0x4000), /* don't fragment */
			.ttl = 64,
			.protocol = IPPROTO_UDP,
			.saddr = outer->src.w[3],
			.daddr = outer->dst.w[3] },
		.udp = dsr_udp_of(p, inner + sizeof(o) - sizeof(o.ip)),
		.head = dsr_head_of(skb, to),
	};

	if (bpf_skb_load_bytes(skb, PKT_L3 + 1, &o.ip.tos, 1))
		return -EINVAL;
	o.ip.tos &= 0xfc;
	o.ip.check = ~csum_fold((__u32)bpf_csum_diff(NULL, 0, (__be32 *)&o.ip, sizeof(o.ip), 0));
	if (bpf_skb_adjust_room(skb, sizeof(o), BPF_ADJ_ROOM_MAC,
				BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 |
					BPF_F_ADJ_ROOM_ENCAP_L4_UDP))
		return -EINVAL;
	return bpf_skb_store_bytes(skb, PKT_L3, &o, sizeof(o), BPF_F_RECOMPUTE_CSUM);
}

/* Zero is no checksum, which is all that IPv4 needs, for what is inside has its own, and which IPv6 lets
 * tunnels do as well (RFC 6935). But there not all do: a host drops such a packet and says nothing, so nobody
 * would hear that no Weir is there. So what needs no look at the payload gets one: the transport's header and
 * payload add up to the complement of their pseudo header, or will once the device has completed their sum. */
static __always_inline bool dsr_adds_up(const struct pkt *p, __u32 inner)
{
	return !p->first && !p->later && !p->unsummed && p->t.proto != IPPROTO_SCTP &&
	       p->l4 == PKT_L3 + sizeof(struct ipv6hdr) &&
	       inner == sizeof(struct ipv6hdr) + p->l4_len;
}

/* Addresses are in the header and in the pseudo header, and cancel each other; words: those before them. */
static __always_inline __u16 dsr_check6(const struct pkt *p, const __be32 words[2],
					const struct dsr_outer6 *o)
{
	__u64 sum = bpf_csum_diff(NULL, 0, (__be32 *)&o->ip.saddr, sizeof(*o) - 8, 0);
	__u16 check;

	sum += (__u64)o->udp.len + bpf_htons(IPPROTO_UDP) + words[0] + words[1];
	sum += (__u16)~csum_fold((__u64)bpf_htonl(p->l4_len) + bpf_htonl(p->t.proto));
	check = ~csum_fold(sum);
	return check ? check : 0xffff;
}

static __always_inline int dsr_put6(struct __sk_buff *skb, const struct pkt *p, __u32 inner,
				    const struct weir_tuple *to, const struct weir_tuple *outer)
{
	struct dsr_outer6 o = {
		.ip = { .payload_len = bpf_htons(inner + sizeof(o) - sizeof(o.ip)),
			.nexthdr = IPPROTO_UDP,
			.hop_limit = 64 },
		.udp = dsr_udp_of(p, inner + sizeof(o) - sizeof(o.ip)),
		.head = dsr_head_of(skb, to),
	};
	__be32 words[2];

	if (bpf_skb_load_bytes(skb, PKT_L3, words, sizeof(words)))
		return -EINVAL;
	*(__be32 *)&o.ip = words[0] & bpf_htonl(0xffc00000);
	__builtin_memcpy(&o.ip.saddr, &outer->src, sizeof(o.ip.saddr));
	__builtin_memcpy(&o.ip.daddr, &outer->dst, sizeof(o.ip.daddr));
	if (!skb->gso_size && dsr_adds_up(p, inner))
		o.udp.check = dsr_check6(p, words, &o);
	if (bpf_skb_adjust_room(skb, sizeof(o), BPF_ADJ_ROOM_MAC,
				BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 |
					BPF_F_ADJ_ROOM_ENCAP_L4_UDP))
		return -EINVAL;
	return bpf_skb_store_bytes(skb, PKT_L3, &o, sizeof(o), BPF_F_RECOMPUTE_CSUM);
}

/* Puts the outer headers before the packet: from one node to the other, outer's src and dst. On failure it
 * is spoilt: drop it. */
static __always_inline int dsr_put(struct __sk_buff *skb, const struct pkt *p,
				   const struct weir_tuple *to, const struct weir_tuple *outer)
{
	__u32 inner = skb->len - PKT_L3;

	return p->v6 ? dsr_put6(skb, p, inner, to, outer) : dsr_put4(skb, p, inner, to, outer);
}

/* ---- Receiving ------------------------------------------------------------------------------- */

static __always_inline bool dsr_is_for(const struct pkt *p)
{
	return p->t.proto == IPPROTO_UDP && p->t.dport == DSR_PORT && !p->first && !p->later;
}

static __always_inline bool dsr_read(struct __sk_buff *skb, const struct pkt *p,
				     struct dsr_head *ret)
{
	if (p->l4_len < sizeof(struct udphdr) + sizeof(*ret) ||
	    bpf_skb_load_bytes(skb, p->l4 + sizeof(struct udphdr), ret, sizeof(*ret)))
		return false;
	return ret->words == 1 + DSR_OPTION_WORDS && ret->flags == DSR_CRITICAL &&
	       ret->class == DSR_CLASS && ret->type == DSR_TYPE &&
	       ret->option_words == DSR_OPTION_WORDS && ret->proto == skb->protocol;
}

/* Takes the outer headers off. On failure the packet is spoilt: drop it. */
static __always_inline int dsr_strip(struct __sk_buff *skb, const struct pkt *p)
{
	__s32 outer = p->l4 - PKT_L3 + sizeof(struct udphdr) + sizeof(struct dsr_head);

	return bpf_skb_adjust_room(skb, -outer, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO) ?
		       -EINVAL :
		       0;
}

/* ---- Smaller segments ------------------------------------------------------------------------ */

/* A client's packets are to fit with the outer headers: what the backend's SYN+ACK says of its segments
 * becomes smaller by so much, where all stacks put it. Else the first large packet brings ICMP. */
static __noinline int dsr_segments(struct __sk_buff *skb, const struct pkt *p)
{
	__u32 at = p->l4 + sizeof(struct tcphdr), room = dsr_room(p->v6);
	struct {
		__u8 kind, len;
		__be16 value;
	} mss;
	__be16 value;
	__u8 words;

	if ((p->tcp_flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK) ||
	    bpf_skb_load_bytes(skb, p->l4 + 12, &words, 1) || words >> 4 < 6 ||
	    bpf_skb_load_bytes(skb, at, &mss, sizeof(mss)) || mss.kind != 2 || mss.len != 4 ||
	    bpf_ntohs(mss.value) < DSR_SEGMENT_LEAST + room)
		return 0;
	value = bpf_htons(bpf_ntohs(mss.value) - room);
	if (bpf_l4_csum_replace(skb, p->l4 + 16, mss.value, value, sizeof(value)))
		return -EINVAL;
	return bpf_skb_store_bytes(skb, at + 2, &value, sizeof(value), 0);
}
