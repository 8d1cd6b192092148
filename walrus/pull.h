/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blob from Walrus into the store, from any of several aggregators, trusting none.
 *
 * I1. Nothing is visible in the store before the blob id of what was received, and the integrity when
 *     one is asked for, have been calculated here and are right.
 * I2. An aggregator that sent something else is named, counted and left, and the next one is asked.
 *     A download that broke off is resumed where it ended, from whoever is next. Should a blob of
 *     several aggregators be wrong, nobody is blamed: it is loaded again, whole from one.
 * I3. Bytes, time and patience have limits, whatever the other side does.
 *
 * Blocks: for a thread pool or a command line. One thread for each struct aggregators.
 * Errors: -ENOENT two aggregators (or all there are) have no such blob, -EBADMSG only wrong bytes were
 * sent, -EPERM not to be had by law (451), -ETIMEDOUT, -E2BIG, -EAGAIN nobody could serve it now;
 * the text names every aggregator and what it did. -ENOSPC and the like are the store's.
 */
#pragma once

#include "walrus/aggregators.h"
#include "walrus/store.h"

struct http_tls;

struct pull_limits {
	uint64_t max_bytes;
	uint32_t total_ms, connect_ms, idle_ms;
	uint32_t slow_bytes_s,
		slow_after_ms; /* slower than this on average, after so long: left for now */
};

#define PULL_LIMITS_DEFAULT            \
	{ .max_bytes = 256u << 20,     \
	  .total_ms = 30u * 60 * 1000, \
	  .connect_ms = 10000,         \
	  .idle_ms = 20000,            \
	  .slow_bytes_s = 16u << 10,   \
	  .slow_after_ms = 20000 }

struct pull {
	const uint8_t *blob_id; /* BLOBID_LEN */
	uint32_t shards; /* 0: the public committee */
	const struct sri *sri; /* that it must have as well; NULL: any */
	struct pull_limits limits;
	const struct http_tls *tls; /* NULL: the system's authorities */
	/* From time to time while bytes come; size 0: not known. NULL: nobody looks. */
	void (*progress)(void *arg, const char *url, uint64_t have, uint64_t size);
	void *arg;
};

struct pull_result {
	uint8_t digest[SHA512_LEN];
	uint64_t bytes;
	const char *
		url; /* who served it, borrowed from the aggregators; NULL: it was stored already */
};

int pull_blob(struct store *s, struct aggregators *a, const struct pull *pull,
	      struct pull_result *ret, struct err *err);

/* A file of a quilt, named or by its columns. */
struct pull_file {
	const char *name; /* NULL: by columns */
	uint16_t start, end;
	uint32_t shards;
	const struct sri *sri; /* that the file must have; NULL: any */
	uint64_t max_bytes;
};

/* ret is what pull_blob() gave for the whole quilt, and becomes that of the file, stored as well. */
int pull_file(struct store *s, const struct pull_file *file, struct pull_result *ret,
	      struct err *err);
