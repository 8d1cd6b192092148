// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Bytes of each pod: cgroup_skb at the pods' subtree, after translation, so a Service's traffic is
 * counted to the class of the real backend. Never drops: both programs always return 1.
 *
 * Not counted: loopback inside the pod's namespace, and what the kernel sends without a socket of
 * the pod (RST of a closed port, the last ACKs of a closed connection, ICMP errors, ARP). What a
 * packet socket sends passes no such hook: veth.bpf.c counts it.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/net.h"

#define PASS 1
#define IFINDEX_LO 1 /* in every network namespace */

static __always_inline void count(struct __sk_buff *skb, bool out)
{
	__u64 pod;

	if (skb->ifindex == IFINDEX_LO)
		return;
	pod = net_pod(skb);
	if (pod)
		net_count(skb, skb->len, pod, out);
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
