/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the kernel's tables to an amount of usage: cumulative over the life of a pod's cgroup. Pure.
 *
 * M1. Cumulative in, cumulative out: the difference of two readings is what was used between them,
 *     whoever took them and whatever happened to the agent meanwhile.
 * M2. Memory that the kernel did not count is unmeasured, never 0.
 * M3. A reading is final when its pod is released, settled or missed: nothing can come any more.
 *
 * Units: nanoseconds, bytes, and byte-nanoseconds for memory held over time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "core/usage.h"

void meter_reading(const struct weir_sample *s, const struct weir_net *net, uint64_t page_size,
		   struct usage *ret);
/* What went by the interfaces of the pod, whoever sent it; veths are in order of pod. False: none is
 * known to be its. */
bool meter_interface(const struct weir_sample *s, const struct weir_veth *veths, size_t n,
		     struct usage_interface *ret);
bool meter_final(const struct weir_sample *s);
