/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row of jobs, done by several threads. The threads belong to the call: crew_run() starts them,
 * works along, and has joined them when it returns. They take no signals.
 *
 * Each thread calls work() once, which prepares what it needs and then takes jobs:
 *
 *	size_t job;
 *	while (crew_next(crew, &job))
 *		...
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct crew;

/* work() returns 0 or -errno; after a failure crew_next() gives no more jobs. The first failure is
 * what crew_run() returns. Fewer threads than asked for are no error. */
int crew_run(size_t threads, size_t jobs, int (*work)(struct crew *crew, void *arg), void *arg);
bool crew_next(struct crew *crew, size_t *ret_job);
