/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read vectors of Walrus share. */
#pragma once

#include "interop/vectors/run.h"

struct blobid_shape;

/* Content by a name of the file's "patterns"; NULL (a fault is told) when it is none. free() it. */
uint8_t *walrus_pattern(struct run *r, const char *pattern, const struct json *arg, size_t size);
/* An unlinked file that holds data; -1 (a fault is told). */
int walrus_file(struct run *r, const void *data, size_t len);
bool want_sha256(struct run *r, const struct json *v, const char *key, const void *data,
		 size_t len);
uint64_t walrus_number(struct run *r, const struct json *v, const char *key);

/* The symbols of all slivers of a blob (walrus_slivers.c). */
void check_slivers(struct run *r, const struct json *v, const uint8_t *content, size_t size,
		   const struct blobid_shape *shape);
void check_quilts(struct run *r, const struct json *group);
