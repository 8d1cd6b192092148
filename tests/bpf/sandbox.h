/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces as pods have them: each with an interface whose other end is in the bed's own
 * namespace. Nobody sends a packet there that no test asked for: neighbours are known, IPv6 is off.
 * They go with the test process.
 *
 *	namespace i: eth0 10.200.i.2  ----  bed: pod<i> 10.200.i.1
 */
#pragma once

#include "bpf/bed.h"

#define SANDBOXES_MAX 64
#define ETHER_HEAD 14
#define UDP_HEADS 28 /* IPv4's and UDP's */

struct sandbox {
	uint32_t index, ifindex; /* of the end here */
	int netns;
	char ip[16], host_ip[16], host[16];
};

/* What went by the end here, from the IP header on, seen from the pod. */
struct sandbox_count {
	uint64_t rx_bytes, rx_packets, tx_bytes, tx_packets;
};

/* Makes n, of which the first has index `first`. The kernel knows their carrier: a bridge passes on at once. */
void sandboxes_make(struct sandbox *ret, uint32_t first, size_t n);
void sandboxes_end(struct sandbox *s, size_t n);
/* This process, or its child, is in there from now on. */
void sandbox_enter(const struct sandbox *s);
struct sandbox_count sandbox_count(const struct sandbox *s);
struct sandbox_count sandbox_since(const struct sandbox *s, const struct sandbox_count *before);
