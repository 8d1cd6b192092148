/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Answering instead of sending on: a reset for TCP, an ICMP error else, made of the packet itself and
 * sent back by the device it came from, in the name of the address it was for. Nothing is answered to
 * an address that can't be one host's, and no more than REJECT_PER_S times a second on each CPU.
 *
 * The quote of an ICMP error is the IP header and the first bytes of what follows: 20 for TCP, else 8.
 *
 * Checksums: a packet whose checksum its device was to complete (CHECKSUM_PARTIAL: it comes from this
 * machine) keeps that state, and the place to complete: the reset's own checksum, or that of the quoted
 * header. So what is written there is what completing makes right, and what is summed up over the
 * quote is what will stand there then.
 */
#pragma once

#include <linux/tcp.h>

#include "bpf/lib/pkt.h"
#include "bpf/lib/rewrite.h"

#define REJECT_PER_S 1000
#define REJECT_QUOTE_MAX 128 /* of IP header and what is quoted behind it; a power of 2 */

/* What an ICMP error says: type and code, and the last word of its header. */
struct icmp_says {
	__u8 type4, code4, type6, code6;
	__u32 mtu; /* host order; else 0 */
	bool reset; /* TCP is reset instead */
};

struct reject_work {
	__u64 since; /* the second that is counted */
	__u32 n;
	__u8 quote[REJECT_QUOTE_MAX];
};

struct {
	MAP(PERCPU_ARRAY, 1, 0);
	__type(key, __u32);
	__type(value, struct reject_work);
} weir_reject SEC(".maps");

static __always_inline bool reject_may(struct reject_work *w, __u64 now)
{
	if (now - w->since > 1000000000ULL) {
		w->since = now;
		w->n = 0;
	}
	return w->n++ < REJECT_PER_S;
}

/* Could src be one host elsewhere? */
static __always_inline bool is_answerable(const struct pkt *p)
{
	__u32 v4 = bpf_ntohl(p->t.src.w[3]), first = bpf_ntohl(p->t.src.w[0]);

	if (p->v6)
		return first >> 24 != 0xff && (p->t.src.w[0] | p->t.src.w[1] | p->t.src.w[2]);
	return v4 >> 24 && v4 >> 24 != 127 && v4 < 0xe0000000;
}

/* Does a device still have to complete the transport checksum? Only then a change that is not of the
 * pseudo header changes nothing. The field is spoilt by asking. */
static __always_inline bool csum_is_partial(struct __sk_buff *skb, __u32 at)
{
	__u16 before = 0, after = 0;

	if (bpf_skb_load_bytes(skb, at, &before, 2) || bpf_l4_csum_replace(skb, at, 0, 1, 2) ||
	    bpf_skb_load_bytes(skb, at, &after, 2))
		return false;
	return before == after;
}

/* The sum of the addresses, the length and the protocol that checksums cover; each is symmetric. */
static __always_inline __u64 pseudo_sum(const struct pkt *p, __u32 len, __u8 proto)
{
	__u64 sum = bpf_htonl(len) + (__u64)bpf_htonl(proto);

	if (!p->v6)
		return sum + p->t.src.w[3] + p->t.dst.w[3];
	for (int i = 0; i < 4; i++)
		sum += (__u64)p->t.src.w[i] + p->t.dst.w[i];
	return sum;
}

static __always_inline int macs_swap(struct __sk_buff *skb)
{
	__u8 macs[2 * ETH_ALEN], back[2 * ETH_ALEN];

	if (bpf_skb_load_bytes(skb, 0, macs, sizeof(macs)))
		return -EINVAL;
	__builtin_memcpy(back, macs + ETH_ALEN, ETH_ALEN);
	__builtin_memcpy(back + ETH_ALEN, macs, ETH_ALEN);
	return bpf_skb_store_bytes(skb, 0, back, sizeof(back), 0);
}

/* An IP header from the packet's destination to its source. */
static __always_inline int ip_put(struct __sk_buff *skb, const struct pkt *p, __u8 proto, __u32 len)
{
	struct ipv6hdr ip6 = {
		.version = 6, .payload_len = bpf_htons(len), .nexthdr = proto, .hop_limit = 64
	};
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(sizeof(ip) + len),
		.frag_off = bpf_htons(0x4000), /* don't fragment */
		.ttl = 64,
		.protocol = proto,
		.saddr = p->t.dst.w[3],
		.daddr = p->t.src.w[3],
	};

	if (p->v6) {
		__builtin_memcpy(&ip6.saddr, &p->t.dst, sizeof(ip6.saddr));
		__builtin_memcpy(&ip6.daddr, &p->t.src, sizeof(ip6.daddr));
		return bpf_skb_store_bytes(skb, PKT_L3, &ip6, sizeof(ip6), 0);
	}
	ip.check = ~csum_fold((__u32)bpf_csum_diff(NULL, 0, (__be32 *)&ip, sizeof(ip), 0));
	return bpf_skb_store_bytes(skb, PKT_L3, &ip, sizeof(ip), 0);
}

/* ---- TCP ------------------------------------------------------------------------------------- */

static __always_inline int rst_put(struct __sk_buff *skb, const struct pkt *p)
{
	__u32 l4 = PKT_L3 + (p->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	struct tcphdr was, rst = { .source = p->t.dport, .dest = p->t.sport, .doff = 5, .rst = 1 };
	__u64 sum = pseudo_sum(p, sizeof(rst), IPPROTO_TCP);
	bool partial;

	if (bpf_skb_load_bytes(skb, p->l4, &was, sizeof(was)) || was.doff < sizeof(was) / 4 ||
	    was.doff * 4 > p->l4_len)
		return -EINVAL;
	if (was.ack) {
		rst.seq = was.ack_seq;
	} else {
		rst.ack = 1;
		rst.ack_seq = bpf_htonl(bpf_ntohl(was.seq) + was.syn + was.fin + p->l4_len -
					was.doff * 4);
	}
	/* behind IP options the place to complete is beyond the reset: no answer then */
	partial = csum_is_partial(skb, p->l4 + 16);
	if (partial && p->l4 != l4)
		return -EINVAL;
	if (bpf_skb_change_tail(skb, l4 + sizeof(rst), 0))
		return -EINVAL;
	if (!partial)
		sum += (__u32)bpf_csum_diff(NULL, 0, (__be32 *)&rst, sizeof(rst), 0);
	rst.check = partial ? csum_fold(sum) : ~csum_fold(sum);
	if (ip_put(skb, p, IPPROTO_TCP, sizeof(rst)))
		return -EINVAL;
	return bpf_skb_store_bytes(skb, l4, &rst, sizeof(rst), 0);
}

/* ---- ICMP ------------------------------------------------------------------------------------ */

/* The sum of the first len bytes from the IP header on, which stay in w->quote. */
static __always_inline int quote_load(struct __sk_buff *skb, struct reject_work *w, __u32 len,
				      __u64 *ret)
{
	__builtin_memset(w->quote, 0, sizeof(w->quote));
	if (len < sizeof(struct iphdr) || len > REJECT_QUOTE_MAX)
		return -EINVAL;
	/* what each verifier from Linux 6.1 to 7.2 sees: not 0, and no more than there is room for */
	len--;
	barrier_var(len);
	len &= REJECT_QUOTE_MAX - 1;
	if (bpf_skb_load_bytes(skb, PKT_L3, w->quote, len + 1))
		return -EINVAL;
	*ret = (__u32)bpf_csum_diff(NULL, 0, (__be32 *)w->quote, REJECT_QUOTE_MAX, 0);
	return 0;
}

/* The sum over the quote as it will be, of a packet cut to len bytes behind the Ethernet header. */
static __always_inline int quote_sum(struct __sk_buff *skb, const struct pkt *p,
				     struct reject_work *w, __u32 len, __u64 *ret)
{
	__u32 check = p->l4 + (p->t.proto == IPPROTO_UDP ? 6 : 16);
	__u16 was;

	if (p->t.proto == IPPROTO_SCTP)
		return quote_load(skb, w, len, ret);
	if (bpf_skb_load_bytes(skb, check, &was, sizeof(was)))
		return -EINVAL;
	if (csum_is_partial(skb, check)) {
		/* once completed, the transport's part adds up to the complement of the field now */
		if (quote_load(skb, w, p->l4 - PKT_L3, ret))
			return -EINVAL;
		*ret += (__u16)~was;
		return 0;
	}
	if (bpf_skb_store_bytes(skb, check, &was, sizeof(was), 0))
		return -EINVAL;
	return quote_load(skb, w, len, ret);
}

static __always_inline int error_put(struct __sk_buff *skb, const struct pkt *p,
				     struct reject_work *w, const struct icmp_says *says)
{
	__u32 quoted = p->l4 - PKT_L3 + (p->t.proto == IPPROTO_TCP ? 20 : 8);
	__u32 head = p->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u8 proto = p->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	struct icmp_error icmp = {
		.type = p->v6 ? says->type6 : says->type4,
		.code = p->v6 ? says->code6 : says->code4,
		.rest = bpf_htonl(says->mtu),
	};
	__u64 sum = 0;

	if (bpf_skb_change_tail(skb, PKT_L3 + quoted, 0) || quote_sum(skb, p, w, quoted, &sum) ||
	    bpf_skb_adjust_room(skb, head + sizeof(icmp), BPF_ADJ_ROOM_MAC, 0))
		return -EINVAL;
	sum += (__u32)bpf_csum_diff(NULL, 0, (__be32 *)&icmp, sizeof(icmp), 0);
	if (p->v6)
		sum += pseudo_sum(p, sizeof(icmp) + quoted, proto);
	icmp.checksum = ~csum_fold(sum);
	if (ip_put(skb, p, proto, sizeof(icmp) + quoted))
		return -EINVAL;
	return bpf_skb_store_bytes(skb, PKT_L3 + head, &icmp, sizeof(icmp), 0);
}

/* Makes the packet its own answer. -EINVAL: it gets none; drop it. */
__noinline int reject_make(struct __sk_buff *skb, const struct pkt *p, const struct icmp_says *says,
			   __u64 now)
{
	__u32 zero = 0;
	struct reject_work *w = bpf_map_lookup_elem(&weir_reject, &zero);
	int r;

	if (!w || !p || !says || p->later || p->icmp_error || !is_answerable(p) ||
	    !reject_may(w, now))
		return -EINVAL;
	r = says->reset && p->t.proto == IPPROTO_TCP ? rst_put(skb, p) : error_put(skb, p, w, says);
	return r ? r : macs_swap(skb);
}
