/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every map of Weir, declared; maps.bpf.c defines them once. Keys and values are bpf/abi.h's.
 * User space pins each below BPFFS/weir/v<WEIR_ABI>/.
 */
#pragma once

#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

#define MAP(kind, entries, flags)          \
	__uint(type, BPF_MAP_TYPE_##kind); \
	__uint(max_entries, entries);      \
	__uint(map_flags, flags)

/* Directing */
struct svc_map {
	MAP(HASH, WEIR_MAX_FRONTENDS, BPF_F_NO_PREALLOC);
	__type(key, struct weir_vip);
	__type(value, struct weir_svc);
};
struct slot_map {
	MAP(ARRAY, WEIR_MAX_SLOTS, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weir_slot);
};
struct ring_map {
	MAP(ARRAY, WEIR_MAX_RING, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weir_ring);
};
struct backend_map {
	MAP(ARRAY, WEIR_MAX_BACKENDS, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weir_backend);
};
struct flow_map {
	MAP(SK_STORAGE, 0, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct weir_flow);
};
struct rev_map {
	MAP(LRU_HASH, WEIR_MAX_REV, 0);
	__type(key, struct weir_rev);
	__type(value, struct weir_vip);
};
struct affinity_map {
	MAP(LRU_HASH, WEIR_MAX_AFFINITY, 0);
	__type(key, struct weir_client);
	__type(value, struct weir_choice);
};
struct class_map {
	MAP(LPM_TRIE, WEIR_MAX_CLASSES, BPF_F_NO_PREALLOC);
	__type(key, struct weir_prefix);
	__type(value, __u32);
};

struct range_map {
	MAP(LPM_TRIE, WEIR_MAX_RANGES, BPF_F_NO_PREALLOC);
	__type(key, struct weir_range);
	__type(value, __u32); /* 1; its presence is what counts */
};

/* Packets on their way */
struct conn_map {
	MAP(LRU_HASH, WEIR_MAX_CONNS, 0);
	__type(key, struct weir_tuple);
	__type(value, struct weir_conn);
};
struct frag_map {
	MAP(LRU_HASH, WEIR_MAX_FRAGS, 0);
	__type(key, struct weir_frag);
	__type(value, struct weir_ports);
};
struct home_map {
	MAP(HASH, WEIR_MAX_HOMES, BPF_F_NO_PREALLOC);
	__type(key, struct weir_addr);
	__type(value, struct weir_addr);
};
struct peer_map {
	MAP(LRU_HASH, WEIR_MAX_PEERS, 0);
	__type(key, struct weir_addr);
	__type(value, struct weir_peer);
};
struct dev_map {
	MAP(HASH, WEIR_MAX_DEVICES, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct weir_dev);
};

/* Measuring. weir_pod is preallocated: a pod's birth must not fail for want of memory. */
struct pod_map {
	MAP(HASH, WEIR_MAX_PODS, 0);
	__type(key, __u64);
	__type(value, struct weir_pod);
};
/* Cgroups whose release was counted: programs of two builds run side by side for a moment. */
struct gone_map {
	MAP(LRU_HASH, WEIR_MAX_GONE, 0);
	__type(key, __u64);
	__type(value, __u32); /* 1; its presence is what counts */
};
struct parent_map {
	MAP(HASH, WEIR_MAX_PARENTS, 0);
	__type(key, __u64);
	__type(value, __u32); /* 1; its presence is what counts */
};
struct net_map {
	MAP(PERCPU_HASH, WEIR_MAX_PODS, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct weir_net);
};
/* Only user space makes and ends entries: with the programs on a device, and after its pod's last bill. */
struct veth_map {
	MAP(PERCPU_HASH, WEIR_MAX_VETHS, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct weir_veth);
};
struct sample_map {
	MAP(ARRAY, WEIR_MAX_PODS, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weir_sample);
};

/* Both */
struct ctl_map {
	MAP(ARRAY, 1, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weir_ctl);
};
struct reason_map {
	MAP(PERCPU_ARRAY, WEIR_REASON_MAX_, 0);
	__type(key, __u32);
	__type(value, __u64);
};
/* __per_cpu_offset[], found by weir_init. */
struct cpu_off {
	__u64 off[WEIR_MAX_CPUS];
};
struct cpu_map {
	MAP(ARRAY, 1, 0);
	__type(key, __u32);
	__type(value, struct cpu_off);
};

extern struct svc_map weir_svc SEC(".maps");
extern struct slot_map weir_slot SEC(".maps");
extern struct ring_map weir_ring SEC(".maps");
extern struct backend_map weir_backend SEC(".maps");
extern struct flow_map weir_flow SEC(".maps");
extern struct rev_map weir_rev SEC(".maps");
extern struct affinity_map weir_affinity SEC(".maps");
extern struct class_map weir_class SEC(".maps");
extern struct range_map weir_range SEC(".maps");
extern struct conn_map weir_conn SEC(".maps");
extern struct frag_map weir_frag SEC(".maps");
extern struct dev_map weir_dev SEC(".maps");
extern struct home_map weir_home SEC(".maps");
extern struct peer_map weir_peer SEC(".maps");
extern struct pod_map weir_pod SEC(".maps");
extern struct gone_map weir_gone SEC(".maps");
extern struct parent_map weir_parent SEC(".maps");
extern struct net_map weir_net SEC(".maps");
extern struct veth_map weir_veth SEC(".maps");
extern struct sample_map weir_sample SEC(".maps");
extern struct ctl_map weir_ctl SEC(".maps");
extern struct reason_map weir_reason SEC(".maps");
extern struct cpu_map weir_cpu SEC(".maps");
