/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the things of one workload are, and the lock on them. Within this folder only.
 *
 * The lock is an flock on STATE/workloads/NAME: it holds between threads and processes, and goes
 * with whoever dies.
 */
#pragma once

#include "workload/workload.h"

/* Where things of one workload are. */
struct workload_place {
	char state[WORKLOAD_PATH_MAX / 2]; /* absolute */
	char dir[WORKLOAD_PATH_MAX]; /* STATE/workloads/NAME */
	char runc[WORKLOAD_PATH_MAX];
	char packages[WORKLOAD_PATH_MAX];
	int lock; /* on dir */
};

void place_fini(struct workload_place *p);
/* Fills the paths; state must exist. The name must be proper. */
int place_init(struct workload_place *p, const char *state, const char *name, struct err *err);
/* Makes the folder when it is missing, and waits for the lock. */
int place_make(struct workload_place *p, const char *state, const char *name, struct err *err);
/* Finds the folder and waits for the lock. -ENOENT: no such workload. */
int place_lock(struct workload_place *p, const char *state, const char *name, struct err *err);
/* The same without waiting: -EWOULDBLOCK. */
int place_try_lock(struct workload_place *p, const char *state, const char *name, struct err *err);
/* Shared and without waiting: -EWOULDBLOCK while somebody acts. */
int place_try_share(struct workload_place *p);
/* The record of the workload. */
int place_load(const struct workload_place *p, const char *name, struct workload **ret,
	       struct err *err);
/* Of one that runs, as its init says. */
int place_health(const struct workload_place *p, struct workload *w, struct err *err);
/* What the record says, corrected by what runc and its init say. backoff NULL: the usual. */
int place_observe(const struct workload_place *p, struct workload *w,
		  const struct workload_backoff *backoff, struct err *err);
