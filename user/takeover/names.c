/* SPDX-License-Identifier: Apache-2.0 */
#include "takeover/names.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "core/cleanup.h"

#define HASH_LEN 16
#define SET_LEN_MAX 31 /* kube-proxy cuts what "KUBE-6-" makes longer */

static const struct {
	const char *table, *chain;
} chains[] = {
	{ "nat", "KUBE-SERVICES" },
	{ "nat", "KUBE-NODEPORTS" },
	{ "nat", "KUBE-POSTROUTING" },
	{ "nat", "KUBE-MARK-MASQ" },
	{ "nat", "KUBE-PROXY-CANARY" },
	{ "filter", "KUBE-SERVICES" },
	{ "filter", "KUBE-EXTERNAL-SERVICES" },
	{ "filter", "KUBE-NODEPORTS" },
	{ "filter", "KUBE-FORWARD" },
	{ "filter", "KUBE-PROXY-FIREWALL" },
	{ "filter", "KUBE-PROXY-CANARY" },
	{ "mangle", "KUBE-PROXY-CANARY" },
	/* of IPVS mode */
	{ "nat", "KUBE-NODE-PORT" },
	{ "nat", "KUBE-LOAD-BALANCER" },
	{ "nat", "KUBE-FIRE-WALL" },
	{ "filter", "KUBE-NODE-PORT" },
	{ "filter", "KUBE-SOURCE-RANGES-FIREWALL" },
	{ "filter", "KUBE-IPVS-FILTER" },
	{ "filter", "KUBE-IPVS-OUT-FILTER" },
};

/* Of a Service or endpoint, in nat. XLB: before 1.25. */
static const char *const hashed[] = { "KUBE-SVC-", "KUBE-SVL-", "KUBE-FW-",
				      "KUBE-EXT-", "KUBE-SEP-", "KUBE-XLB-" };

static const struct {
	const char *table, *from, *to, *comment;
} jumps[] = {
	{ "nat", "PREROUTING", "KUBE-SERVICES", "kubernetes service portals" },
	{ "nat", "OUTPUT", "KUBE-SERVICES", "kubernetes service portals" },
	{ "nat", "POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules" },
	{ "filter", "INPUT", "KUBE-SERVICES", "kubernetes service portals" },
	{ "filter", "FORWARD", "KUBE-SERVICES", "kubernetes service portals" },
	{ "filter", "OUTPUT", "KUBE-SERVICES", "kubernetes service portals" },
	{ "filter", "INPUT", "KUBE-EXTERNAL-SERVICES",
	  "kubernetes externally-visible service portals" },
	{ "filter", "FORWARD", "KUBE-EXTERNAL-SERVICES",
	  "kubernetes externally-visible service portals" },
	{ "filter", "INPUT", "KUBE-NODEPORTS", "kubernetes health check service ports" },
	{ "filter", "FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules" },
	{ "filter", "INPUT", "KUBE-PROXY-FIREWALL", "kubernetes load balancer firewall" },
	{ "filter", "FORWARD", "KUBE-PROXY-FIREWALL", "kubernetes load balancer firewall" },
	{ "filter", "OUTPUT", "KUBE-PROXY-FIREWALL", "kubernetes load balancer firewall" },
	/* of IPVS mode */
	{ "filter", "INPUT", "KUBE-NODE-PORT", "kubernetes health check rules" },
	{ "filter", "INPUT", "KUBE-PROXY-FIREWALL", "kube-proxy firewall rules" },
	{ "filter", "FORWARD", "KUBE-PROXY-FIREWALL", "kube-proxy firewall rules" },
	{ "filter", "INPUT", "KUBE-IPVS-FILTER", "kubernetes ipvs access filter" },
	{ "filter", "OUTPUT", "KUBE-IPVS-OUT-FILTER", "kubernetes ipvs access filter" },
};

/* Behind "KUBE-", or "KUBE-6-" for IPv6. */
static const char *const sets[] = {
	"LOOP-BACK",
	"CLUSTER-IP",
	"EXTERNAL-IP",
	"EXTERNAL-IP-LOCAL",
	"LOAD-BALANCER",
	"LOAD-BALANCER-FW",
	"LOAD-BALANCER-LOCAL",
	"LOAD-BALANCER-SOURCE-IP",
	"LOAD-BALANCER-SOURCE-CIDR",
	"NODE-PORT-TCP",
	"NODE-PORT-LOCAL-TCP",
	"NODE-PORT-UDP",
	"NODE-PORT-LOCAL-UDP",
	"NODE-PORT-SCTP",
	"NODE-PORT-LOCAL-SCTP",
	"NODE-PORT-SCTP-HASH",
	"NODE-PORT-LOCAL-SCTP-HASH",
	"HEALTH-CHECK-NODE-PORT",
	"IPVS-IPS",
};

/* What stands behind the prefix, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static bool is_hash(const char *text)
{
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == HASH_LEN && !text[HASH_LEN];
}

bool names_chain(const char *table, const char *chain)
{
	for (size_t i = 0; i < ARRAY_LEN(chains); i++) {
		if (!strcmp(chains[i].table, table) && !strcmp(chains[i].chain, chain))
			return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(hashed) && !strcmp(table, "nat"); i++) {
		const char *hash = behind(chain, hashed[i]);

		if (hash && is_hash(hash))
			return true;
	}
	return false;
}

bool names_jump(const char *table, const char *from, const char *to, const char *comment)
{
	for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
		if (!strcmp(jumps[i].table, table) && !strcmp(jumps[i].from, from) &&
		    !strcmp(jumps[i].to, to) && !strcmp(jumps[i].comment, comment))
			return true;
	}
	return false;
}

bool names_set(const char *set)
{
	static const char *const prefixes[] = { "KUBE-6-", "KUBE-" };

	for (size_t p = 0; p < ARRAY_LEN(prefixes); p++) {
		const char *name = behind(set, prefixes[p]);
		size_t room = SET_LEN_MAX - strlen(prefixes[p]);

		for (size_t i = 0; name && i < ARRAY_LEN(sets); i++) {
			if (strlen(name) <= room && !strncmp(sets[i], name, room))
				return true;
		}
	}
	return false;
}

const char *names_node_ports(bool v6, int protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return v6 ? "KUBE-6-NODE-PORT-TCP" : "KUBE-NODE-PORT-TCP";
	case IPPROTO_UDP:
		return v6 ? "KUBE-6-NODE-PORT-UDP" : "KUBE-NODE-PORT-UDP";
	case IPPROTO_SCTP:
		return v6 ? "KUBE-6-NODE-PORT-SCTP-HASH" : "KUBE-NODE-PORT-SCTP-HASH";
	default:
		return NULL;
	}
}
