/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The argument blocks of tests/bpf/logic.bpf.c. */
#pragma once

#include "bpf/abi.h"

struct logic_integral {
	__u64 lo, hi; /* in and out */
	__u64 amount, dt;
};

struct logic_wire {
	__u32 len, headers, gso_size, pad;
	__u64 bytes, packets; /* out */
};

struct logic_pick {
	struct weir_vip vip;
	__u32 svc; /* out */
	__u64 netns; /* in: the client's */
	struct weir_backend backend; /* out */
	__s64 result; /* out */
};

struct logic_packet {
	__u32 parsed, dst_class, src_class, pad;
	__u64 bytes, packets;
};
