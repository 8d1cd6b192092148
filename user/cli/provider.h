/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of `weir provider` share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"

struct deed;
struct sui_object;

extern const struct cli_flag provider_register_flags[];
int provider_register(struct cli *cli, struct json **ret, struct err *err);

/* An amount over 0, or cli_usage(); text may be NULL. */
int provider_amount(struct cli *cli, const char *text, uint64_t *ret, struct err *err);
/* The public half of key.file (PUBKEY_LEN bytes), where there is one that we may read. */
bool provider_own_key(struct cli *cli, uint8_t *ret);
/* chain.market; sui_object_fini(). */
int provider_market(struct deed *d, struct sui_object *ret, struct err *err);
