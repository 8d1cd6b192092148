/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs files of vectors that others' SDKs made through our code. A file is of one kind (SUI, WALRUS,
 * SEAL) and holds groups by name, mostly lists of vectors; each kind has one .c file here with one
 * function in the table of run.c.
 *
 * A vector is begun by vector(), checked any number of times and counted once: as failed if any
 * check failed (each says what differs), else as passed. A check returns whether it held, so that
 * those behind it can be left out when they can't be made.
 *
 *	vector(r, "keys", i, json_str(v, "label", ""));
 *	if (want(r, address_parse(text, id) == 0, "address: not one"))
 *		want_hex(r, v, "id_hex", id, sizeof(id));
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"

#define VECTOR_BYTES_MAX (64U << 20) /* of a file, and of any value in it */

struct run {
	const char *kind; /* "SUI" */
	const struct json *file;
	const char *group;
	char name[256]; /* of the vector: its place and what it calls itself; "" before the first */
	bool failed; /* the vector */
	size_t npassed, nfailed; /* vectors behind this one */
};

typedef void run_group(struct run *r, const struct json *group);

/* A group of a file and who reads it. */
struct group {
	const char *name;
	run_group *run;
};

/* Runs each group of the file that the table (closed by {}) has, and names those it has not. Texts
 * and numbers at the top, and groups whose reader is NULL, are remarks. */
void run_groups(struct run *r, const struct group *groups);

void vector(struct run *r, const char *group, size_t i, const char *name);

__attribute__((format(printf, 3, 4))) bool want(struct run *r, bool holds, const char *fmt, ...);
bool want_text(struct run *r, const char *what, const char *got, const char *wanted);
bool want_bytes(struct run *r, const char *what, const void *got, size_t len, const void *wanted,
		size_t wanted_len);
/* The member is hex, with or without 0x in front. Missing is a fault. */
bool want_hex(struct run *r, const struct json *v, const char *key, const void *got, size_t len);
bool want_base64(struct run *r, const struct json *v, const char *key, const void *got, size_t len);

/* What a member says, or a fault. ret is emptied first. */
bool read_hex(struct run *r, const struct json *v, const char *key, struct buf *ret);
bool read_base64(struct run *r, const struct json *v, const char *key, struct buf *ret);
/* Hex of exactly len bytes. */
bool read_fixed(struct run *r, const struct json *v, const char *key, void *ret, size_t len);

/* Where two trees differ first, as "a.b[3]: got 1, want 2", or "" when they don't. Members may come
 * in any order; a number equals its decimal text. */
void json_difference(const struct json *got, const struct json *wanted, char *ret, size_t size);

void run_sui(struct run *r);
void run_walrus(struct run *r);
void run_seal(struct run *r);
