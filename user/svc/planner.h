/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by plan.c and what it is made of (run.c, ring.c, backends.c, prefixes.c, quick.c) only: the
 * work in progress of one svc_plan_make(), and the slots that hold the sets. A set is named by its first
 * reference in svc_want; frontends with the same set share its slots and its Maglev table.
 */
#pragma once

#include "svc/plan.h"
#include "svc/room.h"
#include "svc/want.h"

/* Slots that hold a set (gen 0: none do yet), and the Maglev table over it (ring 0: none is). */
struct run {
	uint32_t gen, first;
	uint32_t ring, ring_first;
};

struct planner {
	const struct svc_actual *actual;
	const struct svc_idle *idle;
	uint64_t now_ms;
	struct svc_plan *plan;
	size_t cap_ops, cap_rings;

	struct svc_want want;
	struct svc_room room;
	struct dp_frontend *frontends; /* actual, in order of vip */
	struct dp_class *classes; /* actual, in order of prefix */
	struct weir_range *ranges, *want_ranges; /* in order of frontend id */
	struct dp_home *homes; /* actual, in order of backend */
	uint32_t *ids; /* of want.backends; 0: not in the kernel yet */
	uint32_t *frontend_ids; /* of want.frontends; 0: no room for it */
	uint32_t *run; /* the slots of one set: backend ids in order; see planner_run_fill() */
	struct run *runs; /* where each set is; by its first reference */
	uint8_t backend[WEIR_MAX_BACKENDS]; /* what backends.c knows of an id */
	size_t n_frontends, n_classes, n_ranges; /* in the kernel before anything is deleted */
	size_t n_want_ranges;
	size_t no_entry, no_backend, no_slot, no_ring, no_class, no_range,
		no_home; /* wanted, without room */
};

void planner_free(struct planner **planner);
/* Plans the frontends, with the backends they need; the operations are not in order yet. */
int planner_frontends(struct planner *p);
/* By kind. -ENOMEM. */
int planner_order(struct svc_plan *plan);
/* Adds an operation to the plan. -ENOMEM. */
int planner_emit(struct planner *p, const struct svc_op *op);
/* The next plan is due then, if not earlier. */
void planner_wake(struct planner *p, uint64_t at_ms);

/* The set of f into p->run, as its slots should be. False when a backend has no id yet. */
bool planner_run_fill(struct planner *p, const struct svc_want_frontend *f);
/* The place of an id in it, which has f->n of them. */
uint32_t planner_run_place(const struct planner *p, const struct svc_want_frontend *f, uint32_t id);
/* Before the frontends: when the slots of a frontend hold the set of f, others may use them, too. -ENOMEM. */
int planner_run_adopt(struct planner *p, const struct dp_frontend *have,
		      const struct svc_want_frontend *f);
/* Slots that hold the set of f, and the table over it: those that have (may be NULL) has, those another
 * frontend has, or new ones, with their backends. -ENOSPC: there is no room, which was counted. */
int planner_run(struct planner *p, const struct dp_frontend *have,
		const struct svc_want_frontend *f, struct run *ret);

/* Has the frontend the table that f should have, over slots that hold its set? What is in it was written
 * before the value that names it, so it is read in the first round of a process alone. -ENOMEM. */
int planner_ring_has(struct planner *p, const struct dp_frontend *have,
		     const struct svc_want_frontend *f, bool *ret);
/* Makes the table over the set of f, whose backends have ids. Without room, which was counted, none. */
int planner_ring_make(struct planner *p, const struct svc_want_frontend *f, struct run *run);

/* Before the frontends: backends keep the ids they have. */
int planner_backends_adopt(struct planner *p);
/* Gives want.backends[at] an id; p->room must have one. */
int planner_backend_put(struct planner *p, uint32_t at);
/* After the plan f, or what the kernel has of a frontend, leads to its backends. */
void planner_backends_use(struct planner *p, const struct svc_want_frontend *f);
void planner_backends_keep(struct planner *p, const struct weir_svc *svc);
/* After the frontends: what they lead to is said to serve again. */
int planner_backends_back(struct planner *p);
/* After the frontends: adds those that only serve, tells which serve, prunes. */
int planner_backends(struct planner *p);

/* Plans a table of prefixes, deletions last; the ranges after the frontends. -ENOMEM. */
int planner_classes(struct planner *p);
int planner_ranges(struct planner *p);
/* Plans the homes of backends, which the kernel has n of, in order; prune: with deletions. -ENOMEM. */
int planner_homes(struct planner *p, const struct dp_home *have, size_t n, bool prune);
