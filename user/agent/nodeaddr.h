/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of this node's addresses answer node ports: of those that its links have, the ones in the
 * prefixes asked for, or all of them. Of loopback 127.0.0.1 alone, and nothing that is local to a link.
 *
 * Pure: the same links give the same addresses, in their order.
 */
#pragma once

#include <stddef.h>

struct addr;
struct cidr;
struct link_info;

/* Borrowed for the call. */
struct nodeaddr_want {
	const struct cidr *cidrs; /* none: all */
	size_t n_cidrs;
};

/* free() the array. -ENOMEM. */
int nodeaddr_select(const struct nodeaddr_want *want, const struct link_info *links, size_t n_links,
		    struct addr **ret, size_t *ret_n);
