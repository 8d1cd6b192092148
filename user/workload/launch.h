/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a record to a running container and back to nothing. Within this folder only; the caller has the
 * lock and writes the record.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct err;
struct workload;
struct workload_place;

/* Its package is unpacked, nothing of it runs. anew: its log begins anew as well. Sets pid, started_ms and
 * the state; on failure something may run. */
int launch(const struct workload_place *p, struct workload *w, bool anew, struct err *err);
/* Takes container and cgroup away; both may be gone already. */
int launch_clear(const struct workload_place *p, const struct workload *w, uint32_t grace_ms,
		 struct err *err);
