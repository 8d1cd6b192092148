/* SPDX-License-Identifier: Apache-2.0 */
/* What plan.h says of svc_idle, for the planner's own use. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "svc/plan.h"

uint64_t svc_idle_grace_ms(const struct svc_idle *idle);

/* In use, or out of use for less than the grace. */
bool svc_idle_slot_rests(const struct svc_idle *idle, uint32_t index, uint64_t now_ms);
bool svc_idle_backend_rests(const struct svc_idle *idle, uint32_t id, uint64_t now_ms);
/* When a backend will have rested, if it is not used until then. */
uint64_t svc_idle_backend_due(const struct svc_idle *idle, uint32_t id, uint64_t now_ms);

/* What an operation of svc_quick has just taken into use. */
void svc_idle_use(struct svc_idle *idle, const struct svc_op *op);

/* The slots of a frontend; NULL for a value that no planner wrote. */
const struct weir_slot *svc_slots_of(const struct svc_actual *actual, const struct weir_svc *svc);
