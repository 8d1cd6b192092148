/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values behind core/option. One table of the types (option_kind.c): how each is read from text
 * and written. And what moves values and lists in and out of the caller's struct (option_value.c).
 * For option*.c only. Errors say what the value must be; the caller puts place and key in front.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct json;
struct option_spec;

struct option_kind {
	const char *metavar; /* in the help */
	const char *form; /* what a value, or an item of a list, must be: "an IP address" */
	unsigned int takes; /* 1 << enum json_type of the YAML scalars it may come from */
	size_t size; /* of the value or of an item */
	bool list;
	/* Reads a value or item into at, which failure leaves alone; -EINVAL, -ERANGE, -E2BIG. */
	int (*read)(const struct option_spec *o, const char *text, void *at);
	/* Writes it as a YAML scalar. */
	void (*put)(const struct option_spec *o, const void *at, struct buf *out);
};

const struct option_kind *option_kind(const struct option_spec *o);
uint64_t option_upper(const struct option_spec *o); /* the largest number allowed */

int option_set_text(const struct option_spec *o, void *base, const char *text, struct err *err);
/* node: the member of section that holds the value; null changes nothing. */
int option_set_json(const struct option_spec *o, void *base, const struct json *section,
		    const struct json *node, struct err *err);
void option_clear(const struct option_spec *o, void *base);
void option_put_yaml(const struct option_spec *o, const void *base, struct buf *out);
