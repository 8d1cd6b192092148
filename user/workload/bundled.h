/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what is packed has its dependencies with it. */
#pragma once

#include <stdint.h>

struct err;
struct json;

/* files: what `npm pack --json` lists of src, an array of {"path": ...}. Each dependency of the package
 * and of every package in its node_modules must be listed where node looks for it, from there
 * upwards. -EINVAL names the first that is not. ret: how many packages lie in node_modules. */
int bundled_check(const char *src, const struct json *files, uint64_t *ret, struct err *err);
