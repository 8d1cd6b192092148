/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maglev's table (Eisenbud et al., NSDI 2016, section 3.4): its entries name backends in nearly equal
 * shares, and a backend that comes or goes moves few entries of the others. So connections whose hash
 * is the same go to the same backend, whichever node they come through and however long ago they began.
 *
 * Pure: it depends on address, port and protocol of the backends alone, on every machine alike. What
 * changes here changes where connections of a whole cluster go; all nodes must then change together.
 */
#pragma once

#include <stdint.h>

struct weir_backend;

#define MAGLEV_MAX 16381

/* Entries for n backends: the least prime of a few that is at least 100 n, or MAGLEV_MAX. 0: fewer than
 * two backends need no table, and more than MAGLEV_MAX would not all be in it. */
uint32_t maglev_size(uint32_t n);

/* Each of ret[0] to ret[size - 1] becomes a place in backends[], which are distinct and in order
 * (svc_backend_cmp()); size is maglev_size(n), not 0. -ENOMEM. */
int maglev_fill(const struct weir_backend *backends, uint32_t n, uint32_t size, uint16_t *ret);
