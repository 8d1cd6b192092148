/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_step.h"

#include <errno.h>
#include <stddef.h>

#include "core/cleanup.h"
#include "k8s/object.h"

enum kube_run_object run_step_object(enum run_step step)
{
	return (enum kube_run_object)(step - (run_step_is_apply(step) ? RUN_APPLY : RUN_DELETE));
}

enum run_pod run_pod_of(const struct kube_object *pod)
{
	if (!pod)
		return RUN_POD_NONE;
	if (pod->meta.deleting)
		return RUN_POD_GOING;
	return pod->pod.phase == KUBE_POD_SUCCEEDED || pod->pod.phase == KUBE_POD_FAILED ?
		       RUN_POD_OVER :
		       RUN_POD_THERE;
}

static uint32_t bit(unsigned int step)
{
	return 1u << step;
}

/* The first that was not done; RUN_STEP_MAX_: all are. */
static enum run_step first_of(const struct run_state *s, const enum run_step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(s->done & bit(steps[i])))
			return steps[i];
	return RUN_STEP_MAX_;
}

static enum run_step next_down(const struct run_state *s)
{
	static const enum run_step now[] = { RUN_DELETE + KUBE_RUN_SERVICE,
					     RUN_DELETE + KUBE_RUN_POD };
	static const enum run_step then[] = { RUN_DELETE + KUBE_RUN_CLAIM,
					      RUN_DELETE + KUBE_RUN_VOLUME, RUN_FORGET };
	enum run_step step = first_of(s, now, ARRAY_LEN(now));

	if (step != RUN_STEP_MAX_)
		return step;
	return s->pod == RUN_POD_NONE ? first_of(s, then, ARRAY_LEN(then)) : RUN_REST;
}

static enum run_step next_up(const struct run_state *s)
{
	static const enum run_step steps[] = {
		RUN_APPLY + KUBE_RUN_VOLUME,
		RUN_APPLY + KUBE_RUN_CLAIM,
		RUN_APPLY + KUBE_RUN_SERVICE,
		RUN_APPLY + KUBE_RUN_POD,
	};
	enum run_step step;

	if (s->pod == RUN_POD_OVER && !(s->done & bit(RUN_DELETE + KUBE_RUN_POD)))
		return RUN_DELETE + KUBE_RUN_POD;
	if (s->pod == RUN_POD_OVER || s->pod == RUN_POD_GOING)
		return RUN_REST;
	step = first_of(s, steps, ARRAY_LEN(steps));
	return step == RUN_STEP_MAX_ ? RUN_REST : step;
}

enum run_step run_step_next(const struct run_state *s)
{
	return s->ended ? next_down(s) : next_up(s);
}

void run_step_did(struct run_state *s, enum run_step step)
{
	s->done |= bit(step);
}

/* One that went without our asking is made anew; so is one that we sent away because it was over. */
void run_step_saw(struct run_state *s, enum run_pod pod)
{
	if (s->pod != RUN_POD_NONE && pod == RUN_POD_NONE && !s->ended)
		s->done = 0;
	s->pod = pod;
}

void run_step_end(struct run_state *s)
{
	if (!s->ended)
		s->done = 0;
	s->ended = true;
}

bool run_step_is_met(const struct run_state *s, enum run_step step, int code, unsigned int status)
{
	if (code == 0)
		return true;
	if (run_step_is_delete(step))
		return code == -ENOENT;
	return status == 422 && run_step_object(step) == KUBE_RUN_POD && s->pod == RUN_POD_THERE;
}

void run_step_doubt(struct run_state *s)
{
	s->done = 0;
}
