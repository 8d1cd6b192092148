/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows of time, and who used how much in each (core/usage.h).
 *
 * U1. Windows are contiguous: each begins where the one before ended.
 * U2. Usage is written in the transaction that appends its window, never later.
 * U3. The sum of a pod's deltas is its last reading, in every counter: both come from one call.
 *     Where memory was unknown for a while, what was known of it before stays in the last reading,
 *     and its memory_unmeasured counts those windows.
 * U4. A row of usage keeps the names and the lease that the pod had in that window.
 * U5. Of each pod and name the usage of a day of UTC is kept as a sum too, in the same transaction. A
 *     question about whole days is answered from these, with the same bytes.
 * U6. A pod that missed windows is booked late: the row says since when it is from. What was booked
 *     before does not change.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/usage.h"

#define LEDGER_BOOT_MAX 37 /* sizes with the NUL */
#define LEDGER_NAMESPACE_MAX 64
#define LEDGER_NAME_MAX 254
#define LEDGER_UID_MAX 65
#define LEDGER_LABEL_MAX 64
#define LEDGER_LABELS_MAX 2048

struct err;
struct ledger;
struct ledger_tx;

struct ledger_window {
	uint64_t id, from_ms, to_ms; /* to_ms is exclusive */
};

/* -EINVAL: empty, ends before it begins, or doesn't begin where the last one ended. */
int ledger_window_append(struct ledger_tx *tx, uint64_t from_ms, uint64_t to_ms, uint64_t *ret_id,
			 struct err *err);
int ledger_window_last(struct ledger *l, struct ledger_window *ret, struct err *err); /* -ENOENT */
int ledger_window_get(struct ledger *l, uint64_t id, struct ledger_window *ret, struct err *err);

/* Books what the pod used since its last reading into the window of this transaction, and makes
 * `reading` its last one. ret_delta may be NULL. -ENOENT: no such pod; -EEXIST: it has usage in
 * this window; -EPERM: it is closed; -EINVAL: no window yet, or memory_unmeasured is more than
 * 1; -ERANGE: a counter went backwards: nothing is written, and alone of these it leaves the
 * transaction whole, so that one pod does not keep the window from all others. */
int ledger_usage_record(struct ledger_tx *tx, uint64_t pod, const struct usage *reading,
			struct usage *ret_delta, struct err *err);

/* The second opinion on the bytes of the pod, whose usage in this window was `delta`. Where the two
 * differ (core/usage.h) what the interface saw in this window is kept. A reading below the last one
 * is of counters that began anew. */
int ledger_interface_record(struct ledger_tx *tx, uint64_t pod,
			    const struct usage_interface *reading, const struct usage *delta,
			    struct err *err);

enum ledger_by {
	LEDGER_BY_WINDOW, /* a row for each window and pod; for each day where windows are not kept */
	LEDGER_BY_POD, /* one for each pod, uid and lease */
	LEDGER_BY_NAMESPACE,
	LEDGER_BY_LEASE, /* pods without one: lease '' */
	LEDGER_BY_MAX_,
};

/* Lets the windows that begin before the time go: usage of the days before the one that it is in is
 * then there by day. At most `most` rows in this call, so that a transaction stays short; *ret_left:
 * there are more. What was let go before stays so. */
int ledger_keep(struct ledger_tx *tx, uint64_t from_ms, uint64_t most, bool *ret_left,
		struct err *err);

/* {.from_ms = a, .to_ms = b}: everything in [a, b). A window counts to the range that has its
 * beginning, so that adjacent ranges add up to their union. */
struct ledger_query {
	uint64_t from_ms, to_ms; /* to_ms 0: no end */
	const char *namespace, *name, *lease; /* NULL: any; lease "": those without one */
	enum ledger_by by;
};

/* What is not part of the group is '' or 0. */
struct ledger_usage_row {
	uint64_t window; /* LEDGER_BY_WINDOW only */
	uint64_t from_ms, to_ms; /* of the first and the last window with usage in it */
	uint64_t pod, cgroup_id;
	char boot[LEDGER_BOOT_MAX], namespace[LEDGER_NAMESPACE_MAX], name[LEDGER_NAME_MAX];
	char uid[LEDGER_UID_MAX], lease[LEDGER_LABEL_MAX];
	char labels[LEDGER_LABELS_MAX]; /* of the pod; pod.h */
	uint64_t parts; /* rows summed */
	uint64_t since_ms; /* some of it is from so early, and was booked late; 0: all in time */
	struct usage usage; /* memory_unmeasured: the parts that didn't know memory */
	uint64_t differing; /* parts in which the interface saw other bytes than the sockets */
	struct usage_interface interface; /* what it saw in these, and raw of all others */
};

/* Calls fn for each row: by window, then in byte order of namespace, name, uid, lease, then pod id.
 * What fn returns, if not 0, ends the query and is returned. -EOVERFLOW: a sum is too large. */
int ledger_usage_query(struct ledger *l, const struct ledger_query *q,
		       int (*fn)(const struct ledger_usage_row *row, void *arg), void *arg,
		       struct err *err);
