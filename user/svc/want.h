/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a selected table asks of the kernel, flat and in order: the common ground of plan and diff.
 * All arrays are sorted and without repetition; a frontend's backends are backends[refs[first]] to
 * backends[refs[first + n - 1]], in order; frontends of a Service port with the same ones have the
 * same first. Ports that are not served or in conflict are left out. backends has all endpoints of the
 * others that serve, in a set or not.
 * A cluster IP outside all prefixes of class SERVICE gets one of its own, so that a dial to a port
 * it does not have is refused instead of leaking to the default route.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "dp/dp.h"

struct svc_service;
struct svc_table;

struct svc_want_frontend {
	struct weir_vip vip;
	struct weir_vip
		lead; /* whose id clients are remembered under: the cluster IP's, or its own */
	const struct svc_service *service; /* borrowed from the table */
	uint32_t flags, affinity_s, first, n;
	uint32_t ring; /* entries of the Maglev table over the set; 0: none */
};

struct svc_want {
	struct svc_want_frontend *frontends;
	struct weir_backend *backends;
	uint32_t *refs;
	struct dp_class *classes;
	struct dp_home *homes;
	size_t n_frontends, n_backends, n_refs, n_classes, n_homes;
	bool maglev;
};

/* -EINVAL: the table is not selected; -E2BIG: more than 2^32 - 1 backends; -ENOMEM. */
int svc_want_init(struct svc_want *w, const struct svc_table *t);
void svc_want_fini(struct svc_want *w);

int svc_vip_cmp(const void *a, const void *b); /* starts with a struct weir_vip */
int svc_dp_backend_cmp(const void *a, const void *b); /* struct dp_backend, by backend, then id */
int svc_backend_cmp(const void *a, const void *b); /* struct weir_backend, gone or not */
int svc_class_cmp(const void *a, const void *b); /* struct dp_class, by prefix */
int svc_home_cmp(const void *a, const void *b); /* struct dp_home, by backend */
int svc_range_cmp(const void *a, const void *b); /* struct weir_range, by frontend first */

/* The source ranges of all frontends with WEIR_SVC_RANGES, sorted and without repetition. ids stand
 * beside w->frontends; one with id 0 is left out. -ENOMEM. */
int svc_want_ranges(const struct svc_want *w, const uint32_t *ids, struct weir_range **ret,
		    size_t *ret_n);

/* homes.c, for svc_want_init(): of endpoints that serve and have their node among the table's, where
 * clients outside may be sent to them; of two nodes that have one address, the first. -ENOMEM. */
int svc_want_homes(struct svc_want *w, const struct svc_table *t);

struct weir_addr svc_kernel_addr(const struct addr *a);
