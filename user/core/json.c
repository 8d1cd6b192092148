/* SPDX-License-Identifier: Apache-2.0 */
#include "core/json.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/json_impl.h"
#include "core/parse.h"

#define EXACT_MAX (1ull << 53) /* up to here a double holds each integer */

/*
 * struct json is cJSON under a name of ours. Its valueint, which cJSON leaves alone in objects and
 * arrays, remembers there that a setter has failed.
 */
static cJSON *own(struct json *j)
{
	return (cJSON *)j;
}

static const cJSON *see(const struct json *j)
{
	return (const cJSON *)j;
}

static const struct json *node(const cJSON *c)
{
	return (const struct json *)c;
}

/* ---- parse ---- */

static int compare_keys(const void *a, const void *b)
{
	const cJSON *const *x = a, *const *y = b;

	return strcmp((*x)->string, (*y)->string);
}

static const struct json *second_of(const struct json *obj, const char *key)
{
	const struct json *found = NULL;
	int seen = 0;

	json_foreach(m, obj)
		if (!strcmp(json_key(m), key) && seen++ == 1)
			found = m;
	return found;
}

int json_find_duplicate(const struct json *obj, const struct json **ret_member)
{
	cleanup(free_ptr) const cJSON **members = NULL;
	size_t n = json_len(obj), i = 0;

	*ret_member = NULL;
	if (n < 2)
		return 0;
	members = malloc(n * sizeof(*members));
	if (!members)
		return -ENOMEM;
	json_foreach(m, obj)
		members[i++] = see(m);
	qsort(members, n, sizeof(*members), compare_keys);
	for (i = 1; i < n; i++)
		if (!compare_keys(&members[i - 1], &members[i]))
			*ret_member = second_of(obj, members[i]->string);
	return 0;
}

struct check {
	const char *text, *name;
	size_t len;
	size_t keys; /* passed so far, in the order of the text */
	struct err *err;
};

static int refuse_duplicate(const struct check *c, const struct json *member, size_t key)
{
	unsigned int line, column;

	json_scan_key(c->text, c->len, key, &line, &column);
	return err_set(c->err, -EBADMSG, "%s:%u:%u: duplicate key \"%s\"", c->name, line, column,
		       json_key(member));
}

/* What the scan can't see: keys that are equal when decoded. */
static int check_tree(struct check *c, const struct json *j)
{
	const struct json *duplicate = NULL;
	int rc = 0;

	if (json_type(j) == JSON_OBJECT)
		rc = json_find_duplicate(j, &duplicate);
	if (rc < 0)
		return err_errno(c->err, rc, "%s", c->name);
	json_foreach(child, j) {
		if (child == duplicate)
			return refuse_duplicate(c, child, c->keys);
		c->keys += json_key(child) != NULL;
		rc = check_tree(c, child);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int json_parse(const char *text, size_t len, size_t max_len, const char *name, struct json **ret,
	       struct err *err)
{
	struct check check = { .text = text, .name = name, .len = len, .err = err };
	cleanup(json_free) struct json *j = NULL;
	int rc;

	if (len > max_len)
		return err_set(err, -E2BIG, "%s: larger than the limit of %zu bytes", name,
			       max_len);
	rc = json_scan(text, len, name, err);
	if (rc < 0)
		return rc;
	j = (struct json *)cJSON_ParseWithLength(text, len);
	if (!j) /* the text is good, so it can be nothing else */
		return err_errno(err, -ENOMEM, "%s", name);
	rc = check_tree(&check, j);
	if (rc < 0)
		return rc;
	*ret = take_ptr(j);
	return 0;
}

void json_free(struct json **j)
{
	cJSON_Delete(own(*j));
	*j = NULL;
}

/* ---- read ---- */

enum json_type json_type(const struct json *j)
{
	switch (j ? see(j)->type & 0xff : cJSON_NULL) {
	case cJSON_True:
	case cJSON_False:
		return JSON_BOOL;
	case cJSON_Number:
		return JSON_NUMBER;
	case cJSON_String:
		return JSON_STRING;
	case cJSON_Array:
		return JSON_ARRAY;
	case cJSON_Object:
		return JSON_OBJECT;
	default:
		return JSON_NULL;
	}
}

const struct json *json_get(const struct json *obj, const char *key)
{
	if (json_type(obj) != JSON_OBJECT)
		return NULL;
	return node(cJSON_GetObjectItemCaseSensitive(see(obj), key));
}

const struct json *json_path(const struct json *obj, const char *path)
{
	char key[64];

	while (obj && *path) {
		size_t n = strcspn(path, ".");

		assert(n < sizeof(key)); /* paths are literals */
		memcpy(key, path, n);
		key[n] = '\0';
		obj = json_get(obj, key);
		path += n + (path[n] == '.');
	}
	return obj;
}

const char *json_str(const struct json *obj, const char *key, const char *fallback)
{
	return json_text(json_get(obj, key), fallback);
}

bool json_bool(const struct json *obj, const char *key, bool fallback)
{
	const struct json *j = json_get(obj, key);

	return json_type(j) == JSON_BOOL ? json_is_true(j) : fallback;
}

int json_u64(const struct json *obj, const char *key, uint64_t *ret)
{
	const struct json *j = json_get(obj, key);

	return json_type(j) == JSON_NULL ? -ENOENT : json_number(j, ret);
}

int json_u128(const struct json *obj, const char *key, unsigned __int128 *ret)
{
	const struct json *j = json_get(obj, key);
	uint64_t v;
	int rc;

	if (json_type(j) == JSON_STRING)
		return parse_u128(json_text(j, ""), ret) < 0 ? -EINVAL : 0;
	rc = json_u64(obj, key, &v);
	if (rc == 0)
		*ret = v;
	return rc;
}

const char *json_text(const struct json *j, const char *fallback)
{
	return json_type(j) == JSON_STRING ? see(j)->valuestring : fallback;
}

int json_number(const struct json *j, uint64_t *ret)
{
	double v;

	if (json_type(j) == JSON_STRING)
		return parse_u64(json_text(j, ""), 0, UINT64_MAX, ret) < 0 ? -EINVAL : 0;
	if (json_type(j) != JSON_NUMBER)
		return -EINVAL;
	v = json_double(j);
	if (v < 0 || v > (double)EXACT_MAX || v != (double)(uint64_t)v)
		return -EINVAL;
	*ret = (uint64_t)v;
	return 0;
}

bool json_is_true(const struct json *j)
{
	return cJSON_IsTrue(see(j));
}

double json_double(const struct json *number)
{
	return see(number)->valuedouble;
}

const char *json_key(const struct json *j)
{
	return j ? see(j)->string : NULL;
}

size_t json_len(const struct json *arr)
{
	size_t n = 0;

	json_foreach(child, arr)
		n++;
	return n;
}

const struct json *json_at(const struct json *arr, size_t i)
{
	const struct json *child = json_first(arr);

	while (child && i--)
		child = json_next(child);
	return child;
}

const struct json *json_first(const struct json *container)
{
	return container ? node(see(container)->child) : NULL;
}

const struct json *json_next(const struct json *child)
{
	return child ? node(see(child)->next) : NULL;
}

/* ---- write ---- */

struct json *json_new_object(void)
{
	return (struct json *)cJSON_CreateObject();
}

struct json *json_new_array(void)
{
	return (struct json *)cJSON_CreateArray();
}

struct json *json_new_str(const char *value)
{
	return (struct json *)cJSON_CreateString(value);
}

struct json *json_dup(const struct json *j)
{
	cJSON *copy = cJSON_Duplicate(see(j), true);

	if (copy)
		free_ptr(&copy->string); /* a copy has no place in an object */
	return (struct json *)copy;
}

bool json_failed(const struct json *j)
{
	return (json_type(j) == JSON_OBJECT || json_type(j) == JSON_ARRAY) && see(j)->valueint;
}

/* The one end of all setters: what could not be stored is freed, and the failure kept. */
static int stored(struct json *container, struct json *value, bool ok)
{
	if (ok)
		return 0;
	json_free(&value);
	if (container)
		own(container)->valueint = 1;
	return -ENOMEM;
}

int json_append(struct json *obj, const char *key, struct json *value)
{
	bool ok = obj && value && cJSON_AddItemToObject(own(obj), key, own(value));

	return stored(obj, value, ok);
}

/* By hand: cJSON_ReplaceItemInObject() copies the key and doesn't see that it got no memory. */
static void replace(struct json *obj, cJSON *old, cJSON *value)
{
	char *key = old->string;

	old->string = value->string;
	value->string = key;
	cJSON_ReplaceItemViaPointer(own(obj), old, value);
}

int json_set(struct json *obj, const char *key, struct json *value)
{
	cJSON *old;

	assert(!obj || json_type(obj) == JSON_OBJECT);
	old = cJSON_GetObjectItemCaseSensitive(own(obj), key);
	if (!old || !value)
		return json_append(obj, key, value);
	replace(obj, old, own(value));
	return 0;
}

int json_set_str(struct json *obj, const char *key, const char *value)
{
	return value ? json_set(obj, key, json_new_str(value)) : json_set_null(obj, key);
}

int json_set_bool(struct json *obj, const char *key, bool value)
{
	return json_set(obj, key, (struct json *)cJSON_CreateBool(value));
}

static struct json *new_text_u128(unsigned __int128 value)
{
	char text[U128_TEXT_MAX];

	return json_new_str(format_u128(value, text));
}

static struct json *new_u64(uint64_t value)
{
	if (value > EXACT_MAX)
		return new_text_u128(value);
	return (struct json *)cJSON_CreateNumber((double)value);
}

int json_set_u64(struct json *obj, const char *key, uint64_t value)
{
	return json_set(obj, key, new_u64(value));
}

int json_set_u64_text(struct json *obj, const char *key, uint64_t value)
{
	return json_set(obj, key, new_text_u128(value));
}

int json_set_u128(struct json *obj, const char *key, unsigned __int128 value)
{
	return json_set(obj, key, new_text_u128(value));
}

int json_set_base64(struct json *obj, const char *key, const void *data, size_t len)
{
	cleanup(free_ptr) char *text = malloc(BASE64_LEN(len));

	if (!text)
		return json_set(obj, key, NULL);
	base64_encode(data, len, text);
	return json_set_str(obj, key, text);
}

int json_set_null(struct json *obj, const char *key)
{
	return json_set(obj, key, (struct json *)cJSON_CreateNull());
}

int json_add(struct json *arr, struct json *value)
{
	assert(!arr || json_type(arr) == JSON_ARRAY);
	return stored(arr, value, arr && value && cJSON_AddItemToArray(own(arr), own(value)));
}

int json_add_str(struct json *arr, const char *value)
{
	return json_add(arr, json_new_str(value));
}

int json_add_u64(struct json *arr, uint64_t value)
{
	return json_add(arr, new_u64(value));
}
