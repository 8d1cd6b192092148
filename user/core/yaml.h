/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML and JSON documents as JSON trees that know their lines. core/yaml.c is the only file that
 * includes libfyaml. For manifests and configuration: bounded by YAML_MAX_BYTES, YAML_MAX_DOCS and
 * YAML_MAX_NODES (aliases count each time they are expanded), duplicate keys refused.
 * Plain scalars become null, booleans (true/false only, YAML 1.2), integers or strings.
 */
#pragma once

#include <stddef.h>

#define YAML_MAX_BYTES (4u << 20)
#define YAML_MAX_DOCS 4096
#define YAML_MAX_NODES 200000

struct err;
struct json;
struct yaml; /* owns its documents */

/* A parse error reads "NAME:LINE:COLUMN: what". */
int yaml_parse(const char *text, size_t len, const char *name, struct yaml **ret, struct err *err);
void yaml_free(struct yaml **y);
size_t yaml_len(const struct yaml *y);
const struct json *yaml_doc(const struct yaml *y, size_t i); /* borrowed */
/* The line of a node of one of the documents (for a member: that of its key), from 1; 0: unknown. */
unsigned int yaml_line(const struct yaml *y, const struct json *node);
