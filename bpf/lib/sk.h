/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the kernel knows of a socket, for programs that are handed one by an iterator. */
#pragma once

#include "vmlinux.h"

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/lb.h"

#define AF_INET 2

static __always_inline struct weir_addr sk_addr4(__be32 addr)
{
	return (struct weir_addr){ { 0, 0, bpf_htonl(0xffff), addr } };
}

/* The addresses that the socket has now; src is its own. */
static __always_inline struct weir_tuple sk_tuple(struct sock_common *sk, __u8 proto)
{
	struct weir_tuple t = {
		.sport = bpf_htons(sk->skc_num),
		.dport = sk->skc_dport,
		.proto = proto,
	};

	if (sk->skc_family == AF_INET) {
		t.src = sk_addr4(sk->skc_rcv_saddr);
		t.dst = sk_addr4(sk->skc_daddr);
	} else {
		BPF_CORE_READ_INTO(&t.src, sk, skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&t.dst, sk, skc_v6_daddr);
	}
	return t;
}

/* Is it connected to what its dial was sent to? It may have dialled something else since. */
static __always_inline bool sk_is_dialled(const struct weir_tuple *now,
					  const struct weir_flow *flow)
{
	return now->dport == flow->backend.port && addr_same(&now->dst, &flow->backend.addr);
}
