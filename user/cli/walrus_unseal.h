/* SPDX-License-Identifier: Apache-2.0 */
/* `workload pull --unseal LEASE`: what agent/unseal.h does, and how it is told. */
#pragma once

#include "agent/unseal.h"
#include "walrus/pull.h"

struct cli;
struct json;

/* LEASE is the label of one that this node's ledger has, or an id on chain. */
int unsealing_lease(struct cli *cli, const char *text, uint8_t ret[SEAL_OBJECT_ID_LEN],
		    struct err *err);
/* *result is what the encrypted blob is, and becomes what the package is. *ret_told says whom it asked, and is
 * NULL when the package was there already. */
int unsealing(const struct unseal *u, struct pull_result *result, struct json **ret_told,
	      struct err *err);
