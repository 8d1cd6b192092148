/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charges in the columns of FOCUS 1.3 (the FinOps Open Cost and Usage Specification), as CSV: a row for each
 * receipt, pod and price (chain/charge.h), and one where a lease's cap takes away or gives back.
 *
 * I1. BilledCost of all rows of a receipt sums to what its report claims more than the one before, exactly.
 * I2. Periods are UTC, their ends exclusive; what does not apply is empty, never 0.
 *
 * Money is in SUI with all its digits. Pods without a lease cost nothing and have no rows.
 */
#pragma once

struct buf;
struct err;
struct ledger;
struct window;

/* Of receipts whose windows begin in the window (from 0 to 0: all), of one lease or of all (NULL). */
int focus_export(struct ledger *ledger, const struct window *window, const char *lease,
		 struct buf *out, struct err *err);
