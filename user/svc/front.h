/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses the ports of a table answer at, and which Service has an address that two claim. */
#pragma once

#include <stdbool.h>

struct svc_frontend;
struct svc_table;

/* Makes the frontends of all ports anew, in a table whose Services are in order. Every result is
 * CONFLICT or, for svc_select() to settle, NOT_SERVED afterwards. -ENOMEM. */
int svc_frontends_make(struct svc_table *t);

/* A node port at 127.0.0.1, which each network namespace has for itself: for the node's alone. */
bool svc_frontend_is_host(const struct svc_frontend *f);
