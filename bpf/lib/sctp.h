/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * SCTP's checksum after a change of ports, without reading the packet. CRC32c is linear: the checksums
 * of two packets of n bytes that differ in the first four by d differ by d * x^(8n) mod P, whatever
 * else is in them (reflected: bit 31 is x^0).
 */
#pragma once

#include "bpf/lib/pkt.h"

#define CRC32C_P 0x82f63b78U
#define CRC32C_ONE 0x80000000U

static __always_inline __u32 crc32c_mul(__u32 a, __u32 b)
{
	__u32 product = 0;

	for (int i = 0; i < 32; i++) {
		product ^= b & -(a >> 31);
		a <<= 1;
		b = (b >> 1) ^ (CRC32C_P & -(b & 1));
	}
	return product;
}

/* d * x^(8n) mod P */
__noinline __u32 crc32c_differ(__u32 d, __u32 n)
{
	static const __u32 power[16] = {
		/* x^(8 * 2^k) mod P */
		0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c, 0x18b8ea18, 0x510ac59a,
		0xb82be955, 0xb8fdb1e7, 0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a,
		0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc,
	};

	for (int k = 0; k < 16; k++) {
		__u32 is = -(n >> k & 1);

		barrier_var(is); /* no branch is made of it, whose ways verifiers would all walk */
		d = crc32c_mul(d, (power[k] & is) | (CRC32C_ONE & ~is));
	}
	return d;
}

/* CRC32c is stored with its lowest byte first, as is d here. */
static __always_inline __u32 le32(__u32 v)
{
	return bpf_ntohl(__builtin_bswap32(v));
}

static __always_inline int sctp_put(struct __sk_buff *skb, const struct pkt *p,
				    const struct weir_ports *ports)
{
	__u32 old = *(__u32 *)&p->t.sport, new = *(__u32 *)ports, check;

	if (old == new)
		return 0;
	if (bpf_skb_load_bytes(skb, p->l4 + 8, &check, sizeof(check)))
		return -EINVAL;
	check ^= le32(crc32c_differ(le32(old ^ new), p->l4_len));
	/* it is no sum that would make up for the ports in the one that a device took (lib/rewrite.h) */
	if (bpf_skb_store_bytes(skb, p->l4 + 8, &check, sizeof(check), BPF_F_RECOMPUTE_CSUM))
		return -EINVAL;
	return bpf_skb_store_bytes(skb, p->l4, ports, sizeof(*ports), BPF_F_RECOMPUTE_CSUM);
}
