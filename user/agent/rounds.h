/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kube-proxy 1.36 tells of its rounds, told of ours (pkg/proxy: healthcheck/proxy_health.go,
 * metrics/metrics.go, endpointschangetracker.go): which changes wait, since when, when all was in the
 * kernel last, how long rounds take, and how long a change of endpoints took from the pod to the kernel.
 *
 * R1. Fresh is who has no change that waits for ROUNDS_STALE_MS or longer; at first nothing waits. A
 *     proxy without changes is fresh for ever, as is one whose first round has not come yet.
 * R2. Each time that a slice carries (its controller's last-change-trigger-time) is measured once, when
 *     the slice is in the kernel. What changed before the agent's start is not measured.
 *
 * One table serves both families, so a round is one of both; what kube-proxy's two proxiers count each
 * is here the same number twice. Deleted slices carry the time of their last change: not measured.
 *
 * Pure, and owned by the loop's thread. Times: *_ms is UTC, *_ns is CLOCK_BOOTTIME.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/histogram.h"

#define ROUNDS_STALE_MS 60000 /* twice kube-proxy's syncPeriod */

struct kube_set;
struct kube_touched;
struct rounds_seen; /* rounds.c */

enum rounds_family { ROUNDS_V4, ROUNDS_V6, ROUNDS_FAMILY_MAX_ };
const char *rounds_family_name(enum rounds_family f); /* "IPv4" */

struct rounds {
	uint64_t started_ms;
	uint64_t queued_ms; /* the last change */
	uint64_t synced_ms; /* when all was in the kernel last; 0: never yet */
	uint64_t failed_ms; /* the last round's end, when it failed; 0: it did not */
	uint64_t waits_ns; /* since when a change waits; 0: none does */
	struct rounds_count {
		uint64_t total, pending; /* objects that changed; of these not in the kernel */
	} services, slices;
	struct histogram took, programming[ROUNDS_FAMILY_MAX_];
	struct rounds_seen *seen;
};

struct rounds_now {
	uint64_t ms, ns;
};
struct rounds_now rounds_clock(void);

void rounds_init(struct rounds *r, const struct rounds_now *now);
void rounds_fini(struct rounds *r);

/* Something changed: touched says what, NULL: that the whole set is new. */
void rounds_queued(struct rounds *r, const struct kube_set *set, const struct kube_touched *touched,
		   const struct rounds_now *now);
/* A round ended that began at began_ns; it failed when !ok, and then all that waits goes on waiting. */
void rounds_ended(struct rounds *r, uint64_t began_ns, bool ok, const struct rounds_now *now);
/* The slices that the kernel follows now: of the touched Services, or (NULL) all of the set. */
void rounds_measure(struct rounds *r, const struct kube_set *set,
		    const struct kube_touched *touched, const struct rounds_now *now);
bool rounds_fresh(const struct rounds *r, uint64_t now_ns);
