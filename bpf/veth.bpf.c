// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The second opinion on a pod's bytes, where no socket gets around it: the host's end of the pod's
 * interface. First at ingress, before anyone translates, redirects or drops. Never decides: both
 * programs leave the packet to the next.
 *
 * Whose the interface is, the packets tell: one that comes out of a veth still has the socket that
 * sent it, and that its cgroup. So nobody need look for namespaces, and a pod that lives for 20 ms is
 * known by its first packet.
 *
 * What a packet socket (AF_PACKET, AF_XDP) of a pod sends passes no cgroup_skb hook. It is added here
 * to what the pod sent, and billed like all else.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/net.h"

#define NEXT TC_ACT_UNSPEC
#define AF_PACKET 17
#define AF_XDP 44

static __always_inline struct weir_veth *veth_of(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;

	return bpf_map_lookup_elem(&weir_veth, &ifindex);
}

SEC("tc")
int weir_veth_in(struct __sk_buff *skb)
{
	struct weir_veth *veth = veth_of(skb);
	struct bpf_sock *sk = skb->sk;
	__u32 len = skb->len - ETH_HLEN;
	__u64 pod;
	bool past;

	if (!veth)
		return NEXT;
	net_add(&veth->tx, len, 1);
	past = sk && (sk->family == AF_PACKET || sk->family == AF_XDP);
	if (!sk || (veth->pod && !past))
		return NEXT;
	pod = net_pod(skb);
	if (pod && !veth->pod)
		veth->pod = pod;
	if (pod && past)
		net_count(skb, len, pod, true);
	return NEXT;
}

SEC("tc")
int weir_veth_out(struct __sk_buff *skb)
{
	struct weir_veth *veth = veth_of(skb);

	if (veth)
		net_add(&veth->rx, skb->len - ETH_HLEN, 1);
	return NEXT;
}
