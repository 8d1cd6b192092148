/* SPDX-License-Identifier: Apache-2.0 */
/* The two sides of accepting a receipt: the tenant signs it, the provider's agent takes that. */
#pragma once

#include "cli/cli.h"

extern const struct cli_flag receipt_cosign_flags[];
/* FILE --key FILE and at least one of --cap and --own */
int receipt_cosign(struct cli *cli, struct json **ret, struct err *err);
/* FILE: gives a co-signature to the agent. */
int receipt_accept(struct cli *cli, struct json **ret, struct err *err);
