/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows: what is translated at this moment, whichever way. A connection whose packets are translated on
 * their way (weir_conn) and a socket that was translated when it dialled (weir_sock) become the same
 * kind of thing; a list of them has one order whenever the kernel is asked.
 *
 * Pure but for flows_read(): tables and time are parameters. Time is CLOCK_BOOTTIME in ns.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

struct dp;
struct dp_backend;
struct dp_conn;
struct err;

struct flow {
	struct weir_tuple from; /* the client to what it dialled */
	struct weir_tuple to; /* the same as the backend sees it */
	const char *state; /* "syn", "unreplied", "established", "closing", "closed", "reset" */
	uint32_t svc, backend; /* ids of the frontend and the backend */
	uint64_t age_s;
	/* of packets */
	uint64_t idle_s;
	bool away; /* they are sent on to this node, which answers */
	struct weir_addr node;
	bool from_node; /* they were sent on by another node, which alone knows the backend's id */
	/* of a socket */
	uint64_t cookie; /* 0: not a socket */
	uint64_t cgroup;
};

/* False: an entry of answers, or one whose time is over. */
bool flow_of_conn(const struct dp_conn *c, uint64_t now, struct flow *ret);
void flow_of_sock(const struct weir_sock *s, uint64_t now, struct flow *ret);

/* What stands for the client is not its own address and port. */
bool flow_is_masked(const struct flow *f);
/* The backend serves no more, or is none any more. backends: in order of id. */
bool flow_is_draining(const struct flow *f, const struct dp_backend *backends, size_t n);

/* By what was dialled, then by client. */
int flow_cmp(const void *a, const void *b);
/* Puts them in order, and each socket once. Returns how many are left. */
size_t flows_sort(struct flow *flows, size_t n);
/* All there are, sorted; free() the array. */
int flows_read(struct dp *dp, uint64_t now, struct flow **ret, size_t *ret_n, struct err *err);
