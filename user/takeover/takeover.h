/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removes what kube-proxy left on this node, and nothing else: rules of iptables and nf_tables, and
 * what its IPVS mode made. names.h says what is kube-proxy's.
 *
 * I1. What is not kube-proxy's stays as it is, byte for byte.
 * I2. Each table changes by one transaction: wholly or not at all. A table that fails does not keep
 *     the others from going.
 * I3. Done twice, the second finds nothing.
 *
 * Not undone, for nobody knows what was before: sysctls, loaded modules, counters of nfacct, and the
 * empty built-in chains of iptables. kube-proxy must not run: it writes its rules again.
 */
#pragma once

#include <stdbool.h>

struct err;
struct json;

/*
 * An array, in the order of the work, of
 *	kind	"nftables", "iptables-legacy", "iptables-nft", "ipvs", "device" or "ipset"
 *	family	"ip", "ip6" or null
 *	table	of a chain or a jump: "nat", "filter", "mangle"; else null
 *	what	"table", "chain", "jump", "service", "device" or "set"
 *	name	a jump's is its rule; null in what stands for all of a table, or of a kind
 *	action	"delete"; "empty" a chain that kept_for, somebody else's chain, leads to; "look"
 *	done	false in a dry run, and where there is an error
 *	error	what could not be looked at or changed, and why; null
 * Returns how many have an error, or a negative errno when it could not even begin.
 */
int takeover_run(bool dry_run, struct json **ret, struct err *err);
