/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of this node's addresses answer node ports: of those that its links have, the ones in the
 * prefixes asked for, or all of them; each family by itself, as in kube-proxy: one that no prefix is of
 * answers at all its addresses. Of loopback 127.0.0.1 alone, and nothing that is local to a link.
 *
 * The word `primary` asks for one address of each family: the first that the configuration gives this
 * node, else the first InternalIP, else ExternalIP, of its Node object, as kube-proxy; and where neither
 * says any, the first of the first link that a default route goes out of. It may stand beside prefixes.
 *
 * Pure: the same links and objects give the same addresses, in the links' order.
 */
#pragma once

#include <stddef.h>

struct addr;
struct kube_node;
struct link_info;
struct option_addrs;
struct option_cidr_words;

/* Borrowed for the call. */
struct nodeaddr_want {
	const struct option_cidr_words *places; /* words: enum config_node_port; none: all */
	const struct option_addrs *own; /* by the configuration */
	const struct kube_node *self; /* NULL: there is no such object */
};

/* free() the array. -ENOMEM. */
int nodeaddr_select(const struct nodeaddr_want *want, const struct link_info *links, size_t n_links,
		    struct addr **ret, size_t *ret_n);
