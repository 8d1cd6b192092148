/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The links of this network namespace with their addresses, now and as they change.
 *
 * Level-triggered: the kernel's messages only say that something may have changed; a little later, so
 * that a burst counts once, all is read again and compared. A lost message costs nothing, and the
 * receiver is told only when the outcome differs. The longer a reading takes, the later the next one, up to
 * a second. A route's message counts only when it is a default route's.
 *
 * I1. Links are in order of ifindex. The addresses of a link are in the kernel's order: IPv4 first, in
 *     each family the primary one first. Those local to a link are there too; what the kernel does not
 *     use yet, or never will (duplicate address detection of IPv6), is not.
 * I2. What is read in one go fits together: no address is of a link that is not listed.
 * I3. When reading fails (-E2BIG: more than LINKS_MAX links or addresses) all stays as it was, the
 *     receiver is told, once for each reason, and it is tried again every second.
 *
 * Threading: the loop's thread. Reading is a dump by netlink, which the kernel answers from memory.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

#define LINKS_MAX 4096 /* links, and addresses of all of them */

struct err;
struct links;
struct uv_loop_s;

struct link_info {
	int ifindex;
	int master; /* the ifindex of its bridge, bond or VRF; 0: none */
	char name[IF_NAMESIZE];
	uint32_t mtu;
	bool up; /* administratively */
	bool loopback;
	bool ether; /* its frames are Ethernet's */
	bool elsewhere; /* its other end (of a veth) is in another network namespace */
	bool default_v4, default_v6; /* a default route of the main table goes out of it */
	const struct addr *addrs;
	size_t n_addrs;
};

/* What is told, out of the loop; the arguments are borrowed for the call. */
struct links_ops {
	void (*changed)(void *arg);
	void (*failed)(void *arg, const struct err *err);
};

/* Reads once, and then watches. ops is borrowed for the life of the links. */
int links_start(struct uv_loop_s *loop, const struct links_ops *ops, void *arg, struct links **ret,
		struct err *err);
/* Borrowed until the next callback. */
const struct link_info *links_list(const struct links *l, size_t *ret_n);
/* No callback comes after this; the memory goes once the loop has run the closing. NULL: nothing. */
void links_stop(struct links **l);
