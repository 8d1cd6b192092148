/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's tables in plain memory, behind the functions of dp.h that user/svc calls: linked in
 * place of libdp's own, so that the real applier runs without a kernel and can be made to fail.
 * And a reader of them that does what bpf/lib/lb.h does.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/addr.h"
#include "core/err.h"
#include "dp/dp.h"

#define MODEL_MAX 4096

struct dp {
	struct dp_frontend frontends[MODEL_MAX];
	size_t n_frontends;
	struct dp_class classes[MODEL_MAX];
	size_t n_classes;
	struct weir_range ranges[MODEL_MAX];
	size_t n_ranges;
	struct dp_home homes[MODEL_MAX];
	size_t n_homes;
	struct weir_backend backends[WEIR_MAX_BACKENDS];
	struct weir_slot slots[WEIR_MAX_SLOTS];
	struct weir_ring ring[WEIR_MAX_RING];
	size_t writes, fail_at; /* the write of this number fails; 0: none does */
	uint32_t epoch;
};

static bool model_fails(struct dp *dp, struct err *err)
{
	if (++dp->writes != dp->fail_at)
		return false;
	err_set(err, -EIO, "write %zu was made to fail", dp->writes);
	return true;
}

static void *model_copy(const void *from, size_t n, size_t size)
{
	void *copy = calloc(n + 1, size);

	if (copy && n)
		memcpy(copy, from, n * size);
	return copy;
}

int dp_frontends(struct dp *dp, struct dp_frontend **ret, size_t *ret_n, struct err *err)
{
	(void)err;
	*ret = model_copy(dp->frontends, dp->n_frontends, sizeof(**ret));
	*ret_n = dp->n_frontends;
	return *ret ? 0 : -ENOMEM;
}

int dp_homes(struct dp *dp, struct dp_home **ret, size_t *ret_n, struct err *err)
{
	(void)err;
	*ret = model_copy(dp->homes, dp->n_homes, sizeof(**ret));
	*ret_n = dp->n_homes;
	return *ret ? 0 : -ENOMEM;
}

int dp_classes(struct dp *dp, struct dp_class **ret, size_t *ret_n, struct err *err)
{
	(void)err;
	*ret = model_copy(dp->classes, dp->n_classes, sizeof(**ret));
	*ret_n = dp->n_classes;
	return *ret ? 0 : -ENOMEM;
}

int dp_ranges(struct dp *dp, struct weir_range **ret, size_t *ret_n, struct err *err)
{
	(void)err;
	*ret = model_copy(dp->ranges, dp->n_ranges, sizeof(**ret));
	*ret_n = dp->n_ranges;
	return *ret ? 0 : -ENOMEM;
}

int dp_backends(struct dp *dp, struct dp_backend **ret, size_t *ret_n, struct err *err)
{
	struct dp_backend *all = calloc(WEIR_MAX_BACKENDS, sizeof(*all));
	size_t n = 0;

	(void)err;
	if (!all)
		return -ENOMEM;
	for (uint32_t id = 0; id < WEIR_MAX_BACKENDS; id++)
		if (dp->backends[id].proto)
			all[n++] = (struct dp_backend){ id, dp->backends[id] };
	*ret = all;
	*ret_n = n;
	return 0;
}

const struct weir_slot *dp_slots(const struct dp *dp)
{
	return dp->slots;
}

const struct weir_ring *dp_ring(const struct dp *dp)
{
	return dp->ring;
}

static struct dp_frontend *model_frontend(struct dp *dp, const struct weir_vip *vip)
{
	for (size_t i = 0; i < dp->n_frontends; i++)
		if (!memcmp(&dp->frontends[i].vip, vip, sizeof(*vip)))
			return &dp->frontends[i];
	return NULL;
}

static struct dp_class *model_class(struct dp *dp, const struct weir_prefix *prefix)
{
	for (size_t i = 0; i < dp->n_classes; i++)
		if (!memcmp(&dp->classes[i].prefix, prefix, sizeof(*prefix)))
			return &dp->classes[i];
	return NULL;
}

int dp_frontend_put(struct dp *dp, const struct weir_vip *vip, const struct weir_svc *svc,
		    struct err *err)
{
	struct dp_frontend *at = model_frontend(dp, vip);

	if (model_fails(dp, err))
		return -EIO;
	if (!at && dp->n_frontends == MODEL_MAX)
		return err_set(err, -ENOSPC, "the model is full");
	if (!at)
		at = &dp->frontends[dp->n_frontends++];
	*at = (struct dp_frontend){ *vip, *svc };
	return 0;
}

int dp_frontend_del(struct dp *dp, const struct weir_vip *vip, struct err *err)
{
	struct dp_frontend *at = model_frontend(dp, vip);

	if (model_fails(dp, err))
		return -EIO;
	if (at)
		*at = dp->frontends[--dp->n_frontends];
	return 0;
}

int dp_backend_put(struct dp *dp, uint32_t id, const struct weir_backend *be, struct err *err)
{
	if (model_fails(dp, err))
		return -EIO;
	dp->backends[id] = *be;
	return 0;
}

int dp_backend_del(struct dp *dp, uint32_t id, struct err *err)
{
	if (model_fails(dp, err))
		return -EIO;
	dp->backends[id].proto = 0;
	return 0;
}

int dp_backend_gone(struct dp *dp, uint32_t id, bool gone, struct err *err)
{
	if (model_fails(dp, err))
		return -EIO;
	dp->backends[id].gone = gone;
	return 0;
}

void dp_epoch_next(struct dp *dp)
{
	dp->epoch++;
}

void dp_slot_put(struct dp *dp, uint32_t index, struct weir_slot slot)
{
	dp->slots[index] = slot;
}

int dp_ring_open(struct dp *dp, struct err *err)
{
	(void)dp;
	(void)err;
	return 0;
}

void dp_ring_put(struct dp *dp, uint32_t index, struct weir_ring ring)
{
	dp->ring[index] = ring;
}

int dp_class_put(struct dp *dp, const struct dp_class *c, struct err *err)
{
	struct dp_class *at = model_class(dp, &c->prefix);

	if (model_fails(dp, err))
		return -EIO;
	if (!at && dp->n_classes == MODEL_MAX)
		return err_set(err, -ENOSPC, "the model is full");
	if (!at)
		at = &dp->classes[dp->n_classes++];
	*at = *c;
	return 0;
}

int dp_class_del(struct dp *dp, const struct weir_prefix *prefix, struct err *err)
{
	struct dp_class *at = model_class(dp, prefix);

	if (model_fails(dp, err))
		return -EIO;
	if (at)
		*at = dp->classes[--dp->n_classes];
	return 0;
}

static struct weir_range *model_range(struct dp *dp, const struct weir_range *range)
{
	for (size_t i = 0; i < dp->n_ranges; i++)
		if (!memcmp(&dp->ranges[i], range, sizeof(*range)))
			return &dp->ranges[i];
	return NULL;
}

int dp_range_put(struct dp *dp, const struct weir_range *range, struct err *err)
{
	if (model_fails(dp, err))
		return -EIO;
	if (model_range(dp, range))
		return 0;
	if (dp->n_ranges == MODEL_MAX)
		return err_set(err, -ENOSPC, "the model is full");
	dp->ranges[dp->n_ranges++] = *range;
	return 0;
}

int dp_range_del(struct dp *dp, const struct weir_range *range, struct err *err)
{
	struct weir_range *at = model_range(dp, range);

	if (model_fails(dp, err))
		return -EIO;
	if (at)
		*at = dp->ranges[--dp->n_ranges];
	return 0;
}

static struct dp_home *model_home(struct dp *dp, const struct weir_addr *backend)
{
	for (size_t i = 0; i < dp->n_homes; i++)
		if (!memcmp(&dp->homes[i].backend, backend, sizeof(*backend)))
			return &dp->homes[i];
	return NULL;
}

int dp_home_put(struct dp *dp, const struct dp_home *home, struct err *err)
{
	struct dp_home *at = model_home(dp, &home->backend);

	if (model_fails(dp, err))
		return -EIO;
	if (!at && dp->n_homes == MODEL_MAX)
		return err_set(err, -ENOSPC, "the model is full");
	if (!at)
		at = &dp->homes[dp->n_homes++];
	*at = *home;
	return 0;
}

int dp_home_del(struct dp *dp, const struct weir_addr *backend, struct err *err)
{
	struct dp_home *at = model_home(dp, backend);

	if (model_fails(dp, err))
		return -EIO;
	if (at)
		*at = dp->homes[--dp->n_homes];
	return 0;
}

/* ---- The reader ------------------------------------------------------------------------------ */

#define SEEN_MAX 64
#define MODEL_HASHES 8

/* Clients of either family that look whether they may come. */
static const char *const model_clients[] = { "198.51.100.1", "198.51.100.129", "10.1.0.1",
					     "192.0.2.9",    "2001:db8:9::1",  "2001:db8:8::1" };
#define MODEL_CLIENTS (sizeof(model_clients) / sizeof(*model_clients))

/* What a dial may meet: absent, refused or dropped, or one of n backends. A slot of another
 * generation or a backend that is gone makes the reader look again: stale. */
struct seen {
	enum { SEEN_ABSENT, SEEN_REFUSED, SEEN_DROPPED, SEEN_SERVED, SEEN_STALE } what;
	size_t n;
	uint32_t affinity_s; /* 0: any of them, each time anew */
	uint32_t flags; /* those that say who may dial and what becomes of his address */
	bool gone; /* some are marked so */
	uint32_t ring; /* entries of the Maglev table; 0: none */
	uint16_t hashed[MODEL_HASHES]; /* places in backends[] that packets of some hashes go to */
	uint32_t shut; /* bit n: model_clients[n] is of the family, but in no source range */
	struct weir_backend backends[SEEN_MAX]; /* sorted */
};

static int model_backend_cmp(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct weir_backend));
}

static inline uint16_t model_place(const struct seen *seen, const struct weir_backend *be)
{
	uint16_t at = 0;

	while (at < seen->n && memcmp(&seen->backends[at], be, offsetof(struct weir_backend, gone)))
		at++;
	return at;
}

/* As lb_ring() does: -1 when the entry leads out of the set, so that the reader looks again. */
static inline long model_ring(const struct dp *dp, const struct weir_svc *svc, uint32_t number)
{
	uint32_t entry = number % svc->ring;
	uint16_t at = dp->ring[svc->ring_first + entry / 4].at[entry % 4];

	return at < svc->count ? at : -1;
}

/* The hashes begin and end the table, and lie all over it. */
static inline uint32_t model_hash(uint32_t i)
{
	return i < 2 ? i : i * 0x9e3779b1;
}

/* Where packets go: to the slot that the table names, or anywhere in the set. */
static inline bool model_hashed(const struct dp *dp, const struct weir_svc *svc, struct seen *seen)
{
	seen->ring = svc->ring;
	for (uint32_t i = 0; svc->ring && i < MODEL_HASHES; i++) {
		long at = model_ring(dp, svc, model_hash(i));

		if (at < 0)
			return false;
		seen->hashed[i] =
			model_place(seen, &dp->backends[dp->slots[svc->first + at].backend]);
	}
	return true;
}

/* What a reader finds that holds this value of a frontend. */
static inline struct seen model_resolve(const struct dp *dp, const struct weir_svc *svc)
{
	struct seen seen = { .what = SEEN_SERVED };

	seen.flags = svc->flags & ~(WEIR_SVC_DROP | WEIR_SVC_AFFINITY | WEIR_SVC_OUTSIDE);
	if (svc->flags & WEIR_SVC_AFFINITY)
		seen.affinity_s = svc->affinity_s;
	if (!svc->count) {
		seen.what = svc->flags & WEIR_SVC_DROP ? SEEN_DROPPED : SEEN_REFUSED;
		return seen;
	}
	for (uint32_t i = 0; i < svc->count; i++) {
		struct weir_slot slot = dp->slots[svc->first + i];
		struct weir_backend be = dp->backends[slot.backend];

		/* in order of backend, so that one can be looked for */
		if (slot.gen != svc->gen || !be.proto || seen.n == SEEN_MAX ||
		    (i && dp->slots[svc->first + i - 1].backend >= slot.backend)) {
			seen.what = SEEN_STALE;
			return seen;
		}
		seen.gone |= be.gone;
		be.gone = 0;
		seen.backends[seen.n++] = be;
	}
	qsort(seen.backends, seen.n, sizeof(*seen.backends), model_backend_cmp);
	if (!model_hashed(dp, svc, &seen))
		seen.what = SEEN_STALE;
	return seen;
}

static inline bool model_in_range(const struct dp *dp, uint32_t svc, const struct addr *client)
{
	for (size_t i = 0; i < dp->n_ranges; i++) {
		struct cidr c = { .bits = dp->ranges[i].bits - 32 };

		memcpy(c.addr.b, &dp->ranges[i].addr, sizeof(c.addr.b));
		if (dp->ranges[i].svc == svc && cidr_has(&c, client))
			return true;
	}
	return false;
}

static inline uint32_t model_shut(const struct dp *dp, const struct dp_frontend *f)
{
	uint32_t shut = 0;
	struct addr vip;

	memcpy(vip.b, &f->vip.addr, sizeof(vip.b));
	for (size_t i = 0; f->svc.flags & WEIR_SVC_RANGES && i < MODEL_CLIENTS; i++) {
		struct addr client;

		if (!addr_parse(model_clients[i], &client) &&
		    addr_is_v4(&client) == addr_is_v4(&vip) &&
		    !model_in_range(dp, f->svc.id, &client))
			shut |= 1U << i;
	}
	return shut;
}

/* What a client meets at the VIP of scope ALL; with scope OUTSIDE, what one from outside meets there. */
static inline struct seen model_dial(struct dp *dp, const struct weir_vip *vip)
{
	struct weir_vip all = *vip;
	struct dp_frontend *f, *outside;
	struct seen seen;

	all.scope = WEIR_SCOPE_ALL;
	f = model_frontend(dp, &all);
	if (!f)
		return (struct seen){ .what = SEEN_ABSENT };
	if (vip->scope == WEIR_SCOPE_OUTSIDE && f->svc.flags & WEIR_SVC_OUTSIDE) {
		outside = model_frontend(dp, vip);
		f = outside ? outside : f;
	}
	seen = model_resolve(dp, &f->svc);
	seen.shut = model_shut(dp, f);
	return seen;
}

static inline bool seen_same(const struct seen *a, const struct seen *b)
{
	return a->what == b->what && a->n == b->n && a->affinity_s == b->affinity_s &&
	       a->flags == b->flags && a->ring == b->ring &&
	       !memcmp(a->hashed, b->hashed, sizeof(a->hashed)) &&
	       !memcmp(a->backends, b->backends, a->n * sizeof(*a->backends));
}
