/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/nodeaddr.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/links.h"
#include "core/cleanup.h"

/* kube-proxy never serves ::1, and each pod has a 127.0.0.1 of its own. */
static bool can_serve(const struct addr *a)
{
	static const struct addr localhost = { { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 } };
	static const struct cidr not_ours[] = {
		{ { { [10] = 0xff, [11] = 0xff, 127 } }, 104 }, /* loopback */
		{ { { [15] = 1 } }, 128 },
		{ { { 0xfe, 0x80 } }, 10 }, /* of a link */
	};

	for (size_t i = 0; i < ARRAY_LEN(not_ours); i++)
		if (cidr_has(&not_ours[i], a) && !addr_eq(a, &localhost))
			return false;
	return true;
}

static bool is_wanted(const struct nodeaddr_want *want, const struct addr *a)
{
	for (size_t i = 0; i < want->n_cidrs; i++)
		if (cidr_has(&want->cidrs[i], a))
			return true;
	return !want->n_cidrs;
}

int nodeaddr_select(const struct nodeaddr_want *want, const struct link_info *links, size_t n_links,
		    struct addr **ret, size_t *ret_n)
{
	size_t all = 0, n = 0;
	struct addr *out;

	for (size_t i = 0; i < n_links; i++)
		all += links[i].n_addrs;
	out = calloc(all + 1, sizeof(*out));
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < n_links; i++)
		for (size_t j = 0; j < links[i].n_addrs; j++)
			if (can_serve(&links[i].addrs[j]) && is_wanted(want, &links[i].addrs[j]))
				out[n++] = links[i].addrs[j];
	*ret = out;
	*ret_n = n;
	return 0;
}
