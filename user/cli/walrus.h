/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of `workload` that meet Walrus. */
#pragma once

#include <stdint.h>

#include "cli/cli.h"
#include "cli/out.h"

extern const struct cli_flag walrus_verify_flags[], walrus_pull_flags[], walrus_publish_flags[],
	walrus_prune_flags[];
extern const struct view walrus_pull_views[], walrus_prune_views[];
/* ID FILE: 1 when FILE is not what ID names. */
int walrus_verify(struct cli *cli, struct json **ret, struct err *err);
/* ID: needs no agent, the store is for any process of root's. */
int walrus_pull(struct cli *cli, struct json **ret, struct err *err);
/* DIR, a tarball, or --git. */
int walrus_publish(struct cli *cli, struct json **ret, struct err *err);
/* What --shards says, or ret as it was. */
int walrus_shards(struct cli *cli, uint32_t *ret, struct err *err);
/* What refers to what is looked up in the records of workloads. */
int walrus_prune(struct cli *cli, struct json **ret, struct err *err);
