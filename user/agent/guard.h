/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the report key has signed, in a file beside the key (KEY.signed), so that not even an agent
 * with an old copy of the ledger signs two contents of one thing. In memory as long as the agent runs.
 *
 * G1. One agent holds it: the key file itself is locked (flock) from guard_open() to guard_close().
 * G2. Of each lease it has the highest seq that was signed, with the report's hash; and of the node's
 *     totals the end of the last window, with the statement's hash. None of them ever falls.
 * G3. guard_sync() is on disk before what was noted is signed. Who signs asks the other way round
 *     first: does the ledger hold what the guard says? (book_sign.c)
 *
 * What it can't see: that folder restored whole, with the ledger and this file, and a copy of the key in
 * another folder or on another machine. The chain's own numbers are asked for that (book.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "chain/address.h"
#include "core/crypto.h"

struct err;
struct guard;

struct guard_entry {
	uint8_t lease[OBJECT_ID_LEN];
	uint64_t seq; /* 0: nothing was signed */
	uint8_t hash[HASH_LEN];
};

/* A file that is not there is made. -EBUSY: another agent has the key; -EACCES, -EROFS: no file can be
 * written beside it; -EBADMSG: it is damaged or another key's. */
int guard_open(const char *key_file, const struct key *key, struct guard **ret, struct err *err);
void guard_close(struct guard **g);

/* What is known of the lease; false: nothing, *ret is then its entry with seq 0. */
bool guard_find(const struct guard *g, const uint8_t lease[OBJECT_ID_LEN], struct guard_entry *ret);
/* -ENOMEM; what is lower than what is known is passed over. */
int guard_note(struct guard *g, const struct guard_entry *e);

struct guard_totals {
	uint64_t to_ms; /* 0: nothing was signed */
	uint8_t hash[HASH_LEN];
};

struct guard_totals guard_totals(const struct guard *g);
void guard_note_totals(struct guard *g, const struct guard_totals *t);

/* Puts what was noted on disk; nothing noted since: does nothing. */
int guard_sync(struct guard *g, struct err *err);

/* Whether the chain was asked about the lease since the start; not on disk. */
bool guard_asked(const struct guard *g, const uint8_t lease[OBJECT_ID_LEN]);
int guard_set_asked(struct guard *g, const uint8_t lease[OBJECT_ID_LEN], bool asked);
void guard_ask_again(struct guard *g); /* about all of them */
