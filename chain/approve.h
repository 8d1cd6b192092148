/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The question that Seal's key servers put to the package on chain (chain/move, seal_policy.move), as the user who asks
 * for a key would put it: may I decrypt what this lease names? They run it without effects, so it is a transaction
 * kind alone: unsigned, without gas. Servers take the newest version of each object, whatever is named.
 *
 *	seal_policy::seal_approve<COIN>(id: vector<u8>, market, provider, lease)
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "chain/tx.h"

struct approve_object {
	uint8_t id[OBJECT_ID_LEN];
	uint64_t initial_version; /* when it was shared */
};

struct approve {
	const uint8_t *package; /* its newest version */
	const char *coin; /* type of the lease's: "0x2::sui::SUI" */
	const uint8_t *id; /* of the key, without the package in front */
	size_t id_len;
	struct approve_object market, provider, lease;
};

/* Appends the BCS of the kind, its first byte (00) too. -EINVAL: the coin is no type; -E2BIG, -ENOMEM. */
int approve_encode(const struct approve *a, struct buf *out);
