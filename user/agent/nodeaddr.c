/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/nodeaddr.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/config.h"
#include "agent/links.h"
#include "core/cleanup.h"
#include "k8s/object.h"

/* Others can dial it, and not only on one link. */
static bool is_reachable(const struct addr *a)
{
	static const struct cidr except[] = {
		{ { { [10] = 0xff, [11] = 0xff, 127 } }, 104 }, /* loopback */
		{ { { [15] = 1 } }, 128 },
		{ { { 0xfe, 0x80 } }, 10 },
	};

	for (size_t i = 0; i < ARRAY_LEN(except); i++)
		if (cidr_has(&except[i], a))
			return false;
	return true;
}

/* kube-proxy never serves ::1. */
static bool can_serve(const struct addr *a)
{
	static const struct addr localhost = { { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 } };

	return is_reachable(a) || addr_eq(a, &localhost);
}

static bool find(const struct addr *addrs, size_t n, bool v4, struct addr *ret)
{
	for (size_t i = 0; i < n; i++)
		if (addr_is_v4(&addrs[i]) == v4 && is_reachable(&addrs[i])) {
			*ret = addrs[i];
			return true;
		}
	return false;
}

static bool find_primary(const struct nodeaddr_want *want, const struct link_info *links,
			 size_t n_links, bool v4, struct addr *ret)
{
	const struct kube_node *self = want->self;

	if (find(want->own->v, want->own->n, v4, ret))
		return true;
	if (self && (find(self->internal_ips, self->n_internal_ips, v4, ret) ||
		     find(self->external_ips, self->n_external_ips, v4, ret)))
		return true;
	for (size_t i = 0; i < n_links; i++)
		if ((v4 ? links[i].default_v4 : links[i].default_v6) &&
		    find(links[i].addrs, links[i].n_addrs, v4, ret))
			return true;
	return false;
}

/* Each family by itself, as in kube-proxy: where none of its prefixes is named, all its addresses serve. */
static bool is_restricted(const struct option_cidr_words *places, bool v4)
{
	for (size_t i = 0; i < places->n; i++)
		if (places->v[i].word == CONFIG_NODE_PORT_PRIMARY ||
		    addr_is_v4(&places->v[i].cidr.addr) == v4)
			return true;
	return false;
}

static bool is_wanted(const struct option_cidr_words *places, const struct addr primary[2],
		      const struct addr *a)
{
	for (size_t i = 0; i < places->n; i++)
		if (places->v[i].word == CONFIG_NODE_PORT_PRIMARY ?
			    addr_eq(a, &primary[0]) || addr_eq(a, &primary[1]) :
			    cidr_has(&places->v[i].cidr, a))
			return true;
	return !is_restricted(places, addr_is_v4(a));
}

int nodeaddr_select(const struct nodeaddr_want *want, const struct link_info *links, size_t n_links,
		    struct addr **ret, size_t *ret_n)
{
	struct addr primary[2] = {}; /* all zero: none; no link has that one */
	size_t all = 0, n = 0;
	struct addr *out;

	find_primary(want, links, n_links, true, &primary[0]);
	find_primary(want, links, n_links, false, &primary[1]);
	for (size_t i = 0; i < n_links; i++)
		all += links[i].n_addrs;
	out = calloc(all + 1, sizeof(*out));
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < n_links; i++)
		for (size_t j = 0; j < links[i].n_addrs; j++) {
			const struct addr *a = &links[i].addrs[j];

			if (can_serve(a) && is_wanted(want->places, primary, a))
				out[n++] = *a;
		}
	*ret = out;
	*ret_n = n;
	return 0;
}
