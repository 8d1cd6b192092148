/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is next for a workload that is a Pod, pure: from what is wanted, what was done and what is seen
 * of the Pod follows one step. Every step can be done again without harm (server-side apply, or a
 * delete that finds nothing), so who does not know what was done, as after a restart, begins anew.
 *
 *	wanted:   volume, claim, Service, Pod; a Pod that is over goes, then all is applied anew
 *	ended:    Service, Pod, then (when no Pod is seen any more) claim, volume; then it is forgotten
 *
 * I1. Nothing is deleted but of a workload that was ended, or a Pod that is over.
 * I2. A Pod that nobody can be asked about is as it was seen last: run_step_saw() is called with what an
 *     API server has said, never because it did not answer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "k8s/run.h"

struct kube_object;

/* APPLY and DELETE are followed by the object: RUN_APPLY + KUBE_RUN_POD. */
enum run_step {
	RUN_REST = 0,
	RUN_APPLY = 1,
	RUN_DELETE = RUN_APPLY + KUBE_RUN_OBJECT_MAX_,
	RUN_FORGET = RUN_DELETE + KUBE_RUN_OBJECT_MAX_,
	RUN_STEP_MAX_ = RUN_FORGET + 1
};
static inline bool run_step_is_apply(enum run_step step)
{
	return step >= RUN_APPLY && step < RUN_DELETE;
}
static inline bool run_step_is_delete(enum run_step step)
{
	return step >= RUN_DELETE && step < RUN_FORGET;
}
enum kube_run_object run_step_object(enum run_step step); /* of an APPLY or DELETE */

enum run_pod {
	RUN_POD_NONE,
	RUN_POD_THERE,
	RUN_POD_GOING, /* is being deleted */
	RUN_POD_OVER, /* succeeded or failed: its containers are gone for good */
};

enum run_pod run_pod_of(const struct kube_object *pod); /* NULL: NONE */

struct run_state {
	bool ended; /* the lease closed, or somebody stopped it */
	enum run_pod pod;
	uint32_t done; /* a bit for each step that was done */
};

enum run_step run_step_next(const struct run_state *s);
void run_step_did(struct run_state *s, enum run_step step);
void run_step_saw(struct run_state *s, enum run_pod pod);
void run_step_end(struct run_state *s);
/* Is this reply (code: -errno, status: of HTTP) as good as what the step asked for? A delete that finds nothing
 * is; so is an apply that would change what a Pod never changes (422), when the Pod is there. */
bool run_step_is_met(const struct run_state *s, enum run_step step, int code, unsigned int status);
/* What was done may have been undone by others: all of it is due again. */
void run_step_doubt(struct run_state *s);
