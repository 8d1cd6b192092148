/* SPDX-License-Identifier: Apache-2.0 */
/* datapath takeover: what of kube-proxy's goes, and how it is shown. */
#pragma once

#include "cli/out.h"

struct cli;
struct err;
struct json;

extern const struct view takeover_views[];
/* --dry-run: only shows. 1 when something could not be looked at or removed. */
int run_takeover(struct cli *cli, struct json **ret, struct err *err);
