/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whether a connected socket has outlived what it dialled. A UDP socket has no end of its own: it would
 * send to the backend of its connect() for ever, whoever has that address by now.
 */
#pragma once

#include "vmlinux.h"

#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/lb.h"

#define AF_INET 2

static __always_inline struct weir_addr ends_addr4(__be32 addr)
{
	return (struct weir_addr){ { 0, 0, bpf_htonl(0xffff), addr } };
}

/* The addresses that the socket has now; src is its own. */
static __always_inline struct weir_tuple ends_tuple(struct sock_common *sk)
{
	struct weir_tuple t = {
		.sport = bpf_htons(sk->skc_num),
		.dport = sk->skc_dport,
		.proto = IPPROTO_UDP,
	};

	if (sk->skc_family == AF_INET) {
		t.src = ends_addr4(sk->skc_rcv_saddr);
		t.dst = ends_addr4(sk->skc_daddr);
	} else {
		BPF_CORE_READ_INTO(&t.src, sk, skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&t.dst, sk, skc_v6_daddr);
	}
	return t;
}

/* Is nobody left to answer what was dialled? The frontend went, the backend serves no more, or its id
 * is another's by now. A backend that is in no set but serves on still answers. */
static __always_inline bool ends_due(const struct weir_flow *flow)
{
	const struct weir_backend *was = &flow->backend;
	const struct weir_backend *be = bpf_map_lookup_elem(&weir_backend, &flow->backend_id);

	if (!be || be->gone || be->proto != was->proto || be->port != was->port ||
	    !addr_same(&be->addr, &was->addr))
		return true;
	return !bpf_map_lookup_elem(&weir_svc, &flow->vip);
}
