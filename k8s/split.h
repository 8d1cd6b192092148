/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts what an API server sends into objects, as it comes: the lines of a watch, and the items of a
 * list, so that a list of any length takes the memory of its largest item.
 *
 *	kube_split_init(&s, KUBE_SPLIT_LIST, on_piece, arg);
 *	kube_split_feed(&s, data, len) ...	cut anywhere, also inside of a character
 *	kube_split_fini(&s);
 *
 * A watch gives one KUBE_PIECE_DOC for each line. A list gives a KUBE_PIECE_ITEM for each object in its
 * top-level "items", and then itself, with no items left in it, as KUBE_PIECE_DOC. What takes most of an
 * object and is read by nobody here (managedFields, a Node's images, ...: split.c) is cut out: its
 * value becomes 0.
 *
 * A piece is text that looks like JSON from afar: whether it is, its reader finds out. One that is over
 * KUBE_PIECE_MAX, nested over JSON_MAX_DEPTH, or a line whose brackets don't match is handed out as
 * KUBE_PIECE_BAD, with its beginning; all others come as if it were not there. Brackets that don't
 * match in a list leave nothing to tell items by: -EBADMSG.
 *
 * A piece that has no end is no piece: of what was fed last, nothing is handed out.
 * What piece returns below 0 ends the feeding with that code. Allocates no more than KUBE_PIECE_MAX.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

#define KUBE_PIECE_MAX (2u << 20) /* an object in etcd has at most 1.5 MiB */
#define KUBE_SKIP_MAX (16u << 20) /* bytes of a bad piece, before its end is given up */
#define KUBE_PIECE_SHOWN 4096 /* of a bad one */

enum kube_split_kind { KUBE_SPLIT_WATCH, KUBE_SPLIT_LIST };
enum kube_piece { KUBE_PIECE_DOC, KUBE_PIECE_ITEM, KUBE_PIECE_BAD };

/* text is NUL-terminated and borrowed for the call. */
typedef int (*kube_piece_fn)(void *arg, enum kube_piece piece, const char *text, size_t len);

struct kube_split {
	enum kube_split_kind kind;
	kube_piece_fn piece;
	void *arg;
	struct buf doc, item;
	unsigned int depth; /* open brackets */
	uint64_t objects; /* which of them are { */
	bool in_string, escaped, is_key, wants_key;
	bool in_items; /* of a list */
	bool bad;
	size_t skipped; /* bytes of it */
	bool ended; /* the list is whole; what follows it is dropped */
	unsigned int cut; /* depth of the object a member of which is being cut out; 0: none */
	size_t key_at; /* where the last key begins, in the piece at hand */
	bool key_items, key_cut; /* what the last key says */
};

void kube_split_init(struct kube_split *s, enum kube_split_kind kind, kube_piece_fn piece,
		     void *arg);
/* 0; -ENOMEM, -EBADMSG, -E2BIG over KUBE_SKIP_MAX, or what piece said. */
int kube_split_feed(struct kube_split *s, const void *data, size_t len);
void kube_split_fini(struct kube_split *s);
