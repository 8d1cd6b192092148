/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a packet weighs, in cgroup_skb and on a device alike. Both see packets before segmentation and after merging
 * (GSO, GRO), from the IP header on. A link carries each segment with headers of its own:
 *
 *	segments = ceil((len - headers) / gso_size)
 *	wire     = len + (segments - 1) * headers
 *
 * so the bill does not depend on offload settings. Unknown headers: counted as they are, by reason.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>

#include "bpf/lib/reason.h"

struct packet {
	struct weir_addr src, dst;
	__u32 l3_len; /* up to the transport header */
	__u8 proto;
};

/* cgroup_skb programs have the IP header in front, those of devices the link's. */
static __always_inline long l3_load(struct __sk_buff *skb, __u32 at, void *ret, __u32 len)
{
	return bpf_skb_load_bytes_relative(skb, at, ret, len, BPF_HDR_START_NET);
}

static __always_inline int packet_parse4(struct __sk_buff *skb, struct packet *ret)
{
	struct iphdr ip;

	if (l3_load(skb, 0, &ip, sizeof(ip)))
		return -1;
	*ret = (struct packet){
		.src.w = { 0, 0, bpf_htonl(0xffff), ip.saddr },
		.dst.w = { 0, 0, bpf_htonl(0xffff), ip.daddr },
		.l3_len = ip.ihl * 4,
		.proto = ip.protocol,
	};
	return 0;
}

static __always_inline int packet_parse6(struct __sk_buff *skb, struct packet *ret)
{
	struct ipv6hdr ip;

	if (l3_load(skb, 0, &ip, sizeof(ip)))
		return -1;
	*ret = (struct packet){ .l3_len = sizeof(ip), .proto = ip.nexthdr };
	__builtin_memcpy(&ret->src, &ip.saddr, sizeof(ret->src));
	__builtin_memcpy(&ret->dst, &ip.daddr, sizeof(ret->dst));
	return 0;
}

/* 0, or -1 with *ret undefined. */
static __always_inline int packet_parse(struct __sk_buff *skb, struct packet *ret)
{
	if (skb->protocol == bpf_htons(0x0800))
		return packet_parse4(skb, ret);
	if (skb->protocol == bpf_htons(0x86dd))
		return packet_parse6(skb, ret);
	return -1;
}

/* Bytes from the IP header to the payload; 0: not known. */
static __always_inline __u32 packet_headers(struct __sk_buff *skb, const struct packet *p)
{
	__u8 off = 0;

	if (p->proto == IPPROTO_UDP)
		return p->l3_len + sizeof(struct udphdr);
	if (p->proto != IPPROTO_TCP || l3_load(skb, p->l3_len + 12, &off, 1))
		return 0;
	return p->l3_len + (off >> 4) * 4;
}

/* The same packet on a link, whose payload is cut every gso_size bytes; 0: not cut. */
static __always_inline struct weir_count wire_count(__u32 len, __u32 headers, __u32 gso_size)
{
	struct weir_count c = { .bytes = len, .packets = 1 };

	if (!gso_size || headers >= len)
		return c;
	c.packets = (len - headers + gso_size - 1) / gso_size;
	c.bytes += (c.packets - 1) * headers;
	return c;
}

/* len: from the IP header on. */
static __always_inline struct weir_count packet_wire(struct __sk_buff *skb, __u32 len,
						     const struct packet *p)
{
	__u32 headers = skb->gso_size ? packet_headers(skb, p) : 0;

	if (skb->gso_size && (!headers || headers >= len)) {
		reason_count(WEIR_REASON_PARSE);
		return wire_count(len, 0, 0);
	}
	return wire_count(len, headers, skb->gso_size);
}
