/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What on a node is kube-proxy's, by its name: of all its modes (iptables, IPVS, nftables) from
 * Kubernetes 1.13 to 1.36. Pure tables; a name that is not in them is somebody else's.
 *
 * "KUBE-" says little. The kubelet's are KUBE-KUBELET-CANARY, KUBE-IPTABLES-HINT, KUBE-MARK-DROP
 * and KUBE-FIREWALL (which kube-proxy writes as well, since 1.27, and leaves behind when it cleans
 * up: it keeps the net off 127.0.0.0/8, whoever serves); kube-router's are KUBE-ROUTER-*,
 * KUBE-POD-FW-* and KUBE-NWPLCY-*. Chains of one Service or endpoint are KUBE-SVC-, KUBE-SEP- and
 * the like with 16 characters of base32 behind, and nothing else is.
 */
#pragma once

#include <stdbool.h>

#define NAMES_NFT_TABLE "kube-proxy" /* of the families ip and ip6, everything in it */
#define NAMES_DEVICE "kube-ipvs0" /* a dummy that holds the addresses of Services in IPVS mode */

/* Of iptables: table "nat", "filter" or "mangle". */
bool names_chain(const char *table, const char *chain);
/* The rule with this comment that leads from a built-in chain to one of kube-proxy's. */
bool names_jump(const char *table, const char *from, const char *to, const char *comment);
/* An ipset of IPVS mode, of either family. */
bool names_set(const char *set);
/* The ipset that holds the node ports of a protocol (IPPROTO_*); NULL: there is none. */
const char *names_node_ports(bool v6, int protocol);
