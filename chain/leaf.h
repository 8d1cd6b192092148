/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a leaf of the node's tree (totals.h) says: one pod's usage in one window of the ledger, and for
 * which lease. BCS:
 *
 *	domain 16 "NODE-LEAF-V1\0\0\0\0" | blind 32 | lease 32, zeros without one | from_ms u64 |
 *	to_ms u64 | pod, as in the usage record
 *
 * F1. The pod is what the lease's usage record says of it, so a tenant who has both sees that they are
 *     the same; sums follow from it.
 * F2. The lease is in the leaf, so that one leaf can't be shown to two tenants.
 * F3. The blind is Blake2b-256 of a secret of the window and the pod. Who has the hash of a sibling, and
 *     guesses its pod's name, can't find out whether he is right. With the secret leaves can be made
 *     anew from the ledger.
 */
#pragma once

#include "chain/record.h"
#include "chain/totals.h"

#define LEAF_LEN_MAX 1024
#define LEAF_SECRET_LEN 32

struct leaf {
	uint8_t blind[HASH_LEN];
	uint8_t lease[OBJECT_ID_LEN];
	uint64_t from_ms, to_ms;
	struct record_pod pod;
};

/* Sets the blind of what the leaf says. */
void leaf_blind(struct leaf *l, const uint8_t secret[LEAF_SECRET_LEN]);
void leaf_encode(const struct leaf *l, struct buf *out);
/* -EBADMSG names what is wrong. */
int leaf_decode(const void *data, size_t len, struct leaf *ret, struct err *err);
/* Where it stands in the tree. -EOVERFLOW: its bytes; -ENOMEM. */
int leaf_node(const struct leaf *l, struct totals_node *ret, struct err *err);
