/* SPDX-License-Identifier: Apache-2.0 */
/* Whether this node's node can run a package, by what its "engines" says. */
#pragma once

struct err;
struct package;

/* -ENOTSUP: another version is wanted; -EBADMSG: no range that can be read; -ENOENT: there is no node. Blocks. */
int engines_check(const struct package *p, struct err *err);
