/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel side, owned: programs, links and maps of Weir. Only user/dp includes libbpf.
 *
 * Everything lives in pins below BPFFS/weir/v<ABI>/, so the datapath and the meter outlive the
 * agent. dp_open() adopts the pins when the same build made them: nothing is loaded or attached
 * again and no packet or count is lost. Another build of the same ABI keeps the maps and replaces
 * the programs. dp_close() leaves the pins; dp_detach() removes them.
 *
 * Invariants: I1. a frontend's backend set changes by one map update, after its slots are written.
 * I2. ids and slots are reused late (user/svc decides). I3. reads (dp_open_pinned) never write.
 *
 * Threading: one thread; dp_ends() alone may run on another beside it. Errors: -ENOENT no pins (not
 * running, or another bpffs), -EPERM no root or no CAP_BPF, -EOPNOTSUPP a kernel without what is
 * needed (the text names it), -ENOSPC a map is full, -ESTALE pins of another build where that matters.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

struct dp;
struct err;

/* What was counted of a pod before its tables were made anew (after a detach). */
struct dp_restore {
	uint64_t cgroup_id;
	struct weir_net net;
	uint64_t
		cpu_ns; /* for a pod that is gone meanwhile: of others the kernel itself knows it */
	uint64_t mem_page_ns_lo, mem_page_ns_hi, mem_peak_pages;
};

struct dp_options {
	const char *bpffs; /* a mounted bpf file system */
	const char *cgroup; /* directory the socket programs are attached to */
	const char *meter_cgroup; /* directory below or equal: pods live beneath it */
	const struct dp_restore *restore; /* written before the programs, if the tables are new */
	size_t n_restore;
	bool ends_by_netlink; /* when it loads: also where programs can end sockets themselves */
	bool measure_only; /* no program translates at sockets; those that did go */
};

int dp_open(const struct dp_options *opt, struct dp **ret, struct err *err);
int dp_open_pinned(const char *bpffs, struct dp **ret, struct err *err);
void dp_close(struct dp **dp);
int dp_detach(const char *bpffs, struct err *err);

struct dp_pin {
	const char *kind; /* "link", "map" or "prog" */
	char path[512];
};
/* What dp_detach() would remove, in order of path; free() the array. */
int dp_pins(const char *bpffs, struct dp_pin **ret, size_t *ret_n, struct err *err);

/* True when dp_open() found the pins of the same build. */
bool dp_adopted(const struct dp *dp);

/* ---- Directing ------------------------------------------------------------------------------ */

struct dp_frontend {
	struct weir_vip vip;
	struct weir_svc svc;
};
struct dp_backend {
	uint32_t id;
	struct weir_backend be;
};
struct dp_class {
	struct weir_prefix prefix;
	uint32_t class; /* enum weir_class, and WEIR_CLASS_POD */
};

struct dp_home {
	struct weir_addr backend; /* its address */
	struct weir_addr
		node; /* that has it and answers for it by itself, also this one (bpf/lib/dsr.h) */
};

/* Whole tables, in no order; free() the array. */
int dp_frontends(struct dp *dp, struct dp_frontend **ret, size_t *ret_n, struct err *err);
int dp_backends(struct dp *dp, struct dp_backend **ret, size_t *ret_n, struct err *err);
int dp_classes(struct dp *dp, struct dp_class **ret, size_t *ret_n, struct err *err);
int dp_ranges(struct dp *dp, struct weir_range **ret, size_t *ret_n, struct err *err);
int dp_homes(struct dp *dp, struct dp_home **ret, size_t *ret_n, struct err *err);
/* WEIR_MAX_SLOTS and WEIR_MAX_RING elements, borrowed from the mapping. The second is there, and written to,
 * after dp_ring_open() only, which is 4 MiB more for who has Maglev tables. */
const struct weir_slot *dp_slots(const struct dp *dp);
int dp_ring_open(struct dp *dp, struct err *err);
const struct weir_ring *dp_ring(const struct dp *dp); /* else NULL */

int dp_frontend_put(struct dp *dp, const struct weir_vip *vip, const struct weir_svc *svc,
		    struct err *err);
int dp_frontend_del(struct dp *dp, const struct weir_vip *vip, struct err *err); /* absent: 0 */
int dp_backend_put(struct dp *dp, uint32_t id, const struct weir_backend *be, struct err *err);
int dp_backend_del(struct dp *dp, uint32_t id, struct err *err);
/* Says of a backend in the table whether it serves; nothing else of it changes. */
int dp_backend_gone(struct dp *dp, uint32_t id, bool gone, struct err *err);
void dp_slot_put(struct dp *dp, uint32_t index, struct weir_slot slot); /* index < WEIR_MAX_SLOTS */
void dp_ring_put(struct dp *dp, uint32_t index, struct weir_ring ring); /* index < WEIR_MAX_RING */
int dp_class_put(struct dp *dp, const struct dp_class *c, struct err *err);
int dp_class_del(struct dp *dp, const struct weir_prefix *prefix, struct err *err);
int dp_range_put(struct dp *dp, const struct weir_range *range, struct err *err);
int dp_range_del(struct dp *dp, const struct weir_range *range, struct err *err); /* absent: 0 */
int dp_home_put(struct dp *dp, const struct dp_home *home, struct err *err);
int dp_home_del(struct dp *dp, const struct weir_addr *backend, struct err *err); /* absent: 0 */
/* After changes of frontends and backends: connections on their way look at theirs again. */
void dp_epoch_next(struct dp *dp);

/* A device of this network namespace that packets come by, and what is done with them. */
#define DP_DIRECT (1U << 0)
#define DP_COUNT (1U << 1) /* its other end is, or may be, a pod's: weir_veth */
struct dp_device {
	uint32_t ifindex;
	unsigned int duties; /* DP_DIRECT, DP_COUNT */
	struct weir_dev addrs; /* that stand for clients towards what is behind it */
};
/* Makes the programs that see packets stand on these devices and no others. What can't be done on one
 * is told after all others are served; a device that is gone is passed over. */
int dp_devices_sync(struct dp *dp, const struct dp_device *want, size_t n, struct err *err);
/* The ports that stand for clients, both included; none of the node's own sockets takes them. */
void dp_snat_ports(struct dp *dp, uint16_t low, uint16_t high);

struct dp_ended {
	uint64_t sockets;
	uint32_t namespaces; /* visited */
	uint32_t hidden; /* processes whose namespace may not be looked at (no CAP_SYS_PTRACE) */
};
/* Ends each UDP socket that is connected to a backend which is gone (or whose frontend is), in every
 * network namespace that shows in /proc or /run/netns. All are visited even if one fails: the error is
 * the first one's. Blocks for milliseconds; one call at a time. */
int dp_ends(struct dp *dp, struct dp_ended *ret, struct err *err);

/* ---- Flows ---------------------------------------------------------------------------------- */

struct dp_conn {
	struct weir_tuple from; /* a packet as it comes */
	struct weir_conn conn;
};
#define DP_SOCKS_MAX (1 << 20)

/* Connections of packets on their way: both entries of each, also those whose time is over. In no order,
 * without repetition; free() the array. */
int dp_conns(struct dp *dp, struct dp_conn **ret, size_t *ret_n, struct err *err);
/* Sockets that are connected to what they dialled, of all network namespaces, if a process of this PID
 * namespace holds them: once for each that does. In no order. -E2BIG: over DP_SOCKS_MAX. free() the array. */
int dp_socks(struct dp *dp, struct weir_sock **ret, size_t *ret_n, struct err *err);

/* ---- Measuring ------------------------------------------------------------------------------ */

/* Pods are the direct children of a parent. Makes the registered parents be those of paths that
 * exist (others are taken up by a later call) and those beneath which a pod still lives; when that
 * changed something, walks, which finds the pods that are there already. Absolute paths below meter_cgroup, or it. */
int dp_parents_sync(struct dp *dp, const char *const *paths, size_t n, struct err *err);
/* Reads all pods, living and dead. The array is the mapping's own: valid until the next walk. */
int dp_walk(struct dp *dp, const struct weir_sample **ret, size_t *ret_n, struct err *err);
/* The samples of the last walk, whoever did it. */
size_t dp_samples(const struct dp *dp, const struct weir_sample **ret, uint64_t *ret_at);
/* Sum over the CPUs; zeros for a pod without traffic. */
int dp_net(struct dp *dp, uint64_t cgroup_id, struct weir_net *ret, struct err *err);
/* What went by the interfaces of pods, by their ends on this node, whose pod is known; in order of pod. */
int dp_veths(struct dp *dp, struct weir_veth **ret, size_t *ret_n, struct err *err);
/* Forgets a dead pod, after its final reading is in the ledger. */
int dp_pod_forget(struct dp *dp, uint64_t cgroup_id, struct err *err);

/* ---- Answers -------------------------------------------------------------------------------- */

int dp_reasons(struct dp *dp, uint64_t ret[WEIR_REASON_MAX_], struct err *err);
const char *dp_reason_name(enum weir_reason r);
const char *dp_reason_help(enum weir_reason r);
const char *dp_class_name(enum weir_class c); /* "external", "cluster", "local", "service" */

struct dp_program {
	char name[16], attach[24]; /* "weir_connect4", "cgroup connect4" */
	uint32_t ifindex; /* of the device it stands on, in the node's network namespace; 0: none */
	char device[16]; /* its name; "": not known in this network namespace */
	uint32_t id, verified_insns, xlated_bytes;
	uint32_t link_id; /* 0: a filter */
	uint64_t run_count, run_ns; /* when kernel.bpf_stats_enabled */
};
struct dp_map {
	char name[16], type[24];
	uint32_t id, max_entries, entries; /* entries: UINT32_MAX where it can't be told cheaply */
};
/* In a stable order. Filters of devices (before Linux 6.6) are seen in the node's network namespace only. */
int dp_programs(struct dp *dp, struct dp_program **ret, size_t *ret_n, struct err *err);
int dp_maps(struct dp *dp, struct dp_map **ret, size_t *ret_n, struct err *err);

struct dp_feature {
	const char *name, *why; /* what Weir uses it for */
	bool have, needed; /* needed: without it dp_open() fails */
	char note[96]; /* when missing: what then degrades or fails */
};
/* What this kernel offers, found by trying; needs no pins. */
int dp_probe(struct dp_feature **ret, size_t *ret_n, struct err *err);

/* True when cgroup v2 at this path has the memory controller; else why not in ret_why. */
bool dp_memory_measured(const char *meter_cgroup, char *ret_why, size_t size);
