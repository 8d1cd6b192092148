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
#define LB_NS_PER_S 1000000000ULL

/* The network namespace of the client, asked for only when it matters. */
typedef __u64 (*lb_netns_fn)(void *ctx);

/* One load, so {backend, gen} never tear; false: not a slot of this set. */
static __always_inline bool lb_slot(const struct weir_svc *set, __u32 at, __u32 *ret_backend)
{
	__u64 raw, *slot = bpf_map_lookup_elem(&weir_slot, &at);

	if (!slot)
		return false;
	raw = *(volatile __u64 *)slot;
	*ret_backend = ((struct weir_slot *)&raw)->backend;
	return ((struct weir_slot *)&raw)->gen == set->gen;
}

static __always_inline const struct weir_backend *lb_backend(__u32 id)
{
	const struct weir_backend *be = bpf_map_lookup_elem(&weir_backend, &id);

	return be && *(volatile __u8 *)&be->proto ? be : NULL;
}

/* ---- Session affinity ------------------------------------------------------------------------ */

struct lb_search {
	struct weir_svc set;
	__u32 low, high; /* slots; the one looked for is not beyond */
	__u32 backend, found;
};

static long lb_search_step(__u32 step, struct lb_search *s)
{
	__u32 at = s->low + (s->high - s->low) / 2, backend;

	if (s->low >= s->high || !lb_slot(&s->set, at, &backend))
		return 1;
	if (backend == s->backend) {
		s->found = 1;
		return 1;
	}
	if (backend < s->backend)
		s->low = at + 1;
	else
		s->high = at;
	return 0;
}

/* Is the backend in the set? Slots are in order of backend. */
static __always_inline bool lb_has(const struct weir_svc *set, __u32 backend)
{
	struct lb_search s = {
		.set = *set,
		.low = set->first,
		.high = set->first + set->count,
		.backend = backend,
	};

	bpf_loop(20, lb_search_step, &s, 0); /* 2^19 > WEIR_MAX_SLOTS */
	return s.found;
}

/* Where the client's last connection went, if that is not too long ago and still in the set. The
 * timer starts anew; an element that the LRU reuses at this moment gets only a later time by it. */
static __always_inline bool lb_recall(const struct weir_svc *set, const struct weir_client *who,
				      __u64 now, struct weir_slot *ret)
{
	struct weir_choice *was = bpf_map_lookup_elem(&weir_affinity, who);

	if (!was || (__s64)(now - was->used) > (__s64)(set->affinity_s * LB_NS_PER_S))
		return false;
	*(__u64 *)ret = *(volatile __u64 *)&was->slot;
	if (!lb_backend(ret->backend))
		return false;
	if (ret->gen == set->gen)
		was->used = now;
	else if (!lb_has(set, ret->backend))
		return false;
	return true;
}

static __always_inline bool lb_same_again(void *ctx, lb_netns_fn netns, const struct weir_svc *set,
					  __u32 rnd, __u32 *ret_backend)
{
	struct weir_client who = { .netns = netns(ctx), .service = set->affinity_id };
	struct weir_choice now = { .used = bpf_ktime_get_boot_ns() };

	if (!lb_recall(set, &who, now.used, &now.slot)) {
		if (!lb_slot(set, set->first + rnd % set->count, &now.slot.backend))
			return false;
		now.slot.gen = 0;
	}
	*ret_backend = now.slot.backend;
	if (now.slot.gen == set->gen)
		return true;
	now.slot.gen = set->gen;
	if (bpf_map_update_elem(&weir_affinity, &who, &now, BPF_ANY))
		reason_count(WEIR_REASON_AFFINITY_FULL);
	return true;
}

/* ---- The choice ------------------------------------------------------------------------------ */

static __always_inline bool lb_is_host(void *ctx, lb_netns_fn netns)
{
	__u32 zero = 0;
	const struct weir_ctl *ctl = bpf_map_lookup_elem(&weir_ctl, &zero);

	return ctl && ctl->host_netns == netns(ctx);
}

/* A slot's backend, of a frontend with flags or without backends. As lb_try(). */
static __always_inline int lb_special(void *ctx, lb_netns_fn netns, const struct weir_svc *set,
				      __u32 rnd, __u32 *ret_backend)
{
	if (set->flags & WEIR_SVC_GUARD || (set->flags & WEIR_SVC_HOST && !lb_is_host(ctx, netns)))
		return -ENOENT;
	if (!set->count)
		return set->flags & WEIR_SVC_DROP ? -EHOSTUNREACH : -ECONNREFUSED;
	if (set->flags & WEIR_SVC_AFFINITY)
		return lb_same_again(ctx, netns, set, rnd, ret_backend);
	return lb_slot(set, set->first + rnd % set->count, ret_backend);
}

/* 1: picked; 0: look up again; or a negative errno. */
static __always_inline int lb_try(void *ctx, lb_netns_fn netns, const struct weir_vip *vip,
				  __u32 rnd, struct weir_backend *ret, __u32 *ret_svc)
{
	const struct weir_svc *svc = bpf_map_lookup_elem(&weir_svc, vip);
	const struct weir_backend *be;
	struct weir_svc set;
	__u32 id = 0;
	int r;

	if (!svc)
		return -ENOENT;
	set = *svc;
	if (!set.flags && set.count)
		r = lb_slot(&set, set.first + rnd % set.count, &id);
	else
		r = lb_special(ctx, netns, &set, rnd, &id);
	if (r <= 0)
		return r;
	be = lb_backend(id);
	if (!be) {
		reason_count(WEIR_REASON_BACKEND_LOST);
		return 0;
	}
	*ret = *be;
	*ret_svc = set.id;
	return 1;
}

/* Picks a backend at random, or the client's last one. 0, or -ENOENT (no Service has this address),
 * -ECONNREFUSED (no endpoint, or no stable set after LB_TRIES), -EHOSTUNREACH (none that policy
 * allows). Every outcome but -ENOENT is counted. */
static __always_inline int lb_pick(void *ctx, lb_netns_fn netns, const struct weir_vip *vip,
				   struct weir_backend *ret, __u32 *ret_svc)
{
	__u32 rnd = bpf_get_prandom_u32();
	int r = 0;

	for (int i = 0; i < LB_TRIES; i++) {
		r = lb_try(ctx, netns, vip, rnd, ret, ret_svc);
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
