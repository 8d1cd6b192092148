/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of prefixes: what an address is, and who may use a frontend. */
#include <errno.h>
#include <stdlib.h>

#include "svc/planner.h"

static int class_op(struct planner *p, enum svc_op_kind kind, const struct dp_class *c)
{
	struct svc_op op = { .kind = kind, .class = *c };

	return planner_emit(p, &op);
}

int planner_classes(struct planner *p)
{
	const struct dp_class *c = p->want.classes, *c_end = c + p->want.n_classes;
	const struct dp_class *have = p->classes, *have_end = have + p->actual->n_classes;
	int r = 0;

	while (!r && (c < c_end || have < have_end)) {
		int side = c == c_end ? 1 : have == have_end ? -1 : svc_class_cmp(c, have);

		if (side > 0) {
			r = class_op(p, SVC_OP_CLASS_DEL, have++);
		} else if (side < 0 && p->n_classes >= WEIR_MAX_CLASSES) {
			p->no_class++;
			c++;
		} else if (side < 0) {
			p->n_classes++;
			r = class_op(p, SVC_OP_CLASS_PUT, c++);
		} else {
			if (c->class != have->class)
				r = class_op(p, SVC_OP_CLASS_PUT, c);
			c++;
			have++;
		}
	}
	return r;
}

static int range_op(struct planner *p, enum svc_op_kind kind, const struct weir_range *range)
{
	struct svc_op op = { .kind = kind, .range = *range };

	return planner_emit(p, &op);
}

int planner_ranges(struct planner *p)
{
	int r = svc_want_ranges(&p->want, p->frontend_ids, &p->want_ranges, &p->n_want_ranges);
	const struct weir_range *range = p->want_ranges, *range_end = range + p->n_want_ranges;
	const struct weir_range *have = p->ranges, *have_end = have + p->actual->n_ranges;

	while (!r && (range < range_end || have < have_end)) {
		int side = range == range_end ? 1 :
			   have == have_end   ? -1 :
						svc_range_cmp(range, have);

		if (side > 0) {
			r = range_op(p, SVC_OP_RANGE_DEL, have);
		} else if (side < 0 && p->n_ranges >= WEIR_MAX_RANGES) {
			p->no_range++;
		} else if (side < 0) {
			p->n_ranges++;
			r = range_op(p, SVC_OP_RANGE_PUT, range);
		}
		range += side <= 0;
		have += side >= 0;
	}
	return r;
}
