/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walrus' hash trees: a leaf is the Blake2b-256 of 00 and its data, a node that of 01 and its two
 * children; the missing sibling of the last node of a level is 32 zero bytes, unhashed.
 *
 * Hashes are calculated LANES_HASHES at a time: they are collected, and only there when
 * merkle_flush() has been called. What was added must stay as it is until then.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/crypto.h"
#include "walrus/lanes.h"

#define MERKLE_LEAF 0
#define MERKLE_INNER 1

struct merkle_node {
	uint8_t hash[HASH_LEN];
};

struct merkle {
	const struct lanes *lanes;
	uint8_t kind;
	size_t len, n;
	const uint8_t *data[LANES_HASHES];
	uint8_t *ret[LANES_HASHES];
	struct merkle_node spare;
};

/* All data that is added has len bytes. */
void merkle_begin(struct merkle *m, const struct lanes *lanes, uint8_t kind, size_t len);
void merkle_add(struct merkle *m, const uint8_t *data, struct merkle_node *ret);
void merkle_flush(struct merkle *m);

/* Climbs in trees of the same size, in place: of each the first n nodes are a level, the node it ends
 * with is the first. Tree i begins at nodes[i * step]; step > n unless n is even on every level. */
#define MERKLE_TO_ROOT SIZE_MAX
void merkle_climb(const struct lanes *lanes, struct merkle_node *nodes, size_t trees, size_t step,
		  size_t n, size_t levels);
