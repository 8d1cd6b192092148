/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What yaml.c, yaml_build.c, yaml_scalar.c and yaml_quoted.c share and nobody else may include.
 *
 * The builder makes JSON trees of events (begin, scalar, end, alias) and knows no libfyaml.
 */
#pragma once

#include <stddef.h>

#include "core/json.h"

struct err;

/* The node that a plain scalar stands for, as core/yaml.h says. NULL: no memory. */
struct json *yaml_plain(const char *text);
/* The text, to free(), that stands for what is between two quotes. -EBADMSG: an escape that is
 * none, or of NUL or half a surrogate pair. */
int yaml_quoted(const char *text, size_t len, bool is_double, char **ret);

/* Where a node is in the text, from 1. */
struct yaml_place {
	const struct json *node;
	unsigned int line, column;
};

struct yaml {
	struct json **docs;
	size_t len;
	struct yaml_place *places; /* in the order of the text; by address once all is parsed */
	size_t places_len;
};

struct yaml_anchor {
	char *name;
	const struct json *node;
};

struct yaml_build {
	struct yaml *y;
	const char *name, *text; /* the text and what errors call it */
	size_t len;
	struct err *err;
	struct json *root; /* of the document being read */
	struct {
		struct json *container; /* borrowed from root */
		char *key; /* of the member to come; NULL in a sequence, and before a key */
		unsigned int key_line, key_column;
	} stack[JSON_MAX_DEPTH];
	size_t depth;
	struct yaml_anchor *anchors;
	size_t anchors_len;
	size_t text_len; /* bytes of text so far, those of aliases again each time */
	unsigned int line, column; /* of the event at hand, from 1 */
};

void yaml_build_fini(struct yaml_build *b);
/* Puts the place in front of the text. */
__attribute__((format(printf, 3, 4))) int yaml_fault(const struct yaml_build *b, int code,
						     const char *fmt, ...);
int yaml_begin(struct yaml_build *b, const char *anchor, struct json *container); /* takes it */
void yaml_end(struct yaml_build *b);
int yaml_scalar(struct yaml_build *b, const char *anchor, const char *text, bool plain);
int yaml_alias(struct yaml_build *b, const char *anchor);
/* The document is whole: kept unless it is empty. */
int yaml_end_document(struct yaml_build *b);
