/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the objects of one kind as the API server has them. Pure: it says what to ask next and when,
 * takes what comes, and changes a set; who asks, over what and by which clock, is the caller's
 * (k8s/mirror.c).
 *
 *	now >= kube_informer_due():	nothing asked yet: kube_informer_begin(), ask for the path
 *					asked: too late; end the request, kube_informer_end(-ETIMEDOUT)
 *	the status of the reply:	kube_informer_head()
 *	bytes of a 2xx reply:		kube_informer_feed(); below 0: end the request with that
 *	the request has ended:		kube_informer_end()
 *
 * What it asks for is one of three things (the picture is in README.md): STREAM, a watch that begins
 * with all objects; LIST, all objects in pages; WATCH, what changed since.
 *
 * I1. The set changes all at once when a STREAM or LIST is whole (objects that it does not have are
 *     gone), then event by event. What is not whole changes nothing.
 * I2. A resourceVersion is opaque: kept, sent back, compared for equality only.
 * I3. An object that can't be read is told, once until it reads otherwise, and leaves that object as
 *     it was; all others take effect.
 * I4. Every delay comes from the clock given; nothing looks at wall time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "k8s/object.h"

struct buf;
struct err;
struct kube_informer;
struct kube_set;

struct kube_resource {
	enum kube_kind kind;
	const char *path; /* "/api/v1/services" */
	const char *selector; /* of the query, percent-encoded: "fieldSelector=a%3Db"; NULL: all */
	bool optional; /* a server that knows no such kind (404) has none of it */
};

struct kube_informer_ops {
	/* An object went (is NULL), came (was NULL) or changed; borrowed, already in the set. */
	void (*changed)(void *arg, const struct kube_object *was, const struct kube_object *is);
	void (*malformed)(void *arg, const struct err *err);
};

/* resource, set and ops are borrowed for the life of the informer. */
int kube_informer_new(const struct kube_resource *resource, struct kube_set *set,
		      const struct kube_informer_ops *ops, void *arg, struct kube_informer **ret);
void kube_informer_free(struct kube_informer **inf);

bool kube_informer_is_open(const struct kube_informer *inf); /* begun and not ended */
bool kube_informer_synced(const struct kube_informer *inf); /* was whole once */
/* The server watches for us, and has not said at once that it can't. */
bool kube_informer_in_step(const struct kube_informer *inf, uint64_t now_ms);
unsigned int kube_informer_failures(const struct kube_informer *inf); /* in a row */
bool kube_informer_answered(const struct kube_informer *inf); /* 2xx, this time */
bool kube_informer_unreached(const struct kube_informer *inf); /* nobody answered, last time */
/* What waits for its time is due now. */
void kube_informer_hurry(struct kube_informer *inf, uint64_t now_ms);
uint64_t kube_informer_due(const struct kube_informer *inf);

/* Appends path and query. -ENOMEM, -E2BIG: then it counts as a request that failed. */
int kube_informer_begin(struct kube_informer *inf, uint64_t now_ms, struct buf *ret_path);
void kube_informer_head(struct kube_informer *inf, unsigned int status, uint64_t now_ms);
int kube_informer_feed(struct kube_informer *inf, const void *data, size_t len, uint64_t now_ms);
/* Why the last feed failed. */
const struct err *kube_informer_error(const struct kube_informer *inf);

struct kube_informer_end {
	int code; /* 0: the reply ended as it should; -errno */
	unsigned int status; /* of HTTP; 0: no answer */
	uint32_t retry_after_s;
};
void kube_informer_end(struct kube_informer *inf, const struct kube_informer_end *end,
		       uint64_t now_ms);
