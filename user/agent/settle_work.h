/* SPDX-License-Identifier: Apache-2.0 */
/* What a lease on chain says is to run, and where that is to be had (chain/move, offer.move), as GraphQL shows it. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/address.h"

#define SETTLE_SEAL_ID_MAX 128 /* chain/move, offer.move */

struct err;
struct json;

struct settle_work {
	uint8_t market[OBJECT_ID_LEN], provider[OBJECT_ID_LEN]; /* the lease's */
	uint8_t blob_id[HASH_LEN];
	uint8_t sri[SHA512_LEN]; /* when has_sri */
	bool has_sri;
	uint8_t seal_id[SETTLE_SEAL_ID_MAX];
	size_t seal_id_len; /* 0: it is not encrypted */
};

/* -EBADMSG names what is missing. */
int settle_read_work(const struct json *fields, struct settle_work *ret, struct err *err);
