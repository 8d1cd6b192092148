/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the Kubernetes objects come from, whichever it is: a directory of manifests
 * (source_files.h) or an API server (source_api.h).
 *
 * I1. There is no set until all objects are known; from then on there is one until the source stops, and
 *     what can't be read, or reached, leaves it as it was.
 *
 * Threading: the loop's thread.
 */
#pragma once

struct err;
struct kube_set;
struct kube_touched;
struct source;

/* What a source tells, out of the loop; the arguments are borrowed for the call. */
struct source_ops {
	/* touched: what differs; NULL: anything may. Not when all is as it was. */
	void (*changed)(void *arg, const struct kube_set *set, const struct kube_touched *touched);
	void (*failed)(void *arg, const struct err *err);
};

/* A back end has this as its first member. */
struct source {
	const struct source_backend *backend;
};

struct source_backend {
	const struct kube_set *(*set)(const struct source *s);
	void (*reload)(struct source *s);
	void (*stop)(struct source *s);
};

/* The objects in effect, borrowed until the next callback; NULL: not known yet. */
const struct kube_set *source_set(const struct source *s);
/* Reads again, or asks again, soon. */
void source_reload(struct source *s);
/* No callback comes after this; the memory goes once the loop has run the closing. NULL: nothing. */
void source_stop(struct source **s);
