/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one plan may give away: runs of slots, blocks of the ring, ids of backends, generations. Nothing
 * that the kernel's tables use or hold, nothing that rests, and nothing twice.
 *
 * Slots and blocks are given first fit, going on from where the last run was put, so that a plan of n
 * frontends stays linear. Backend ids are the lowest free ones, from 1. A generation is higher than
 * any that a slot, a frontend or a source range carries; when 32 bits are used up, the lowest that none
 * carries.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svc/idle.h"

struct svc_space {
	uint8_t *taken;
	uint32_t n, at; /* where the last run ended */
	uint32_t large; /* no run of this length is left */
};

struct svc_room {
	struct svc_space slots, ring; /* the ring in blocks of SVC_RING_BLOCK */
	uint8_t *backend_taken;
	uint32_t backend_at;
	size_t n_backends; /* ids left */
	uint32_t gen, gen_low;
	uint32_t *gens; /* all that are carried, sorted; NULL while gen can rise */
	size_t n_gens;
};

int svc_room_init(struct svc_room *room, const struct svc_actual *actual,
		  const struct svc_idle *idle, uint64_t now_ms);
void svc_room_fini(struct svc_room *room);

bool svc_room_slots(struct svc_room *room, uint32_t n, uint32_t *ret_first); /* n > 0 */
/* Elements of the ring for a table of so many entries, not 0. */
bool svc_room_ring(struct svc_room *room, uint32_t entries, uint32_t *ret_first);
uint32_t svc_room_backend(struct svc_room *room); /* room->n_backends must not be 0 */
int svc_room_gen(struct svc_room *room, const struct svc_actual *actual, uint32_t *ret);
