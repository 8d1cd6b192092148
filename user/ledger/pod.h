/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods that were metered: one row for each cgroup of each boot (ids of two boots are not related).
 * Names and lease may change, or become known later, while the pod lives; usage that is booked
 * keeps what was true then (usage.h, U4).
 */
#pragma once

#include "ledger/usage.h"

struct ledger_pod {
	uint64_t id; /* given by the ledger, from 1 */
	char boot[LEDGER_BOOT_MAX];
	uint64_t cgroup_id;
	char namespace[LEDGER_NAMESPACE_MAX], name[LEDGER_NAME_MAX], uid[LEDGER_UID_MAX];
	char lease[LEDGER_LABEL_MAX]; /* the label; '' for none; needs no row in leases */
	/* What else a bill says of the pod: an opaque text. The one of the first put stays, so that what
	 * was booked answers the same for ever; find and list do not give it back. */
	char labels[LEDGER_LABELS_MAX];
	uint64_t first_seen_ms;
	bool closed; /* its final reading is booked */
	struct usage last; /* cumulative (usage.h, U3); zeros before the first */
};

/* Adds the pod, or gives the one of the same (boot, cgroup_id) new names, lease and closed flag.
 * id, last and, for one that is there, first_seen_ms are not read. -EPERM: it is closed; such a row
 * doesn't change any more (an identical put is fine). -EINVAL: no boot, or not a label. */
int ledger_pod_put(struct ledger_tx *tx, const struct ledger_pod *pod, uint64_t *ret_id,
		   struct err *err);
int ledger_pod_find(struct ledger *l, const char *boot, uint64_t cgroup_id, struct ledger_pod *ret,
		    struct err *err); /* -ENOENT */

#define LEDGER_PODS_OPEN (1U << 0) /* leave out closed ones */
/* In order of id; boot NULL: of any. fn as in ledger_usage_query(). */
int ledger_pod_list(struct ledger *l, const char *boot, unsigned int flags,
		    int (*fn)(const struct ledger_pod *pod, void *arg), void *arg, struct err *err);
