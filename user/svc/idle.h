/* SPDX-License-Identifier: Apache-2.0 */
/* What plan.h says of svc_idle, for the planner's own use. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "svc/plan.h"

uint64_t svc_idle_grace_ms(const struct svc_idle *idle);

/* In use, or out of use for less than the grace. */
bool svc_idle_slot_rests(const struct svc_idle *idle, uint32_t index, uint64_t now_ms);
bool svc_idle_ring_rests(const struct svc_idle *idle, uint32_t block, uint64_t now_ms);
bool svc_idle_backend_rests(const struct svc_idle *idle, uint32_t id, uint64_t now_ms);
/* When a backend will have rested, if it is not used until then. */
uint64_t svc_idle_backend_due(const struct svc_idle *idle, uint32_t id, uint64_t now_ms);

/* Has it looked once only? Then what an earlier process left is not known yet. */
bool svc_idle_is_new(const struct svc_idle *idle);

/* What an operation of svc_quick has just taken into use. */
void svc_idle_use(struct svc_idle *idle, const struct svc_op *op);

/* The slots of a frontend; NULL for a value that no planner wrote. */
const struct weir_slot *svc_slots_of(const struct svc_actual *actual, const struct weir_svc *svc);

/* weir_ring is given away by blocks of elements: the least table fills one. */
#define SVC_RING_BLOCK 64
#define SVC_RING_BLOCKS (WEIR_MAX_RING / SVC_RING_BLOCK)

static inline uint32_t svc_ring_elements(uint32_t entries)
{
	return entries / 4 + (entries % 4 != 0);
}

/* The blocks that a frontend's Maglev table is in; false: it has none, or no planner wrote it. */
bool svc_ring_of(const struct weir_svc *svc, uint32_t *ret_first, uint32_t *ret_n);
/* The table over n backends of these names, which are in order, in terms of their places among the slots.
 * ret: its elements, all zero. -ENOMEM. */
int svc_ring_fill(const struct weir_backend *names, const uint16_t *place, uint32_t n,
		  uint32_t entries, struct weir_ring *ret);
/* Has it a table of so many entries, or none for 0? What is in it is not looked at. */
bool svc_ring_is(const struct weir_svc *svc, uint32_t entries);
