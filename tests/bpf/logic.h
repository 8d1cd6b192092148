/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The argument blocks of tests/bpf/logic.bpf.c. */
#pragma once

#include "bpf/abi.h"

struct logic_hold {
	__u64 before, now, dt;
	__u64 held; /* out */
};

struct logic_integral {
	__u64 lo, hi; /* in and out */
	__u64 amount, dt;
};

struct logic_wire {
	__u32 len, headers, gso_size, pad;
	__u64 bytes, packets; /* out */
};

struct logic_crc {
	__u32 differ, len; /* in the first four bytes of a packet of this length */
	__u64 result; /* out: so do their checksums */
};

struct logic_pick {
	struct weir_vip vip;
	__u32 number; /* that the choice is made by */
	struct weir_client who;
	__u32 in_range; /* the one frontend whose ranges have the client */
	__u32 yes; /* a socket of the node's own namespace; a client outside */
	__u32 svc; /* out */
	struct weir_backend backend; /* out */
	__s64 result; /* out */
};

struct logic_packet {
	__u32 parsed, dst_class, src_class, pad;
	__u64 bytes, packets;
};
