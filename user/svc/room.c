/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t max(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static void slots_take(struct svc_room *room, const struct svc_actual *actual,
		       const struct svc_idle *idle, uint64_t now_ms)
{
	for (uint32_t i = 0; i < WEIR_MAX_SLOTS; i++) {
		room->slots.taken[i] = svc_idle_slot_rests(idle, i, now_ms);
		room->gen = max(room->gen, actual->slots[i].gen);
	}
	for (size_t i = 0; i < actual->n_frontends; i++) {
		const struct weir_svc *svc = &actual->frontends[i].svc;

		room->gen = max(room->gen, max(svc->gen, max(svc->id, svc->affinity_id)));
		for (uint32_t k = 0; svc_slots_of(actual, svc) && k < svc->count; k++)
			room->slots.taken[svc->first + k] = 1;
	}
	/* ranges that were left behind must not let anybody into a new frontend */
	for (size_t i = 0; i < actual->n_ranges; i++)
		room->gen = max(room->gen, actual->ranges[i].svc);
}

static void backends_take(struct svc_room *room, const struct svc_actual *actual,
			  const struct svc_idle *idle, uint64_t now_ms)
{
	room->backend_taken[0] = 1;
	for (uint32_t id = 1; id < WEIR_MAX_BACKENDS; id++)
		room->backend_taken[id] = svc_idle_backend_rests(idle, id, now_ms);
	for (size_t i = 0; i < actual->n_backends; i++)
		if (actual->backends[i].id < WEIR_MAX_BACKENDS)
			room->backend_taken[actual->backends[i].id] = 1;
	for (uint32_t id = 1; id < WEIR_MAX_BACKENDS; id++)
		room->n_backends += !room->backend_taken[id];
}

static void ring_take(struct svc_room *room, const struct svc_actual *actual,
		      const struct svc_idle *idle, uint64_t now_ms)
{
	uint32_t first, n;

	for (uint32_t k = 0; k < SVC_RING_BLOCKS; k++)
		room->ring.taken[k] = svc_idle_ring_rests(idle, k, now_ms);
	for (size_t i = 0; i < actual->n_frontends; i++)
		if (svc_ring_of(&actual->frontends[i].svc, &first, &n))
			memset(room->ring.taken + first, 1, n);
}

static struct svc_space space(uint32_t n)
{
	return (struct svc_space){ .taken = malloc(n), .n = n, .large = n + 1 };
}

int svc_room_init(struct svc_room *room, const struct svc_actual *actual,
		  const struct svc_idle *idle, uint64_t now_ms)
{
	*room = (struct svc_room){
		.slots = space(WEIR_MAX_SLOTS),
		.ring = space(SVC_RING_BLOCKS),
		.backend_taken = malloc(WEIR_MAX_BACKENDS),
	};
	if (!room->slots.taken || !room->ring.taken || !room->backend_taken) {
		svc_room_fini(room);
		return -ENOMEM;
	}
	slots_take(room, actual, idle, now_ms);
	ring_take(room, actual, idle, now_ms);
	backends_take(room, actual, idle, now_ms);
	return 0;
}

void svc_room_fini(struct svc_room *room)
{
	free(room->slots.taken);
	free(room->ring.taken);
	free(room->backend_taken);
	free(room->gens);
	*room = (struct svc_room){};
}

/* A run that begins at from or later. */
static bool run_find(const struct svc_space *s, uint32_t from, uint32_t n, uint32_t *ret_first)
{
	uint32_t first = from;

	for (uint32_t i = from; i < s->n; i++) {
		if (s->taken[i]) {
			first = i + 1;
		} else if (i + 1 - first == n) {
			*ret_first = first;
			return true;
		}
	}
	return false;
}

static bool space_give(struct svc_space *s, uint32_t n, uint32_t *ret_first)
{
	uint32_t first;

	if (n >= s->large)
		return false;
	if (!run_find(s, s->at, n, &first) && !run_find(s, 0, n, &first)) {
		s->large = n;
		return false;
	}
	memset(s->taken + first, 1, n);
	s->at = first + n;
	*ret_first = first;
	return true;
}

bool svc_room_slots(struct svc_room *room, uint32_t n, uint32_t *ret_first)
{
	return space_give(&room->slots, n, ret_first);
}

bool svc_room_ring(struct svc_room *room, uint32_t entries, uint32_t *ret_first)
{
	uint32_t n = (svc_ring_elements(entries) + SVC_RING_BLOCK - 1) / SVC_RING_BLOCK, first;

	if (!space_give(&room->ring, n, &first))
		return false;
	*ret_first = first * SVC_RING_BLOCK;
	return true;
}

uint32_t svc_room_backend(struct svc_room *room)
{
	while (room->backend_taken[room->backend_at])
		room->backend_at++;
	room->backend_taken[room->backend_at] = 1;
	room->n_backends--;
	return room->backend_at;
}

static int u32_cmp(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static int gens_collect(struct svc_room *room, const struct svc_actual *actual)
{
	uint32_t *gens =
		calloc(WEIR_MAX_SLOTS + 3 * actual->n_frontends + actual->n_ranges, sizeof(*gens));
	size_t n = 0;

	if (!gens)
		return -ENOMEM;
	for (uint32_t i = 0; i < WEIR_MAX_SLOTS; i++)
		gens[n++] = actual->slots[i].gen;
	for (size_t i = 0; i < actual->n_frontends; i++) {
		gens[n++] = actual->frontends[i].svc.gen;
		gens[n++] = actual->frontends[i].svc.id;
		gens[n++] = actual->frontends[i].svc.affinity_id;
	}
	for (size_t i = 0; i < actual->n_ranges; i++)
		gens[n++] = actual->ranges[i].svc;
	qsort(gens, n, sizeof(*gens), u32_cmp);
	room->gens = gens;
	room->n_gens = n;
	return 0;
}

int svc_room_gen(struct svc_room *room, const struct svc_actual *actual, uint32_t *ret)
{
	if (room->gen < UINT32_MAX) {
		*ret = ++room->gen;
		return 0;
	}
	if (!room->gens && gens_collect(room, actual))
		return -ENOMEM;
	do
		room->gen_low++;
	while (bsearch(&room->gen_low, room->gens, room->n_gens, sizeof(*room->gens), u32_cmp));
	*ret = room->gen_low;
	return 0;
}
