/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/histogram.h"

void histogram_add(struct histogram *h, uint64_t ns)
{
	size_t i = 0;

	while (i < h->n && ns > h->bounds[i])
		i++;
	h->counts[i]++;
	h->sum_ns += ns;
}
