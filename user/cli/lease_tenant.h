/* SPDX-License-Identifier: Apache-2.0 */
/* What a tenant does to a lease on chain, with a key of its own and without an agent (deed.h). */
#pragma once

#include "cli/cli.h"

/* LEASE --provider ID --deposit AMOUNT --key FILE, prices and what is to run. */
int lease_tenant_open(struct cli *cli, struct json **ret, struct err *err);
/* ID AMOUNT --key FILE */
int lease_tenant_top_up(struct cli *cli, struct json **ret, struct err *err);
/* ID --key FILE: told to end; of one that was, what its time has freed goes back. */
int lease_tenant_close(struct cli *cli, struct json **ret, struct err *err);
