/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Choosing a backend: VIP -> {generation, count, first slot} -> slot -> backend.
 *
 * A Service's backend set is replaced by one update of its weir_svc value, after the new slots were
 * written. A reader may hold the old value, or a value torn by the hash map's reuse of elements;
 * each slot carries the generation of the set it belongs to, so a mismatch shows it, and a backend
 * that went carries proto 0. Either way the VIP is looked up again. Generations are unique over
 * all Services, so a slot of another Service never passes for one's own.
 */
#pragma once

#include <linux/errno.h>

#include "bpf/lib/reason.h"
#include "bpf/maps.h"

#define LB_TRIES 4

/* 1: picked; 0: look up again; or a negative errno. */
static __always_inline int lb_try(const struct weir_vip *vip, __u32 rnd, struct weir_backend *ret,
				  __u32 *ret_svc)
{
	const struct weir_svc *svc = bpf_map_lookup_elem(&weir_svc, vip);
	const struct weir_backend *be;
	struct weir_svc set;
	__u64 raw, *slot;
	__u32 at;

	if (!svc)
		return -ENOENT;
	set = *svc;
	if (!set.count)
		return set.flags & WEIR_SVC_DROP ? -EHOSTUNREACH : -ECONNREFUSED;

	at = set.first + rnd % set.count;
	slot = bpf_map_lookup_elem(&weir_slot, &at);
	if (!slot)
		return 0;
	raw = *(volatile __u64 *)slot; /* one load: {backend, gen} never tear */
	if (((struct weir_slot *)&raw)->gen != set.gen)
		return 0;

	at = ((struct weir_slot *)&raw)->backend;
	be = bpf_map_lookup_elem(&weir_backend, &at);
	if (!be || !*(volatile __u8 *)&be->proto) {
		reason_count(WEIR_REASON_BACKEND_LOST);
		return 0;
	}
	*ret = *be;
	*ret_svc = set.id;
	return 1;
}

/* Picks a backend at random. 0, or -ENOENT (no Service has this address), -ECONNREFUSED (no
 * endpoint, or no stable set after LB_TRIES), -EHOSTUNREACH (none that policy allows). Every
 * outcome but -ENOENT is counted. */
static __always_inline int lb_pick(const struct weir_vip *vip, struct weir_backend *ret,
				   __u32 *ret_svc)
{
	__u32 rnd = bpf_get_prandom_u32();
	int r = 0;

	for (int i = 0; i < LB_TRIES; i++) {
		r = lb_try(vip, rnd, ret, ret_svc);
		if (r)
			break;
		reason_count(WEIR_REASON_SLOT_RETRY);
	}
	if (r > 0) {
		reason_count(WEIR_REASON_TRANSLATED);
		return 0;
	}
	if (!r) {
		reason_count(WEIR_REASON_SLOT_LOST);
		return -ECONNREFUSED;
	}
	if (r == -ECONNREFUSED)
		reason_count(WEIR_REASON_NO_ENDPOINT);
	else if (r == -EHOSTUNREACH)
		reason_count(WEIR_REASON_POLICY_LOCAL);
	return r;
}

static __always_inline __u32 class_of(const struct weir_addr *addr)
{
	struct weir_prefix key = { .bits = 128, .addr = *addr };
	const __u32 *class = bpf_map_lookup_elem(&weir_class, &key);

	return class ? *class : WEIR_CLASS_EXTERNAL;
}
