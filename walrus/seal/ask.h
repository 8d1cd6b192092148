/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the key servers of an object, all at once, until those that answered hold a threshold of its shares.
 *
 * A1. Only what was checked against a server's pinned key counts (answer.h). A server that gave another key is
 *     named, counted and left; one that refuses is not asked again; one that is busy, silent or slow is, after
 *     250 ms and then twice as long each time, up to five times in all.
 * A2. Bytes, time and tries have limits. Who answers last keeps nobody waiting: with a threshold of keys, or
 *     when it can't be had any more, all others are left alone.
 * A3. Each request has an ElGamal key of its own, wiped when it is over.
 *
 * Blocks: for a thread pool or a command line.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "walrus/seal/answer.h"
#include "walrus/seal/pins.h"

#define SEAL_TRIES 5

struct http_tls;

struct seal_ask {
	const struct seal_pins *pins;
	const struct seal_object *object;
	const struct seal_session *session;
	const uint8_t *user; /* SEAL_OBJECT_ID_LEN: the address of session->user */
	const uint8_t *ptb; /* BCS of the transaction kind, without its first byte */
	size_t ptb_len;
	const struct http_tls *tls; /* NULL: the system's authorities */
	uint32_t total_ms, each_ms; /* of all, of one request; 0: 60 s, 15 s */
};

/* A pinned server, and what came of asking it. */
struct seal_asked {
	const struct seal_pin *pin; /* borrowed */
	uint8_t shares; /* of the object; 0: it holds none, and was not asked */
	bool gave, left; /* left: it lied */
	struct seal_user_key key; /* when it gave */
	uint32_t asked, failed, wrong;
	char why[SEAL_WHY_MAX]; /* what it did last instead of giving the key; "" */
};

struct seal_answers {
	struct seal_asked v[SEAL_PINS_MAX];
	size_t n;
};
void seal_answers_wipe(struct seal_answers *a);

/*
 * 0: those that gave hold a threshold. -EACCES they refused, -EBADMSG they lied, -EAGAIN a threshold may be had
 * later, -ETIMEDOUT, -ENOKEY the pinned servers hold too few of the object's shares; the text names each and what it
 * did. *ret tells it in any case.
 */
int seal_ask(const struct seal_ask *ask, struct seal_answers *ret, struct err *err);
