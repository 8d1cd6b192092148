/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of objects that mirrors the API server's: one informer for each kind over one kube_api.
 *
 *	kube_mirror_new(&opt, &mirror, &err);
 *	... when kube_api_fd() is readable, or kube_mirror_due() has come:
 *		kube_api_work(api);
 *		kube_mirror_turn(mirror);
 *
 * I1. `changed` is called first when every kind is whole, with touched NULL; before that nobody hears of
 *     any object. From then on once a turn, with what differs.
 * I2. While the API server is away, the set stays as it was. `state` tells once that it is away, and
 *     once that it is back, with every kind in step.
 * I3. What says nothing for QUIET_MS is asked for its version; who does not answer is given up, with
 *     all connections to it, and the next server is asked. So a connection that is dead without a
 *     word (a peer that vanished, a translation that was forgotten) costs half a minute.
 * I4. Where the API servers are is learned from the slices of the Service default/kubernetes; its
 *     cluster IP itself is never asked, if there is any other.
 *
 * Threading: that of the api.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct kube_api;
struct kube_mirror;
struct kube_set;
struct kube_touched;

struct kube_mirror_ops {
	void (*changed)(void *arg, const struct kube_set *set, const struct kube_touched *touched);
	void (*malformed)(void *arg, const struct err *err);
	/* why: NULL when it is back. Of the first failure; the first of all is told at once. */
	void (*state)(void *arg, const struct err *why);
};

/* Borrowed for the life of the mirror, but node. */
struct kube_mirror_options {
	struct kube_api *api;
	const char *node; /* whose Node and Pods are mirrored */
	bool all_nodes; /* the Nodes of all others as well */
	const struct kube_mirror_ops *ops;
	void *arg;
	uint64_t (*now_ms)(void); /* NULL: the monotonic clock */
};

int kube_mirror_new(const struct kube_mirror_options *opt, struct kube_mirror **ret,
		    struct err *err);
void kube_mirror_free(struct kube_mirror **mirror); /* before its api */

/* Asks for what is due, ends what is overdue, tells what has changed. */
void kube_mirror_turn(struct kube_mirror *mirror);
/* When to turn at the latest: ms from now. */
uint64_t kube_mirror_due(const struct kube_mirror *mirror);
/* Borrowed until the next turn. */
const struct kube_set *kube_mirror_set(const struct kube_mirror *mirror);
bool kube_mirror_synced(const struct kube_mirror *mirror);
/* NULL: the API server is there; else its newest failure, which may be another than the one told. */
const struct err *kube_mirror_why(const struct kube_mirror *mirror);
/* Asks at once what is waiting for its time. */
void kube_mirror_hurry(struct kube_mirror *mirror);
