/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A receipt's totals against what the tenant counted itself. Pure. The own count is JSON in the names of
 * `weir usage show -j` (cpu_ns, memory_byte_ns, rx_bytes_external, ...): one object or an array of them, which
 * are added, over the whole life of the lease, since a receipt's totals are.
 *
 * Only what is claimed too much counts, and only what has a price. What the own count does not say (null, or
 * missing) is nothing to compare with: then a claim that costs something is refused.
 */
#pragma once

#include <stdint.h>

struct err;
struct json;
struct prices;
struct usage;

#define OWN_COUNT_TOLERANCE_MAX 1000 /* percent */

/* -EDQUOT names what is claimed, what was counted, and of what. -EBADMSG: the own count can't be read. */
int own_count_check(const struct usage *claimed, const struct prices *prices,
		    const struct json *own, uint64_t tolerance_percent, struct err *err);
