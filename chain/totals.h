/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a whole node used in a window: the Merkle-sum tree over all its pods, and the statement that
 * commits to its root. chain/move/weir/sources/totals.move is the same on chain, byte for byte.
 *
 *	leaf = Blake2b-256(0x00 | sums | what the leaf says)		leaf.h
 *	node = Blake2b-256(0x01 | left sums | left hash | right sums | right hash)
 *
 * A node without a sibling is its own parent. The statement, 168 bytes of BCS, is signed as it is with
 * the report key:
 *
 *	domain 16 "NODE-TOTALS-V1\0\0" | market 32 | provider 32 | from_ms u64 | to_ms u64 |
 *	sums 40 (cpu_ns u64, memory_byte_ns u128, rx_bytes u64, tx_bytes u64) | root 32
 *
 * T1. Each hash is over the sums below it, so who shows a leaf and its path shows that its usage is
 *     within the statement's sums, and the sums within the node's capacity or the stake is lost.
 * T2. Sums are checked: a tree whose sums overflow can't be made, and a path that does is refused.
 * T3. One key makes one statement for any time: two whose windows overlap cost the stake. So a key is
 *     one node's, and what was signed is on disk before the signature is.
 * T4. No pods: root and sums are zeros, which no path leads to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/address.h"
#include "core/crypto.h"

#define TOTALS_LEN 168
#define TOTALS_DEPTH_MAX 32 /* steps of a path, as on chain */
#define TOTALS_LEAVES_MAX 65536U

struct err;
struct usage;

struct totals_sums {
	uint64_t cpu_ns;
	unsigned __int128 memory_byte_ns;
	uint64_t rx_bytes, tx_bytes;
};

struct totals_node {
	struct totals_sums sums;
	uint8_t hash[HASH_LEN];
};

/* A sibling on the way from a leaf to the root. */
struct totals_step {
	bool on_left;
	struct totals_node node;
};

struct totals {
	uint8_t market[OBJECT_ID_LEN], provider[OBJECT_ID_LEN];
	uint64_t from_ms, to_ms;
	struct totals_node root;
};

/* What of usage is summed: CPU, memory, and the bytes that are billed, of all classes. -EOVERFLOW */
int totals_sums_of(const struct usage *u, struct totals_sums *ret);
/* The leaf that says these bytes. */
void totals_leaf(const struct totals_sums *sums, const void *content, size_t len,
		 struct totals_node *ret);

struct totals_tree {
	struct totals_node *node; /* owned: the leaves, then each level above them */
	size_t leaves, nodes;
};

/* The tree over leaves in their order. -E2BIG: over TOTALS_LEAVES_MAX; -EOVERFLOW: their sums. */
int totals_tree_make(const struct totals_node *leaves, size_t n, struct totals_tree *ret,
		     struct err *err);
void totals_tree_fini(struct totals_tree *t);
const struct totals_node *totals_tree_root(const struct totals_tree *t); /* borrowed */
/* The path of leaf `at`; returns its steps. */
size_t totals_tree_path(const struct totals_tree *t, size_t at,
			struct totals_step ret[TOTALS_DEPTH_MAX]);

/* Does the path lead from the leaf to the root? False also where sums overflow. */
bool totals_includes(const struct totals *t, const struct totals_node *leaf,
		     const struct totals_step *path, size_t n);

void totals_encode(const struct totals *t, uint8_t ret[TOTALS_LEN]);
/* -EBADMSG unless it is TOTALS_LEN bytes with the right domain. */
int totals_decode(const void *data, size_t len, struct totals *ret, struct err *err);
/* Checks the signature, then decodes: -EBADMSG when either fails. */
int totals_verify(const void *data, size_t len, const uint8_t sig[SIG_LEN],
		  const uint8_t pub[PUBKEY_LEN], struct totals *ret, struct err *err);
/* T3: two contents for overlapping windows. */
bool totals_conflict(const struct totals *a, const struct totals *b);

/* A path in bytes: 73 a step, 0 or 1 (on the left), sums, hash. */
#define TOTALS_STEP_LEN 73
void totals_step_encode(const struct totals_step *s, uint8_t ret[TOTALS_STEP_LEN]);
/* -EBADMSG: the first byte is neither. */
int totals_step_decode(const uint8_t data[TOTALS_STEP_LEN], struct totals_step *ret);
