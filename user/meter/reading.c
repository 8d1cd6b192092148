/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/reading.h"

_Static_assert((int)USAGE_EXTERNAL == (int)WEIR_CLASS_EXTERNAL &&
		       (int)USAGE_CLUSTER == (int)WEIR_CLASS_CLUSTER &&
		       (int)USAGE_LOCAL == (int)WEIR_CLASS_LOCAL &&
		       (int)USAGE_CLASS_MAX_ == (int)WEIR_CLASSES_BILLED,
	       "the classes of the bill are those of the kernel's tables");

static struct usage_dir dir_of(const struct weir_dir *d)
{
	struct usage_dir out = { .raw = { d->raw.bytes, d->raw.packets } };

	for (int c = 0; c < USAGE_CLASS_MAX_; c++)
		out.wire[c] = (struct usage_count){ d->wire[c].bytes, d->wire[c].packets };
	return out;
}

void meter_reading(const struct weir_sample *s, const struct weir_net *net, uint64_t page_size,
		   struct usage *ret)
{
	const struct weir_pod *p = &s->pod;
	struct usage u = {
		.cpu_ns = p->cpu_ns,
		.memory_unmeasured = !(p->flags & WEIR_POD_HAS_MEM),
		.rx = dir_of(&net->rx),
		.tx = dir_of(&net->tx),
	};

	if (!u.memory_unmeasured) {
		unsigned __int128 page_ns = (unsigned __int128)p->mem_page_ns_hi << 64;

		page_ns |= p->mem_page_ns_lo;
		u.memory_byte_ns = page_ns * page_size;
		u.memory_peak_bytes = p->mem_peak_pages * page_size;
	}
	*ret = u;
}

/* The first that is not before the pod's. */
static size_t veths_from(const struct weir_veth *veths, size_t n, uint64_t pod)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t at = low + (high - low) / 2;

		if (veths[at].pod < pod)
			low = at + 1;
		else
			high = at;
	}
	return low;
}

bool meter_interface(const struct weir_sample *s, const struct weir_veth *veths, size_t n,
		     struct usage_interface *ret)
{
	size_t first = veths_from(veths, n, s->cgroup_id);
	struct usage_interface sum = {};

	if (first == n || veths[first].pod != s->cgroup_id)
		return false;
	for (size_t i = first; i < n && veths[i].pod == s->cgroup_id; i++) {
		sum.rx.bytes += veths[i].rx.bytes;
		sum.rx.packets += veths[i].rx.packets;
		sum.tx.bytes += veths[i].tx.bytes;
		sum.tx.packets += veths[i].tx.packets;
	}
	*ret = sum;
	return true;
}

bool meter_final(const struct weir_sample *s)
{
	return s->pod.state >= WEIR_POD_RELEASED;
}
