/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Is a dialling process' network namespace in a Service's source ranges? When it dials, its address is
 * not chosen yet, so all that its namespace has count: one in a range is enough. Asked only of
 * frontends with ranges; at most NETNS_STEPS devices and addresses are looked at, in the kernel's
 * order.
 *
 * The lists are read as they are: what is added or goes at this moment may be missed.
 */
#pragma once

#include "vmlinux.h"

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/lb.h"

#define NETNS_STEPS 4096

struct netns_walk {
	struct list_head *devs, *dev; /* the list's head; where the walk is */
	struct in_ifaddr *addr4; /* NULL: none left on this device */
	struct list_head *addrs6, *addr6; /* as devs, dev */
	__u32 svc, found;
};

static __always_inline void *netns_member(struct list_head *at, __u32 offset)
{
	return (void *)at - offset;
}

static __always_inline struct list_head *netns_next(struct list_head *at)
{
	return BPF_CORE_READ(at, next);
}

static __always_inline void netns_device(struct netns_walk *w)
{
	struct net_device *dev =
		netns_member(w->dev, bpf_core_field_offset(struct net_device, dev_list));
	struct inet6_dev *dev6 = BPF_CORE_READ(dev, ip6_ptr);

	w->addr4 = BPF_CORE_READ(dev, ip_ptr, ifa_list);
	w->addrs6 = dev6 ? (void *)dev6 + bpf_core_field_offset(struct inet6_dev, addr_list) : NULL;
	w->addr6 = w->addrs6 ? netns_next(w->addrs6) : NULL;
}

static __always_inline struct weir_addr netns_addr4(struct netns_walk *w)
{
	struct in_ifaddr *at = w->addr4;

	w->addr4 = BPF_CORE_READ(at, ifa_next);
	return (struct weir_addr){ { 0, 0, bpf_htonl(0xffff), BPF_CORE_READ(at, ifa_local) } };
}

static __always_inline struct weir_addr netns_addr6(struct netns_walk *w)
{
	struct inet6_ifaddr *at =
		netns_member(w->addr6, bpf_core_field_offset(struct inet6_ifaddr, if_list));
	struct weir_addr addr = {};

	BPF_CORE_READ_INTO(&addr, at, addr);
	w->addr6 = netns_next(w->addr6);
	return addr;
}

/* One address, or on to the next device. */
static long netns_step(__u32 step, struct netns_walk *w)
{
	struct weir_addr addr;

	if (w->addr4) {
		addr = netns_addr4(w);
	} else if (w->addr6 != w->addrs6) {
		addr = netns_addr6(w);
	} else {
		w->dev = netns_next(w->dev);
		if (!w->dev || w->dev == w->devs)
			return 1;
		netns_device(w);
		return 0;
	}
	w->found = range_has(w->svc, &addr);
	return w->found;
}

/* A function of its own, which the verifier goes through once. */
__noinline int netns_is_in_range(__u32 svc)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct net *net = BPF_CORE_READ(task, nsproxy, net_ns);
	struct netns_walk w = { .svc = svc };

	if (!net)
		return false;
	w.devs = (void *)net + bpf_core_field_offset(struct net, dev_base_head);
	w.dev = netns_next(w.devs);
	if (!w.dev || w.dev == w.devs)
		return false;
	/* before the loop: Linux 6.1 verifies a loop's step once, as it begins, and takes out what that
	 * one does not reach; with nothing to look at yet that was all but the way to the next device */
	netns_device(&w);
	bpf_loop(NETNS_STEPS, netns_step, &w, 0);
	return w.found;
}
