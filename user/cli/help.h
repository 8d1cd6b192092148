/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Help out of the tables of cli.h: for people, and as JSON for programs (weir -j help). object and
 * command narrow it; NULL means all.
 */
#pragma once

struct buf;
struct cli_command;
struct cli_object;
struct json;

/* 0, -ENOMEM, or the buffer's error. */
int help_text(const struct cli_object *const objects[], const struct cli_object *object,
	      const struct cli_command *command, struct buf *out);
/* An array of objects with their commands and flags. 0 or -ENOMEM. */
int help_json(const struct cli_object *const objects[], const struct cli_object *object,
	      const struct cli_command *command, struct json **ret);
