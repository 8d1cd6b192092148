/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML and JSON documents as JSON trees that know their lines. core/yaml.c is the only file that
 * includes libfyaml. For manifests and configuration: bounded by the limits below (what an alias
 * names counts each time it is used) and by JSON_MAX_DEPTH.
 *
 * Plain scalars follow the core schema of YAML 1.2: null (also ~ and nothing), true and false (yes,
 * no, on, off are strings), integers (also 0x and 0o) and fractions such as 0.5; integers beyond
 * 2^53, exponents, .inf and .nan stay strings. Quoted and block scalars are strings.
 * Documents that are empty or null are left out. Refused, because it would be read in two ways or
 * hides something: duplicate keys, keys that are no scalars, merge keys (<<), tags (!!str),
 * control characters and what is not UTF-8.
 *
 * Known fault of libfyaml 0.7.12: a folded block scalar (>) loses an empty line that stands before
 * a line indented more.
 *
 * A struct yaml never changes, so its reading may be shared by threads.
 */
#pragma once

#include <stddef.h>

#define YAML_MAX_BYTES (4u << 20)
#define YAML_MAX_DOCS 4096
#define YAML_MAX_NODES 200000
#define YAML_MAX_TEXT (16u << 20) /* bytes of all keys and strings */
#define YAML_MAX_ANCHORS 1024 /* in a document */

struct err;
struct json;
struct yaml; /* owns its documents */

/* -EBADMSG with "NAME:LINE:COLUMN: what", -E2BIG over a limit, -ENOMEM. */
int yaml_parse(const char *text, size_t len, const char *name, struct yaml **ret, struct err *err);
void yaml_free(struct yaml **y);
size_t yaml_len(const struct yaml *y);
const struct json *yaml_doc(const struct yaml *y, size_t i); /* borrowed; NULL from yaml_len() on */
/* The line of a node of one of the documents, from 1; 0: of none. A member has that of its key,
 * what came by an alias that of the alias. */
unsigned int yaml_line(const struct yaml *y, const struct json *node);
