/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An amount of usage: a pod's cumulative reading, what it used in one window, or the total of a
 * lease since it was opened. A plain value with its BCS form (part of the usage record) and its
 * JSON form (part of the receipt file); one table in usage.c is behind all of them.
 *
 * I1. Amounts are integers with checked arithmetic. The memory peak is a maximum: of two peaks the
 *     larger stays.
 * I2. Memory that was not measured is never 0. Of one pod (reading, window) memory_unmeasured is 1
 *     when memory is unknown, and then there is no amount; in totals it is the number of such pod
 *     windows. JSON shows null for the amount and the peak when nothing of them was measured.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bcs;
struct buf;
struct err;
struct json;

/* The peer of a byte, seen from the pod. */
enum usage_class { USAGE_EXTERNAL, USAGE_CLUSTER, USAGE_LOCAL, USAGE_CLASS_MAX_ };

struct usage_count {
	uint64_t bytes, packets;
};

struct usage_dir {
	struct usage_count wire[USAGE_CLASS_MAX_]; /* what a link carries: this is billed */
	struct usage_count raw; /* what the socket layer handed over: evidence, not billed */
};

struct usage {
	unsigned __int128 memory_byte_ns; /* time integral of memory in use */
	uint64_t memory_peak_bytes;
	uint64_t memory_unmeasured; /* pod windows without a memory reading; in one: 0 or 1 */
	uint64_t cpu_ns;
	struct usage_dir rx, tx;
};

/* What went by a pod's interface, whoever sent it: evidence beside the bytes that are billed. */
struct usage_interface {
	struct usage_count rx, tx;
};
/* In one window: is either direction more than 64 KiB, and more than a sixteenth, away from what the
 * sockets account for? That lies between raw and wire: it depends on offloads, which of the two an
 * interface sees. */
bool usage_interface_differs(const struct usage *u, const struct usage_interface *i);

/* -EOVERFLOW when a counter would overflow; *total is then unchanged. */
int usage_add(struct usage *total, const struct usage *part);
/* What was used between two readings of one pod; `before` may be the sum of earlier differences.
 * -ERANGE: a counter fell. Peak and memory_unmeasured are now's. Where memory is unknown now, so is
 * the difference; where it was unknown before, it counts from 0. */
int usage_sub(const struct usage *now, const struct usage *before, struct usage *ret);
/* Nothing is known of memory, the amount and the peak mean nothing. */
bool usage_memory_unknown(const struct usage *u);
/* The name of the first field in which they differ ("cpu_ns"), or NULL. */
const char *usage_diff(const struct usage *a, const struct usage *b);

/* 168 bytes. Errors are the buffer's and the reader's own, which are sticky. */
void usage_encode(const struct usage *u, struct buf *out);
void usage_decode(struct bcs *in, struct usage *ret);

/* Members are set on an object that the caller owns; the tree remembers a failure. */
void usage_to_json(const struct usage *u, struct json *obj);
/* -EBADMSG names the member. */
int usage_from_json(const struct json *obj, struct usage *ret, struct err *err);
