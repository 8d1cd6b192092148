/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/devices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/links.h"
#include "core/cleanup.h"

#define NODE_PORT_LOW 30000 /* as Kubernetes has it without --service-node-port-range */
#define NODE_PORT_HIGH 32767
#define PORT_LOW 1024

static bool is_listed(const struct link_info *l)
{
	return l->up && !l->loopback && l->ether && !l->master;
}

/* A pod's interface is counted from its first packet on, and also as a port of a bridge. */
static unsigned int duties_of(const struct link_info *l)
{
	return (is_listed(l) ? DP_DIRECT : 0) |
	       (!l->loopback && l->ether && l->elsewhere ? DP_COUNT : 0);
}

static bool is_outside(const struct link_info *l, char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++)
		if (!strcmp(l->name, names[i]))
			return true;
	return !n_names && (l->default_v4 || l->default_v6);
}

static bool is_link_local(const struct addr *a)
{
	static const struct cidr local[] = {
		{ { { [10] = 0xff, [11] = 0xff, 169, 254 } }, 112 },
		{ { { 0xfe, 0x80 } }, 10 },
	};

	return cidr_has(&local[0], a) || cidr_has(&local[1], a);
}

/* The first address of a family; NULL: it has none. */
static const struct addr *first_addr(const struct link_info *l, bool v4)
{
	for (size_t i = 0; i < l->n_addrs; i++)
		if (addr_is_v4(&l->addrs[i]) == v4 && !is_link_local(&l->addrs[i]))
			return &l->addrs[i];
	return NULL;
}

/* What the node is called where a device has no address of its own. */
static const struct addr *node_addr(const struct link_info *links, size_t n, char *const *names,
				    size_t n_names, bool v4)
{
	const struct addr *any = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct addr *a = is_listed(&links[i]) ? first_addr(&links[i], v4) : NULL;

		if (a && is_outside(&links[i], names, n_names))
			return a;
		any = any ? any : a;
	}
	return any;
}

static struct weir_addr addr_or(const struct addr *own, const struct addr *node)
{
	const struct addr *a = own ? own : node;
	struct weir_addr ret = {};

	if (a)
		memcpy(&ret, a->b, sizeof(ret));
	return ret;
}

int devices_select(const struct link_info *links, size_t n, char *const *names, size_t n_names,
		   struct dp_device **ret, size_t *ret_n)
{
	const struct addr *node4 = node_addr(links, n, names, n_names, true);
	const struct addr *node6 = node_addr(links, n, names, n_names, false);
	struct dp_device *out = calloc(n + 1, sizeof(*out));
	size_t kept = 0;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		unsigned int duties = duties_of(&links[i]);

		if (!duties)
			continue;
		out[kept++] = (struct dp_device){
			.ifindex = (uint32_t)links[i].ifindex,
			.duties = duties,
			.addrs = { addr_or(first_addr(&links[i], true), node4),
				   addr_or(first_addr(&links[i], false), node6) },
		};
	}
	*ret = out;
	*ret_n = kept;
	return 0;
}

static uint16_t min(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

void devices_ports(uint16_t local_low, uint16_t local_high, uint16_t *ret_low, uint16_t *ret_high)
{
	uint16_t below = min(local_low, NODE_PORT_LOW);
	uint16_t above = local_high > NODE_PORT_HIGH ? local_high : NODE_PORT_HIGH;

	if (below > PORT_LOW && below - PORT_LOW >= UINT16_MAX - above) {
		*ret_low = PORT_LOW;
		*ret_high = below - 1;
	} else {
		*ret_low = above < UINT16_MAX ? above + 1 : UINT16_MAX;
		*ret_high = UINT16_MAX;
	}
}
