/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/idle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IN_USE UINT32_MAX
#define TICK_MS 50 /* so that six years fit in 32 bits: there are many of these times */

/* For each: 0 (no trace of use seen), IN_USE, or the tick after it was first seen out of use. */
struct svc_idle {
	uint64_t grace_ms;
	uint32_t slot[WEIR_MAX_SLOTS];
	uint32_t backend[WEIR_MAX_BACKENDS];
	uint32_t ring[SVC_RING_BLOCKS];
	/* of one look */
	uint8_t slot_seen[WEIR_MAX_SLOTS], backend_seen[WEIR_MAX_BACKENDS];
	uint8_t ring_seen[SVC_RING_BLOCKS];
	uint32_t looks;
};

#define SEEN_TRACE 1 /* something is or was there */
#define SEEN_USED 2 /* a frontend leads to it, or it serves */

int svc_idle_new(uint64_t grace_ms, struct svc_idle **ret)
{
	struct svc_idle *idle = calloc(1, sizeof(*idle));

	if (!idle)
		return -ENOMEM;
	idle->grace_ms = grace_ms;
	*ret = idle;
	return 0;
}

void svc_idle_free(struct svc_idle **idle)
{
	free(*idle);
	*idle = NULL;
}

uint64_t svc_idle_grace_ms(const struct svc_idle *idle)
{
	return idle->grace_ms;
}

const struct weir_slot *svc_slots_of(const struct svc_actual *actual, const struct weir_svc *svc)
{
	if (svc->first > WEIR_MAX_SLOTS || svc->count > WEIR_MAX_SLOTS - svc->first)
		return NULL;
	return actual->slots + svc->first;
}

bool svc_ring_of(const struct weir_svc *svc, uint32_t *ret_first, uint32_t *ret_n)
{
	uint32_t n = svc_ring_elements(svc->ring);

	if (!n || svc->ring_first % SVC_RING_BLOCK || svc->ring_first > WEIR_MAX_RING ||
	    n > WEIR_MAX_RING - svc->ring_first)
		return false;
	*ret_first = svc->ring_first / SVC_RING_BLOCK;
	*ret_n = (n + SVC_RING_BLOCK - 1) / SVC_RING_BLOCK;
	return true;
}

bool svc_ring_is(const struct weir_svc *svc, uint32_t entries)
{
	uint32_t first, n;

	if (!entries)
		return !svc->ring && !svc->ring_first;
	return svc->ring == entries && svc_ring_of(svc, &first, &n);
}

static bool is_traced(const struct weir_ring *block)
{
	for (uint32_t i = 0; i < SVC_RING_BLOCK; i++)
		if (block[i].at[0] | block[i].at[1] | block[i].at[2] | block[i].at[3])
			return true;
	return false;
}

/* What an earlier process wrote into the ring can be told at the first look only. A block of nothing
 * but zeros passes for unused: a reader that meets another table in it makes a choice like any other. */
static void see_ring(struct svc_idle *idle, const struct svc_actual *actual)
{
	uint32_t first, n;

	for (uint32_t k = 0; k < SVC_RING_BLOCKS; k++)
		idle->ring_seen[k] =
			!idle->looks && actual->ring &&
					is_traced(actual->ring + (size_t)k * SVC_RING_BLOCK) ?
				SEEN_TRACE :
				0;
	idle->looks += idle->looks < 2;
	for (size_t i = 0; i < actual->n_frontends; i++)
		if (svc_ring_of(&actual->frontends[i].svc, &first, &n))
			memset(idle->ring_seen + first, SEEN_USED, n);
}

static void see(struct svc_idle *idle, const struct svc_actual *actual)
{
	/* A generation is a trace of use; since when it is over, a process that just began can't
	 * know, so all that show one rest from its first look on. */
	for (uint32_t i = 0; i < WEIR_MAX_SLOTS; i++)
		idle->slot_seen[i] = actual->slots[i].gen ? SEEN_TRACE : 0;
	memset(idle->backend_seen, 0, sizeof(idle->backend_seen));
	for (size_t i = 0; i < actual->n_backends; i++)
		if (actual->backends[i].id < WEIR_MAX_BACKENDS)
			idle->backend_seen[actual->backends[i].id] =
				actual->backends[i].be.gone ? SEEN_TRACE : SEEN_USED;

	for (size_t i = 0; i < actual->n_frontends; i++) {
		const struct weir_svc *svc = &actual->frontends[i].svc;
		const struct weir_slot *slots = svc_slots_of(actual, svc);

		for (uint32_t k = 0; slots && k < svc->count; k++) {
			idle->slot_seen[svc->first + k] = SEEN_USED;
			if (slots[k].backend < WEIR_MAX_BACKENDS)
				idle->backend_seen[slots[k].backend] = SEEN_USED;
		}
	}
}

static void note(uint32_t *since, uint8_t seen, uint64_t now_ms)
{
	if (seen == SEEN_USED)
		*since = IN_USE;
	else if (*since == IN_USE || (!*since && seen == SEEN_TRACE))
		*since = (now_ms + TICK_MS - 1) / TICK_MS;
}

static uint64_t time_ms(uint32_t since)
{
	return (uint64_t)since * TICK_MS;
}

void svc_idle_observe(struct svc_idle *idle, const struct svc_actual *actual, uint64_t now_ms)
{
	see(idle, actual);
	see_ring(idle, actual);
	for (uint32_t i = 0; i < WEIR_MAX_SLOTS; i++)
		note(&idle->slot[i], idle->slot_seen[i], now_ms);
	for (uint32_t id = 0; id < WEIR_MAX_BACKENDS; id++)
		note(&idle->backend[id], idle->backend_seen[id], now_ms);
	for (uint32_t k = 0; k < SVC_RING_BLOCKS; k++)
		note(&idle->ring[k], idle->ring_seen[k], now_ms);
}

void svc_idle_use(struct svc_idle *idle, const struct svc_op *op)
{
	if (op->kind == SVC_OP_SLOT_PUT)
		idle->slot[op->slot.index] = IN_USE;
	for (uint32_t i = 0; op->kind == SVC_OP_RING_PUT && i < op->ring.n; i++)
		idle->ring[(op->ring.first + i) / SVC_RING_BLOCK] = IN_USE;
	if (op->kind == SVC_OP_BACKEND_PUT || op->kind == SVC_OP_BACKEND_BACK)
		idle->backend[op->backend.id] = IN_USE;
}

bool svc_idle_is_new(const struct svc_idle *idle)
{
	return idle->looks < 2;
}

static bool rests(uint32_t since, uint64_t grace_ms, uint64_t now_ms)
{
	return since && (since == IN_USE || now_ms < time_ms(since) + grace_ms);
}

bool svc_idle_slot_rests(const struct svc_idle *idle, uint32_t index, uint64_t now_ms)
{
	return rests(idle->slot[index], idle->grace_ms, now_ms);
}

bool svc_idle_ring_rests(const struct svc_idle *idle, uint32_t block, uint64_t now_ms)
{
	return rests(idle->ring[block], idle->grace_ms, now_ms);
}

bool svc_idle_backend_rests(const struct svc_idle *idle, uint32_t id, uint64_t now_ms)
{
	return rests(idle->backend[id], idle->grace_ms, now_ms);
}

uint64_t svc_idle_backend_due(const struct svc_idle *idle, uint32_t id, uint64_t now_ms)
{
	uint32_t since = idle->backend[id];

	return (since && since != IN_USE ? time_ms(since) : now_ms) + idle->grace_ms;
}
