/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transaction that a person signs, with a key of their own and without an agent:
 *
 *	built -> tried out -> signed -> written to KEY.open -> sent -> what became of it; KEY.open goes
 *
 * D1. It is on disk before a byte leaves, and its digest is told on standard error. While it may have
 *     been taken the key makes no other one: the same command again asks for it, sends the same
 *     bytes, and tells what became of it; another command is refused.
 * D2. It is given up only when the chain, read twice, is past its window and does not know it.
 * D3. What would fail when it is tried out is not signed. It costs chain.gasBudget at most.
 *
 * Money and gas come from the sender's address balance, or from its coins when that has too little; not from both.
 */
#pragma once

#include <stdbool.h>

#include "agent/site.h"
#include "chain/sui.h"
#include "chain/tx_build.h"

struct cli;
struct err;
struct json;
struct key;

#define DEED_OBJECTS_MAX 4
#define DEED_PATH_MAX 4096
#define DEED_WHAT_MAX 1024

struct deed_object {
	uint8_t id[OBJECT_ID_LEN];
	uint64_t initial_version;
};

/* Who acts, and where. */
struct deed {
	struct site site;
	struct sui *sui;
	struct key *key;
	uint8_t sender[OBJECT_ID_LEN];
	uint64_t gas_max;
	char path[DEED_PATH_MAX]; /* of KEY.open */
	struct deed_object objects[DEED_OBJECTS_MAX]; /* shared ones that were looked up */
	size_t nobjects;
};

/* What is to be done. */
struct deed_order {
	char what[DEED_WHAT_MAX]; /* all of it in words: the same words are the same deed */
	uint64_t amount; /* MIST that it takes along as a coin; 0: no coin */
	/* Adds the commands; called more than once. */
	int (*build)(struct deed *d, struct tx *tx, struct tx_arg coin, const void *arg,
		     struct err *err);
	const void *arg;
};

struct deed_done {
	uint8_t digest[HASH_LEN];
	struct sui_effects effects; /* of success */
	bool resumed; /* it was sent by an earlier command */
};

/* Where the configuration says, without a key: for who only reads. */
int deed_look(struct cli *cli, struct deed *ret, struct err *err);
/* The same with the key of --key, which the command must have. */
int deed_open(struct cli *cli, struct deed *ret, struct err *err);
void deed_fini(struct deed *d);

/* A shared object as an argument, looked up once; `what` names it in errors. */
int deed_shared(struct deed *d, struct tx *tx, const char *what, const uint8_t id[OBJECT_ID_LEN],
		bool mutable, struct tx_arg *ret, struct err *err);
/* The market of the configuration, to be read. */
int deed_market(struct deed *d, struct tx *tx, struct tx_arg *ret, struct err *err);

/* Is there a KEY.open? Then what the chain has now says nothing about what this command would do. */
bool deed_is_open(const struct deed *d);
int deed_do(struct deed *d, const struct deed_order *order, struct deed_done *ret, struct err *err);
/* "transaction", "gas", "resumed". NULL: no memory. */
struct json *deed_json(const struct deed_done *done);
/* The object of this name that was made ("lease::Lease"): -EBADMSG when the server does not tell. */
int deed_created(const struct deed_done *done, const char *name, uint8_t ret[OBJECT_ID_LEN],
		 struct err *err);
