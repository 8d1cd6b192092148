/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blob to Walrus by a publisher, which pays for it and is not trusted either: its answer counts only
 * when it names the blob id that was calculated here. What it says of epochs, cost and objects is its
 * word, to be looked up on Sui where it matters.
 *
 * To send the same content again is harmless (it is stored once), so what may pass is tried again.
 * Blocks: for a command line or a thread pool.
 * Errors: -EBADMSG the answer is none, or of another blob; -EREMOTEIO the publisher could not store it;
 * -E2BIG it takes no blob of this size; -EACCES, -EPERM, -ETIMEDOUT, -EAGAIN (it stayed busy).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "walrus/blobid.h"

#define PUBLISH_OBJECT_MAX 67 /* "0x" and 64 hex digits, with NUL */
#define PUBLISH_EPOCHS_MAX 53 /* so far ahead storage is sold */

struct err;
struct http_tls;

struct publish {
	const char *url; /* of the publisher */
	int fd; /* the content, from its beginning */
	const struct blobid *blob; /* what it is */
	uint32_t epochs;
	bool permanent; /* else it can be deleted by who owns its object */
	const char *send_object_to; /* "0x..."; NULL: the publisher keeps the object */
	uint32_t total_ms; /* 0: 30 minutes */
	uint32_t pause_ms; /* before the second try; 0: a second */
	const struct http_tls *tls;
};

struct publish_result {
	bool was_stored; /* it was certified before: nothing was paid */
	bool deletable;
	uint64_t start_epoch, end_epoch; /* end excluded; start 0 when it was stored already */
	uint64_t cost; /* in FROST (10^-9 WAL) */
	uint64_t encoded_bytes; /* that are paid for; 0: not told */
	char object[PUBLISH_OBJECT_MAX]; /* "": not told */
};

int publish_blob(const struct publish *p, struct publish_result *ret, struct err *err);
/* The answer of a publisher to the blob with this id. For itself, so that a fuzzer can hold it. */
int publish_answer(const char *text, size_t len, const struct blobid *blob,
		   struct publish_result *ret, struct err *err);
