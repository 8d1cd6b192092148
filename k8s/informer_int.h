/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the informer: what it knows (informer.c: the states; events.c: what comes in). */
#pragma once

#include "core/buf.h"
#include "core/err.h"
#include "k8s/informer.h"
#include "k8s/split.h"

struct json;

/* What to ask for, or what is asked for. */
enum kube_plan { KUBE_STREAM, KUBE_LIST, KUBE_WATCH, KUBE_PLAN_MAX_ };

#define KUBE_RV_MAX 63
#define KUBE_CONTINUE_MAX 1024
#define KUBE_TOLD_MAX 64 /* malformed objects that are remembered as told */

struct kube_informer {
	const struct kube_resource *resource;
	const struct kube_informer_ops *ops;
	void *arg;
	struct kube_set *set;

	enum kube_plan plan;
	bool open, synced;
	bool absent; /* the server does not know the kind; asked again later */
	bool whole; /* the next LIST comes in one page: the last one expired between two */
	unsigned int failures;
	uint64_t due_ms, began_ms, watch_ms; /* watch_ms: timeoutSeconds of the request */

	struct kube_split split;
	struct kube_set *fresh; /* what a STREAM or LIST has brought so far */
	char rv[KUBE_RV_MAX + 1]; /* up to where the set is */
	char next_page[KUBE_CONTINUE_MAX + 1]; /* "": the list is whole */
	bool answered, heard; /* 2xx; an event, in this request */
	uint64_t answered_ms;
	bool unreached;
	bool doubt; /* the watch goes on from before a failure: whole again by a STREAM, at doubt_ms */
	uint64_t doubt_ms;
	bool listed; /* the list's own document came */
	struct err err;

	struct {
		uint64_t object, text; /* hashes; object 0: free */
	} told[KUBE_TOLD_MAX];
	size_t next_told, n_told;
};

/* A kube_piece_fn: what was cut out of the reply. */
int kube_events_piece(void *arg, enum kube_piece piece, const char *text, size_t len);
/* fresh is whole, as of rv: it becomes what the set says. */
void kube_events_commit(struct kube_informer *inf);
