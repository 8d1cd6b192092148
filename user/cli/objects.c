/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/objects.h"

/* In the order of help. */
const struct cli_object *const cli_objects[] = {
	&cli_object_agent,    &cli_object_service,    &cli_object_backend,
	&cli_object_datapath, &cli_object_flow,	      &cli_object_pod,
	&cli_object_usage,    &cli_object_receipt,    &cli_object_lease,
	&cli_object_provider, &cli_object_settlement, &cli_object_workload,
	&cli_object_key,      &cli_object_feature,    NULL,
};
