/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows when a workload has ended. Pure.
 *
 * It is run again as its policy says: at once when it had run well, that is, for long; else after first_ms,
 * twice that, ..., most_ms, as the kubelet does it. The times are of the wall clock, since they outlive the
 * machine's boot; a clock that was set back makes nobody wait longer than most_ms.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct status;
struct workload;
struct workload_backoff;

/* It ended, as its init says, or out of memory; the clock says now_ms. Sets what w is now: WAITING, with
 * again_ms, STOPPED or FAILED. */
void restart_after_end(struct workload *w, const struct status *how, bool out_of_memory,
		       const struct workload_backoff *backoff, uint64_t now_ms);
/* It could not be started again, for w->reason. */
void restart_after_failure(struct workload *w, const struct workload_backoff *backoff,
			   uint64_t now_ms);
/* How long a WAITING one still waits. */
uint64_t restart_wait_ms(const struct workload *w, const struct workload_backoff *backoff,
			 uint64_t now_ms);
