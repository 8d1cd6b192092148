/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of commands. Each command reads its arguments, in full, before it acts. */
#pragma once

#include <stdint.h>

struct ctl_reply;
struct err;
struct json;

/* A text that is there. */
int arg_text(const struct json *args, const char *name, const char **ret, struct err *err);
/* Missing: as it was; anything but a whole number is an error. */
int arg_u64(const struct json *args, const char *name, uint64_t max, uint64_t *ret,
	    struct err *err);

/* commands_workload.c; ctx is the agent */
void cmd_workload_run(void *ctx, const struct json *args, struct ctl_reply *reply);
void cmd_workload_stop(void *ctx, const struct json *args, struct ctl_reply *reply);
void cmd_workload_remove(void *ctx, const struct json *args, struct ctl_reply *reply);
