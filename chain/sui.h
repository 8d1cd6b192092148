/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sui over GraphQL: what a node agent asks and sends. Blocking; a struct sui is used by one thread
 * at a time. Nothing here waits or tries again later: that is the caller's, who keeps the journal.
 *
 * S1. Several endpoints, tried in turn from the one that answered last; a call fails when all have.
 * S2. No endpoint of another chain is listened to: every reply says which chain it is of, and a
 *     transaction is sent only where that was read before. -EXDEV.
 * S3. A reply is believed in its form alone. Servers may lag behind each other, and lie: what
 *     decides over money is read more than once (agent), or is checked by what was signed.
 *
 * Codes, from the reply's error class, never from its text:
 *	-EINVAL		the request can't succeed as it is (a bad signature, a stale or missing input)
 *	-EPROTO		the server does not know the query; another version of the API
 *	-EAGAIN		asked too often, or overloaded		-ETIMEDOUT	no answer in time
 *	-EIO		the server failed			-EBADMSG	no reply of this form
 *	-ENOENT		there is no such object or transaction (or not yet: servers lag)
 * and those of core/http.h. For sui_execute() sui_undecided() says which leave it open whether the
 * transaction was taken: then the same bytes are sent again, and no others.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/address.h"
#include "chain/sign.h"
#include "chain/tx.h"

struct err;
struct json;
struct sui;

#define SUI_URLS_MAX 8
#define SUI_REPLY_MAX (16U << 20) /* bytes of a reply */
#define SUI_PAGES_MAX 200 /* of 50 items, in one list */

struct sui_config {
	const char *const *urls; /* http or https, closed by NULL, at most SUI_URLS_MAX; copied */
	uint8_t chain[HASH_LEN]; /* digest of the genesis checkpoint */
	const char *ca; /* PEM; NULL: the system's */
	uint32_t read_ms, write_ms; /* 0: 45 s and 90 s, a little more than servers take */
};

int sui_new(const struct sui_config *config, struct sui **ret, struct err *err);
void sui_free(struct sui **s);

struct sui_epoch {
	uint64_t epoch;
	uint64_t gas_price; /* MIST per unit, the least that is taken */
	uint64_t protocol; /* version */
	uint64_t checkpoint; /* newest that the server has */
};

int sui_get_epoch(struct sui *s, struct sui_epoch *ret, struct err *err);

struct sui_balance {
	uint64_t total, coins, address; /* total = in coin objects + in the address balance */
};

int sui_get_balance(struct sui *s, const uint8_t owner[OBJECT_ID_LEN], const char *type,
		    struct sui_balance *ret, struct err *err);

enum sui_owner { SUI_OWNED, SUI_SHARED, SUI_OTHER, SUI_OWNER_MAX_ };

struct sui_object {
	struct object_ref ref;
	enum sui_owner owner; /* SUI_OTHER: immutable, or a child */
	uint8_t address[OBJECT_ID_LEN]; /* SUI_OWNED */
	uint64_t initial_version; /* SUI_SHARED */
	uint64_t checkpoint; /* the server's newest, as it looked */
	struct json *json; /* its fields, or NULL for a package; the caller's to free */
};

void sui_object_fini(struct sui_object *o);
/* -ENOENT. */
int sui_get_object(struct sui *s, const uint8_t id[OBJECT_ID_LEN], struct sui_object *ret,
		   struct err *err);

/* Calls fn for each coin of the type that owner has, until fn returns other than 0, which is then
 * returned. */
int sui_list_coins(struct sui *s, const uint8_t owner[OBJECT_ID_LEN], const char *type,
		   int (*fn)(void *arg, const struct object_ref *ref, uint64_t balance), void *arg,
		   struct err *err);

/* Events of a type ("PACKAGE::lease::Reported") behind a cursor (NULL: from the first one kept).
 * fn gets the event's fields, and its transaction's digest as text; ret_cursor says where to go on
 * (the cursor given, when nothing came; where SUI_PAGES_MAX ended it, when there are more), and is
 * unchanged on failure. */
#define SUI_CURSOR_SIZE 256
int sui_list_events(struct sui *s, const char *type, const char *cursor,
		    int (*fn)(void *arg, const char *digest, const struct json *fields), void *arg,
		    char ret_cursor[SUI_CURSOR_SIZE], struct err *err);

/* MIST. */
struct sui_gas {
	uint64_t computation, storage, rebate, kept;
};

#define SUI_CREATED_MAX 8
#define SUI_NAME_SIZE 64

struct sui_created {
	uint8_t id[OBJECT_ID_LEN];
	char name[SUI_NAME_SIZE]; /* of its type: "lease::Lease" */
};

/* What became of a transaction, or would. */
struct sui_effects {
	bool success; /* false: it was executed, changed nothing, and cost its gas */
	char error[256]; /* why not: the Move module's own words where it has them */
	char abort_code[24]; /* decimal, over 2^63 for some; "" unless Move code aborted */
	struct sui_gas gas;
	uint64_t checkpoint; /* that has it; 0: none yet */
	struct sui_created
		created[SUI_CREATED_MAX]; /* the first objects that it made; not of a simulation */
	size_t ncreated;
};

/* Runs the bytes (TransactionData, unsigned) without effect. *ret_outputs, unless NULL, is the list
 * of each command's results. */
int sui_simulate(struct sui *s, const void *tx, size_t len, struct sui_effects *ret,
		 struct json **ret_outputs, struct err *err);

/* Sends the bytes with the sender's signature, then the sponsor's; waits until they are executed.
 * Sending again what was executed gives the same answer. */
int sui_execute(struct sui *s, const void *tx, size_t len, const uint8_t (*sigs)[SUI_SIG_LEN],
		size_t nsigs, struct sui_effects *ret, struct err *err);
/* Whether a failed sui_execute() may have sent the transaction. */
bool sui_undecided(int code);

/* The transaction with this digest, and the server's epoch as it looked, in one reply: what is
 * unknown to a server that is past the last epoch of the transaction's window won't come any
 * more. -ENOENT sets *ret_epoch alone. */
int sui_get_transaction(struct sui *s, const uint8_t digest[HASH_LEN], struct sui_effects *ret,
			uint64_t *ret_epoch, struct err *err);

/* What it cost in all, after the rebate. */
uint64_t sui_gas_cost(const struct sui_gas *gas);
/* What to allow for a transaction that cost this much when it was simulated: computation and net
 * storage, half as much again for what changes until it runs. -EOVERFLOW. */
int sui_budget(const struct sui_gas *gas, uint64_t price, uint64_t *ret);
