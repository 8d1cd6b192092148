/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pods that the kernel meters, as they are now: the agent's last walk, bytes of this moment, names
 * from the ledger. Needs no agent.
 *
 * P1. One row for each cgroup, in order of cgroup id.
 * P2. What is not known is not 0: a pod that is in no ledger has no name, memory that is not counted is
 *     not there, and a rate needs two walks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "core/clock.h"
#include "core/usage.h"
#include "ledger/pod.h"

struct cli;
struct dp;
struct err;

/* Where they are read from; pods_source_fini(). */
struct pods_source {
	struct dp *dp;
	struct ledger *ledger; /* NULL: none; then pods have no names */
	char boot[BOOT_ID_LEN];
};

int pods_source_open(struct cli *cli, struct pods_source *ret, struct err *err);
void pods_source_fini(struct pods_source *s);

struct pods_row {
	uint64_t cgroup_id;
	struct weir_pod pod;
	struct ledger_pod known; /* names and lease; '' where the ledger has none */
	struct usage use; /* cumulative */
	uint64_t memory_bytes; /* at the walk */
	uint64_t cpu_millis; /* thousandths of a core, over the last closed window: pods_window() */
	bool has_memory, has_cpu;
};

struct pods {
	struct pods_row *v; /* owned */
	size_t n;
	uint64_t walked_ns, read_ns; /* boot time: of CPU and memory, and of bytes */
};

int pods_read(const struct pods_source *s, struct pods *ret, struct err *err);
void pods_fini(struct pods *p);
/* Fills in the CPU of the last closed window, for pods that were in it. */
int pods_window(const struct pods_source *s, struct pods *p, struct err *err);

/* How fast between two readings. */
struct pods_rate {
	uint64_t cpu_millis; /* thousandths of a core */
	uint64_t rx_s, tx_s; /* bytes on the wire */
	bool has_cpu, has_bytes;
};

/* before: an earlier reading, or an empty one. */
struct pods_rate pods_rate(const struct pods *before, const struct pods *now, size_t i);
