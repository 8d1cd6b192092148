/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocking work, one job after the other, off the loop: the ledger has one writer, so what touches
 * it goes through this queue and needs no lock. A job is a value handed over and handed back:
 *
 *	run()	on the thread pool; may block, must not touch anything of the loop's
 *	done()	on the loop afterwards, in the order the jobs were added; owns the job again
 *
 * Every job that was added is run and done, also those that wait when the loop is told to stop:
 * the loop does not end before them.
 */
#pragma once

struct uv_loop_s;
struct work;

struct work_job {
	void (*run)(struct work_job *job);
	void (*done)(struct work_job *job);
	struct work_job *next; /* the queue's own */
};

int work_new(struct uv_loop_s *loop, struct work **ret);
/* A second queue over what `with` has: their jobs never run at the same time, except while one waits
 * for something outside. It lets go then, and takes back before it touches anything again: both
 * from run(). `with` outlives it. */
int work_new_beside(struct work *with, struct work **ret);
void work_let_go(struct work *w);
void work_take_back(struct work *w);
/* Only when no job is left. */
void work_free(struct work **w);
void work_add(struct work *w, struct work_job *job);
