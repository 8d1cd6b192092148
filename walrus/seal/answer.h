/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a key server's reply is worth. Pure, for whoever asks (ask.h) and for a fuzzer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "walrus/seal/request.h"

#define SEAL_REPLY_MAX 65536 /* bytes */
#define SEAL_WHY_MAX 200

struct err;

enum seal_answer {
	SEAL_GAVE, /* a key, checked */
	SEAL_BUSY, /* ask it again, later */
	SEAL_REFUSED, /* it won't; or what it says is no answer */
	SEAL_WRONG, /* a key that is not its own for this id: it lied */
	SEAL_ANSWER_MAX_
};

/* Of a whole reply, whatever its status. *ret_key for SEAL_GAVE alone; else ret_why is one line. */
enum seal_answer seal_answer_read(unsigned int status, const char *text, size_t len,
				  const struct seal_query *q, struct seal_user_key *ret_key,
				  char ret_why[SEAL_WHY_MAX]);
/* Of a request without a reply: -errno as core/http.h has it. */
enum seal_answer seal_answer_of_fault(int code);
