/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whether a connected socket has outlived what it dialled. A UDP socket has no end of its own: it would
 * send to the backend of its connect() for ever, whoever has that address by now.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/lb.h"

/* Is nobody left to answer what was dialled? The frontend went, the backend serves no more, or its id
 * is another's by now. A backend that is in no set but serves on still answers. */
static __always_inline bool ends_due(const struct weir_flow *flow)
{
	const struct weir_backend *was = &flow->backend;
	const struct weir_backend *be = bpf_map_lookup_elem(&weir_backend, &flow->backend_id);

	if (!be || be->gone || be->proto != was->proto || be->port != was->port ||
	    !addr_same(&be->addr, &was->addr))
		return true;
	return !bpf_map_lookup_elem(&weir_svc, &flow->vip);
}
