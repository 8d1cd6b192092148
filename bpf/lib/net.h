/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whose a packet is, and adding it to what that pod sent or got. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/lb.h"
#include "bpf/lib/wire.h"

/* The pod that the packet's socket was made in; as cgroup_pod() in lib/cgroup.h. 0: none. */
static __always_inline __u64 net_pod(struct __sk_buff *skb)
{
	__u32 zero = 0;
	const struct weir_ctl *ctl = bpf_map_lookup_elem(&weir_ctl, &zero);
	__u32 levels = ctl ? ctl->parent_levels : 0;
	__u64 pod = 0;

	for (int level = 0; level < WEIR_MAX_LEVELS; level++) {
		__u64 id;

		if (!(levels & (1U << level)))
			continue;
		id = bpf_skb_ancestor_cgroup_id(skb, level);
		if (id && bpf_map_lookup_elem(&weir_parent, &id))
			pod = bpf_skb_ancestor_cgroup_id(skb, level + 1);
	}
	return pod && bpf_map_lookup_elem(&weir_parent, &pod) ? 0 : pod;
}

static __always_inline struct weir_net *net_get(__u64 pod)
{
	static const struct weir_net none;
	struct weir_net *net = bpf_map_lookup_elem(&weir_net, &pod);

	if (net)
		return net;
	bpf_map_update_elem(&weir_net, &pod, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&weir_net, &pod);
}

/* Atomic for the reason given in lib/reason.h. */
static __always_inline void net_add(struct weir_count *c, __u64 bytes, __u64 packets)
{
	__sync_fetch_and_add(&c->bytes, bytes);
	__sync_fetch_and_add(&c->packets, packets);
}

/* len: from the IP header on. */
static __always_inline void net_count(struct __sk_buff *skb, __u32 len, __u64 pod, bool out)
{
	struct packet p = {};
	struct weir_count wire = { .bytes = len, .packets = 1 };
	__u32 class = WEIR_CLASS_EXTERNAL;
	struct weir_net *net = net_get(pod);
	struct weir_dir *dir;

	if (!net) {
		reason_count(WEIR_REASON_NET_FULL);
		return;
	}
	if (packet_parse(skb, &p)) {
		reason_count(WEIR_REASON_PARSE);
	} else {
		class = class_of(out ? &p.dst : &p.src);
		wire = packet_wire(skb, len, &p);
	}
	if (class >= WEIR_CLASSES_BILLED) /* untranslated traffic to a service address */
		class = WEIR_CLASS_CLUSTER;

	dir = out ? &net->tx : &net->rx;
	net_add(&dir->raw, len, 1);
	net_add(&dir->wire[class], wire.bytes, wire.packets);
}
