/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What json.c, json_scan.c, json_print.c and yaml.c share and nobody else may include.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;
struct json;

/*
 * Judges a whole text by RFC 8259, UTF-8 and the limits of core/json.h, and allocates nothing. What
 * passes here a lax parser reads rightly.
 */
int json_scan(const char *text, size_t len, const char *name, struct err *err);
/* The place of key number n (from 0, in their order) of a text that json_scan() accepts. */
void json_scan_key(const char *text, size_t len, size_t n, unsigned int *ret_line,
		   unsigned int *ret_column);

double json_double(const struct json *number);
bool json_is_true(const struct json *j);
/* json_set() in constant time, for a key that may be there already; see json_find_duplicate(). */
int json_append(struct json *obj, const char *key, struct json *value);
/* The second of two members with one key, of this object alone: 0 and NULL if there are none. */
int json_find_duplicate(const struct json *obj, const struct json **ret_member);
