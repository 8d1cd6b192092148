/* SPDX-License-Identifier: Apache-2.0 */
/* What a step (run_step.h) asks the API server for: path, and for an apply the object. Pure. */
#pragma once

#include "agent/run_step.h"

struct buf;
struct err;
struct run_record;

/* Appends to both. step is an APPLY or DELETE. -EINVAL: the record says what nobody would take. */
int run_request(const struct run_record *record, const char *namespace, const char *node,
		enum run_step step, struct buf *path, struct buf *body, struct err *err);
