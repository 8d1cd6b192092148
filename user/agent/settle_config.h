/* SPDX-License-Identifier: Apache-2.0 */
/* Which chain, package, market and provider the configuration names. */
#pragma once

struct config;
struct err;
struct settle;

/* Fills in the ids and the genesis; -EINVAL names the key. */
int settle_configure(const struct config *cfg, struct settle *ret, struct err *err);
