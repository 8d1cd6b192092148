/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/rounds.h"

#include <stdlib.h>

/* The default, HASH_JEN, falls through case labels in a way clang warns of. */
#define HASH_FUNCTION(key, len, hash) HASH_SAX(key, len, hash)
#include <uthash.h>

#include "core/cleanup.h"
#include "core/clock.h"
#include "k8s/set.h"

#define MS 1000000ULL
#define S (1000 * MS)
#define FIVE(n) (n) * S, ((n) + 1) * S, ((n) + 2) * S, ((n) + 3) * S, ((n) + 4) * S

/* kube-proxy's classes, so that its dashboards go on. */
static const uint64_t took_bounds[] = {
	1 * MS,	  2 * MS,   4 * MS,    8 * MS,	  16 * MS,   32 * MS,	64 * MS,    128 * MS,
	256 * MS, 512 * MS, 1024 * MS, 2048 * MS, 4096 * MS, 8192 * MS, 16384 * MS,
};

static const uint64_t programming_bounds[] = {
	0,	  250 * MS, 500 * MS, 1 * S,	2 * S,	  3 * S,    4 * S,    FIVE(5),
	FIVE(10), FIVE(15), FIVE(20), FIVE(25), FIVE(30), FIVE(35), FIVE(40), FIVE(45),
	FIVE(50), FIVE(55), 60 * S,   65 * S,	70 * S,	  75 * S,   80 * S,   85 * S,
	90 * S,	  95 * S,   100 * S,  105 * S,	110 * S,  115 * S,  120 * S,  150 * S,
	180 * S,  210 * S,  240 * S,  270 * S,	300 * S,
};

/* A slice whose change was measured. Only those that changed since the start are here. */
struct rounds_seen {
	UT_hash_handle hh;
	uint64_t trigger_ms;
	bool there; /* in the set at hand */
	char key[]; /* "demo/web-x7f2p" */
};

const char *rounds_family_name(enum rounds_family f)
{
	return f == ROUNDS_V4 ? "IPv4" : "IPv6";
}

struct rounds_now rounds_clock(void)
{
	return (struct rounds_now){ .ms = clock_wall_ms(), .ns = clock_boot_ns() };
}

void rounds_init(struct rounds *r, const struct rounds_now *now)
{
	*r = (struct rounds){
		.started_ms = now->ms,
		.queued_ms = now->ms,
		.took = { .bounds = took_bounds, .n = ARRAY_LEN(took_bounds) },
	};
	for (int f = 0; f < ROUNDS_FAMILY_MAX_; f++)
		r->programming[f] = (struct histogram){ .bounds = programming_bounds,
							.n = ARRAY_LEN(programming_bounds) };
}

static void forget(struct rounds *r, struct rounds_seen *seen)
{
	HASH_DEL(r->seen, seen);
	free(seen);
}

void rounds_fini(struct rounds *r)
{
	struct rounds_seen *seen, *next;

	HASH_ITER(hh, r->seen, seen, next) {
		forget(r, seen);
	}
}

/* ---- What waits ----------------------------------------------------------------------------- */

static void count(struct rounds_count *c, size_t n)
{
	c->total += n;
	c->pending += n;
}

void rounds_queued(struct rounds *r, const struct kube_set *set, const struct kube_touched *touched,
		   const struct rounds_now *now)
{
	count(&r->services, touched ? touched->services : kube_set_len(set, KUBE_SERVICE));
	count(&r->slices, touched ? touched->slices : kube_set_len(set, KUBE_SLICE));
	r->queued_ms = now->ms;
	if (!r->waits_ns)
		r->waits_ns = now->ns;
}

void rounds_ended(struct rounds *r, uint64_t began_ns, bool ok, const struct rounds_now *now)
{
	histogram_add(&r->took, now->ns - began_ns);
	if (!ok) {
		r->failed_ms = now->ms;
		return;
	}
	r->synced_ms = now->ms;
	r->failed_ms = r->waits_ns = 0;
	r->services.pending = r->slices.pending = 0;
}

bool rounds_fresh(const struct rounds *r, uint64_t now_ns)
{
	return !r->waits_ns || now_ns - r->waits_ns < ROUNDS_STALE_MS * MS;
}

/* ---- From the pod to the kernel ------------------------------------------------------------- */

static bool is_measured(const struct rounds *r, const struct kube_slice *s)
{
	return s->trigger_ms > r->started_ms && *s->service && !s->headless &&
	       s->type != KUBE_ADDRESS_FQDN;
}

static struct rounds_seen *subject(struct rounds *r, const struct kube_meta *m)
{
	char key[KUBE_MAX_LABEL + KUBE_MAX_NAME + 2];
	size_t len = (size_t)snprintf(key, sizeof(key), "%s/%s", m->namespace, m->name);
	struct rounds_seen *seen = NULL;

	HASH_FIND(hh, r->seen, key, len, seen);
	if (seen)
		return seen;
	seen = calloc(1, sizeof(*seen) + len + 1);
	if (!seen)
		return NULL;
	memcpy(seen->key, key, len);
	HASH_ADD_KEYPTR(hh, r->seen, seen->key, len, seen);
	return seen;
}

/* Without memory it is not measured. */
static void measure(struct rounds *r, const struct kube_object *obj, const struct rounds_now *now)
{
	const struct kube_slice *s = &obj->slice;
	struct rounds_seen *seen = is_measured(r, s) ? subject(r, &obj->meta) : NULL;

	if (!seen)
		return;
	seen->there = true;
	if (s->trigger_ms <= seen->trigger_ms)
		return;
	seen->trigger_ms = s->trigger_ms;
	/* the clocks of two machines: what seems to come from the future took no time */
	histogram_add(&r->programming[s->type == KUBE_ADDRESS_IPV6 ? ROUNDS_V6 : ROUNDS_V4],
		      now->ms > s->trigger_ms ? (now->ms - s->trigger_ms) * MS : 0);
}

static void measure_all(struct rounds *r, const struct kube_set *set, const struct rounds_now *now)
{
	struct rounds_seen *seen, *next;

	for (seen = r->seen; seen; seen = seen->hh.next)
		seen->there = false;
	for (size_t i = 0; i < kube_set_len(set, KUBE_SLICE); i++)
		measure(r, kube_set_at(set, KUBE_SLICE, i), now);
	HASH_ITER(hh, r->seen, seen, next) {
		if (!seen->there)
			forget(r, seen);
	}
}

void rounds_measure(struct rounds *r, const struct kube_set *set,
		    const struct kube_touched *touched, const struct rounds_now *now)
{
	if (!touched)
		measure_all(r, set, now);
	for (size_t i = 0; touched && i < touched->n; i++) {
		size_t n = 0;
		const struct kube_object *const *slices =
			kube_set_slices_of(set, touched->v[i].namespace, touched->v[i].name, &n);

		for (size_t j = 0; j < n; j++)
			measure(r, slices[j], now);
	}
}
