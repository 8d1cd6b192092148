/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --batch FILE: command lines from a file (words.h), one after the other, until one fails. What a
 * line doesn't say of -j, -p and -c it has from the command line. Under -j the result is one array
 * of {"command": [...], "output": ...}, the last with "error" in place of "output" when it failed;
 * else each answer is appended to cli->raw.
 * Returns an exit code: 0, or that of the line that failed, with err naming it.
 */
#pragma once

struct cli;
struct err;
struct json;

#define BATCH_MAX (1u << 20) /* bytes of a file */

int batch_run(struct cli *cli, struct json **ret, struct err *err);
