// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Bytes of each pod: cgroup_skb at the pods' subtree, after translation, so a Service's traffic is
 * counted to the class of the real backend. Never drops: both programs always return 1.
 *
 * Not counted: loopback inside the pod's namespace, and what the kernel sends without a socket of
 * the pod (RST of a closed port, the last ACKs of a closed connection, ICMP errors, ARP).
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/lb.h"
#include "bpf/lib/wire.h"

#define PASS 1
#define IFINDEX_LO 1 /* in every network namespace */

/* The pod that the packet's socket was made in; as cgroup_pod() in lib/cgroup.h. 0: none. */
static __always_inline __u64 pod_of(struct __sk_buff *skb)
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
static __always_inline void add(struct weir_count *c, __u64 bytes, __u64 packets)
{
	__sync_fetch_and_add(&c->bytes, bytes);
	__sync_fetch_and_add(&c->packets, packets);
}

static __always_inline void count(struct __sk_buff *skb, bool out)
{
	struct packet p = {};
	struct weir_count wire = { .bytes = skb->len, .packets = 1 };
	__u32 class = WEIR_CLASS_EXTERNAL;
	struct weir_net *net;
	struct weir_dir *dir;
	__u64 pod;

	if (skb->ifindex == IFINDEX_LO)
		return;
	pod = pod_of(skb);
	if (!pod)
		return;
	net = net_get(pod);
	if (!net) {
		reason_count(WEIR_REASON_NET_FULL);
		return;
	}

	if (packet_parse(skb, &p)) {
		reason_count(WEIR_REASON_PARSE);
	} else {
		class = class_of(out ? &p.dst : &p.src);
		wire = packet_wire(skb, &p);
	}
	if (class >= WEIR_CLASSES_BILLED) /* untranslated traffic to a service address */
		class = WEIR_CLASS_CLUSTER;

	dir = out ? &net->tx : &net->rx;
	add(&dir->raw, skb->len, 1);
	add(&dir->wire[class], wire.bytes, wire.packets);
}

SEC("cgroup_skb/egress")
int weir_egress(struct __sk_buff *skb)
{
	count(skb, true);
	return PASS;
}

SEC("cgroup_skb/ingress")
int weir_ingress(struct __sk_buff *skb)
{
	count(skb, false);
	return PASS;
}
