/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Amount held over time, summed in 128 bits: BPF has no 64 x 64 multiplication of that width. */
#pragma once

#include <linux/types.h>

#define INTEGRAL_GAP_NS 60000000000ULL

/* What counts for the time between two readings: the first, or, when nobody looked for more than a
 * minute, the smaller one, for what was held meanwhile is not known. */
static __always_inline __u64 integral_hold(__u64 before, __u64 now, __u64 dt)
{
	return dt > INTEGRAL_GAP_NS && now < before ? now : before;
}

/* *hi:*lo += amount x dt. The high word of the time is multiplied apart, so that neither product
 * overflows for amounts below 2^32 (of pages: 16 TiB). */
static __always_inline void integral_add(__u64 *lo, __u64 *hi, __u64 amount, __u64 dt)
{
	__u64 low = amount * (dt & 0xffffffff), high = amount * (dt >> 32);
	__u64 sum = *lo + low;

	*hi += (sum < low) + (high >> 32);
	high <<= 32;
	sum += high;
	*hi += sum < high;
	*lo = sum;
}
