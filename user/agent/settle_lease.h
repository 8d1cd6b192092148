/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a lease on chain says (chain/move, lease.move), as GraphQL shows it: u64 and balances as text,
 * bytes in base64, ids as 0x and 64 digits, an empty option as null. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "chain/lease.h"

struct json;

struct settle_view {
	struct lease lease; /* but the label and the provider's key; no version, no checkpoint */
	uint8_t provider[OBJECT_ID_LEN]; /* the object, not the key */
	bool has_tenant_key; /* reports can be co-signed */
	uint8_t tenant_key[PUBKEY_LEN];
};

/* -EBADMSG names what is missing, or does not add up. */
int settle_read_lease(const struct json *fields, struct settle_view *ret, struct err *err);
