/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of Sui's vectors share. */
#pragma once

#include <errno.h>

#include "chain/address.h"
#include "chain/sign.h"
#include "interop/vectors/run.h"

struct tx;

/* The key that the vector's "signer" names, from the file's "keys"; NULL after a fault. */
struct key *signer_key(struct run *r, const struct json *v);
/* The message as the signer signs it is the vector's signature, and the other way round. */
void want_signed(struct run *r, const struct json *v, enum intent scope, const void *message,
		 size_t len);
bool want_address(struct run *r, const struct json *v, const char *key,
		  const uint8_t id[OBJECT_ID_LEN]);
bool read_type(struct run *r, const char *text, struct buf *ret);

run_group run_sui_transactions;

/* A transaction as the SDK shows it. */
struct json *tx_to_json(const struct tx *tx);
/* The transaction that such a text describes; what it lacks is a fault. */
bool tx_from_json(struct run *r, const struct json *data, struct tx *ret);
