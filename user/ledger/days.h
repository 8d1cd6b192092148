/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to the ledger: what a pod used on a day of UTC, under one name and lease. The sum of its
 * rows of usage whose windows begin in that day, kept up with each of them, so that a month is read
 * from thirty rows a pod, and windows can be let go (ledger_keep()).
 */
#pragma once

#include <stdint.h>

#include "core/usage.h"

#define DAY_MS 86400000ULL

struct err;
struct ledger;
struct ledger_tx;

struct day_part {
	uint64_t pod, identity;
	uint64_t from_ms, to_ms; /* of the window */
	uint64_t since_ms; /* 0: all in time */
	struct usage usage;
};

int days_add(struct ledger *l, const struct day_part *part, struct err *err);
/* In the window of this transaction, whose usage was `delta`, the interface saw something else. */
int days_differ(const struct ledger_tx *tx, uint64_t pod, const struct usage *delta,
		const struct usage_interface *seen, struct err *err);
/* Sums all usage that is there: for a ledger from before there were days. */
int days_fill(struct ledger *l, struct err *err);
/* Every day that is still there window by window is their sum: -EBADMSG. */
int days_check(struct ledger *l, struct err *err);
