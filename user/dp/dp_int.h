/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of user/dp only. */
#pragma once

#include "dp/dp.h"

enum dp_table {
	DP_SVC,
	DP_SLOT,
	DP_RING,
	DP_BACKEND,
	DP_FLOW,
	DP_REV,
	DP_AFFINITY,
	DP_CLASS,
	DP_RANGE,
	DP_CONN,
	DP_FRAG,
	DP_DEV,
	DP_HOME,
	DP_PEER,
	DP_POD,
	DP_GONE,
	DP_PARENT,
	DP_NET,
	DP_VETH,
	DP_SAMPLE,
	DP_CTL,
	DP_REASON,
	DP_CPU,
	DP_TABLE_MAX_
};

extern const char *const dp_table_name[DP_TABLE_MAX_];

/* Where programs that see packets stand. */
enum dp_side { DP_SIDE_IN, DP_SIDE_OUT, DP_SIDE_VETH_IN, DP_SIDE_VETH_OUT, DP_SIDE_MAX_ };

#define DP_PATH_MAX 512

struct dp {
	char pins[DP_PATH_MAX]; /* BPFFS/weir/v<ABI> */
	char meter_cgroup[DP_PATH_MAX];
	int map[DP_TABLE_MAX_]; /* -1: not open */
	int side[DP_SIDE_MAX_]; /* the programs of devices; -1: not open */
	bool no_tcx; /* this kernel has filters only */
	int walk, ends; /* links of the two iterators; -1 when opened to read */
	bool read_only, adopted;
	/* mappings; NULL: not mapped, or not yet */
	struct weir_slot *slots;
	struct weir_ring *ring;
	struct weir_backend *backends;
	struct weir_sample *samples;
	size_t n_samples; /* mapped; the agent has far fewer than there may be */
	struct weir_ctl *ctl;
};

/* The programs that are attached, in the order they are. */
enum dp_hook {
	DP_HOOK_CGROUP,
	DP_HOOK_METER_CGROUP,
	DP_HOOK_TRACE,
	DP_HOOK_ITER,
	DP_HOOK_ITER_ALL,
};
struct dp_attach {
	const char *prog; /* also the name of its link's pin */
	const char *what;
	enum dp_hook hook;
};
extern const struct dp_attach dp_attach[];
extern const size_t dp_attach_n;

/* pins.c */
int dp_pin_path(const struct dp *dp, const char *kind, const char *name, char ret[DP_PATH_MAX],
		struct err *err);
int dp_pins_init(struct dp *dp, const char *bpffs, struct err *err);
/* Opens and maps the pinned tables; those that are open already stay. */
int dp_tables_open(struct dp *dp, struct err *err);
/* Maps an open table. */
int dp_table_map(struct dp *dp, enum dp_table t, size_t len, bool writable, void **ret,
		 struct err *err);

/* The kernel frees a link some time after its last pin went; a cgroup's is ended at once. Tracing links
 * can't be: they go with the pin. The pin stays. */
void dp_link_end(const char *path);

/* meter_tables.c: at least n samples are mapped from now on. */
int dp_samples_map(struct dp *dp, size_t n, struct err *err);

/* load.c */
int dp_load(struct dp *dp, const struct dp_options *opt, struct err *err);
bool dp_adoptable(struct dp *dp, const struct dp_options *opt);
/* devices.c */
const char *dp_side_prog(enum dp_side side); /* also the name of its pin in progs/ */
const char *dp_side_what(enum dp_side side); /* "ingress", "egress" */
/* Opens the pinned programs of devices; those that are open already stay. */
int dp_sides_open(struct dp *dp, struct err *err);
/* A program on a device: by a link or, link_id 0, by a filter. */
struct dp_stand {
	enum dp_side side;
	uint32_t ifindex, prog_id, link_id;
};
/* In order of device and side; filters are seen only at home, in the node's network namespace. free(). */
int dp_stands(const struct dp *dp, bool at_home, struct dp_stand **ret, size_t *ret_n,
	      struct err *err);
/* Takes away all filters of the pinned programs; links go with their pins. */
void dp_filters_end(struct dp *dp);

/* veths.c */
int dp_veth_begin(struct dp *dp, uint32_t ifindex, struct err *err); /* there already: 0 */
/* Sum over the CPUs. */
int dp_veth_read(const struct dp *dp, uint32_t ifindex, struct weir_veth *ret, struct err *err);

/* Of the network namespace of this process. */
int dp_netns_cookie(uint64_t *ret, struct err *err);
/* Tells the programs which network namespace is the node's: that of this process. */
int dp_host_netns(struct dp *dp, struct err *err);

/* netns.c: calls fn with each network namespace that shows in /proc or in /run/netns, once; path is
 * how it was found, fd is closed behind it. Goes on after a failure and returns the first. ret_hidden:
 * how many processes may not be looked at. */
typedef int (*dp_netns_fn)(void *arg, int fd, const char *path, struct err *err);
int dp_netns_each(dp_netns_fn fn, void *arg, uint32_t *ret_hidden, struct err *err);

/* diag.c: ending sockets of the calling thread's network namespace by netlink. */
int dp_diag_open(int *ret_fd, struct err *err);
/* 1: ended; 0: it is no more what was named. */
int dp_diag_end(int fd, const struct weir_end *end, struct err *err);

/* show.c: for what no program counts. */
int dp_reason_add(struct dp *dp, enum weir_reason why, uint64_t n, struct err *err);
