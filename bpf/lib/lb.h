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

/* Who asks, in the words of its hook; each is called only when it matters. All is inlined. */
struct lb_asker {
	bool (*is_host)(void *ctx); /* a socket of the node's own network namespace? */
	bool (*is_outside)(void *ctx); /* a client that is neither a pod nor this node? */
	bool (*is_in_range)(void *ctx, __u32 svc); /* is it in weir_range? */
	struct weir_client (*who)(void *ctx); /* all but the Service */
	bool by_hash; /* the same number means the same client: use the ring */
};

struct lb_choice {
	struct weir_backend be;
	__u32 backend; /* its id */
	__u32 svc; /* id, flags and ring of the frontend */
	__u32 flags;
	__u32 ring;
};

#define LB_SPECIAL \
	(WEIR_SVC_DROP | WEIR_SVC_AFFINITY | WEIR_SVC_HOST | WEIR_SVC_GUARD | WEIR_SVC_RANGES)

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

/* The place in the set that the Maglev table names; beyond it: the table is another's by now. */
static __always_inline __u32 lb_ring(const struct weir_svc *set, __u32 number)
{
	__u32 entry = number % set->ring, at = set->ring_first + entry / 4;
	const struct weir_ring *ring = bpf_map_lookup_elem(&weir_ring, &at);

	return ring ? ring->at[entry % 4] : set->count;
}

static __always_inline bool lb_any(const struct lb_asker *asker, const struct weir_svc *set,
				   __u32 number, __u32 *ret_backend)
{
	__u32 at = asker->by_hash && set->ring ? lb_ring(set, number) : number % set->count;

	return at < set->count && lb_slot(set, set->first + at, ret_backend);
}

static __always_inline bool lb_same_again(void *ctx, const struct lb_asker *asker,
					  const struct weir_svc *set, __u32 number,
					  __u32 *ret_backend)
{
	struct weir_choice now = { .used = bpf_ktime_get_boot_ns() };
	struct weir_client who = asker->who(ctx);

	who.service = set->affinity_id;
	if (!lb_recall(set, &who, now.used, &now.slot)) {
		if (!lb_any(asker, set, number, &now.slot.backend))
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

/* A slot's backend, of a frontend with LB_SPECIAL flags or without backends. As lb_try(). */
static __always_inline int lb_special(void *ctx, const struct lb_asker *asker,
				      const struct weir_svc *set, __u32 number, __u32 *ret_backend)
{
	if (set->flags & WEIR_SVC_GUARD || (set->flags & WEIR_SVC_HOST && !asker->is_host(ctx)))
		return -ENOENT;
	if (set->flags & WEIR_SVC_RANGES && !asker->is_in_range(ctx, set->id))
		return -EACCES;
	if (!set->count)
		return set->flags & WEIR_SVC_DROP ? -EHOSTUNREACH : -ECONNREFUSED;
	if (set->flags & WEIR_SVC_AFFINITY)
		return lb_same_again(ctx, asker, set, number, ret_backend);
	return lb_any(asker, set, number, ret_backend);
}

/* The frontend for this client. One that is OUTSIDE's but not there yet is about to come: until then
 * the backends of ALL serve. */
static __always_inline const struct weir_svc *lb_frontend(void *ctx, const struct lb_asker *asker,
							  const struct weir_vip *vip)
{
	const struct weir_svc *svc = bpf_map_lookup_elem(&weir_svc, vip), *outside;
	struct weir_vip key;

	if (!svc || !(svc->flags & WEIR_SVC_OUTSIDE) || !asker->is_outside(ctx))
		return svc;
	key = *vip;
	key.scope = WEIR_SCOPE_OUTSIDE;
	outside = bpf_map_lookup_elem(&weir_svc, &key);
	return outside ? outside : svc;
}

/* 1: picked; 0: look up again; or a negative errno. */
static __always_inline int lb_try(void *ctx, const struct lb_asker *asker,
				  const struct weir_vip *vip, __u32 number, struct lb_choice *ret)
{
	const struct weir_svc *svc = lb_frontend(ctx, asker, vip);
	const struct weir_backend *be;
	struct weir_svc set;
	__u32 id = 0;
	int r;

	if (!svc)
		return -ENOENT;
	set = *svc;
	if (!(set.flags & LB_SPECIAL) && set.count)
		r = lb_any(asker, &set, number, &id);
	else
		r = lb_special(ctx, asker, &set, number, &id);
	if (r <= 0)
		return r;
	be = lb_backend(id);
	if (!be) {
		reason_count(WEIR_REASON_BACKEND_LOST);
		return 0;
	}
	ret->be = *be;
	ret->backend = id;
	ret->svc = set.id;
	ret->flags = set.flags;
	ret->ring = set.ring;
	return 1;
}

/* Picks a backend by the number, or the client's last one. 0, or -ENOENT (no Service has this
 * address), -ECONNREFUSED (no endpoint), -EHOSTUNREACH (none that policy allows), -EACCES (the client
 * is in none of the source ranges), -EAGAIN (no stable set after LB_TRIES). */
static __always_inline int lb_pick(void *ctx, const struct lb_asker *asker,
				   const struct weir_vip *vip, __u32 number, struct lb_choice *ret)
{
	for (int i = 0; i < LB_TRIES; i++) {
		int r = lb_try(ctx, asker, vip, number, ret);

		if (r)
			return r > 0 ? 0 : r;
		reason_count(WEIR_REASON_SLOT_RETRY);
	}
	return -EAGAIN;
}

/* ---- What an address is ---------------------------------------------------------------------- */

/* enum weir_class and WEIR_CLASS_POD. */
static __always_inline __u32 class_flags(const struct weir_addr *addr)
{
	struct weir_prefix key = { .bits = 128, .addr = *addr };
	const __u32 *class = bpf_map_lookup_elem(&weir_class, &key);

	return class ? *class : WEIR_CLASS_EXTERNAL;
}

static __always_inline __u32 class_of(const struct weir_addr *addr)
{
	return class_flags(addr) & ~WEIR_CLASS_POD;
}

static __always_inline bool range_has(__u32 svc, const struct weir_addr *addr)
{
	struct weir_range key = { .bits = 32 + 128, .svc = svc, .addr = *addr };

	return bpf_map_lookup_elem(&weir_range, &key);
}

static __always_inline bool addr_same(const struct weir_addr *a, const struct weir_addr *b)
{
	return a->w[0] == b->w[0] && a->w[1] == b->w[1] && a->w[2] == b->w[2] && a->w[3] == b->w[3];
}
