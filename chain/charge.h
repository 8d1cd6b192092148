/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one receipt costs, pod by pod and price by price, to the MIST.
 *
 * A lease's cumulative total is rounded, not the window (price.h). A charge is therefore the step
 * that the rounded total makes when one pod's amount is added, pods in the record's order:
 *
 *	mist = floor((before + amount) x price / unit) - floor(before x price / unit)
 *
 * I1. The charges of a record, the adjustment with them, sum to total_due of its report less
 *     total_due of the report before: no MIST is lost between an invoice and the receipts.
 * I2. The adjustment is what the rate cap takes away, or later gives back. It belongs to no pod.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "chain/record.h"

struct charge {
	const struct record_pod *pod; /* NULL: the adjustment, which has no item */
	enum price_item item;
	unsigned __int128 amount; /* in the item's units */
	uint64_t mist;
	bool credit; /* mist is taken off; only of an adjustment */
};

/* fn: 0, or what ends it. Nothing is called for what was not used, or an adjustment of 0.
 * -EOVERFLOW, -EBADMSG (the totals are not what the pods sum to). */
int charges(const struct record *r, int (*fn)(const struct charge *c, void *arg), void *arg,
	    struct err *err);
