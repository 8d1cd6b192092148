/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reading a cgroup's accounts in the kernel's own structures. The only file that knows where kernels
 * differ; each difference names what changed.
 */
#pragma once

#include "vmlinux.h"

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/reason.h"

static __always_inline __u64 cgroup_id(struct cgroup *cg)
{
	return BPF_CORE_READ(cg, kn, id);
}

static __always_inline struct cgroup *cgroup_ancestor(struct cgroup *cg, int level)
{
	struct cgroup *up = NULL;

	bpf_probe_read_kernel(&up, sizeof(up),
			      (void *)cg + bpf_core_field_offset(struct cgroup, ancestors) +
				      (__u64)level * sizeof(void *));
	return up;
}

/* The pod that cg is or lies beneath: the child of the innermost registered parent. A parent itself
 * is none, also where it lies in another (kubepods/burstable). NULL: no pod. */
static __always_inline struct cgroup *cgroup_pod(struct cgroup *cg)
{
	__u32 zero = 0;
	const struct weir_ctl *ctl = bpf_map_lookup_elem(&weir_ctl, &zero);
	__u32 levels = ctl ? ctl->parent_levels : 0;
	int depth = BPF_CORE_READ(cg, level);
	struct cgroup *pod = NULL;
	__u64 id;

	for (int level = 0; level < WEIR_MAX_LEVELS && level < depth; level++) {
		struct cgroup *up;

		if (!(levels & (1U << level)))
			continue;
		up = cgroup_ancestor(cg, level);
		id = up ? cgroup_id(up) : 0;
		if (id && bpf_map_lookup_elem(&weir_parent, &id))
			pod = cgroup_ancestor(cg, level + 1);
	}
	if (!pod)
		return NULL;
	id = cgroup_id(pod);
	return bpf_map_lookup_elem(&weir_parent, &id) ? NULL : pod;
}

/* CPU time with all descendants, as cpu.stat's usage_usec shows it: right after a flush. */
static __always_inline __u64 cgroup_cpu_ns(struct cgroup *cg)
{
	return BPF_CORE_READ(cg, bstat.cputime.sum_exec_runtime);
}

/* Where a cgroup's own per-CPU CPU times lie: now, and as far as they are flushed into bstat. Linux
 * 6.16 split these statistics off from struct cgroup_rstat_cpu. */
struct own_at {
	__u64 now, flushed;
};

static __always_inline struct own_at cgroup_own_at(struct cgroup *cg)
{
	__u64 base;

	if (bpf_core_field_exists(struct cgroup, rstat_base_cpu)) {
		base = (__u64)BPF_CORE_READ(cg, rstat_base_cpu);
		return (struct own_at){
			base + bpf_core_field_offset(struct cgroup_rstat_base_cpu,
						     bstat.cputime.sum_exec_runtime),
			base + bpf_core_field_offset(struct cgroup_rstat_base_cpu,
						     last_bstat.cputime.sum_exec_runtime),
		};
	}
	base = (__u64)BPF_CORE_READ((struct cgroup___6_15 *)cg, rstat_cpu);
	return (struct own_at){
		base + bpf_core_field_offset(struct cgroup_rstat_cpu___6_15,
					     bstat.cputime.sum_exec_runtime),
		base + bpf_core_field_offset(struct cgroup_rstat_cpu___6_15,
					     last_bstat.cputime.sum_exec_runtime),
	};
}

struct own_sum {
	const struct cpu_off *cpus;
	struct own_at at;
	__u64 now, flushed;
};

static long own_add(__u32 cpu, struct own_sum *s)
{
	__u64 now = 0, flushed = 0, off;

	if (cpu >= WEIR_MAX_CPUS)
		return 1;
	off = s->cpus->off[cpu];
	if (bpf_probe_read_kernel(&now, sizeof(now), (void *)(s->at.now + off)) ||
	    bpf_probe_read_kernel(&flushed, sizeof(flushed), (void *)(s->at.flushed + off)))
		reason_count(WEIR_REASON_CPU_UNREAD);
	s->now += now;
	s->flushed += flushed;
	return 0;
}

/* CPU time of the tasks in cg itself, without descendants. `now` is cumulative and never reset, so
 * it needs no flush and races with none; now - flushed is what bstat lacks. */
static __always_inline struct own_sum cgroup_own(struct cgroup *cg)
{
	__u32 zero = 0;
	const struct weir_ctl *ctl = bpf_map_lookup_elem(&weir_ctl, &zero);
	struct own_sum s = { .at = cgroup_own_at(cg) };

	s.cpus = bpf_map_lookup_elem(&weir_cpu, &zero);
	if (ctl && s.cpus)
		bpf_loop(ctl->ncpu, own_add, &s, 0);
	return s;
}

#define PERCPU_REF_ENDED 3UL /* __PERCPU_REF_ATOMIC_DEAD: its count is one number, and only falls */

/* Of a removed cgroup: is there no socket left that was made in it, or beneath it? Sockets hold
 * cgroup.bpf, and a descendant's holds those of all above. */
static __always_inline bool cgroup_socketless(struct cgroup *cg)
{
	struct percpu_ref_data *data = BPF_CORE_READ(cg, bpf.refcnt.data);
	unsigned long ptr = BPF_CORE_READ(cg, bpf.refcnt.percpu_count_ptr);

	if ((ptr & PERCPU_REF_ENDED) != PERCPU_REF_ENDED)
		return false;
	return !data || !BPF_CORE_READ(data, count.counter); /* NULL: freed, behind its last use */
}

/* NULL: the memory controller is not on for this cgroup, or (from release on) no longer. */
static __always_inline struct mem_cgroup *cgroup_mem(struct cgroup *cg)
{
	struct mem_cgroup *mem = NULL;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return NULL;
	bpf_probe_read_kernel(&mem, sizeof(mem),
			      (void *)cg + bpf_core_field_offset(struct cgroup, subsys) +
				      bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id) *
					      sizeof(void *));
	return mem; /* its css is its first member */
}

/* Working set: usage less inactive file, as the kubelet counts it. */
static __always_inline __u64 mem_working(__u64 usage, long idle)
{
	return idle > 0 && (__u64)idle < usage ? usage - idle : usage;
}

static __always_inline int mem_idle(void)
{
	return bpf_core_enum_value(enum node_stat_item, NR_INACTIVE_FILE);
}

/* In pages. */
static __always_inline __u64 mem_pages(struct mem_cgroup *mem)
{
	struct memcg_vmstats *stats = BPF_CORE_READ(mem, vmstats);
	long idle = 0;

	bpf_probe_read_kernel(&idle, sizeof(idle),
			      (void *)stats + bpf_core_field_offset(struct memcg_vmstats, state) +
				      mem_idle() * sizeof(long));
	return mem_working(BPF_CORE_READ(mem, memory.usage.counter), idle);
}
