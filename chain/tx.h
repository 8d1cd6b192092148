/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Sui transaction (TransactionData V1 with a programmable transaction in it): inputs, commands
 * over them, who pays for gas, and until when it may run. BCS layout: README.md. tx_build.h makes
 * one piece by piece; tx_decode() reads one that is there.
 *
 * I1. A struct tx owns all its pointers point to (its blocks); tx_fini() frees them at once. What
 *     is read stays untouched: to change a transaction, build another.
 * I2. encode(decode(x)) = x for every x that is taken: one value has one encoding.
 * I3. Decoding checks the form, so what the chain would refuse can be read and shown. What a
 *     transaction may hold is checked by tx_validate(), before it is signed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/address.h"
#include "core/crypto.h"

struct bcs;
struct buf;
struct err;

/* Limits of the protocol (mainnet, version 132). */
#define TX_LEN_MAX 131072U /* with its signatures */
#define TX_COMMANDS_MAX 1023
#define TX_ARGS_MAX 511 /* of one command */
#define TX_OBJECTS_MAX 2048 /* inputs that are objects, and packages */
#define TX_PURE_MAX 16383 /* bytes of one pure input */
#define TX_TYPE_ARGS_MAX 16
#define TX_PAYMENT_MAX 256 /* gas coins */

/* Bytes in one of the transaction's blocks: a value or a type tag in BCS, the letters of a name. */
struct tx_bytes {
	const uint8_t *at;
	uint32_t len;
};

/* An object as it was at one version. */
struct object_ref {
	uint8_t id[OBJECT_ID_LEN];
	uint64_t version;
	uint8_t digest[HASH_LEN];
};

enum tx_input_kind { TX_PURE, TX_OWNED, TX_SHARED, TX_RECEIVING, TX_FUNDS, TX_INPUT_MAX_ };
enum tx_source { TX_FROM_SENDER, TX_FROM_SPONSOR, TX_FROM_ALLOWANCE, TX_SOURCE_MAX_ };

struct tx_shared {
	uint8_t id[OBJECT_ID_LEN];
	uint64_t initial_version; /* when it was shared; never changes */
	bool mutable; /* calls that only read run side by side */
};

/* At most this much of an address balance. */
struct tx_funds {
	uint64_t amount;
	struct tx_bytes type; /* of the coin: 0x2::sui::SUI */
	enum tx_source source;
	uint8_t funder[OBJECT_ID_LEN], allowance[OBJECT_ID_LEN]; /* TX_FROM_ALLOWANCE alone */
};

struct tx_input {
	enum tx_input_kind kind;
	union {
		struct tx_bytes pure; /* a Move value in BCS */
		struct object_ref object; /* TX_OWNED (immutable ones too), TX_RECEIVING */
		struct tx_shared shared;
		struct tx_funds funds;
	};
};

enum tx_arg_kind { TX_GAS_COIN, TX_INPUT, TX_RESULT, TX_NESTED, TX_ARG_MAX_ };

struct tx_arg {
	enum tx_arg_kind kind;
	uint16_t index; /* of the input, or of the command whose result it is */
	uint16_t nested; /* TX_NESTED: which of its results */
};

enum tx_command_kind {
	TX_MOVE_CALL,
	TX_TRANSFER,
	TX_SPLIT,
	TX_MERGE,
	TX_PUBLISH,
	TX_MAKE_VEC,
	TX_UPGRADE,
	TX_COMMAND_MAX_
};

/* One struct for all kinds; what a kind does not name is empty. */
struct tx_command {
	enum tx_command_kind kind;
	/* TX_TRANSFER: to whom. TX_SPLIT: the coin. TX_MERGE: into which. TX_UPGRADE: the ticket */
	struct tx_arg target;
	struct tx_arg *args; /* objects, amounts, coins, elements, arguments of a call */
	size_t nargs;
	uint8_t package[OBJECT_ID_LEN]; /* TX_MOVE_CALL, TX_UPGRADE */
	struct tx_bytes module, function; /* TX_MOVE_CALL */
	struct tx_bytes *types; /* TX_MOVE_CALL; TX_MAKE_VEC: none or one */
	size_t ntypes;
	struct tx_bytes *modules; /* TX_PUBLISH, TX_UPGRADE: bytecode */
	size_t nmodules;
	uint8_t (*deps)[OBJECT_ID_LEN];
	size_t ndeps;
};

enum tx_expiry { TX_NEVER, TX_UNTIL_EPOCH, TX_VALID_DURING, TX_VALIDITY, TX_EXPIRY_MAX_ };

struct tx_bound {
	bool set;
	uint64_t value;
};

struct tx_expiration {
	enum tx_expiry kind;
	uint64_t epoch; /* TX_UNTIL_EPOCH: the last one */
	/* the rest: TX_VALID_DURING, TX_VALIDITY. Bounds are inclusive */
	struct tx_bound min_epoch, max_epoch, min_ms, max_ms;
	uint8_t chain[HASH_LEN]; /* digest of the genesis checkpoint */
	uint32_t nonce; /* makes otherwise equal transactions differ */
	bool has_proposers; /* TX_VALIDITY: validators that may propose it, in one epoch */
	uint64_t proposers_epoch;
	uint32_t *proposers; /* strictly ascending, at least one */
	size_t nproposers;
};

struct tx_block;

struct tx {
	struct tx_input *inputs;
	size_t ninputs;
	struct tx_command *commands;
	size_t ncommands;
	uint8_t sender[OBJECT_ID_LEN];
	struct object_ref *payment; /* gas coins; none: from the owner's address balance */
	size_t npayment;
	uint8_t gas_owner[OBJECT_ID_LEN]; /* the sender, or a sponsor, who signs too */
	uint64_t gas_price, gas_budget; /* MIST: per unit, and in all */
	struct tx_expiration expiration;
	struct tx_block *blocks; /* what the pointers above point into */
	size_t inputs_cap, commands_cap; /* room in the lists, while building */
	int error; /* of building: the first one, negative errno */
};

void tx_fini(struct tx *tx); /* leaves an empty transaction */
/* n zeroed items that live as long as tx, or NULL: then tx->error is set. n = 0 gives NULL. */
void *tx_alloc(struct tx *tx, size_t n, size_t size);
/* A copy that lives as long. */
struct tx_bytes tx_copy(struct tx *tx, const void *data, size_t len);

/* -EBADMSG: malformed, or more behind it; the text names the byte. -E2BIG: over TX_LEN_MAX. */
int tx_decode(const void *data, size_t len, struct tx *ret, struct err *err);
/* Appends the BCS form. tx->error, or the buffer's. */
int tx_encode(const struct tx *tx, struct buf *out);
/* The kind alone (what a Seal server or a dry run gets): inputs and commands behind a 00. */
int tx_encode_kind(const struct tx *tx, struct buf *out);

/*
 * What the chain would refuse whatever its state: over a limit (-E2BIG), an object named twice, an
 * argument that nothing has made yet, gas from an address balance without a window of one or two
 * epochs on a named chain (-EINVAL).
 */
int tx_validate(const struct tx *tx, struct err *err);
