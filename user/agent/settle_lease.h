/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a lease on chain says (chain/move, lease.move), as GraphQL shows it: u64 as text, ids as 0x
 * and 64 digits. Pure.
 */
#pragma once

#include <stdint.h>

#include "chain/lease.h"

struct json;

struct settle_offer {
	struct lease_terms terms; /* but the label; the provider is the caller's key */
	uint8_t provider[OBJECT_ID_LEN]; /* the object, not the key */
	uint64_t deposit;
	uint64_t seq; /* of the newest report it took; 0: none */
	bool closing;
};

/* -EBADMSG names what is missing. */
int settle_read_offer(const struct json *fields, struct settle_offer *ret, struct err *err);
