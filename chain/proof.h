/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs that a lease's pods are in the node's totals: a second document behind a receipt file, in the
 * same file. With it the tenant sees that what it is billed for is part of a statement about the whole
 * node, which the provider stands for with its stake.
 *
 *	{"version":"weir-totals-v1","totals":[
 *	{"statement":"<hex>","signature":"<hex>","leaves":[{"leaf":"<hex>","path":"<hex>"},...]},
 *	...
 *	]}
 *
 * A line is a signed statement (totals.h) with the lease's leaves in it (leaf.h), each with the bytes of
 * its path. Statements ascend and don't overlap; leaves ascend by window and pod.
 *
 * I1. One content has one form, as in receipt.h: a file with any bit changed is refused, and the error
 *     says where.
 * I2. A leaf belongs to the receipt whose window ends when its own does, and says exactly what that
 *     receipt bills for the pod. Of a receipt all pods have a leaf, or none: of windows that the node
 *     does not keep any more, or made no statement about, nothing can be shown.
 */
#pragma once

#include "chain/leaf.h"
#include "chain/receipt.h"
#include "chain/totals.h"

#define PROOFS_VERSION "weir-totals-v1"
#define PROOFS_LEN_MAX RECEIPTS_LEN_MAX

struct proof {
	struct leaf leaf;
	struct totals_step *path; /* owned */
	size_t steps;
};

struct proof_totals {
	uint8_t statement[TOTALS_LEN], sig[SIG_LEN];
	struct proof *list; /* owned, and the paths in it */
	size_t count, cap;
};

struct proofs {
	struct proof_totals *at; /* owned */
	size_t count, cap;
};

void proofs_fini(struct proofs *p);
/* Appends an empty statement; borrowed until the next call. */
int proofs_add(struct proofs *p, struct proof_totals **ret);
/* Appends a leaf with its path, which is copied. */
int proofs_add_leaf(struct proof_totals *t, const struct leaf *leaf, const struct totals_step *path,
		    size_t steps);

/* -EINVAL: none. What they claim is not checked here. */
int proofs_render(const struct proofs *p, struct buf *out, struct err *err);
int proofs_parse(const char *text, size_t len, struct proofs *ret, struct err *err);

struct proofs_summary {
	uint8_t provider[OBJECT_ID_LEN]; /* whose registered capacity bounds the totals */
	size_t statements;
	size_t proven, unproven; /* receipts that have pods */
};

/* How much of a file is its receipt file; the rest, if any, are its proofs. */
size_t proofs_behind(const char *text, size_t len);
/* Against receipts that were verified. -EBADMSG. */
int proofs_verify(const struct proofs *p, const struct receipts *rs, struct proofs_summary *ret,
		  struct err *err);
