/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often something took how long: durations in nanoseconds, counted by class. Exact: counts and
 * the sum are integers.
 *
 *	static const uint64_t bounds[] = { 1000000, 2000000 };
 *	struct histogram h = { .bounds = bounds, .n = ARRAY_LEN(bounds) };
 *	histogram_add(&h, took_ns);
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_MAX 96

struct histogram {
	const uint64_t *bounds; /* upper ends of the classes, inclusive, rising */
	size_t n; /* at most HISTOGRAM_MAX */
	uint64_t counts[HISTOGRAM_MAX + 1]; /* of each class alone; counts[n]: above all bounds */
	unsigned __int128 sum_ns;
};

void histogram_add(struct histogram *h, uint64_t ns);
