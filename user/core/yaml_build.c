/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/json_impl.h"
#include "core/yaml.h"
#include "core/yaml_impl.h"

int yaml_fault(const struct yaml_build *b, int code, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(b->err, code, "%s:%u:%u: %s", b->name, b->line, b->column, what);
}

static int no_memory(const struct yaml_build *b)
{
	return err_errno(b->err, -ENOMEM, "%s", b->name);
}

/* Room for one more item in a vector that holds len of them: it doubles at each power of two. */
static int grow(void *vector, size_t len, size_t item_size)
{
	void **at = vector;
	void *bigger;

	if (len & (len - 1))
		return 0;
	bigger = reallocarray(*at, len ? 2 * len : 1, item_size);
	if (!bigger)
		return -ENOMEM;
	*at = bigger;
	return 0;
}

static void end_anchors(struct yaml_build *b)
{
	while (b->anchors_len)
		free(b->anchors[--b->anchors_len].name);
}

void yaml_build_fini(struct yaml_build *b)
{
	while (b->depth)
		free(b->stack[--b->depth].key);
	end_anchors(b);
	free(b->anchors);
	b->anchors = NULL;
	json_free(&b->root);
}

/* Counts against the limits and remembers the place, for a node and what is below it. */
static int note(struct yaml_build *b, struct yaml_place place)
{
	const char *key = json_key(place.node);
	int rc = 0;

	b->text_len += strlen(json_text(place.node, "")) + (key ? strlen(key) : 0);
	if (b->y->places_len == YAML_MAX_NODES)
		return yaml_fault(b, -E2BIG, "more than %d values", YAML_MAX_NODES);
	if (b->text_len > YAML_MAX_TEXT)
		return yaml_fault(b, -E2BIG, "more than %u bytes of text", YAML_MAX_TEXT);
	if (grow(&b->y->places, b->y->places_len, sizeof(*b->y->places)) < 0)
		return no_memory(b);
	b->y->places[b->y->places_len++] = place;
	for (const struct json *j = json_first(place.node); j && rc == 0; j = json_next(j)) {
		place.node = j;
		rc = note(b, place);
	}
	return rc;
}

static int remember(struct yaml_build *b, const char *anchor, const struct json *node)
{
	char *name;

	if (!anchor)
		return 0;
	if (b->anchors_len == YAML_MAX_ANCHORS)
		return yaml_fault(b, -E2BIG, "more than %d anchors", YAML_MAX_ANCHORS);
	name = strdup(anchor);
	if (!name || grow(&b->anchors, b->anchors_len, sizeof(*b->anchors)) < 0) {
		free(name);
		return no_memory(b);
	}
	b->anchors[b->anchors_len++] = (struct yaml_anchor){ .name = name, .node = node };
	return 0;
}

/* The place where a value goes: root, sequence or member. Takes the value. */
static int attach(struct yaml_build *b, const char *anchor, struct json *value)
{
	struct json *parent = b->depth ? b->stack[b->depth - 1].container : NULL;
	struct yaml_place place = { .node = value, .line = b->line, .column = b->column };
	int rc = 0;

	if (!value)
		return no_memory(b);
	if (!parent) {
		b->root = value;
	} else if (json_type(parent) == JSON_ARRAY) {
		rc = json_add(parent, value);
	} else {
		cleanup(free_ptr) char *key = take_ptr(b->stack[b->depth - 1].key);

		place.line = b->stack[b->depth - 1].key_line;
		place.column = b->stack[b->depth - 1].key_column;
		rc = json_append(parent, key, value);
	}
	if (rc < 0)
		return no_memory(b);
	rc = note(b, place);
	return rc < 0 ? rc : remember(b, anchor, value);
}

static bool wants_key(const struct yaml_build *b)
{
	return b->depth && !b->stack[b->depth - 1].key &&
	       json_type(b->stack[b->depth - 1].container) == JSON_OBJECT;
}

static int set_key(struct yaml_build *b, const char *text, bool plain)
{
	if (plain && !*text)
		return yaml_fault(b, -EBADMSG, "a key is missing before ':'");
	if (plain && !strcmp(text, "<<"))
		return yaml_fault(b, -EBADMSG,
				  "YAML 1.2 has no merge key <<; write the members out");
	b->stack[b->depth - 1].key = strdup(text);
	b->stack[b->depth - 1].key_line = b->line;
	b->stack[b->depth - 1].key_column = b->column;
	return b->stack[b->depth - 1].key ? 0 : no_memory(b);
}

int yaml_begin(struct yaml_build *b, const char *anchor, struct json *container)
{
	int rc = 0;

	if (wants_key(b))
		rc = yaml_fault(b, -EBADMSG, "a key must be a scalar");
	else if (b->depth == JSON_MAX_DEPTH)
		rc = yaml_fault(b, -EBADMSG, "nested too deeply");
	if (rc < 0) {
		json_free(&container);
		return rc;
	}
	rc = attach(b, anchor, container);
	if (rc < 0)
		return rc;
	b->stack[b->depth].key = NULL;
	b->stack[b->depth++].container = container;
	return 0;
}

void yaml_end(struct yaml_build *b)
{
	b->depth--;
}

int yaml_scalar(struct yaml_build *b, const char *anchor, const char *text, bool plain)
{
	if (!wants_key(b))
		return attach(b, anchor, plain ? yaml_plain(text) : json_new_str(text));
	if (anchor)
		return yaml_fault(b, -EBADMSG, "an anchor at a key is not supported");
	return set_key(b, text, plain);
}

static int height(const struct json *j)
{
	int highest = 0;

	json_foreach(child, j) {
		int h = height(child);

		highest = h > highest ? h : highest;
	}
	return highest + (json_type(j) == JSON_OBJECT || json_type(j) == JSON_ARRAY);
}

int yaml_alias(struct yaml_build *b, const char *anchor)
{
	const struct json *node = NULL;

	if (wants_key(b))
		return yaml_fault(b, -EBADMSG, "an alias as a key is not supported");
	for (size_t i = 0; i < b->anchors_len; i++)
		if (!strcmp(b->anchors[i].name, anchor))
			node = b->anchors[i].node; /* the last of that name */
	if (!node)
		return yaml_fault(b, -EBADMSG, "there is no anchor &%s before this alias", anchor);
	for (size_t i = 0; i < b->depth; i++)
		if (b->stack[i].container == node)
			return yaml_fault(b, -EBADMSG, "*%s is inside of what it names", anchor);
	if (b->depth + (size_t)height(node) > JSON_MAX_DEPTH)
		return yaml_fault(b, -EBADMSG, "nested too deeply");
	return attach(b, NULL, json_dup(node));
}

int yaml_end_document(struct yaml_build *b)
{
	end_anchors(b);
	if (json_type(b->root) == JSON_NULL) {
		json_free(&b->root);
		return 0;
	}
	if (b->y->len == YAML_MAX_DOCS)
		return yaml_fault(b, -E2BIG, "more than %d documents", YAML_MAX_DOCS);
	if (grow(&b->y->docs, b->y->len, sizeof(*b->y->docs)) < 0)
		return no_memory(b);
	b->y->docs[b->y->len++] = take_ptr(b->root);
	return 0;
}
