/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of a workload: struct workload to and from STATE/workloads/NAME/workload.json, one
 * JSON object. Written atomically, mode 0600, since env may hold secrets.
 */
#pragma once

#include "workload/workload.h"

/* dir: STATE/workloads/NAME. */
int record_save(const char *dir, const struct workload *w, struct err *err);
/* -ENOENT none; -EBADMSG not one of ours. */
int record_load(const char *dir, struct workload **ret, struct err *err);
