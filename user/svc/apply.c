/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "svc/plan.h"
#include "svc/svc.h"

int svc_actual_read(struct dp *dp, struct svc_actual *ret, struct err *err)
{
	cleanup(svc_actual_fini) struct svc_actual a = {};
	int r = dp_frontends(dp, &a.frontends, &a.n_frontends, err);

	if (!r)
		r = dp_backends(dp, &a.backends, &a.n_backends, err);
	if (!r)
		r = dp_classes(dp, &a.classes, &a.n_classes, err);
	if (!r)
		r = dp_ranges(dp, &a.ranges, &a.n_ranges, err);
	if (!r)
		r = dp_homes(dp, &a.homes, &a.n_homes, err);
	if (r)
		return r;
	a.slots = dp_slots(dp);
	a.ring = dp_ring(dp);
	*ret = a;
	a = (struct svc_actual){};
	return 0;
}

void svc_actual_fini(struct svc_actual *a)
{
	free(a->frontends);
	free(a->backends);
	free(a->classes);
	free(a->ranges);
	free(a->homes);
	*a = (struct svc_actual){};
}

static void ring_put(struct dp *dp, const struct svc_plan *plan, const struct svc_op *op)
{
	for (uint32_t i = 0; i < op->ring.n; i++)
		dp_ring_put(dp, op->ring.first + i, plan->rings[op->ring.from + i]);
}

static int op_execute(struct dp *dp, const struct svc_plan *plan, const struct svc_op *op,
		      struct err *err)
{
	switch (op->kind) {
	case SVC_OP_BACKEND_PUT:
		return dp_backend_put(dp, op->backend.id, &op->backend.be, err);
	case SVC_OP_BACKEND_BACK:
	case SVC_OP_BACKEND_GONE:
		return dp_backend_gone(dp, op->backend.id, op->kind == SVC_OP_BACKEND_GONE, err);
	case SVC_OP_SLOT_PUT:
		dp_slot_put(dp, op->slot.index, op->slot.value);
		return 0;
	case SVC_OP_RING_PUT:
		ring_put(dp, plan, op);
		return 0;
	case SVC_OP_RANGE_PUT:
		return dp_range_put(dp, &op->range, err);
	case SVC_OP_HOME_PUT:
		return dp_home_put(dp, &op->home, err);
	case SVC_OP_FRONTEND_PUT:
		return dp_frontend_put(dp, &op->frontend.vip, &op->frontend.svc, err);
	case SVC_OP_CLASS_PUT:
		return dp_class_put(dp, &op->class, err);
	case SVC_OP_FRONTEND_DEL:
		return dp_frontend_del(dp, &op->frontend.vip, err);
	case SVC_OP_CLASS_DEL:
		return dp_class_del(dp, &op->class.prefix, err);
	case SVC_OP_RANGE_DEL:
		return dp_range_del(dp, &op->range, err);
	case SVC_OP_HOME_DEL:
		return dp_home_del(dp, &op->home.backend, err);
	case SVC_OP_BACKEND_DEL:
		return dp_backend_del(dp, op->backend.id, err);
	case SVC_OP_MAX_:
		break;
	}
	return err_set(err, -EINVAL, "operation %d of a plan is unknown", (int)op->kind);
}

/* Does it change where connections may go? */
static bool moves(enum svc_op_kind kind)
{
	switch (kind) {
	case SVC_OP_BACKEND_PUT:
	case SVC_OP_BACKEND_BACK:
	case SVC_OP_BACKEND_GONE:
	case SVC_OP_BACKEND_DEL:
	case SVC_OP_FRONTEND_PUT:
	case SVC_OP_FRONTEND_DEL:
	case SVC_OP_HOME_PUT:
	case SVC_OP_HOME_DEL:
		return true;
	case SVC_OP_SLOT_PUT:
	case SVC_OP_RING_PUT:
	case SVC_OP_RANGE_PUT:
	case SVC_OP_RANGE_DEL:
	case SVC_OP_CLASS_PUT:
	case SVC_OP_CLASS_DEL:
	case SVC_OP_MAX_:
		break;
	}
	return false;
}

int svc_apply(struct dp *dp, const struct svc_plan *plan, size_t *ret_done, struct err *err)
{
	size_t done = 0;
	bool moved = false;
	int r = 0;

	while (done < plan->n_ops) {
		r = op_execute(dp, plan, &plan->ops[done], err);
		if (r)
			break;
		moved |= moves(plan->ops[done++].kind);
	}
	if (moved)
		dp_epoch_next(dp);
	if (ret_done)
		*ret_done = done;
	return r;
}

int svc_sync(struct dp *dp, const struct svc_table *desired, struct svc_idle *idle, uint64_t now_ms,
	     struct svc_plan **ret, struct err *err)
{
	cleanup(svc_actual_fini) struct svc_actual actual = {};
	cleanup(svc_plan_free) struct svc_plan *plan = NULL;
	size_t done;
	int r = desired->maglev ? dp_ring_open(dp, err) : 0;

	if (!r)
		r = svc_actual_read(dp, &actual, err);
	if (r)
		return err_wrap(err, "reading the kernel's tables");
	svc_idle_observe(idle, &actual, now_ms);
	r = svc_plan_make(desired, &actual, idle, now_ms, &plan, err);
	if (r)
		return r;
	r = svc_apply(dp, plan, &done, err);
	if (r)
		return err_wrap(err, "Services: %zu of %zu changes made", done, plan->n_ops);
	*ret = take_ptr(plan);
	return 0;
}
