/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/restart.h"

#include "workload/status.h"
#include "workload/workload.h"

static uint64_t delay_ms(const struct workload_backoff *b, uint32_t soon)
{
	uint64_t ms = soon > 0 ? b->first_ms : 0;

	for (uint32_t i = 1; i < soon && ms < b->most_ms; i++)
		ms *= 2;
	return ms < b->most_ms ? ms : b->most_ms;
}

static void wait(struct workload *w, const struct workload_backoff *b, uint64_t from_ms)
{
	w->state = WORKLOAD_STATE_WAITING;
	w->again_ms = from_ms + delay_ms(b, w->soon);
	if (w->soon < UINT32_MAX)
		w->soon++;
}

static void tell(struct workload *w, const struct status *how, bool out_of_memory)
{
	char *to = w->last_exit;
	size_t size = sizeof(w->last_exit);

	if (how->word == STATUS_EXIT)
		snprintf(to, size, "exit %u", how->number);
	else if (how->word == STATUS_SIGNAL && out_of_memory)
		snprintf(to, size, "out of memory");
	else if (how->word == STATUS_SIGNAL)
		snprintf(to, size, "signal %u", how->number);
	else
		snprintf(to, size, "%s", out_of_memory ? "out of memory" : "killed");
}

void restart_after_end(struct workload *w, const struct status *how, bool out_of_memory,
		       const struct workload_backoff *b, uint64_t now_ms)
{
	bool told = how->word == STATUS_EXIT || how->word == STATUS_SIGNAL;
	bool well = how->word == STATUS_EXIT && how->number == 0;
	uint64_t ended_ms = told && how->at_ms < now_ms ? how->at_ms : now_ms;

	tell(w, how, out_of_memory);
	w->pid = 0;
	w->ended_ms = ended_ms;
	if (w->restart == WORKLOAD_RESTART_ALWAYS ||
	    (w->restart == WORKLOAD_RESTART_ON_FAILURE && !well)) {
		if (ended_ms >= w->started_ms + b->well_ms)
			w->soon = 0;
		wait(w, b, ended_ms);
		return;
	}
	w->state = well ? WORKLOAD_STATE_STOPPED : WORKLOAD_STATE_FAILED;
	if (!well)
		snprintf(w->reason, sizeof(w->reason), "it ended: %s", w->last_exit);
}

void restart_after_failure(struct workload *w, const struct workload_backoff *b, uint64_t now_ms)
{
	w->pid = 0;
	if (w->restart == WORKLOAD_RESTART_NEVER)
		w->state = WORKLOAD_STATE_FAILED;
	else
		wait(w, b, now_ms);
}

uint64_t restart_wait_ms(const struct workload *w, const struct workload_backoff *b,
			 uint64_t now_ms)
{
	uint64_t ms = w->again_ms > now_ms ? w->again_ms - now_ms : 0;

	return ms < b->most_ms ? ms : b->most_ms;
}
