// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * CPU and memory of each pod, exact to the last task.
 *
 * The kernel accounts every cgroup already; weir_walk reads all pods in one walk, behind one flush
 * at its top, and writes them to an array that user space has mapped. Nothing runs per context
 * switch.
 *
 * A pod that dies between two walks is billed in full: every task holds its cgroup until its task
 * struct is freed, so at cgroup_release nothing can be charged any more, and children are released
 * before their parents. weir_release sums each cgroup's own time there. Until then the pod is
 * REMOVED and the walk reads it through the pointer kept at rmdir, which is valid until release
 * clears it. The memory controller is gone at release; rmdir is the last moment for the peak.
 */
#include "vmlinux.h"

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/lib/cgroup.h"
#include "bpf/lib/integral.h"

#define NS_PER_MS 1000000ULL

/* Constants, so that the verifier drops the calls this kernel does not have. */
const volatile __u32 weir_flush = WEIR_FLUSH_NONE; /* enum weir_flush */
const volatile __u32 weir_page_shift = 12;

/* Up to 6.15, then from 6.16 on (the latter flushes CPU time only). */
extern void cgroup_rstat_flush(struct cgroup *cgrp) __ksym __weak;
extern void css_rstat_flush(struct cgroup_subsys_state *css) __ksym __weak;

/* From 7.0 on; amounts are bytes. */
extern struct mem_cgroup *bpf_get_mem_cgroup(struct cgroup_subsys_state *css) __ksym __weak;
extern void bpf_put_mem_cgroup(struct mem_cgroup *mem) __ksym __weak;
extern void bpf_mem_cgroup_flush_stats(struct mem_cgroup *mem) __ksym __weak;
extern unsigned long bpf_mem_cgroup_usage(struct mem_cgroup *mem) __ksym __weak;
extern unsigned long bpf_mem_cgroup_page_state(struct mem_cgroup *mem, int item) __ksym __weak;

static __always_inline struct weir_pod *pod_get(struct cgroup *cg, __u64 id)
{
	static const struct weir_pod none;
	struct weir_pod *pod = bpf_map_lookup_elem(&weir_pod, &id);
	struct cgroup *up;
	int level;

	if (pod)
		return pod;
	bpf_map_update_elem(&weir_pod, &id, &none, BPF_NOEXIST);
	pod = bpf_map_lookup_elem(&weir_pod, &id);
	if (!pod) {
		reason_count(WEIR_REASON_POD_FULL);
		return NULL;
	}
	level = BPF_CORE_READ(cg, level);
	up = level > 0 ? cgroup_ancestor(cg, level - 1) : NULL;
	pod->parent = up ? cgroup_id(up) : 0;
	bpf_probe_read_kernel_str(pod->name, sizeof(pod->name), BPF_CORE_READ(cg, kn, name));
	return pod;
}

/* Holds the previous reading over the time since, then takes a new one. */
static __always_inline void mem_sample(struct weir_pod *pod, struct mem_cgroup *mem, __u64 pages)
{
	__u64 now = bpf_ktime_get_ns(), peak = BPF_CORE_READ(mem, memory.watermark), dt;

	dt = pod->mem_at ? now - pod->mem_at : 0;
	integral_add(&pod->mem_page_ns_lo, &pod->mem_page_ns_hi,
		     integral_hold(pod->mem_pages, pages, dt), dt);
	pod->mem_at = now;
	pod->mem_pages = pages;
	if (peak > pod->mem_peak_pages)
		pod->mem_peak_pages = peak;
	pod->flags |= WEIR_POD_HAS_MEM;
}

/* From Linux 7.0 on the kernel says itself; before, its structures are read. */
static __always_inline void mem_walk(struct weir_pod *pod, struct cgroup *cg)
{
	struct mem_cgroup *mem;

	if (weir_flush != WEIR_FLUSH_MEMCG) {
		mem = cgroup_mem(cg);
		if (mem)
			mem_sample(pod, mem, mem_pages(mem));
		return;
	}
	mem = bpf_get_mem_cgroup(&cg->self);
	if (!mem)
		return;
	mem_sample(pod, mem,
		   mem_working(bpf_mem_cgroup_usage(mem),
			       bpf_mem_cgroup_page_state(mem, mem_idle())) >>
			   weir_page_shift);
	bpf_put_mem_cgroup(mem);
}

/* What is still charged at rmdir is the kernel's own lag, not the pod's: only the time until then. */
static __always_inline void mem_end(struct weir_pod *pod, struct cgroup *cg)
{
	struct mem_cgroup *mem = cgroup_mem(cg);

	if (!mem)
		return;
	mem_sample(pod, mem, pod->mem_pages);
	pod->mem_pages = 0;
}

static __always_inline void sample_put(struct weir_ctl *ctl, __u64 id, const struct weir_pod *pod)
{
	__u32 at = ctl->walk_count;
	struct weir_sample *sample;

	sample = bpf_map_lookup_elem(&weir_sample, &at);
	if (!sample) {
		reason_count(WEIR_REASON_SAMPLE_FULL);
		return;
	}
	sample->cgroup_id = id;
	sample->pod = *pod;
	ctl->walk_count = at + 1;
}

/* A removed pod, by the pointer kept at rmdir. Once no socket is left, and no task ran in it for a
 * while, nothing can come: page cache may hold a cgroup for ever, and must not hold up its bill. */
static __always_inline void removed_read(struct weir_pod *pod, const struct weir_ctl *ctl)
{
	__u64 ptr = pod->ptr, now = bpf_ktime_get_boot_ns(), ns;
	bool socketless;

	if (!ptr)
		return;
	ns = cgroup_cpu_ns((struct cgroup *)ptr);
	socketless = cgroup_socketless((struct cgroup *)ptr);
	/* weir_release clears ptr before the cgroup goes: unchanged means it was its own */
	if (*(volatile __u64 *)&pod->ptr != ptr)
		return;
	if (ns > pod->cpu_ns) {
		pod->cpu_ns = ns;
		pod->grew = now;
	}
	if (pod->grew < pod->died)
		pod->grew = pod->died;
	if (socketless && now - pod->grew > ctl->settle_ms * NS_PER_MS)
		__sync_val_compare_and_swap(&pod->state, WEIR_POD_REMOVED, WEIR_POD_SETTLED);
}

/* After the walk: the pods that the iterator skips because they are dead. */
static long dead_sample(struct bpf_map *map, __u64 *id, struct weir_pod *pod, struct weir_ctl **at)
{
	struct weir_ctl *ctl = *at;

	/* one that lives and was not met just now is for user space to look after */
	if (pod->state == WEIR_POD_LIVE &&
	    (pod->seen == ctl->walk_from || pod->born >= ctl->walk_from))
		return 0;
	if (pod->state == WEIR_POD_REMOVED)
		removed_read(pod, ctl);
	sample_put(ctl, *id, pod);
	ctl->deaths_past--; /* from what it would be, so that the next walk looks again */
	return 0;
}

static __always_inline void walk_begin(struct weir_ctl *ctl, struct cgroup *top)
{
	struct mem_cgroup *mem;

	ctl->walk_count = 0;
	ctl->walk_from = bpf_ktime_get_boot_ns();
	if (weir_flush == WEIR_FLUSH_CGROUP)
		cgroup_rstat_flush(top);
	else if (weir_flush >= WEIR_FLUSH_CSS)
		css_rstat_flush(&top->self);
	if (weir_flush != WEIR_FLUSH_MEMCG)
		return;
	mem = bpf_get_mem_cgroup(&top->self);
	if (mem) {
		bpf_mem_cgroup_flush_stats(mem);
		bpf_put_mem_cgroup(mem);
	}
}

/* Only the kernel knows a cgroup's level for sure (a mount may show part of the tree). Parents come
 * before their children in this walk, so pods of a new parent are found in the same walk. */
static __always_inline void parent_note(struct weir_ctl *ctl, struct cgroup *cg, __u64 id)
{
	__u32 level = cg->level;

	if (level >= WEIR_MAX_LEVELS || !bpf_map_lookup_elem(&weir_parent, &id))
		return;
	ctl->parent_levels |= 1U << level;
	bpf_map_delete_elem(&weir_pod, &id); /* it was taken for a pod before it was known */
}

/* The pod that cg is, with fewer looks than cgroup_pod(): most cgroups are containers, and most others
 * are known. NULL: it is none, or there is no room. */
static __always_inline struct weir_pod *walk_pod(const struct weir_ctl *ctl, struct cgroup *cg,
						 __u64 id)
{
	__u32 level = cg->level - 1;
	struct weir_pod *pod;
	__u64 up;

	if (level >= WEIR_MAX_LEVELS || !(ctl->parent_levels & (1U << level)))
		return NULL;
	pod = bpf_map_lookup_elem(&weir_pod, &id);
	if (pod)
		return pod;
	up = cg->self.parent->cgroup->kn->id;
	if (!bpf_map_lookup_elem(&weir_parent, &up) || bpf_map_lookup_elem(&weir_parent, &id))
		return NULL;
	return pod_get(cg, id);
}

/* Going through the table costs more than the walk over a hundred pods. */
static __always_inline void walk_end(struct weir_ctl *ctl)
{
	__u32 deaths = *(volatile __u32 *)&ctl->deaths;

	if (deaths != ctl->deaths_past) {
		ctl->deaths_past = deaths;
		bpf_for_each_map_elem(&weir_pod, dead_sample, &ctl, 0);
	}
	ctl->parents_new = 0;
	ctl->walk_at = bpf_ktime_get_boot_ns();
}

static __always_inline void death_note(void)
{
	__u32 zero = 0;
	struct weir_ctl *ctl = bpf_map_lookup_elem(&weir_ctl, &zero);

	if (ctl)
		__sync_fetch_and_add(&ctl->deaths, 1);
}

/* Its pointer is the kernel's own, so its members are read as such, which costs next to nothing. */
SEC("iter.s/cgroup")
int weir_walk(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cg = ctx->cgroup;
	struct weir_ctl *ctl;
	struct weir_pod *pod;
	__u32 zero = 0;
	__u64 id;

	ctl = bpf_map_lookup_elem(&weir_ctl, &zero);
	if (!ctl)
		return 0;
	if (!cg) {
		walk_end(ctl);
		return 0;
	}
	if (!ctx->meta->seq_num)
		walk_begin(ctl, cg);
	id = cg->kn->id;
	if (ctl->parents_new)
		parent_note(ctl, cg, id);
	pod = walk_pod(ctl, cg, id);
	if (!pod || pod->state != WEIR_POD_LIVE)
		return 0;
	pod->cpu_ns = cg->bstat.cputime.sum_exec_runtime;
	pod->seen = ctl->walk_from;
	mem_walk(pod, cg);
	sample_put(ctl, id, pod);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(weir_mkdir, struct cgroup *cg, const char *path)
{
	struct weir_pod *pod;

	if (cgroup_pod(cg) != cg)
		return 0;
	pod = pod_get(cg, cgroup_id(cg));
	if (pod)
		pod->born = bpf_ktime_get_boot_ns();
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(weir_rmdir, struct cgroup *cg, const char *path)
{
	struct weir_pod *pod;

	if (cgroup_pod(cg) != cg)
		return 0;
	pod = pod_get(cg, cgroup_id(cg));
	if (!pod || pod->state != WEIR_POD_LIVE)
		return 0;
	mem_end(pod, cg);
	pod->died = bpf_ktime_get_boot_ns();
	pod->ptr = (__u64)cg;
	pod->state = WEIR_POD_REMOVED;
	death_note();
	return 0;
}

/* False: it is counted already, by a program of another build that is being replaced. */
static __always_inline bool release_first(struct cgroup *cg)
{
	__u64 id = cgroup_id(cg);
	const __u32 one = 1;

	return !bpf_map_update_elem(&weir_gone, &id, &one, BPF_NOEXIST);
}

SEC("tp_btf/cgroup_release")
int BPF_PROG(weir_release, struct cgroup *cg, const char *path)
{
	struct cgroup *top = cgroup_pod(cg);
	struct weir_pod *pod;
	struct own_sum own;
	__u64 id;

	if (!top || !release_first(cg))
		return 0;
	id = cgroup_id(top);
	/* what lay beneath a pod that is billed and forgotten makes no pod of it again */
	pod = top == cg ? pod_get(top, id) : bpf_map_lookup_elem(&weir_pod, &id);
	if (!pod)
		return 0;
	own = cgroup_own(cg);
	__sync_fetch_and_add(&pod->own_ns, own.now);
	if (top != cg)
		return 0;
	pod->ptr = 0;
	/* Of a pod older than this program, containers that went before are in the flushed sum only.
	 * Those that went since were flushed at their own release; what is left is the pod's own. */
	pod->cpu_ns = pod->born ? pod->own_ns : cgroup_cpu_ns(cg) + (own.now - own.flushed);
	pod->state = WEIR_POD_RELEASED;
	death_note();
	return 0;
}

struct off_find {
	struct cpu_off *cpus;
	__u64 percpu;
};

static long off_set(__u32 cpu, struct off_find *f)
{
	__u64 *at;
	__u32 zero = 0;

	if (cpu >= WEIR_MAX_CPUS)
		return 1;
	at = bpf_map_lookup_percpu_elem(&weir_reason, &zero, cpu);
	if (!at)
		return 1;
	/* a pointer becomes a number by way of the map */
	*(volatile __u64 *)&f->cpus->off[cpu] = (__u64)at;
	f->cpus->off[cpu] = *(volatile __u64 *)&f->cpus->off[cpu] - f->percpu;
	return 0;
}

/* Run once after loading: __per_cpu_offset[cpu] is the address of a per-CPU map element less the
 * per-CPU pointer in the map. The symbol itself is not in every kernel's kallsyms. Not 0: which
 * step failed. */
SEC("syscall")
int weir_init(void *ctx)
{
	__u32 zero = 0;
	const struct weir_ctl *ctl = bpf_map_lookup_elem(&weir_ctl, &zero);
	struct off_find f = { .cpus = bpf_map_lookup_elem(&weir_cpu, &zero) };

	if (!ctl || !f.cpus)
		return 1;
	*(volatile __u64 *)&f.cpus->off[0] = (__u64)&weir_reason;
	if (bpf_probe_read_kernel(&f.percpu, sizeof(f.percpu),
				  (void *)*(volatile __u64 *)&f.cpus->off[0] +
					  bpf_core_field_offset(struct bpf_array, pptrs)) ||
	    !f.percpu)
		return 2;
	return bpf_loop(ctl->ncpu, off_set, &f, 0) == ctl->ncpu ? 0 : 3;
}
