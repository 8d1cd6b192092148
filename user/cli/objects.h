/* SPDX-License-Identifier: Apache-2.0 */
/* The objects of the command line, each from the file of its name; listed in objects.c. */
#pragma once

#include "cli/cli.h"

extern const struct cli_object cli_object_agent;
extern const struct cli_object cli_object_service;
extern const struct cli_object cli_object_backend;
extern const struct cli_object cli_object_datapath;
extern const struct cli_object cli_object_flow;
extern const struct cli_object cli_object_pod;
extern const struct cli_object cli_object_usage;
extern const struct cli_object cli_object_receipt;
extern const struct cli_object cli_object_lease;
extern const struct cli_object cli_object_provider;
extern const struct cli_object cli_object_settlement;
extern const struct cli_object cli_object_workload;
extern const struct cli_object cli_object_key;
extern const struct cli_object cli_object_feature;
