/* SPDX-License-Identifier: Apache-2.0 */
/* What objects on chain say, as far as signing goes by it. Pure; bytes come as base64. */
#pragma once

#include <stdint.h>

#include "core/crypto.h"

struct err;
struct json;

/* The newest report that a lease has taken: its number, 0 for none, and its hash. -EBADMSG names what
 * the lease does not say. */
int settle_last_report(const struct json *lease, uint64_t *ret_seq, uint8_t ret_hash[HASH_LEN],
		       struct err *err);

/* Whether the provider's current key is this one: the chain takes reports by no other. -EBADMSG,
 * -EKEYREJECTED: it is another one, or has cost its stake. */
int settle_check_key(const struct json *provider, const uint8_t key[PUBKEY_LEN], struct err *err);

struct book_capacity;
/* What the provider's node is registered with now. -EBADMSG */
int settle_capacity(const struct json *provider, struct book_capacity *ret, struct err *err);
