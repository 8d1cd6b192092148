/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of `workload` that meet Walrus. */
#pragma once

#include "cli/cli.h"

extern const struct cli_flag walrus_verify_flags[];
/* ID FILE: 1 when FILE is not what ID names. */
int walrus_verify(struct cli *cli, struct json **ret, struct err *err);
