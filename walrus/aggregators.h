/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The aggregators blobs can be read from, none of them trusted, and what they have been like so far.
 *
 * - One that fails in passing (busy, away, slow) is asked again after a pause that doubles with each
 *   failure in a row; those that answered well go first.
 * - One that refuses a blob, or does not have it, is not asked for it again.
 * - One that sent bytes that are not the blob's is left for good.
 *
 * Deciding only: no I/O, the time is a parameter. Threading: one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGGREGATORS_MAX 64
#define AGGREGATOR_TRIES 5 /* for one blob */
#define AGGREGATOR_PAUSE_MAX_MS 30000u

struct err;

/* What came of asking one, as far as it matters for what to do next. */
enum answer {
	ANSWER_WHOLE, /* the blob, verified */
	ANSWER_BUSY, /* 408, 425, 429, 5xx, a connection that failed, a timeout: later */
	ANSWER_ABSENT, /* 404: a second one is to say so, since caches remember old answers */
	ANSWER_REFUSED, /* 403, redirects, certificates, other statuses: not this one */
	ANSWER_FORBIDDEN, /* 451: nobody */
	ANSWER_WRONG, /* bytes that are not the blob */
	ANSWER_MAX_
};

struct aggregator {
	char *url; /* without a slash at its end */
	uint64_t served, failed, wrong; /* answers */
	uint32_t failures; /* in a row */
	uint64_t pause_until_ms;
	bool left;
	/* for the blob that is being pulled */
	uint32_t tries;
	bool done; /* not asked any more */
	bool absent;
	char why[192]; /* the last failure; "" */
};

struct aggregators {
	struct aggregator *at;
	size_t len;
	uint32_t pause_ms; /* the first; 250 */
};

/* URLs with http or https and no query; -EINVAL, or -E2BIG over AGGREGATORS_MAX. */
int aggregators_init(struct aggregators *a, const char *const *urls, size_t n, struct err *err);
void aggregators_fini(struct aggregators *a);

/* The status of a reply that is no blob. */
enum answer answer_of_status(unsigned int status);

/* Before each blob. */
void aggregators_begin(struct aggregators *a);
/* Whom to ask next, and in how many milliseconds. NULL: there is no use in asking anyone. */
struct aggregator *aggregators_next(struct aggregators *a, uint64_t now_ms, uint64_t *ret_wait_ms);
/* why: NULL for a whole blob. wait_ms: what the aggregator asked for itself, or 0. */
void aggregators_note(struct aggregators *a, struct aggregator *g, enum answer answer,
		      const char *why, uint64_t now_ms, uint64_t wait_ms);
/* Two have said that there is no such blob, or all there are, or the law forbids it. */
bool aggregators_settled(const struct aggregators *a);
