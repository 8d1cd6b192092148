/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manual page (roff, man macros) and the bash completion, made from the tables of cli.h, so
 * that neither can tell of a command that is not there. `weir help --man`, `weir help --bash`.
 * Return 0, -ENOMEM, or the buffer's error.
 */
#pragma once

struct buf;
struct cli_object;

int docs_man(const struct cli_object *const objects[], const char *version, struct buf *out);
int docs_bash(const struct cli_object *const objects[], struct buf *out);
