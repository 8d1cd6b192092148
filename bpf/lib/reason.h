/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Counting by named reason, per CPU. The add is atomic because a program in process context can be
 * interrupted, on its CPU, by one in softirq context. */
#pragma once

#include "bpf/maps.h"

static __always_inline void reason_count(enum weir_reason why)
{
	__u32 key = why;
	__u64 *n = bpf_map_lookup_elem(&weir_reason, &key);

	if (n)
		__sync_fetch_and_add(n, 1);
}
