/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses the ports of a table answer at, and which Service has an address that two claim. */
#pragma once

struct svc_table;

/* Makes the frontends of all ports anew, in a table whose Services are in order. Every result is
 * CONFLICT or, for svc_select() to settle, NOT_SERVED afterwards. -ENOMEM. */
int svc_frontends_make(struct svc_table *t);
