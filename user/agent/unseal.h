/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A package that its tenant encrypted (walrus/seal), opened by the provider of the lease that names it. What the lease
 * is, the chain says; whether this node's key may have the package's key, the key servers ask the chain (chain/approve.h),
 * each for itself; the rest is arithmetic.
 *
 *	lease on chain ──> blob id, integrity, seal id, market, provider ──> the question
 *	chain.keyFile ──> a session key for ten minutes, of this call alone ──> seal.servers ──> keys
 *	blob in the store ──> checked against the lease ──────────────────────────────┴──> package, in the store
 *
 * U1. The blob must be the one the lease names, encrypted for the lease's seal id under seal.package.
 * U2. Nothing is in the store before it was authenticated whole and has the integrity that the lease and the caller
 *     name. It is there for the store's owner alone, found by the blob's id (store_find_opened()).
 * U3. Keys and shares are wiped on every way; session keys never leave the call.
 *
 * Blocks: a minute for the key servers, and 20 s for each of three questions to each Sui server. Memory: three times the
 * package.
 * Errors: -EACCES the key servers refuse; -EBADMSG wrong bytes or only liars; -EAGAIN, -ETIMEDOUT it may be had later;
 * -ENOKEY encrypted for servers that are not pinned; -EINVAL the configuration, or another blob than the lease's.
 */
#pragma once

#include "walrus/seal/ask.h"
#include "walrus/store.h"

struct config;

struct unseal {
	const struct config *cfg;
	struct store *store;
	const uint8_t *blob_id; /* BLOBID_LEN: stored already */
	const uint8_t *lease; /* OBJECT_ID_LEN: its id on chain */
	const struct sri *sri; /* that the package must have as well; NULL: what the lease says */
	uint32_t total_ms; /* for the key servers; 0, or over a minute: a minute */
};

struct unseal_result {
	uint8_t digest[SHA512_LEN]; /* of the package */
	uint64_t bytes;
	uint8_t threshold, shares;
	struct seal_pins pins;
	struct seal_answers answers; /* their keys are wiped */
};

/* ret->pins and answers tell also of a failure at the servers. */
int unseal(const struct unseal *u, struct unseal_result *ret, struct err *err);
