/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON trees with limits. core/json.c is the only file that includes cJSON.
 *
 * Reading: json_parse() refuses more than JSON_MAX_DEPTH levels and more than max_len bytes before
 * it allocates, and is strict (RFC 8259): no trailing text, no NUL byte nor \u0000, valid UTF-8, no
 * duplicate keys, no number that a double can't hold or of more than 63 characters. Getters return
 * what is borrowed from the tree and never fail: a missing or differently typed member gives the
 * fallback.
 * Numbers: integers up to 2^53 are exact; larger ones travel as decimal strings, and
 * json_u64()/json_u128() read both forms and refuse a number that may have been rounded.
 *
 * Writing: json_new_*() and json_set_*(), then json_print(). Setters take ownership of a value
 * passed as struct json *. Every json_set_x() and json_add_x() returns 0 or -ENOMEM; the tree is
 * unchanged when it fails, and remembers the failure for json_print(), which then returns -ENOMEM:
 * a row of setters may be checked once, at the end. They take NULL as what an earlier call without
 * memory gave: json_set(root, "spec", json_new_object()) needs no check of its own. To set a key
 * that is there replaces its value in its place.
 *
 * Printing is deterministic: members in their order, integers without exponent below 1e21, other
 * numbers as short as they read back the same; a byte that is not UTF-8 becomes U+FFFD. What was
 * printed parses, and then prints the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct json; /* an object, array, string, number, boolean or null */

#define JSON_MAX_DEPTH 64

/* name is what the error calls the text ("manifests/a.json"); the error gives line and column. */
int json_parse(const char *text, size_t len, size_t max_len, const char *name, struct json **ret,
	       struct err *err);
void json_free(struct json **j);

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };
enum json_type json_type(const struct json *j); /* of NULL: JSON_NULL */

const struct json *json_get(const struct json *obj, const char *key); /* NULL: none */
/* "spec.ports": a literal, parts under 64 bytes. */
const struct json *json_path(const struct json *obj, const char *path);
const char *json_str(const struct json *obj, const char *key, const char *fallback);
bool json_bool(const struct json *obj, const char *key, bool fallback);
/* -ENOENT when absent or null, -EINVAL when neither form of a non-negative integer. */
int json_u64(const struct json *obj, const char *key, uint64_t *ret);
int json_u128(const struct json *obj, const char *key, unsigned __int128 *ret);
/* The value of a node itself. */
const char *json_text(const struct json *j, const char *fallback);
int json_number(const struct json *j, uint64_t *ret); /* non-negative integer or -EINVAL */
const char *json_key(const struct json *j); /* the name it has in its object; NULL in an array */

size_t json_len(const struct json *arr);
const struct json *json_at(const struct json *arr, size_t i);
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *child);
#define json_foreach(child, container) \
	for (const struct json *child = json_first(container); child; child = json_next(child))

struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_str(const char *value);
struct json *json_dup(const struct json *j);
/* Takes value, also on error. */
int json_set(struct json *obj, const char *key, struct json *value);
int json_set_str(struct json *obj, const char *key, const char *value); /* NULL: null */
int json_set_bool(struct json *obj, const char *key, bool value);
/* A number; a string over 2^53. */
int json_set_u64(struct json *obj, const char *key, uint64_t value);
int json_set_u64_text(struct json *obj, const char *key, uint64_t value); /* always a string */
int json_set_u128(struct json *obj, const char *key, unsigned __int128 value); /* always a string */
/* Bytes, in base64. */
int json_set_base64(struct json *obj, const char *key, const void *data, size_t len);
int json_set_null(struct json *obj, const char *key);
/* A setter of this very node has failed; json_print() sees it of the whole tree. */
bool json_failed(const struct json *j);
int json_add(struct json *arr, struct json *value); /* takes value, also on error */
int json_add_str(struct json *arr, const char *value);
int json_add_u64(struct json *arr, uint64_t value);

/* Appends the text: compact, or pretty with two blanks a level and no tabs, and no newline at the
 * end. -ENOMEM when j is NULL or has failed, or out's error (then out may end in half a text). */
int json_print(const struct json *j, bool pretty, struct buf *out);
