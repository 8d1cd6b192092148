/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which devices the programs that see packets stand on, and under which address the node speaks for
 * clients there. All that is up, is no loopback, has Ethernet frames and is no port of a bridge, bond
 * or VRF (packets come by that one) directs; all with Ethernet frames whose other end is in another
 * network namespace count.
 *
 * A device's address is the first of its family that is not local to a link; one without takes the
 * node's: the first of those that devices to the outside have, then of all. To the outside lead those
 * named in datapath.devices, or those of default routes when none is.
 *
 * And which ports stand for clients: the larger of the two ranges below and above those that the kernel
 * gives to its own sockets and that node ports are taken from.
 *
 * Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dp/dp.h"

struct link_info;

/* free() the array. names may be empty. -ENOMEM. */
int devices_select(const struct link_info *links, size_t n, char *const *names, size_t n_names,
		   struct dp_device **ret, size_t *ret_n);

/* local_low and local_high are net.ipv4.ip_local_port_range. */
void devices_ports(uint16_t local_low, uint16_t local_high, uint16_t *ret_low, uint16_t *ret_high);
