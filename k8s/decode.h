/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading fields of API objects, inside k8s/ only. A struct kube_field is a place in the tree that knows
 * the way to it, so that an error can name it ("spec.ports[1].port"), at no cost while all is well.
 *
 * A getter that meets a missing or null field returns 0 and leaves *ret at the default the caller
 * put there. What it hands out lives in the object's memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "k8s/object.h"

/*
 * An object is decoded twice: first into memory of its own (scratch), which finds every error and how
 * much it takes; then into a block of just that size. So a set of many objects has no holes.
 */
#define KUBE_SCRATCH 2048 /* bytes that need no allocation: most objects */
struct kube_dec {
	struct kube_object *obj; /* NULL: nothing is known of it yet */
	size_t used; /* bytes of its strings and lists so far */
	char *room; /* where they go; NULL: scratch */
	size_t size; /* of room */
	struct kube_chunk *chunks; /* scratch beyond first; kube_chunks_free() */
	max_align_t first[KUBE_SCRATCH / sizeof(max_align_t)];

	const struct json *at; /* set by kube_field_fail() */
	struct err *err;
};

/* {.up = &spec, .key = "ports"}, {.up = &ports, .index = 1}; the root has neither up nor key. */
struct kube_field {
	struct kube_dec *dec;
	const struct kube_field *up;
	const char *key; /* NULL: the element `index` of a list */
	size_t index;
	const struct json *node; /* NULL: missing */
};

struct kube_field kube_field_get(const struct kube_field *up, const char *key);
struct kube_field kube_field_at(const struct kube_field *up, size_t index, const struct json *node);
bool kube_field_is_set(const struct kube_field *f); /* neither missing nor null */

/* "KIND NS/NAME: PATH: what" and the nearest node; returns code. */
__attribute__((format(printf, 3, 4))) int kube_field_fail(const struct kube_field *f, int code,
							  const char *fmt, ...);
/* The same with the field's value in front of what: "99999 is out of range; use 1 to 65535". */
int kube_field_bad(const struct kube_field *f, const char *what);

int kube_field_text(const struct kube_field *f, size_t max,
		    const char **ret); /* borrowed from the tree */
int kube_field_str(const struct kube_field *f, size_t max, const char **ret);
int kube_field_bool(const struct kube_field *f, bool *ret);
int kube_field_u32(const struct kube_field *f, uint32_t min, uint32_t max, uint32_t *ret);
int kube_field_port(const struct kube_field *f, uint16_t min, uint16_t *ret);
int kube_field_proto(const struct kube_field *f, uint8_t *ret); /* to IPPROTO_* */
int kube_field_addr(const struct kube_field *f, struct addr *ret);
int kube_field_cidr(const struct kube_field *f,
		    struct cidr *ret); /* host bits are cleared, as Kubernetes does */
/* The index of the text in names; "" counts as missing, as in old objects. */
int kube_field_enum(const struct kube_field *f, const char *const *names, size_t n,
		    unsigned int *ret);
int kube_field_object(const struct kube_field *f); /* an object, or missing */
/* A list of at most max elements, or missing: 0. */
int kube_field_list(const struct kube_field *f, size_t max, size_t *ret_n);
/* A list, or missing: at most max elements of `size` bytes each, which `get` fills from zeros. A null
 * element is an error. */
struct kube_list {
	size_t max, size;
	int (*get)(const struct kube_field *f, void *ret);
};
int kube_field_items(const struct kube_field *f, const struct kube_list *how, void **ret,
		     size_t *ret_n);
int kube_field_addrs(const struct kube_field *f, size_t max, struct addr **ret, size_t *ret_n);
int kube_field_cidrs(const struct kube_field *f, size_t max, struct cidr **ret, size_t *ret_n);
/* A list of objects that have one text each: [{"name": "zone-a"}]. */
int kube_field_names(const struct kube_field *f, size_t max, const char *const **ret,
		     size_t *ret_n);

/* n * size zeroed bytes that live as long as the object; NULL: no memory. n > 0. */
void *kube_alloc(struct kube_dec *dec, size_t n, size_t size);
void kube_chunks_free(struct kube_chunk **chunks);

/* One for each kind, in its own file: fills the union, from the root of the object. */
int kube_service_decode(const struct kube_field *root, struct kube_service *ret);
int kube_slice_decode(const struct kube_field *root, struct kube_slice *ret);
int kube_node_decode(const struct kube_field *root, struct kube_node *ret);
int kube_pod_decode(const struct kube_field *root, struct kube_pod *ret);
int kube_cidr_decode(const struct kube_field *root, struct kube_cidr *ret);
/* The kind of a document, and whether it is a list of that kind; KUBE_KIND_MAX_ with is_list for a
 * mixed "List". -ENOTSUP. */
int kube_kind_of(const struct kube_field *root, enum kube_kind *ret, bool *ret_list);
