/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building a transaction from nothing. Each call adds an input or a command and returns the
 * argument that later commands name it by. Whatever fails is remembered in tx->error, and
 * tx_validate() and tx_encode() return it: a row of calls is checked once.
 *
 *	cleanup(tx_fini) struct tx tx = {};
 *	struct tx_arg args[] = { tx_shared(&tx, lease, 900000, true), tx_pure_u64(&tx, 7) };
 *
 *	memcpy(tx.sender, sender, OBJECT_ID_LEN);
 *	tx_call(&tx, package, "market", "settle", &coin_type, 1, args, ARRAY_LEN(args));
 *	tx_pay_from_balance(&tx, sender, price, budget, &window);
 *	rc = tx_validate(&tx, err);
 */
#pragma once

#include "chain/tx.h"

/* Generic; what input or command points to must live in tx's blocks. */
struct tx_arg tx_add_input(struct tx *tx, const struct tx_input *input);
struct tx_arg tx_add_command(struct tx *tx, const struct tx_command *command);

struct tx_arg tx_pure(struct tx *tx, const void *bcs, size_t len);
struct tx_arg tx_pure_bool(struct tx *tx, bool v);
struct tx_arg tx_pure_u64(struct tx *tx, uint64_t v);
struct tx_arg tx_pure_id(struct tx *tx, const uint8_t id[OBJECT_ID_LEN]); /* an address too */
struct tx_arg tx_pure_bytes(struct tx *tx, const void *data, size_t len); /* vector<u8>, String */
/* An object that is an input already is not added again; then it is mutable if either wants it. */
struct tx_arg tx_shared(struct tx *tx, const uint8_t id[OBJECT_ID_LEN], uint64_t initial_version,
			bool mutable);
struct tx_arg tx_owned(struct tx *tx, const struct object_ref *ref);
struct tx_arg tx_receiving(struct tx *tx, const struct object_ref *ref);
/* At most amount of the sender's address balance of a coin type. */
struct tx_arg tx_funds(struct tx *tx, const char *type, uint64_t amount);
struct tx_arg tx_clock(struct tx *tx); /* the shared object 0x6, read */

struct tx_arg tx_gas_coin(void);
struct tx_arg tx_nested(struct tx_arg result, uint16_t nested); /* one of a command's results */

struct tx_arg tx_call(struct tx *tx, const uint8_t package[OBJECT_ID_LEN], const char *module,
		      const char *function, const char *const *types, size_t ntypes,
		      const struct tx_arg *args, size_t n);
struct tx_arg tx_transfer(struct tx *tx, const struct tx_arg *objects, size_t n, struct tx_arg to);
struct tx_arg tx_split(struct tx *tx, struct tx_arg coin, const struct tx_arg *amounts, size_t n);
struct tx_arg tx_merge(struct tx *tx, struct tx_arg into, const struct tx_arg *coins, size_t n);
/* type may be NULL when there are elements that are objects. */
struct tx_arg tx_make_vec(struct tx *tx, const char *type, const struct tx_arg *elements, size_t n);

/* Where and when a transaction may run: on this chain, in this epoch and the next. The nonce makes
 * it differ from one that is otherwise the same. */
struct tx_window {
	uint8_t chain[HASH_LEN];
	uint64_t epoch;
	uint32_t nonce;
};

/* Gas from the owner's address balance; owner: the sender, or who sponsors it. */
void tx_pay_from_balance(struct tx *tx, const uint8_t owner[OBJECT_ID_LEN], uint64_t price,
			 uint64_t budget, const struct tx_window *window);
/* The fall-back: gas coins of the owner's, as they are now; the first one gets what is left. */
void tx_pay_from_coins(struct tx *tx, const uint8_t owner[OBJECT_ID_LEN], uint64_t price,
		       uint64_t budget, const struct object_ref *coins, size_t n);
