/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "unit/core/test.h"

/* Shows the error's text when a call that must succeed fails: must(ledger_commit(&tx, &why)). */
static struct err why;
#define must(call)                                                      \
	do {                                                            \
		int must_r = (call);                                    \
		if (must_r < 0)                                         \
			fail_msg("%s: %d %s", #call, must_r, why.text); \
	} while (0)
