/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel types that the programs read, no more: member names and types as in Linux 6.18's BTF,
 * offsets relocated at load time (CO-RE), so the order and what lies between do not matter.
 * vmlinux/check.sh compares each member with the BTF of the running kernel.
 *
 * Types with ___6_15 stand for kernels up to 6.15; libbpf cuts the suffix off.
 */
#pragma once

#include <linux/in6.h>
#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	long long counter;
} atomic64_t;
typedef atomic64_t atomic_long_t;

enum cgroup_subsys_id { memory_cgrp_id = 4 };
enum node_stat_item { NR_INACTIVE_FILE = 2 };

struct kernfs_node {
	__u64 id;
	const char *name;
};

struct task_cputime {
	unsigned long long sum_exec_runtime;
};

struct cgroup_base_stat {
	struct task_cputime cputime;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
	int id;
};

struct cgroup_rstat_base_cpu {
	struct cgroup_base_stat bstat;
	struct cgroup_base_stat last_bstat;
};

struct percpu_ref_data {
	atomic_long_t count;
};

struct percpu_ref {
	unsigned long percpu_count_ptr;
	struct percpu_ref_data *data;
};

struct cgroup_bpf {
	struct percpu_ref refcnt;
};

struct cgroup {
	struct cgroup_subsys_state self;
	int level;
	struct kernfs_node *kn;
	struct cgroup_subsys_state *subsys[12];
	struct cgroup_rstat_base_cpu *rstat_base_cpu; /* per CPU */
	struct cgroup_base_stat bstat;
	struct cgroup_bpf bpf;
	struct cgroup *ancestors[];
};

struct cgroup_rstat_cpu___6_15 {
	struct cgroup_base_stat bstat;
	struct cgroup_base_stat last_bstat;
};

struct cgroup___6_15 {
	struct cgroup_rstat_cpu___6_15 *rstat_cpu; /* per CPU */
};

struct page_counter {
	atomic_long_t usage;
	unsigned long watermark;
};

struct memcg_vmstats {
	long state[1];
};

struct mem_cgroup {
	struct page_counter memory;
	struct memcg_vmstats *vmstats;
};

struct bpf_array {
	void *pptrs[1];
};

struct list_head {
	struct list_head *next;
};

struct net {
	struct list_head dev_base_head;
};

struct in_ifaddr {
	struct in_ifaddr *ifa_next;
	__be32 ifa_local;
};

struct in_device {
	struct in_ifaddr *ifa_list;
};

struct inet6_ifaddr {
	struct in6_addr addr;
	struct list_head if_list;
};

struct inet6_dev {
	struct list_head addr_list;
};

struct net_device {
	struct list_head dev_list;
	struct in_device *ip_ptr;
	struct inet6_dev *ip6_ptr;
};

struct nsproxy {
	struct net *net_ns;
};

struct task_struct {
	struct nsproxy *nsproxy;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	short unsigned int skc_family;
	volatile unsigned char skc_state;
	int skc_bound_dev_if;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct sock {
	struct sock_common __sk_common;
	struct sock_cgroup_data sk_cgrp_data;
};

struct inet_sock {
	struct sock sk;
};

struct udp_sock {
	struct inet_sock inet;
};

struct socket {
	struct sock *sk;
};

struct bpf_map;
struct file;
struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};

struct bpf_iter__cgroup {
	struct bpf_iter_meta *meta;
	struct cgroup *cgroup;
};

struct bpf_iter__udp {
	struct bpf_iter_meta *meta;
	struct udp_sock *udp_sk;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct file *file;
};

#pragma clang attribute pop
