/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of Kubernetes objects by (kind, namespace, name): what a source knows of the cluster.
 *
 * I1. kube_set_at() is in order of namespace, then name: the same objects give the same walk, however
 *     they came in. Any put or del may move the others.
 * I2. The set is one owner of each of its objects (see object.h); what it hands out is borrowed.
 *
 * One sorted array for each kind, and for slices one more by Service: lists of an API server and of a directory arrive nearly sorted, so
 * a put is an append, a find is a binary search, and a walk needs nothing beside it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "k8s/object.h"

#define KUBE_SET_MAX 200000 /* objects of one kind */

struct kube_set;

int kube_set_new(struct kube_set **ret);
void kube_set_free(struct kube_set **set);

/* Adds or replaces; the set takes a reference of its own. -ENOMEM, -E2BIG. */
int kube_set_put(struct kube_set *set, struct kube_object *obj);
int kube_set_del(struct kube_set *set, enum kube_kind kind, const char *namespace,
		 const char *name); /* -ENOENT */
/* The same two, and the set's share in what was there (NULL: nothing) goes to the caller. */
int kube_set_replace(struct kube_set *set, struct kube_object *obj, struct kube_object **ret_was);
struct kube_object *kube_set_take(struct kube_set *set, enum kube_kind kind, const char *namespace,
				  const char *name);
/* Puts an object of from into set as well. -ENOENT, -ENOMEM, -E2BIG. */
int kube_set_share(struct kube_set *set, const struct kube_set *from, enum kube_kind kind,
		   const char *namespace, const char *name);
const struct kube_object *kube_set_find(const struct kube_set *set, enum kube_kind kind,
					const char *namespace, const char *name);

size_t kube_set_len(const struct kube_set *set, enum kube_kind kind);
const struct kube_object *kube_set_at(const struct kube_set *set, enum kube_kind kind, size_t i);

#define KUBE_TOUCHED_MAX 16

/* What differs between two states of a set. */
struct kube_touched {
	size_t services, slices; /* objects of the kind that differ, all of them */
	size_t n;
	bool more; /* more Services than v has room for, or what concerns all of them: a Node, ranges */
	bool pods; /* Pods */
	bool addrs; /* and addresses of theirs */
	struct { /* whose own object or slices differ, each once */
		char namespace[KUBE_MAX_LABEL + 1], name[KUBE_MAX_NAME + 1];
	} v[KUBE_TOUCHED_MAX];
};
/* One object went (was alone), came (is alone) or changed. */
void kube_touched_add(struct kube_touched *t, const struct kube_object *was,
		      const struct kube_object *is);
bool kube_touched_any(const struct kube_touched *t);
/* All that differs. An object that both share, or that says the same in both
 * (kube_object_same()), does not differ. */
void kube_set_compare(const struct kube_set *old, const struct kube_set *new,
		      struct kube_touched *ret);
/* The same, of one kind, one by one: was NULL: it came; is NULL: it went. */
typedef void (*kube_differs_fn)(void *arg, const struct kube_object *was,
				const struct kube_object *is);
void kube_set_diff(const struct kube_set *old, const struct kube_set *new, enum kube_kind kind,
		   kube_differs_fn differs, void *arg);
/* The objects of one kind change sides. */
void kube_set_swap(struct kube_set *a, struct kube_set *b, enum kube_kind kind);

/* All slices in order of namespace, Service and name; borrowed until the next put or del. */
const struct kube_object *const *kube_set_slices(const struct kube_set *set, size_t *ret_n);
/* Those of one Service. */
const struct kube_object *const *kube_set_slices_of(const struct kube_set *set,
						    const char *namespace, const char *service,
						    size_t *ret_n);

/* Shares all objects of `from`, or none: -EEXIST with the one that both have in *ret_twice. */
int kube_set_merge(struct kube_set *set, const struct kube_set *from,
		   const struct kube_object **ret_twice);

/*
 * Decodes a document, one object or a list of some ("List", "ServiceList", ...), and adds what it
 * holds, all or nothing. An object that the set has already is -EEXIST. `at` as in
 * kube_object_decode().
 */
int kube_set_decode(struct kube_set *set, const struct json *doc, const struct json **at,
		    struct err *err);
